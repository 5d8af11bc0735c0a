#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace locum {

/// How a completed operation moved its bytes.
enum class Path : std::uint8_t {
  shm_view,      ///< read in place, in the node's shared memory; nothing was copied
  shm_copy,      ///< copied within the node
  inline_value,  ///< carried inside a message
  rma,           ///< read one-sidedly from another node
  rendezvous,    ///< pushed by the owner in several messages
  emulated,      ///< one-sided read that software on the owner's side carries out
  storage,       ///< read from or written to a file or server
};
inline constexpr std::size_t path_count = 7;

/// \cond library
/// Returns the path of a value that is copied out of, packed from, or decoded from bytes that came by `path`.
[[nodiscard]] constexpr Path path_of_copy(Path path) noexcept {
  return path == Path::shm_view ? Path::shm_copy : path;
}
/// \endcond

/// Returns the enumerator's name, e.g. "shm_view".
[[nodiscard]] std::string_view to_string(Path path) noexcept;

}  // namespace locum
