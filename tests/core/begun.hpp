#pragma once

#include "core/ports/connector.hpp"

namespace locum::tests {

/// What a call has found at once, or has begun.
using Begun = NowOrTask<ObjectView>;

/// Begins the task, if there is one.
template <class T>
[[nodiscard]] NowOrTask<T> begun(NowOrTask<T> made) {
  if (made.coming) {
    made.coming->begin();
  }
  return made;
}

/// Has an object fetched ahead of use.
[[nodiscard]] inline Begun begin(Source& source, const Address& address, CountsUntil counts) {
  return begun(source.get_or_task(address, {}, counts, {}));
}

}  // namespace locum::tests
