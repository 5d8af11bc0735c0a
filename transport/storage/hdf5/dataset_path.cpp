#include "transport/storage/hdf5/dataset_path.hpp"

#include <algorithm>
#include <cstddef>

namespace locum::storage {

namespace {

constexpr std::string_view reserved_part = ".locum";
constexpr std::string_view digits = "0123456789ABCDEF";

void append_escaped(std::string& path, char byte) {
  const auto value = static_cast<std::uint8_t>(byte);
  path += '%';
  path += digits[value >> 4U];
  path += digits[value & 0xFU];
}

/// The length of the UTF-8 sequence that begins a text; 0: there is none. Neither overlong ones nor
/// surrogates.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  const std::uint8_t first = at(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length < 2) {
    return length;
  }
  if (first > 0xF4 || text.size() < length) {
    return 0;
  }
  for (std::size_t index = 1; index < length; ++index) {
    if ((at(index) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const bool wrong = (first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F) ||
                     (first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F);
  return wrong ? 0 : length;
}

void append_part(std::string& path, std::string_view part, bool first) {
  path += '/';
  if (part.empty()) {
    path += '%';
    return;
  }
  std::size_t at = 0;
  if (part == "." || part == ".." || (first && part == reserved_part)) {
    append_escaped(path, '.');
    at = 1;
  }
  while (at < part.size()) {
    const std::size_t length = utf8_length(part.substr(at));
    if (length == 0 || part[at] == '\0' || part[at] == '%') {
      append_escaped(path, part[at]);
      ++at;
    } else {
      path += part.substr(at, length);
      at += length;
    }
  }
}

std::optional<std::uint8_t> digit(char character) {
  const std::size_t at = digits.find(character);
  return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<std::uint8_t>(at));
}

}  // namespace

std::string dataset_path(std::string_view name) {
  std::string path;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    append_part(path, name.substr(begin, end - begin), begin == 0);
    begin = end + 1;
  }
  return path;
}

// Counted with HDF5 1.10: 150 bytes a group in a path of 65 000 of them.
std::uint64_t most_bytes_of_path(std::string_view path) noexcept {
  constexpr std::uint64_t a_group = 512;
  return 4 * path.size() + a_group * static_cast<std::uint64_t>(std::ranges::count(path, '/'));
}

void DatasetPaths::sort() {
  std::ranges::sort(paths_);
}

bool DatasetPaths::is_group(const std::string& path) const {
  const std::string below = path + '/';
  const auto first = std::ranges::lower_bound(paths_, below);
  return first != paths_.end() && first->starts_with(below);
}

std::optional<std::string> name_of_dataset(std::string_view path) {
  if (path.ends_with(beside_a_group)) {
    path.remove_suffix(beside_a_group.size());
  }
  if (path.empty() || path[0] != '/') {
    return std::nullopt;
  }
  std::string name;
  for (std::size_t at = 1; at < path.size(); ++at) {
    if (path[at] != '%') {
      name += path[at];
      continue;
    }
    const bool is_whole_part = path[at - 1] == '/' && (at + 1 == path.size() || path[at + 1] == '/');
    if (is_whole_part) {
      continue;
    }
    const auto high = at + 2 < path.size() ? digit(path[at + 1]) : std::nullopt;
    const auto low = high ? digit(path[at + 2]) : std::nullopt;
    if (!low) {
      return std::nullopt;
    }
    name += static_cast<char>((*high << 4U) | *low);
    at += 2;
  }
  return dataset_path(name) == path ? std::optional(name) : std::nullopt;
}

}  // namespace locum::storage
