#pragma once

#include <new>

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

}  // namespace locum
