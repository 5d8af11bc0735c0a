#include "core/object/name_list.hpp"

#include <cstdint>
#include <cstring>

#include "core/object/address.hpp"

namespace locum {

std::vector<std::byte> pack_names(const std::vector<std::string>& names) {
  std::vector<std::byte> bytes;
  for (const std::string& name : names) {
    const auto length = static_cast<std::uint32_t>(name.size());
    const auto front = std::as_bytes(std::span(&length, 1));
    const auto text = std::as_bytes(std::span(name));
    bytes.insert(bytes.end(), front.begin(), front.end());
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  return bytes;
}

Result<void> unpack_names(std::span<const std::byte> bytes, std::vector<std::string>& names) {
  while (!bytes.empty()) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof length) {
      return Error(Errc::corrupt, "a received list of names ends within a length; try again");
    }
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes = bytes.subspan(sizeof length);
    if (length == 0 || length > max_name_bytes || length > bytes.size()) {
      return Error(Errc::corrupt,
                   "a received list of names has a name of " + std::to_string(length) + " bytes; try again");
    }
    names.emplace_back(reinterpret_cast<const char*>(bytes.data()), length);
    bytes = bytes.subspan(length);
  }
  return {};
}

}  // namespace locum
