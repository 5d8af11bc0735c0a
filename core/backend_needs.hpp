#pragma once

#include <cstdint>

#include <locum/result.hpp>

namespace locum {

struct BackendTraits;

/// Who may use what a backend keeps.
enum class SharedBy : std::uint8_t {
  process,  ///< this process alone
  host,     ///< processes of one host
  hosts,    ///< processes of all hosts that reach it
};

/// What a program needs of a backend, whatever it is: a backend that lacks one of these is refused when it is
/// opened (`unsupported`), not when it is used.
struct BackendNeeds {
  bool lists = false;                      ///< keys(), and dropping a store
  bool is_atomic = false;                  ///< of two puts of one name one wins, in whichever process
  bool expires = false;                    ///< removes what has expired itself
  bool pushes = false;                     ///< a wait is woken, and does not ask again and again
  bool in_place = false;                   ///< views show the stored bytes themselves, without a copy
  bool is_durable = false;                 ///< objects outlive the process
  bool no_default = false;                 ///< a get of what is not there is `not_found`, by whatever name
  SharedBy shared_by = SharedBy::process;  ///< at least
  std::uint64_t largest_value = 0;         ///< at least that many bytes

  friend bool operator==(const BackendNeeds&, const BackendNeeds&) = default;
};

/// \cond library
/// `unsupported` if a backend lacks something that is needed: the error names it.
[[nodiscard]] Result<void> meets(const BackendTraits& traits, const BackendNeeds& needs);
/// \endcond

}  // namespace locum
