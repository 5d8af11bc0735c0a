#include "core/key.hpp"

#include <ostream>

namespace locum {

std::string to_string(const Key& key) {
  return std::to_string(key.store) + "/" + std::to_string(key.creator) + "/" + std::to_string(key.serial);
}

std::ostream& operator<<(std::ostream& out, const Key& key) {
  return out << to_string(key);
}

}  // namespace locum
