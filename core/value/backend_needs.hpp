#pragma once

#include <cstdint>

namespace locum {

/// Processes that share the records of a backend.
enum class SharedBy : std::uint8_t {
  process,  ///< this process alone
  host,     ///< processes of one host
  hosts,    ///< processes of all hosts that reach it
};

/// Abilities that a program needs of any backend. A backend that lacks one of them is refused when it is
/// opened (`unsupported`), not when it is used.
struct BackendNeeds {
  bool lists = false;                      ///< keys(), and dropping a store
  bool is_atomic = false;                  ///< one of two puts of a name wins, whichever processes make them
  bool expires = false;                    ///< the backend itself removes expired records
  bool pushes = false;                     ///< a waiting call is woken, and does not poll
  bool in_place = false;                   ///< views show the stored bytes themselves, without a copy
  bool is_durable = false;                 ///< objects outlive the process
  bool no_default = false;                 ///< a get of a missing object is `not_found`, whatever its name
  SharedBy shared_by = SharedBy::process;  ///< at least
  std::uint64_t largest_value = 0;         ///< values of up to this many bytes can be stored

  friend bool operator==(const BackendNeeds&, const BackendNeeds&) = default;
};

}  // namespace locum
