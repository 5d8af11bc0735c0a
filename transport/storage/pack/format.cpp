#include "transport/storage/pack/format.hpp"

#include <bit>
#include <cstring>

#include "core/base/checksum.hpp"

namespace locum::storage {

static_assert(std::endian::native == std::endian::little, "packs are little-endian");

namespace {

std::uint32_t sum_of(PackHeader header) noexcept {
  header.checksum = 0;
  return checksum(std::as_bytes(std::span(&header, 1)));
}

std::uint32_t line_sum(PackRecord record) noexcept {
  record.checksum = 0;
  return checksum(std::as_bytes(std::span(&record, 1)));
}

}  // namespace

void stamp(PackHeader& header) noexcept {
  header.checksum = sum_of(header);
}

void stamp(PackRecord& record, std::string_view space, std::string_view name) noexcept {
  record.text_checksum = checksum(std::as_bytes(std::span(name)), checksum(std::as_bytes(std::span(space))));
  record.checksum = line_sum(record);
}

std::optional<PackHeader> read_pack_header(std::span<const std::byte> bytes) noexcept {
  PackHeader header;
  if (bytes.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  const bool is_one = header.magic == PackHeader::magic_number && header.checksum == sum_of(header) &&
                      header.version == PackHeader::current_version;
  return is_one ? std::optional(header) : std::nullopt;
}

std::optional<PackRecord> read_pack_record(std::span<const std::byte> bytes, std::uint64_t salt,
                                           std::uint64_t position) noexcept {
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 62U;  // so that sums do not overflow
  PackRecord record;
  if (bytes.size() < sizeof record || position >= most_bytes) {
    return std::nullopt;
  }
  std::memcpy(&record, bytes.data(), sizeof record);
  const auto kind = static_cast<std::uint8_t>(record.kind);
  const bool is_one = record.magic == PackRecord::magic_number && record.checksum == line_sum(record) &&
                      record.salt == salt && record.position == position &&
                      record.name_bytes <= pack_longest_text && record.space_bytes <= pack_longest_text &&
                      record.body_bytes < most_bytes && kind >= static_cast<std::uint8_t>(PackKind::stored) &&
                      kind <= static_cast<std::uint8_t>(PackKind::dropped);
  return is_one ? std::optional(record) : std::nullopt;
}

}  // namespace locum::storage
