#include "core/raw_task_queue.hpp"

#include "core/raw_store.hpp"

namespace locum {

RawTaskQueue::RawTaskQueue(const Store& store, std::string_view name) : TaskQueueBase(store, name) {}

Result<std::uint64_t> RawTaskQueue::put(const RawValue& task, const StoringOptions& options) {
  return put_stored(RawStore(values()).put(task, options));
}

Result<std::uint64_t> RawTaskQueue::put_bytes(std::span<const std::byte> task,
                                              const StoringOptions& options) {
  return put_stored(values().put_bytes(task, options));
}

Result<RawTask> RawTaskQueue::take(TimeLimit limit) {
  return take_as<RawTask>(limit, [this](const Key& value) { return RawStore(values()).get(value); });
}

}  // namespace locum
