#pragma once

#include <new>

#include "core/value/error.hpp"

namespace locum {

// For memory whose size the user decides: its lack is an error of the call. Nothing else is caught; another
// failing allocation of the library ends the process (docs/decisions/0029-a-process-without-memory-ends.md).

/// Runs `act`; false if this process had no memory for it.
template <class Act>
bool unless_out_of_memory(Act act) {
  try {
    act();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// Returns the result of `call`, or no_memory_left() if this process has no memory for it.
template <class Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

}  // namespace locum
