#include "transport/storage/hdf5/part_reader.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/checksum.hpp"
#include "core/object/address.hpp"
#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/master_file.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t longest_type = 64 * 1024 - 1;
constexpr std::uint64_t verified_bytes = std::uint64_t{1} << 20U;
// Of a chunk of the largest size at least 32 bytes are in the file, whatever the filter: an object that is
// larger than this times its file is none.
constexpr std::uint64_t most_for_a_byte = std::uint64_t{1} << 20U;

void require_checksum(const CheckpointFile& in, const ObjectRow& row, std::uint32_t found) {
  if (found != row.checksum) {
    throw other_checksum(in.path(), found, row.checksum);
  }
}

/// What packed rows begin with. Rows, files and texts follow, in this order.
struct PackedHead {
  std::uint64_t rows = 0;
  std::uint64_t files = 0;
  std::uint64_t text_bytes = 0;
};

bool has_valid_extents(const ObjectRow& row) {
  if (row.layout != static_cast<std::uint32_t>(Layout::array)) {
    return row.rank == 0;
  }
  if (row.rank == 0) {
    return true;
  }
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(row.rank);
  std::copy_n(row.extents.begin(), row.rank, extents.values.begin());
  return row.size_bytes % row.element_bytes == 0 && extents.has(row.size_bytes / row.element_bytes);
}

}  // namespace

PartReader::PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected)
    : file_(path, facts.id, expected.file_bytes), file_bytes_(expected.file_bytes) {
  const Hdf5Turn turn;
  read_rows(table_path, rows_);
  read_rows(handles_path, handles_);
  {
    const Identifier group(H5Gopen2(file_.hdf5().get(), own_group, H5P_DEFAULT), H5Gclose,
                           "opening '" + path + "'");
    const std::uint32_t found = checksum(std::as_bytes(std::span(handles_)));
    has_whole_handles_ = attribute_or(group, handles_checksum, found) == found;
  }
  if (H5Lexists(file_.hdf5().get(), files_path, H5P_DEFAULT) > 0) {
    read_rows(files_path, files_);
  }
  if (rows_.size() != expected.objects) {
    throw file_damaged(path, "its table has " + std::to_string(rows_.size()) + " objects, and should have " +
                                 std::to_string(expected.objects));
  }
  read_texts();
  find_packed();
  opened_.resize(files_.size());
}

PartReader::PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected,
                       std::span<const std::byte> packed)
    : file_(path, facts.id, expected.file_bytes), file_bytes_(expected.file_bytes) {
  unpack(packed);
  {
    const Hdf5Turn turn;
    find_packed();
  }
  opened_.resize(files_.size());
  if (!std::ranges::all_of(rows_, [this](const ObjectRow& row) { return is_whole(row); })) {
    throw file_damaged(path, "another rank sees other rows in its table");
  }
}

// Names and paths are those of one row each; types are not.
std::vector<std::byte> PartReader::packed(std::span<const ObjectRow* const> rows) const {
  std::vector<ObjectRow> copies;
  copies.reserve(rows.size());
  std::string texts;
  std::unordered_map<std::uint64_t, TextPlace> types;
  const auto copy_of = [&](const TextPlace& place) {
    const TextPlace copy{texts.size(), place.bytes};
    texts += text(place);
    return copy;
  };
  for (const ObjectRow* const row : rows) {
    ObjectRow& copy = copies.emplace_back(*row);
    copy.name = copy_of(row->name);
    copy.path = copy_of(row->path);
    TextPlace& known = types[row->type.at];
    if (known.bytes != row->type.bytes) {
      known = copy_of(row->type);
    }
    copy.type = known;
    if (texts.size() > texts_.size()) {  // a few bytes of a file must not become many
      throw file_damaged(file(), "rows of its table have the same texts");
    }
    copy.row_checksum = checksum_of(copy, {name(*row), text(row->type), path(*row)});
  }
  const PackedHead head{copies.size(), files_.size(), texts.size()};
  std::vector<std::byte> all(sizeof head + copies.size() * sizeof(ObjectRow) +
                             files_.size() * sizeof(FileRow) + texts.size());
  auto end = all.begin();
  const auto add = [&end](std::span<const std::byte> bytes) { end = std::ranges::copy(bytes, end).out; };
  add(std::as_bytes(std::span(&head, 1)));
  add(std::as_bytes(std::span(copies)));
  add(std::as_bytes(std::span(files_)));
  add(std::as_bytes(std::span(texts)));
  return all;
}

void PartReader::unpack(std::span<const std::byte> packed) {
  const auto take = [&](auto& values, std::uint64_t count) {
    const std::uint64_t each = sizeof *values.data();
    if (count > packed.size() / each) {
      throw file_damaged(file(), "another rank has sent less of its table than it announced");
    }
    values.resize(count);
    std::ranges::copy(packed.first(count * each), std::as_writable_bytes(std::span(values)).begin());
    packed = packed.subspan(count * each);
  };
  std::vector<PackedHead> head;
  take(head, 1);
  take(rows_, head.front().rows);
  take(files_, head.front().files);
  take(texts_, head.front().text_bytes);
  if (!packed.empty()) {
    throw file_damaged(file(), "another rank has sent more of its table than it announced");
  }
}

void PartReader::require_handles() const {
  if (!has_whole_handles_) {
    throw file_damaged(file(), "its table of handles is not the one that was written");
  }
}

