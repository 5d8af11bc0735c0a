#pragma once

#include <new>

#include <locum/error.hpp>

namespace locum {

/// Does `act`; false: this process had no memory left for it. For what may be left undone.
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
