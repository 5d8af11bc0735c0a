#include "tests/fuzz/file_input.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/detail/representation.hpp"
#include "core/lazy/file_records.hpp"
#include "core/node/local.hpp"
#include "core/node/promised.hpp"
#include "core/steps/enclosed_blocks.hpp"
#include "core/steps/step_search.hpp"
#include "core/value/error.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/odd_checkpoint.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

namespace locum::tests {
namespace {

using namespace storage;

// Larger ones are not read here.
constexpr std::uint64_t most_read = std::uint64_t{1} << 20U;
// So much more than the file may be asked for: a chunk of 16 MiB takes at least 32 bytes of it.
constexpr std::uint64_t most_for_a_byte = std::uint64_t{1} << 20U;

template <class Call>
bool succeeds(FileOutcome& outcome, Call call) {
  try {
    call();
    return true;
  } catch (const Error&) {
    ++outcome.errors;
    return false;
  }
}

void read_row(PartReader& reader, const ObjectRow& row, std::uint64_t file_bytes, FileOutcome& outcome) {
  ++outcome.whole;
  all_sums = sum_of(reader.name(row)) + sum_of(reader.type(row)) + sum_of(reader.path(row));
  demand(row.rank <= max_rank, "it has more dimensions than an object");
  const bool is_shared = row.path.bytes > 0 && row.place > 0;
  demand(!is_shared || row.place <= reader.files().size(), "its file is not in the table of files");
  demand(
      row.size_bytes / most_for_a_byte <= (is_shared ? reader.files()[row.place - 1].file_bytes : file_bytes),
      "an object is larger than its file can be");
  if (row.size_bytes <= most_read) {
    const auto bytes = std::make_unique<std::byte[]>(row.size_bytes);
    outcome.read += succeeds(outcome, [&] { reader.read(row, {bytes.get(), row.size_bytes}); }) ? 1 : 0;
  }
}

void read_part(const ScratchFile& file, const PartRow& expected, std::uint64_t id, FileOutcome& outcome) {
  (void)succeeds(outcome, [&] {
    PartReader reader(file.path(), {.id = id, .parts = 1}, expected);
    std::vector<const ObjectRow*> whole;
    for (const ObjectRow& row : reader.rows()) {
      if (reader.is_whole(row)) {
        read_row(reader, row, expected.file_bytes, outcome);
        whole.push_back(&row);
      }
    }
    (void)succeeds(outcome, [&] {
      const std::vector<std::byte> packed = reader.packed(whole);
      const PartReader other(file.path(), {.id = id, .parts = 1}, expected, packed);
      demand(other.rows().size() == whole.size(), "a reader of packed rows has others");
    });
    for (const HandleRow& handle : reader.handles()) {
      all_sums = handle.identity + handle.object;
    }
  });
}

void write_at(std::vector<std::byte>& bytes, const Piece& piece, std::span<const std::byte> what) {
  if (piece.bytes != 0) {
    std::memcpy(bytes.data() + piece.at, what.data(), std::min<std::size_t>(piece.bytes, what.size()));
  }
}

// Single bytes of what HDF5 only copies.
void flip(Input& input, OddCheckpoint& file) {
  const std::array<Piece, 4> pieces{file.rows, file.handles, file.texts, file.packed};
  for (std::size_t left = input.byte() % 8; left > 0; --left) {
    const Piece& piece = pieces[input.byte() % pieces.size()];
    const std::size_t at = input.below(piece.bytes);
    const auto value = static_cast<std::byte>(input.byte());
    if (piece.bytes != 0) {
      file.bytes[piece.at + at] = value;
    }
  }
}

void edit(Input& input, ObjectRow& row) {
  const auto any_path = [&] { return all_paths()[input.below(all_paths().size())]; };
  switch (input.byte() % 16) {
    case 0:
      row.path = any_path();
      break;
    case 1:
      row.path = {input.number(), input.number()};
      break;
    case 2:
      row.name = {input.number(), input.number()};
      break;
    case 3:
      row.type = {input.number(), input.number()};
      break;
    case 4:
      row.place = input.number();
      break;
    case 5:
      row.size_bytes = input.number();
      break;
    case 6:
      row.layout = static_cast<std::uint32_t>(input.number());
      break;
    case 7:
      row.rank = static_cast<std::uint32_t>(input.number());
      break;
    case 8:
      row.element_bytes = static_cast<std::uint32_t>(input.number());
      break;
    case 9:
      row.extents[input.byte() % max_rank] = input.number();
      break;
    case 10:
      row.checksum = static_cast<std::uint32_t>(input.number());
      break;
    case 11:
      row.row_checksum = static_cast<std::uint32_t>(input.number());
      break;
    case 12:
      row.serial = input.number();
      break;
    case 13:  // a dataset of any kind, with a size that may be its own
      row.path = any_path();
      row.layout = 0;
      row.rank = 0;
      row.size_bytes = input.number();
      break;
    default:
      row.generation = input.number();
  }
}

void stamp(ObjectRow& row) {
  const std::string_view all = all_texts();
  const auto text = [&](const TextPlace& place) {
    return all.substr(std::min<std::uint64_t>(place.at, all.size()), place.bytes);
  };
  row.row_checksum = checksum_of(row, {text(row.name), text(row.type), text(row.path)});
}

// Rows that are edited, with right checksums or not, in a file that is odd or not.
void read_part_input(Input& input, FileOutcome& outcome) {
  static const ScratchFile scratch;
  OddCheckpoint file = odd_part(input.below(odd_parts()));
  std::vector<ObjectRow> rows = honest_rows();
  const std::uint8_t flags = input.byte();
  for (std::size_t left = input.byte() % 8; left > 0; --left) {
    ObjectRow& row = rows[input.byte() % rows.size()];
    edit(input, row);
    if (flags % 4 != 0) {
      stamp(row);
    }
  }
  write_at(file.bytes, file.rows, std::as_bytes(std::span(rows)));
  flip(input, file);
  scratch.set(file.bytes);
  PartRow expected{rows.size(), file.bytes.size()};
  if (flags >= 240) {
    expected = {input.number(), input.number()};
  }
  read_part(scratch, expected, flags == 239 ? 1 : checkpoint_id, outcome);
}

void read_master_input(Input& input, FileOutcome& outcome) {
  static const ScratchFile scratch;
  OddCheckpoint file = odd_master(input.below(odd_masters()));
  flip(input, file);
  scratch.set(file.bytes);
  (void)succeeds(outcome, [&] {
    const MasterFile master = read_master(scratch.path());
    ++outcome.whole;
    demand(master.parts.size() * sizeof(PartRow) <= file.bytes.size(), "it has more parts than bytes");
    const std::size_t end = master.parts_folder.rfind('/');
    demand(end != std::string::npos && master.parts_folder.substr(end) != "/..", "parts are elsewhere");
    all_sums = sum_of(master.parts_folder) + sum_of(master.store) + master.origins.back().incarnation;
  });
}

// Bytes that HDF5 reads as well. Not in the inputs that CI makes: HDF5 1.10 does not always cope with them.
void read_bytes_input(Input& input, FileOutcome& outcome) {
  static const ScratchFile scratch;
  OddCheckpoint file = odd_part(0);
  for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) {
    const std::size_t at = input.below(file.bytes.size());
    file.bytes[at] = static_cast<std::byte>(input.byte());
  }
  scratch.set(file.bytes);
  read_part(scratch, {honest_rows().size(), file.bytes.size()}, checkpoint_id, outcome);
}

/// The part as the record has it that the input edits: of the right file, and of a dataset of it.
FilePart honest_part(Input& input, const ScratchFile& scratch) {
  static constexpr std::array names{"/T",      "/numbers", "/deflated", "/scalar",
                                    "/opaque", "/huge",    "/elsewhere"};
  struct stat facts {};
  (void)::stat(scratch.path().c_str(), &facts);
  FilePart part;
  part.path = scratch.path();
  part.dataset = names[input.byte() % names.size()];
  part.type = "f64[]";
  part.element_bytes = 8;
  part.extents = {8, 12};
  part.start = {0, 0};
  part.count = {8, 12};
  part.stride = {1, 1};
  if (part.dataset != "/T") {
    part.type = part.dataset == "/numbers" ? "f32[]" : "u8[]";
    part.element_bytes = part.dataset == "/numbers" ? 4 : 1;
    part.extents =
        part.count = {part.dataset == "/numbers" ? 10U : 1U, part.dataset == "/numbers" ? 10U : 100U};
  }
  part.bytes_in = part.path;
  part.file_bytes = static_cast<std::uint64_t>(facts.st_size);
  part.changed_ns = std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
  return part;
}

void edit(Input& input, FilePart& part) {
  const auto change = [&](std::vector<std::uint64_t>& values) {
    const std::uint8_t at = input.byte();
    if (at >= 240) {
      values.resize(at % 16);
    } else if (!values.empty()) {
      values[at % values.size()] = input.number();
    }
  };
  constexpr std::array types{"f64[]", "f32[]", "u8[]", "u64[]", "", "x", "i16"};
  switch (input.byte() % 12) {
    case 0:
      part.type = types[input.byte() % types.size()];
      break;
    case 1:
      part.element_bytes = static_cast<std::uint32_t>(input.number());
      break;
    case 2:
      part.layout = input.byte();
      break;
    case 3:
      change(part.extents);
      break;
    case 4:
      change(part.start);
      break;
    case 5:
      change(part.count);
      break;
    case 6:
      change(part.stride);
      break;
    case 7:
      part.offset = input.number();
      break;
    case 8:
      part.other_byte_order = input.byte();
      break;
    case 9:
      part.file_bytes = input.number();
      break;
    case 10:
      part.of_checkpoint = input.byte() % 2;
      break;
    default:
      part.is_plain = input.byte() % 2;
  }
}

// The promise's record and the part's, as an object: any bytes may be changed, or cut off.
std::vector<std::byte> record_of(Input& input, const FilePart& part) {
  const PromiseRecord promise{.state = PromiseRecord::State::in_file};
  std::vector<std::byte> bytes(sizeof promise + detail::stored_bytes(part).value());
  std::memcpy(bytes.data(), &promise, sizeof promise);
  (void)detail::store_value(part, std::span(bytes).subspan(sizeof promise));
  for (std::size_t left = input.byte() % 4; left > 0; --left) {
    const std::size_t at = input.below(bytes.size());
    bytes[at] = static_cast<std::byte>(input.byte());
  }
  if (const std::uint8_t less = input.byte(); less < 64) {
    bytes.resize(bytes.size() - std::min<std::size_t>(less, bytes.size()));
  }
  return bytes;
}

void read_part_record(Input& input, FileOutcome& outcome) {
  static const std::unique_ptr<const ScratchFile> scratch = [] {
    auto file = std::make_unique<ScratchFile>();
    file->set(odd_part(0).bytes);
    return file;
  }();
  static const std::shared_ptr<Connector> connector = open_local();
  FilePart part = honest_part(input, *scratch);
  for (std::size_t left = input.byte() % 8; left > 0; --left) {
    edit(input, part);
  }
  const std::vector<std::byte> bytes = record_of(input, part);
  ObjectMeta meta = detail::meta_of(1, {}, PromiseRecord());
  meta.layout = Layout::encoded;
  meta.element_bytes = 1;
  const auto draft = connector->create(bytes.size(), meta, {}).value();
  std::ranges::copy(bytes, draft.bytes.begin());
  const Key key = connector->seal(draft, {}, {}).value().key;
  const auto found = detail::file_part_in(connector->get(Address(key), {}).value());
  (void)connector->evict(Address(key), {});
  if (!found) {
    ++outcome.errors;
    return;
  }
  ++outcome.whole;
  std::uint64_t size = found->element_bytes;  // as the memory for it is asked for
  for (const std::uint64_t count : found->count) {
    size *= count;
  }
  // Other files than that are not opened here.
  if (size <= most_read && found->path == scratch->path() && found->bytes_in == scratch->path()) {
    const auto into = std::make_unique<std::byte[]>(size);
    const auto read = DatasetReader().read(*found, {into.get(), size}, {});
    outcome.read += read ? 1 : 0;
    outcome.errors += read ? 0 : 1;
  }
}

// Any bytes, or a record whose numbers the input has.
void read_step_record(Input& input, FileOutcome& outcome) {
  detail::StepRecord step;
  std::vector<std::byte> bytes;
  if (input.byte() % 2 == 0) {
    bytes.assign(input.rest().begin(), input.rest().end());
  } else {
    for (std::size_t left = input.byte() % 4; left > 0; --left) {
      detail::VariableRecord variable{std::string(1, static_cast<char>('a' + input.byte() % 3)), "f64[]", {}};
      variable.shape.resize(input.byte() % (max_rank + 2));
      std::ranges::generate(variable.shape, [&] { return input.number(); });
      step.variables.push_back(variable);
    }
    for (std::size_t left = input.byte() % 6; left > 0; --left) {
      detail::BlockRecord block;
      block.variable = input.byte() % 5;
      block.writer = input.byte() % 3;
      block.rank = input.byte() % (max_rank + 2);
      block.size_bytes = input.byte() % 16;
      std::ranges::generate(block.start, [&] { return input.byte() % 16; });
      std::ranges::generate(block.count, [&] { return input.byte() % 16; });
      block.start[0] = input.number();
      block.count[0] = input.number();
      step.blocks.push_back(block);
    }
    for (std::size_t left = input.byte() % 3; left > 0; --left) {
      detail::EnclosedRecord& enclosed = step.enclosed.emplace_back();
      enclosed.at = input.byte() % 32U;
      enclosed.block = input.byte() % 7U;
      enclosed.layout = input.byte() % 5U;
      enclosed.rank = input.byte() % (max_rank + 2);
    }
    step.enclosed_bytes.resize(step.enclosed.empty() ? 0 : input.byte());
    bytes.resize(detail::stored_bytes(step).value());
    (void)detail::store_value(step, bytes);
  }
  const auto found = detail::load_value<detail::StepRecord>(bytes, {});
  if (!found || !(*found)->is_valid()) {
    ++outcome.errors;
    return;
  }
  ++outcome.whole;
  const detail::StepRecord& read = **found;
  for (const detail::VariableRecord& variable : read.variables) {
    all_sums = detail::shape_of(variable).size();
    const auto box = detail::find_box(read, variable.name, {}, {});
    all_sums = box ? box->pieces.size() : 0;
    if (const auto blocks = detail::find_blocks(read, variable.name, {})) {
      for (const detail::BlockRecord* const block : *blocks) {
        all_sums = detail::extents_of(*block).size() + block->size_bytes;
        const auto enclosed = detail::enclosed_block(read, *block);
        all_sums = enclosed ? enclosed->bytes().size() + enclosed->facts().extents.size() : 0;
      }
    }
    all_sums = detail::find_block(read, variable.name, {}, 1) ? 1 : 0;
  }
  outcome.read = detail::merged({read, read}).blocks.size() == 2 * read.blocks.size() ? 1 : 0;
}

}  // namespace

FileOutcome read_file(std::span<const std::byte> bytes) {
  Input input(bytes);
  FileOutcome outcome;
  const std::uint8_t kind = input.byte();
  constexpr auto of_hdf5 = static_cast<std::uint8_t>(FileInput::bytes_of_part);
  switch (static_cast<FileInput>(kind == of_hdf5 ? kind : kind % file_inputs)) {
    case FileInput::part:
      read_part_input(input, outcome);
      break;
    case FileInput::master:
      read_master_input(input, outcome);
      break;
    case FileInput::part_record:
      read_part_record(input, outcome);
      break;
    case FileInput::step_record:
      read_step_record(input, outcome);
      break;
    case FileInput::bytes_of_part:
      read_bytes_input(input, outcome);
      break;
  }
  return outcome;
}

}  // namespace locum::tests
