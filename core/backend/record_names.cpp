#include "core/backend/record_names.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/hash.hpp"

namespace locum {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

void append_hex(std::string& to, std::uint64_t number, int count) {
  for (int shift = 4 * (count - 1); shift >= 0; shift -= 4) {
    to += digits[(number >> static_cast<unsigned>(shift)) & 0xFU];
  }
}

}  // namespace

bool RecordNames::keeps(char byte, bool is_first) const noexcept {
  if (byte == '%' || (is_first && byte == '@')) {
    return false;
  }
  switch (bytes_) {
    case NameBytes::any:
      return true;
    case NameBytes::printable:
      return byte > ' ' && byte <= '~';
    case NameBytes::file_name:
      return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
             std::string_view("_-,+=@~").find(byte) != std::string_view::npos || (byte == '.' && !is_first);
  }
  return false;
}

std::string RecordNames::escaped(std::string_view name) const {
  std::size_t plain = 0;  // most names are, to their end
  while (plain < name.size() && keeps(name[plain], plain == 0)) {
    ++plain;
  }
  std::string record(name.substr(0, plain));
  for (const char byte : name.substr(plain)) {
    if (keeps(byte, record.empty())) {
      record += byte;
    } else {
      record += '%';
      append_hex(record, static_cast<unsigned char>(byte), 2);
    }
  }
  return record;
}

std::string RecordNames::of_name(std::string_view name) const {
  std::string record = escaped(name);
  if (record.size() > longest_) {
    record = "@h";
    append_hex(record, hash64(name, 0x6C6F6375U), 16);
    append_hex(record, hash64(name, 0x6D756C6FU), 16);
  }
  return record;
}

std::string RecordNames::of_prefix(std::string_view prefix) const {
  std::string record = escaped(prefix);
  if (record.size() > longest_) {
    record.clear();  // whatever begins so is found under a hash
  }
  return record;
}

std::string RecordNames::of_key(const Key& key) {
  std::string record = "@k";
  append_hex(record, key.creator, 8);
  append_hex(record, key.serial, 16);
  return record;
}

std::string RecordNames::of_alias(std::uint64_t name_hash) {
  std::string record = "@n";
  append_hex(record, name_hash, 16);
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
