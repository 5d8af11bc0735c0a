#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::tests {

/// The first byte of an input says which of them it is, modulo `backend_inputs`.
enum class BackendInput : std::uint8_t {
  url,     ///< any bytes as a URL; what it leads to is opened and used if that is memory of this process
  record,  ///< what a store finds under a name, in its registry, or as the identity of the backend
  names,   ///< names of objects and of records
  pack,    ///< the file of `pack:`
  packed,  ///< a record below a wrapper that changes records
  last = packed,
};
inline constexpr std::size_t backend_inputs = static_cast<std::size_t>(BackendInput::last) + 1;

/// What came of an input.
struct BackendOutcome {
  std::size_t whole = 0;   ///< URLs, records and names that may be used
  std::size_t read = 0;    ///< of these: whose bytes were read
  std::size_t errors = 0;  ///< of the library
};

/// Reads what is in an input as if a user, a server or a disk had it. Any error of the library is accepted,
/// and nothing else: ends the process if anything does harm. Writes only in the folder for temporary files,
/// and sends nothing.
BackendOutcome read_backend(std::span<const std::byte> input);

}  // namespace locum::tests
