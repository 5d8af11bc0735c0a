#include "transport/storage/shards/shard_key.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace locum::storage {

namespace {

constexpr std::size_t longest_shard_key = 200;  // a name of a file has at most 255 bytes, with its ending

}  // namespace

Result<void> check_shard_key(std::string_view key) {
  const bool has_bad_byte = std::ranges::any_of(
      key, [](char sign) { return sign == '/' || sign == '\x7f' || static_cast<unsigned char>(sign) < ' '; });
  if (key.empty() || key.size() > longest_shard_key || key.front() == '.' || has_bad_byte) {
    return Error(Errc::invalid_argument,
                 "no shard has the key '" + std::string(key.substr(0, longest_shard_key)) +
                     "': a key has 1 to 200 bytes, none of them '/' or a control character, and does not "
                     "begin with '.'");
  }
  return {};
}

Error shard_key_taken() {
  return Error(Errc::key_exists,
               "there is a shard of this key; remove it first, or give no key to get a free one");
}

// Nothing is kept between calls: a process that forks would give its keys to both.
std::string new_shard_key() {
  constexpr std::size_t digits = 32;
  std::random_device random;
  std::string key;
  while (key.size() < digits) {
    const std::uint32_t bits = random();
    for (unsigned shift = 0; shift < 32; shift += 4) {
      key += "0123456789abcdef"[(bits >> shift) & 15U];
    }
  }
  return key;
}

}  // namespace locum::storage
