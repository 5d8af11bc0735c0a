#include "tests/fuzz/backend_input.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend/record_format.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/backend_session.hpp"
#include "core/base/checksum.hpp"
#include "core/proxy.hpp"
#include "core/serializers.hpp"
#include "core/store.hpp"
#include "core/url.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/scratch_file.hpp"
#include "transport/storage/memory/simple.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/pack/appending.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/loading.hpp"
#include "transport/storage/wrappers/packed_record.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using namespace storage;

// A promise that a record speaks of is waited for as long as this.
constexpr BackendSessionOptions hasty{.timeout = 20ms};
constexpr std::uint64_t most_looked_at = std::uint64_t{1} << 20U;
constexpr std::string_view a_space = "s";
constexpr std::string_view a_name = "n";

Deadline in_a_minute() {
  return Deadline::Clock::now() + 60s;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

NewRecord record_with(std::span<const std::byte> bytes, std::uint64_t revision = 1) {
  NewRecord record;
  record.bytes = bytes;
  record.revision = revision;
  return record;
}

/// Counts it; whether there is a value.
template <class T>
bool is_there(const Result<T>& result, BackendOutcome& outcome) {
  ++(result ? outcome.whole : outcome.errors);
  return result.has_value();
}

// Whether what a URL names stays in this process, and comes to an end soon.
bool stays_here(const Url& url) {
  constexpr std::array<std::string_view, 4> schemes{"memory", "simple", "null", "multi"};
  constexpr std::array<std::string_view, 3> others{"log", "audit", "retry"};
  const bool may_leave = std::ranges::find(schemes, url.scheme) == schemes.end() ||
                         std::ranges::any_of(url.wrappers, [&](const std::string& wrapper) {
                           return std::ranges::find(others, wrapper) != others.end();
                         });
  return !may_leave && std::ranges::all_of(url.options, [](const auto& option) {
    const auto& [name, value] = option;
    if (name == "to" || name.ends_with(".to")) {
      const auto inner = parse_url(value);
      return !inner || stays_here(*inner);
    }
    return value.find("file:") == std::string::npos;
  });
}

bool is_same(const Url& left, const Url& right) {
  return left.wrappers == right.wrappers && left.scheme == right.scheme && left.user == right.user &&
         left.host == right.host && left.port == right.port && left.path == right.path &&
         left.options == right.options;
}

void read_url(const Input& input, BackendOutcome& outcome) {
  const std::string text(text_of(input.rest()));
  const auto url = parse_url(text);
  if (!is_there(url, outcome)) {
    return;
  }
  const std::string written = to_string(*url);
  const auto again = parse_url(written);
  demand(written.size() > std::size_t{64} << 10U || (again && is_same(*url, *again)),
         "a URL that is written leads elsewhere");
  if (!stays_here(*url)) {
    return;
  }
  const auto store = open(text, hasty);
  if (is_there(store, outcome)) {
    const auto key = store->put(a_name, 42);
    const auto found = key ? store->get<int>(a_name) : Result<View<int>>(key.error());
    demand(!found || **found == 42, "another value comes back");
    outcome.read += found ? 1 : 0;
  }
}

/// The words at the end of a record.
RecordWords words_of(std::span<const std::byte> record) {
  RecordWords words;
  std::memcpy(&words, record.last(sizeof words).data(), sizeof words);
  return words;
}

// Makes an end of any bytes that is taken for one of this library.
void stamp(std::vector<std::byte>& record, bool with_size) {
  if (record.size() < sizeof(RecordWords)) {
    return;
  }
  RecordWords words = words_of(record);
  words.magic = RecordWords::magic_number;
  words.version = RecordWords::current_version;
  const auto place = [&] { std::memcpy(record.data() + record.size() - sizeof words, &words, sizeof words); };
  place();
  const std::uint64_t end_bytes = record_end_bytes(std::span<const std::byte>(record));
  if (end_bytes == 0 || end_bytes > record.size()) {
    return;
  }
  if (with_size) {
    words.size_bytes = record.size() - end_bytes;
  }
  const auto tail = std::span<const std::byte>(record).last(end_bytes).first(end_bytes - sizeof words);
  words.checksum =
      checksum(std::as_bytes(std::span(&words, 1)).first(offsetof(RecordWords, checksum)), checksum(tail));
  place();
}

template <class T>
void look_at(const Result<View<T>>& view, BackendOutcome& outcome) {
  if (is_there(view, outcome)) {
    all_sums = sum_of(std::as_bytes(std::span(view->data(), std::min<std::size_t>(view->size(), 1000))));
    ++outcome.read;
  }
}

template <class Id>
void read_object(const Store& store, const Id& id, std::uint64_t record_bytes, BackendOutcome& outcome) {
  const auto info = store.info(id);
  if (is_there(info, outcome)) {
    demand(info->size_bytes <= record_bytes, "an object is larger than its record");
    all_sums = sum_of(info->type) + sum_of(info->name) + info->extents.size();
  }
  look_at(store.get_bytes(id), outcome);
  look_at(store.get_bytes(id, {.part = {.offset = 3, .count = 5}}), outcome);
  look_at(store.template get<double[]>(id), outcome);
  look_at(store.template get<double[]>(id, {.slab = {.start = {0, 1}, .count = {2, 1}}}), outcome);
  std::array<double, 8> memory{};
  (void)is_there(store.read(id, std::span(memory)), outcome);
  const auto words = store.template get<std::vector<std::string>>(id);
  if (is_there(words, outcome)) {
    for (const std::string& word : **words) {
      all_sums = sum_of(word);
    }
  }
}

/// A store over records that an input changes. One for all inputs: what it has seen does not matter.
struct Stored {
  std::shared_ptr<Backend> backend = open_simple(Url{}).value();
  Session session = open_session(backend, hasty).value();
  Store store = session.open(a_space).value();

  static Stored& get() {
    static Stored stored;
    return stored;
  }
};

// Any bytes, also as those that say which store this is, and which stores there are.
void read_record_input(Input& input, BackendOutcome& outcome) {
  const std::uint8_t flags = input.byte();
  std::vector<std::byte> bytes(input.rest().begin(), input.rest().end());
  if (flags % 4 != 0) {
    stamp(bytes, flags % 4 == 1);
  }
  if (flags >= 240) {
    const auto backend = open_simple(Url{}).value();
    const std::string_view space = flags % 2 == 0 ? system_space : registry_space;
    demand(bool(backend->store({space, flags % 2 == 0 ? identity_record : a_space}, record_with(bytes),
                               in_a_minute())),
           "nothing can be stored");
    const auto session = open_session(backend, hasty);
    const auto store = session ? session->open(a_space) : Result<Store>(session.error());
    if (is_there(store, outcome)) {
      outcome.read += store->put(1) ? 1 : 0;
    }
    return;
  }
  Stored& stored = Stored::get();
  const bool is_named = flags < 200;
  Key key;
  if (!is_named && bytes.size() >= sizeof(RecordWords)) {
    key = words_of(bytes).key;
    key.store = stored.store.number();
  }
  const std::string record_name = is_named ? std::string(a_name) : std::string(RecordNames::of_key(key));
  const RecordKey place{a_space, record_name};
  demand(bool(stored.backend->store(place, record_with(bytes, 1 + flags), in_a_minute())),
         "nothing can be stored");
  if (is_named) {
    read_object(stored.store, a_name, bytes.size(), outcome);
    const auto info = stored.store.info(a_name);
    if (info) {
      (void)is_there(stored.store.get<double[]>(info->key), outcome);
    }
    const std::array<std::string, 2> both{std::string(a_name), "nobody"};
    for (const auto& one : stored.store.get_batch<double[]>(both)) {
      (void)is_there(one, outcome);
    }
    (void)is_there(stored.store.wait<double[]>(a_name, 0ms), outcome);
    if (flags % 8 == 0) {
      auto coming = stored.store.get_async<double[]>(a_name);
      (void)is_there(coming.get(), outcome);
      const auto proxy = stored.store.proxy<std::vector<std::string>>(a_name);
      (void)(proxy && is_there(proxy->get(), outcome));
    }
  } else {
    read_object(stored.store, key, bytes.size(), outcome);
  }
  (void)stored.backend->remove(place, 0, in_a_minute());
}

void read_names(Input& input, BackendOutcome& outcome) {
  const auto bytes = static_cast<NameBytes>(input.byte() % 3);
  BackendTraits traits;
  traits.name_bytes = bytes;
  traits.longest_name = 64 + input.byte();
  const RecordNames names(traits);
  const std::string text(text_of(input.rest()));
  const std::string record = names.of_name(text);
  demand(record.size() <= traits.longest_name, "the name of a record is too long");
  demand(bytes == NameBytes::any ||
             std::ranges::all_of(record, [](char byte) { return byte > ' ' && byte <= '~'; }),
         "the name of a record has bytes that the backend does not have");
  demand(bytes != NameBytes::file_name || record.find('/') == std::string::npos, "it leaves its folder");
  if (!RecordNames::is_hashed(record) && !text.empty()) {
    demand(RecordNames::name_in(record) == text, "a name changes");
    ++outcome.whole;
  }
  demand(record.starts_with(names.of_prefix(text)) || RecordNames::is_hashed(record), "a prefix is none");
  // Whatever another program called its records.
  Stored& stored = Stored::get();
  const RecordKey place{a_space, text};
  demand(bool(stored.backend->store(place, record_with(std::as_bytes(std::span(text))), in_a_minute())),
         "nothing can be stored");
  const auto found = stored.store.keys();
  if (is_there(found, outcome)) {
    for (const std::string& name : *found) {
      outcome.read += stored.store.get_bytes(name) ? 1 : 0;
    }
  }
  (void)stored.backend->remove(place, 0, in_a_minute());
}

void edit(Input& input, PackRecord& record) {
  switch (input.byte() % 8) {
    case 0:
      record.position = input.number();
      break;
    case 1:
      record.synced = input.number();
      break;
    case 2:
      record.body_bytes = input.number();
      break;
    case 3:
      record.name_bytes = static_cast<std::uint32_t>(input.number());
      break;
    case 4:
      record.space_bytes = static_cast<std::uint16_t>(input.number());
      break;
    case 5:
      record.kind = static_cast<PackKind>(input.byte());
      break;
    case 6:
      record.body_checksum = static_cast<std::uint32_t>(input.number());
      break;
    default:
      record.salt = input.number();
  }
}

// A pack whose records are edited, with right checksums or not.
std::vector<std::byte> pack_from(Input& input) {
  constexpr std::array<std::string_view, 3> names{"a", "b",
                                                  "long enough for more than one line of the file, at 64"};
  const std::array<std::byte, 200> body{};
  PackHeader header{.salt = 7};
  std::vector<std::byte> bytes(pack_first_record);
  for (std::size_t left = input.byte() % 8; left > 0; --left) {
    PackAppending appending;
    appending.begin(header.salt, bytes.size(), input.byte() % 2 * bytes.size());
    const std::string_view space = names[input.byte() % 2];
    const std::string_view name = names[input.byte() % names.size()];
    const auto part = std::span(body).first(input.byte() % body.size());
    PackRecord record = appending.add(
        {.revision = left, .body_bytes = part.size(), .body_checksum = checksum(part)}, space, name, part);
    const std::size_t at = bytes.size();
    for (const ::iovec& piece : appending.pieces()) {
      const auto* const from = static_cast<const std::byte*>(piece.iov_base);
      bytes.insert(bytes.end(), from, from + piece.iov_len);
    }
    const std::uint8_t edits = input.byte();
    for (std::size_t more = edits % 4; more > 0; --more) {
      edit(input, record);
    }
    if (edits < 200) {
      const std::uint32_t text_checksum = record.text_checksum;
      stamp(record, space, name);
      record.text_checksum = edits < 180 ? record.text_checksum : text_checksum + 1;
    }
    std::memcpy(bytes.data() + at, &record, sizeof record);
  }
  header.synced = input.byte() % 2 == 0 ? 0 : input.byte() % 2 == 0 ? bytes.size() : input.number();
  stamp(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  for (std::size_t left = input.byte() % 4; left > 0; --left) {
    const std::size_t at = input.below(bytes.size());
    bytes[at] = static_cast<std::byte>(input.byte());
  }
  bytes.resize(bytes.size() -
               std::min<std::size_t>(input.byte() % 2 * input.below(bytes.size()), bytes.size()));
  return bytes;
}

void read_records(const Result<PackContent>& content, std::uint64_t file_bytes, BackendOutcome& outcome) {
  if (!content) {
    ++outcome.errors;
    return;
  }
  demand(content->end <= std::max(file_bytes, pack_first_record), "a pack ends behind the end of its file");
  content->index.for_each([&](const std::string& space, const std::string& name,
                              const PackIndex::Entry& entry) {
    ++outcome.whole;
    demand(entry.body_at + entry.body_bytes <= content->end, "a record is not in its file");
    all_sums = sum_of(space) + sum_of(name);
    const auto record = record_at(*content->file, entry, whole_record);
    outcome.read += record ? 1 : 0;
    outcome.errors += record ? 0 : 1;
    demand(!record || checksum(record->bytes) == entry.body_checksum, "a wrong record is taken for right");
  });
}

// What is in a pack that was opened; what is stored in it is there when it is opened again.
void use_pack(const std::string& url, BackendOutcome& outcome) {
  const bool only_reads = url.find("read=1") != std::string::npos;
  {
    const auto pack = open_backend(url);
    if (!is_there(pack, outcome)) {
      return;
    }
    for (const char* space : {"a", "b"}) {
      const auto names = (*pack)->list(space, {}, in_a_minute());
      for (const std::string& name : names ? *names : std::vector<std::string>()) {
        const auto record = (*pack)->load({space, name}, whole_record, in_a_minute());
        if (is_there(record, outcome)) {
          all_sums = sum_of(record->bytes);
          ++outcome.read;
        }
      }
    }
    const auto stored =
        (*pack)->store({a_space, a_name}, record_with(std::as_bytes(std::span(a_space))), in_a_minute());
    demand(bool(stored) != only_reads, "a pack that was opened cannot be written");
    if (only_reads) {
      return;
    }
  }
  const auto again = open_backend(url);
  const auto found = again ? (*again)->load({a_space, a_name}, whole_record, in_a_minute())
                           : Result<LoadedRecord>(again.error());
  demand(found && text_of(found->bytes) == a_space, "what was stored in a pack is gone");
}

// Any bytes, or records that are edited. A compaction waits for the disk, so there are few.
void read_pack(Input& input, BackendOutcome& outcome) {
  static const ScratchFile scratch;
  const std::uint8_t flags = input.byte();
  std::vector<std::byte> bytes(input.rest().begin(), input.rest().end());
  if (flags < 200) {
    bytes = pack_from(input);
  }
  scratch.set(bytes);
  const auto opened = [&](PackFile::As as) { return PackFile::open(scratch.path(), as, false).value(); };
  read_records(look_into_pack(opened(PackFile::As::reader), scratch.path()), bytes.size(), outcome);
  const std::string url = "pack:" + scratch.path() + "?lock=0&sync=0";
  use_pack(url + "&read=1", outcome);
  read_records(open_pack(opened(PackFile::As::writer), scratch.path(), flags % 2 == 1), bytes.size(),
               outcome);
  scratch.set(bytes);
  use_pack(url + (flags % 4 < 2 ? "&repair=1" : "") + (flags % 32 < 4 ? "&compact=1" : ""), outcome);
}

void stamp_packed(std::vector<std::byte>& record, Packing packing) {
  PackedEnd end;
  if (record.size() < sizeof end) {
    return;
  }
  std::byte* const at = record.data() + record.size() - sizeof end;
  std::memcpy(&end, at, sizeof end);
  end.magic = PackedEnd::magic_number;
  end.packing = packing;
  end.checksum = 0;
  const auto bytes = std::span<const std::byte>(record).first(record.size() - sizeof end);
  end.checksum = checksum(std::as_bytes(std::span(&end, 1)), checksum(bytes));
  std::memcpy(at, &end, sizeof end);
}

// An encrypted record that is changed is no record any more.
void read_encrypted(Input& input, Backend& below, Backend& above, BackendOutcome& outcome) {
  const RecordKey place{a_space, a_name};
  const auto plain = input.rest();
  demand(bool(above.store(place, record_with(plain), in_a_minute())), "nothing can be stored");
  const auto kept = below.load(place, whole_record, in_a_minute()).value();
  std::vector<std::byte> bytes(kept.bytes.begin(), kept.bytes.end());
  for (std::size_t left = 1 + input.byte() % 3; left > 0; --left) {
    bytes[input.below(bytes.size())] = static_cast<std::byte>(input.byte());
  }
  bytes.resize(bytes.size() -
               std::min<std::size_t>(input.byte() % 2 * input.below(bytes.size()), bytes.size()));
  demand(bool(below.store(place, record_with(bytes), in_a_minute())), "nothing can be stored");
  const auto found = above.load(place, whole_record, in_a_minute());
  demand(!found || std::ranges::equal(found->bytes, plain), "a record that was changed is taken for right");
  outcome.read += is_there(found, outcome) ? 1 : 0;
}

// Bytes below each of the wrappers that change records.
void read_packed(Input& input, BackendOutcome& outcome) {
  static const auto below = open_simple(Url{}).value();
  static const std::array<Result<std::shared_ptr<Backend>>, 4> wrappers{
      with_checksum(below), compressed_by_zstd(below), compressed_by_lz4(below), [] {
        ::setenv("LOCUM_FUZZ_KEY", std::string(64, '7').c_str(), 1);
        return encrypted(below, {.key = "env:LOCUM_FUZZ_KEY", .old_keys = {}});
      }()};
  const std::uint8_t flags = input.byte();
  const auto& above = wrappers[flags % wrappers.size()];
  if (!is_there(above, outcome)) {
    return;  // not in this build
  }
  const bool encrypts = flags % wrappers.size() == 3;
  if (encrypts && flags < 128) {
    read_encrypted(input, *below, **above, outcome);
    return;
  }
  std::vector<std::byte> bytes(input.rest().begin(), input.rest().end());
  if (!encrypts && flags < 200) {
    stamp_packed(bytes, flags < 180 ? static_cast<Packing>(flags % wrappers.size()) : Packing::plain);
  }
  const RecordKey place{a_space, a_name};
  demand(bool(below->store(place, record_with(bytes), in_a_minute())), "nothing can be stored");
  const auto found = (*above)->load(place, flags % 8 < 4 ? whole_record : 10, in_a_minute());
  if (is_there(found, outcome)) {
    all_sums = sum_of(found->bytes.first(std::min<std::size_t>(found->bytes.size(), most_looked_at)));
    ++outcome.read;
  }
}

}  // namespace

BackendOutcome read_backend(std::span<const std::byte> bytes) {
  Input input(bytes);
  BackendOutcome outcome;
  switch (static_cast<BackendInput>(input.byte() % backend_inputs)) {
    case BackendInput::url:
      read_url(input, outcome);
      break;
    case BackendInput::record:
      read_record_input(input, outcome);
      break;
    case BackendInput::names:
      read_names(input, outcome);
      break;
    case BackendInput::pack:
      read_pack(input, outcome);
      break;
    case BackendInput::packed:
      read_packed(input, outcome);
      break;
  }
  return outcome;
}

}  // namespace locum::tests
