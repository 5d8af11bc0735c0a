#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <type_traits>

#include <locum/key.hpp>
#include <locum/result.hpp>

namespace locum {

/// A reference to an object that can be sent: 64 trivially copyable bytes for `MPI_Send`, shared memory or a
/// file. It holds the object's key, its node, size and type, and a checksum; extents and names stay with the
/// object. Received bytes are not trusted: see verify(). Copying, comparing, hashing and printing a handle
/// accesses only these 64 bytes.
struct Handle {
  static constexpr std::uint8_t current_version = 1;
  static constexpr std::uint8_t named = 1;  ///< flag: the object was put under a name
  /// Flag: the object is a promise's, which may still be unset. The key is the promise's, the size 0 if it is
  /// unknown.
  static constexpr std::uint8_t promised = 2;
  /// Flag: the object's store keeps no decoded values (StoreOptions::keep_decoded).
  static constexpr std::uint8_t decoded_anew = 4;
  /// Flag, beside `promised`: the object is part of a file, which is read when it is first used.
  static constexpr std::uint8_t from_file = 8;

  std::uint64_t incarnation = 0;  ///< identifies the runtime that made it; differs between jobs and runtimes
  Key key;
  std::uint64_t generation = 0;  ///< generation of the name; 0 if unnamed
  std::uint64_t name_hash =
      0;  ///< hash of store and name; 0 if unnamed. Distinguishes a replaced name from an evicted one
  std::uint64_t size_bytes = 0;
  std::uint64_t type_hash = 0;
  std::uint16_t owner_node = 0;  ///< a hint: node whose memory held the object when the handle was made
  std::uint8_t version = current_version;
  std::uint8_t flags = 0;
  std::uint32_t checksum = 0;  ///< CRC-32C of the bytes before it

  [[nodiscard]] bool awaits_promise() const noexcept { return (flags & promised) != 0; }
  [[nodiscard]] bool keeps_decoded() const noexcept { return (flags & decoded_anew) == 0; }
  [[nodiscard]] bool is_from_file() const noexcept { return (flags & from_file) != 0; }
  /// Sets the checksum; the last step of making a handle.
  void stamp() noexcept;
  /// Checks that the bytes are a handle of this version; if not, the text of `invalid_argument` names the
  /// defect.
  [[nodiscard]] Result<void> verify() const;

  friend bool operator==(const Handle&, const Handle&) = default;
};

static_assert(sizeof(Handle) == 64);
static_assert(std::is_trivially_copyable_v<Handle>);

std::ostream& operator<<(std::ostream& out, const Handle& handle);

}  // namespace locum

template <>
struct std::hash<locum::Handle> {
  std::size_t operator()(const locum::Handle& handle) const noexcept {
    return std::hash<locum::Key>{}(handle.key) ^ handle.incarnation;
  }
};
