#pragma once

#include <cstddef>
#include <functional>

namespace locum::storage {

/// Calls `call` with each index below `count`, in the calling thread and in as many others as this process
/// may run at a time, at most 16. Returns when all calls have returned. Calls are not ordered, and must not
/// throw.
void call_concurrently(std::size_t count, const std::function<void(std::size_t index)>& call);

}  // namespace locum::storage
