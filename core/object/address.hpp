#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <locum/handle.hpp>
#include <locum/key.hpp>

namespace locum {

/// Identifies an object by key, or by store and name (when `name` is not empty).
struct Address {
  Key key;                ///< key.store is always valid; the rest only if `name` is empty
  std::string_view name;  ///< 1 byte to 64 KiB of any bytes
  /// By key: hash of the name that the object was put under, if the caller knows it from a handle; else 0. If
  /// the key no longer exists while its name is bound, the object was replaced (`stale`), not evicted
  /// (`not_found`).
  std::uint64_t name_hash = 0;

  /// By key: payload of the object in bytes, if the caller knows it from a handle; else 0.
  std::uint64_t size_bytes = 0;

  Address(const Key& object, std::uint64_t hash_of_name = 0, std::uint64_t size = 0)
      : key(object), name_hash(hash_of_name), size_bytes(size) {}
  Address(std::uint32_t store, std::string_view object_name) : key{store, 0, 0}, name(object_name) {}
};

/// Returns the address of the object that a handle identifies.
[[nodiscard]] inline Address addressed(const Handle& handle) noexcept {
  return {handle.key, handle.name_hash, handle.size_bytes};
}

/// The longest name, in bytes.
inline constexpr std::size_t max_name_bytes = 64 * 1024;

}  // namespace locum
