#include "core/backend/record_format.hpp"

#include <bit>
#include <cstring>
#include <string>

#include "core/base/checksum.hpp"
#include "core/ports/backend.hpp"

namespace locum {

static_assert(std::endian::native == std::endian::little, "records of backends are little-endian");
static_assert(offsetof(RecordWords, checksum) == 84);

namespace {

constexpr std::uint64_t end_words_bytes = sizeof(RecordWords);

std::uint64_t tail_bytes(const ObjectRecord& object) noexcept {
  return object.block_bytes() - object.size_bytes;
}

ObjectRecord object_of(const RecordWords& words) noexcept {
  return {.size_bytes = words.size_bytes,
          .type_hash = words.type_hash,
          .name_hash = words.name_hash,
          .store = words.key.store,
          .name_bytes = words.name_bytes & 0x1FFFFU,
          .type_name_bytes = words.type_name_bytes,
          .rank = static_cast<std::uint8_t>(words.rank & 0xFU),
          .extra_words = static_cast<std::uint8_t>(words.has_checksum & ObjectRecord::checksum_words),
          .layout = words.layout};
}

bool plausible(const RecordWords& words) noexcept {
  return words.key.valid() && words.size_bytes < (std::uint64_t{1} << 62U) && words.rank <= max_rank &&
         words.has_checksum <= 1 && words.name_bytes <= (1U << 16U) &&
         static_cast<std::uint8_t>(words.layout) <= static_cast<std::uint8_t>(Layout::encoded) &&
         (words.name_bytes == 0) == (words.name_hash == 0);
}

/// What the last bytes of a record are.
enum class End : std::uint8_t {
  foreign,  ///< not written by this library
  damaged,
  whole,  ///< as far as its words say
};

// By a changed byte of the magic number no record becomes another program's: all else that is the same in
// every record shows it.
End read_words(std::span<const std::byte> last, RecordWords& words) noexcept {
  if (last.size() < end_words_bytes) {
    return End::foreign;
  }
  std::memcpy(&words, last.data() + last.size() - end_words_bytes, end_words_bytes);
  if (words.magic == RecordWords::magic_number) {
    return plausible(words) ? End::whole : End::damaged;
  }
  const std::uint64_t changed = words.magic ^ RecordWords::magic_number;
  const bool is_one_byte = std::countl_zero(changed) / 8 + std::countr_zero(changed) / 8 == 7;
  return is_one_byte && plausible(words) && words.unused == RecordWords().unused ? End::damaged
                                                                                 : End::foreign;
}

std::uint32_t sum_of(std::span<const std::byte> tail, const RecordWords& words) noexcept {
  return checksum(std::as_bytes(std::span(&words, 1)).first(offsetof(RecordWords, checksum)), checksum(tail));
}

// Whether the words have the checksum of the current version, and only the version is another one.
bool is_changed_version(std::span<const std::byte> last, RecordWords words) noexcept {
  words.version = RecordWords::current_version;
  const ObjectRecord object = object_of(words);
  const std::uint64_t end_bytes = tail_bytes(object) + end_words_bytes;
  return end_bytes <= last.size() &&
         sum_of(last.subspan(last.size() - end_bytes, tail_bytes(object)), words) == words.checksum;
}

Error damaged(const std::string& why) {
  return Error(Errc::corrupt,
               "the record " + why + "; it was cut, or something wrote over it: store it again");
}

}  // namespace

Result<void> require_alignment_of_records(const ObjectMeta& meta) {
  if (meta.alignment <= record_alignment || meta.alignment_is_guess) {
    return {};
  }
  return Error(Errc::unsupported,
               "the elements of the object have to begin at multiples of " + std::to_string(meta.alignment) +
                   " bytes, and a backend loads objects to multiples of " + std::to_string(record_alignment) +
                   ": use a type that needs no more, or the ranks' memory");
}

std::uint64_t record_end_bytes(const ObjectRecord& object) noexcept {
  return tail_bytes(object) + end_words_bytes;
}

void write_record_words(std::span<std::byte> record, const ObjectRecord& object, const Key& key,
                        std::uint64_t generation, std::uint64_t expires_ns) noexcept {
  if (object.has_checksum()) {
    const std::uint32_t sum = checksum_of(record.data(), object);
    std::memcpy(record.data() + checksum_at(object), &sum, sizeof sum);
  }
  RecordWords words{.key = key,
                    .generation = generation,
                    .size_bytes = object.size_bytes,
                    .type_hash = object.type_hash,
                    .name_hash = object.name_hash,
                    .expires_ns = expires_ns,
                    .name_bytes = object.name_bytes,
                    .type_name_bytes = object.type_name_bytes,
                    .rank = object.rank,
                    .has_checksum = object.has_checksum() ? std::uint8_t{1} : std::uint8_t{0},
                    .layout = object.layout};
  words.checksum = sum_of(record.subspan(object.size_bytes, tail_bytes(object)), words);
  std::memcpy(record.data() + record.size() - end_words_bytes, &words, end_words_bytes);
}

std::uint64_t record_end_bytes(std::span<const std::byte> last) noexcept {
  RecordWords words;
  const End end = read_words(last, words);
  return end == End::whole ? record_end_bytes(object_of(words)) : end == End::damaged ? end_words_bytes : 0;
}

Result<StoredFacts> read_record(std::span<const std::byte> last, std::uint64_t size_bytes) {
  StoredFacts facts;
  if (read_words(last, facts.words) != End::whole) {
    return damaged("does not end as one of this library does");
  }
  if (facts.words.version > RecordWords::current_version && !is_changed_version(last, facts.words)) {
    return Error(Errc::unsupported, "a later version of this library wrote the record, in format " +
                                        std::to_string(facts.words.version) + "; read it with that version");
  }
  facts.object = object_of(facts.words);
  facts.end_bytes = record_end_bytes(facts.object);
  if (facts.words.size_bytes + facts.end_bytes != size_bytes || facts.end_bytes > last.size()) {
    return damaged("has " + std::to_string(size_bytes) + " bytes, and says that it has " +
                   std::to_string(facts.words.size_bytes + facts.end_bytes) + "; without its last " +
                   std::to_string(facts.end_bytes) + " bytes it is an object of raw bytes");
  }
  const auto tail = last.subspan(last.size() - facts.end_bytes, tail_bytes(facts.object));
  if (sum_of(tail, facts.words) != facts.words.checksum) {
    return damaged("has a wrong checksum at its end");
  }
  facts.tail = read_tail_at(tail.data(), facts.object);
  if (!is_whole(facts.tail, facts.object)) {
    return damaged("contradicts itself");
  }
  if (last.size() == size_bytes) {
    facts.payload = last.first(facts.words.size_bytes);
  }
  return facts;
}

bool is_of_no_use(const Error& error) noexcept {
  return error.code() == Errc::not_found || error.code() == Errc::corrupt ||
         error.code() == Errc::unsupported;
}

Result<void> check_payload(const StoredFacts& facts) {
  if (!facts.object.has_checksum()) {
    return {};
  }
  std::uint32_t sealed = 0;
  std::memcpy(&sealed, facts.payload.data() + checksum_at(facts.object), sizeof sealed);
  const std::uint32_t found = checksum_of(facts.payload.data(), facts.object);
  return found == sealed ? Result<void>() : Error(Errc::corrupt, wrong_checksum(found, sealed));
}

}  // namespace locum
