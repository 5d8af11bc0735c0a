#pragma once

#include "core/ports/connector.hpp"

namespace locum::tests {

/// What a call returns: a result at once, or a task.
using Begun = NowOrTask<ObjectView>;

/// Begins the task, if there is one.
template <class T>
[[nodiscard]] NowOrTask<T> begun(NowOrTask<T> made) {
  if (made.coming) {
    made.coming->begin();
  }
  return made;
}

/// Begins to fetch an object before it is needed.
[[nodiscard]] inline Begun begin(Source& source, const Address& address, CountsUntil counts) {
  return begun(source.get_or_task(address, {}, counts, {}));
}

}  // namespace locum::tests
