#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include <locum/detail/base/hash.hpp>

namespace locum {

/// Identity of one object: its store, the rank that made it, and that rank's serial for it. Trivially
/// copyable, 16 bytes, may be sent by MPI as bytes. A creator never reuses a serial, so that a key of an
/// evicted object is `not_found` for ever, never another object. Named objects have keys, too; each
/// generation of a name is an object with a key of its own.
struct Key {
  std::uint32_t store = 0;    ///< number of the store within its runtime; 0 is the runtime's own
  std::uint32_t creator = 0;  ///< rank that made the object, in the runtime's communicator
  std::uint64_t serial = 0;   ///< 0 in an invalid key

  [[nodiscard]] bool valid() const noexcept { return serial != 0; }
  friend auto operator<=>(const Key&, const Key&) = default;
};

/// Returns "store/creator/serial", for people and logs.
[[nodiscard]] std::string to_string(const Key& key);
std::ostream& operator<<(std::ostream& out, const Key& key);

/// Identifies an object in a store: its Key, or its name, as anything that converts to `std::string_view`.
template <class I>
concept ObjectId =
    std::convertible_to<const I&, const Key&> || std::convertible_to<const I&, std::string_view>;

}  // namespace locum

template <>
struct std::hash<locum::Key> {
  std::size_t operator()(const locum::Key& key) const noexcept {
    const std::uint64_t place = (std::uint64_t{key.store} << 32U) | key.creator;
    return locum::detail::fold_multiply(key.serial ^ 0x9E3779B97F4A7C15U, place ^ 0xD6E8FEB86659FD93U);
  }
};
