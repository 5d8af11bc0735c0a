#include "core/backend/record_names.hpp"

#include <charconv>

#include "core/base/hash.hpp"

namespace locum {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

constexpr unsigned bit_of(NameBytes bytes) noexcept {
  return 1U << static_cast<unsigned>(bytes);
}

/// Of each byte the kinds of names, by their bits, that have it behind their first one.
constexpr auto kinds_with = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (unsigned at = 0; at < kinds.size(); ++at) {
    const auto byte = static_cast<char>(at);
    const bool is_printable = at > ' ' && at <= '~';
    const bool is_of_files = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                             (byte >= '0' && byte <= '9') ||
                             std::string_view("_-,+=@~.").find(byte) != std::string_view::npos;
    if (byte != '%') {
      kinds[at] = static_cast<std::uint8_t>(bit_of(NameBytes::any) |
                                            (is_printable ? bit_of(NameBytes::printable) : 0U) |
                                            (is_of_files ? bit_of(NameBytes::file_name) : 0U));
    }
  }
  return kinds;
}();

}  // namespace

void NumberedName::append(std::uint64_t number, unsigned count) noexcept {
  for (unsigned shift = 4 * count; shift > 0; shift -= 4) {
    text_[size_++] = digits[number >> (shift - 4) & 0xFU];
  }
}

bool RecordNames::keeps(char byte, bool is_first) const noexcept {
  const bool is_kept = (kinds_with[static_cast<unsigned char>(byte)] & bit_of(bytes_)) != 0;
  return is_kept && !(is_first && (byte == '@' || (byte == '.' && bytes_ == NameBytes::file_name)));
}

std::size_t RecordNames::plain_bytes(std::string_view name) const noexcept {
  std::size_t plain = !name.empty() && keeps(name.front(), true) ? 1 : 0;
  while (plain > 0 && plain < name.size() && keeps(name[plain], false)) {
    ++plain;
  }
  return plain;
}

std::string RecordNames::escaped(std::string_view name) const {
  std::string record(name.substr(0, plain_bytes(name)));
  for (const char byte : name.substr(record.size())) {
    if (keeps(byte, record.empty())) {
      record += byte;
    } else {
      const auto value = static_cast<unsigned char>(byte);
      record += {'%', digits[value >> 4U], digits[value & 0xFU]};
    }
  }
  return record;
}

std::string_view RecordNames::of_name(std::string_view name, std::string& room) const {
  if (name.size() <= longest_ && plain_bytes(name) == name.size()) {
    return name;  // as most are
  }
  room = escaped(name);
  if (room.size() > longest_) {
    NumberedName hashed('h');
    hashed.append(hash64(name, 0x6C6F6375U), 16);
    hashed.append(hash64(name, 0x6D756C6FU), 16);
    room = hashed;
  }
  return room;
}

std::string RecordNames::of_prefix(std::string_view prefix) const {
  std::string record = escaped(prefix);
  if (record.size() > longest_) {
    record.clear();  // whatever begins so is found under a hash
  }
  return record;
}

NumberedName RecordNames::of_key(const Key& key) noexcept {
  NumberedName record('k');
  record.append(key.creator, 8);
  record.append(key.serial, 16);
  return record;
}

NumberedName RecordNames::of_alias(std::uint64_t name_hash) noexcept {
  NumberedName record('n');
  record.append(name_hash, 16);
  return record;
}

std::optional<std::string> RecordNames::name_in(std::string_view record) {
  if (record.empty() || record.front() == '@') {
    return std::nullopt;
  }
  std::string name;
  name.reserve(record.size());
  for (std::size_t at = 0; at < record.size(); ++at) {
    if (record[at] != '%') {
      name += record[at];
      continue;
    }
    unsigned byte = 0;
    if (at + 2 >= record.size()) {
      return std::nullopt;
    }
    const char* const first = record.data() + at + 1;
    if (const auto read = std::from_chars(first, first + 2, byte, 16); read.ptr != first + 2) {
      return std::nullopt;
    }
    name += static_cast<char>(byte);
    at += 2;
  }
  return name;
}

}  // namespace locum
