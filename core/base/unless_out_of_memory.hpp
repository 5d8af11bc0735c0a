#pragma once

#include <new>

#include "core/error.hpp"

namespace locum {

// For memory whose size a user decides: that there is none is an error of the call. Nothing else is caught;
// an allocation of the library's own that fails ends the process
// (docs/decisions/0029-a-process-without-memory-ends.md).

/// Does `act`; false: this process had no memory left for it.
template <class Act>
bool unless_out_of_memory(Act act) {
  try {
    act();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

/// What `call` returns; where it finds that this process has no memory left, that.
template <class Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

}  // namespace locum