void PartReader::find_packed() {
  const Identifier packed = file_.open_dataset(packed_path);
  const Identifier space(H5Dget_space(packed.get()), H5Sclose, "reading '" + file() + "'");
  packed_bytes_ =
      static_cast<std::uint64_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space.get()), 0));
  packed_at_ = packed_bytes_ > 0 ? H5Dget_offset(packed.get()) : 0;
  if (packed_at_ == HADDR_UNDEF) {
    throw file_damaged(file(), "the dataset of packed objects has no bytes");
  }
}

template <class Row>
void PartReader::read_rows(const char* path, std::vector<Row>& rows) const {
  locum::storage::read_rows(file_.hdf5(), file(), path, rows);
}

void PartReader::read_texts() {
  const Identifier dataset = file_.open_dataset(texts_path);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, "reading '" + file() + "'");
  const hssize_t bytes = H5Sget_simple_extent_npoints(space.get());
  if (bytes < 0 || H5Dget_storage_size(dataset.get()) != static_cast<hsize_t>(bytes) ||
      static_cast<std::uint64_t>(bytes) > file_bytes_) {
    throw file_damaged(file(), "the dataset of texts has no bytes");
  }
  texts_.resize(static_cast<std::size_t>(bytes));
  if (bytes > 0) {
    check(H5Dread(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts_.data()),
          "reading the texts of '" + file() + "'");
  }
}

std::string_view PartReader::text(const TextPlace& place) const noexcept {
  return place.at <= texts_.size() && place.bytes <= texts_.size() - place.at
             ? std::string_view(texts_).substr(place.at, place.bytes)
             : std::string_view();
}

bool PartReader::is_whole(const ObjectRow& row) const noexcept {
  const bool has_texts = text(row.name).size() == row.name.bytes && text(row.type).size() == row.type.bytes &&
                         text(row.path).size() == row.path.bytes;
  return has_texts &&
         row.row_checksum == checksum_of(row, {text(row.name), text(row.type), text(row.path)}) &&
         row.name.bytes <= max_name_bytes && row.type.bytes <= longest_type &&
         row.layout <= static_cast<std::uint32_t>(Layout::encoded) && row.rank <= max_rank &&
         row.element_bytes > 0 && has_valid_extents(row) &&
         (row.path.bytes > 0 ? row.place <= files_.size()
                             : row.size_bytes < packed_below && row.place <= packed_bytes_ &&
                                   row.size_bytes <= packed_bytes_ - row.place) &&
         row.size_bytes / most_for_a_byte <= bytes_of_file(row);
}

const FileRow* PartReader::shared_file(const ObjectRow& row) const noexcept {
  return row.path.bytes > 0 && row.place > 0 ? &files_[row.place - 1] : nullptr;
}

std::uint64_t PartReader::bytes_of_file(const ObjectRow& row) const noexcept {
  const FileRow* const shared = shared_file(row);
  return shared != nullptr ? shared->file_bytes : file_bytes_;
}

std::string PartReader::file(const ObjectRow& row) const {
  const FileRow* const shared = shared_file(row);
  return shared != nullptr ? folder_of(file()) + '/' + part_file(*shared) : file();
}

void PartReader::require_shared_files() const {
  for (const FileRow& shared : files_) {
    try {
      require_file(folder_of(file()) + '/' + part_file(shared), shared.file_bytes);
    } catch (const Error& error) {
      const auto first = std::ranges::find_if(rows_, [&](const ObjectRow& row) {
        return is_whole(row) && row.name.bytes > 0 && shared_file(row) == &shared;
      });
      throw first != rows_.end() ? error.about(name(*first)) : error;
    }
  }
}

const CheckpointFile& PartReader::file_with(const ObjectRow& row) const {
  const FileRow* const shared = shared_file(row);
  if (shared == nullptr) {
    return file_;
  }
  auto& opened = opened_[row.place - 1];
  if (!opened) {
    opened.emplace(file(row), shared->id, shared->file_bytes);
  }
  return *opened;
}

std::optional<std::uint64_t> PartReader::find(const ObjectRow& row) const {
  return row.path.bytes == 0 ? packed_at_ + row.place
                             : file_with(row).find(std::string(path(row)), row.size_bytes);
}

void PartReader::read(const ObjectRow& row, std::span<std::byte> bytes) {
  const CheckpointFile& in = file_with(row);
  if (const auto offset = find(row)) {
    in.read_at(*offset, bytes);
  } else {
    in.read_chunks(std::string(path(row)), bytes);
  }
  require_checksum(in, row, checksum(bytes));
}

Chunking PartReader::chunking(const ObjectRow& row) const {
  return row.path.bytes == 0 ? Chunking() : file_with(row).chunking(std::string(path(row)));
}

void PartReader::verify(const ObjectRow& row) {
  const CheckpointFile& in = file_with(row);
  const auto offset = find(row);
  std::vector<std::byte> bytes(offset ? std::min(row.size_bytes, verified_bytes) : row.size_bytes);
  std::uint32_t found = 0;
  if (!offset) {
    in.read_chunks(std::string(path(row)), bytes);
    found = checksum(bytes);
  }
  for (std::uint64_t at = 0; offset && at < row.size_bytes; at += bytes.size()) {
    bytes.resize(std::min<std::uint64_t>(bytes.size(), row.size_bytes - at));
    in.read_at(*offset + at, bytes);
    found = checksum(bytes, found);
  }
  require_checksum(in, row, found);
}

}  // namespace locum::storage
