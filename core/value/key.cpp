#include "core/value/key.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <ostream>

namespace locum {

std::string to_string(const Key& key) {
  std::array<char, sizeof "4294967295/4294967295/18446744073709551615"> text{};
  const int length = std::snprintf(text.data(), text.size(), "%" PRIu32 "/%" PRIu32 "/%" PRIu64, key.store,
                                   key.creator, key.serial);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::ostream& operator<<(std::ostream& out, const Key& key) {
  return out << to_string(key);
}

}  // namespace locum
