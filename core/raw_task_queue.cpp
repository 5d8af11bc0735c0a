#include "core/raw_task_queue.hpp"

namespace locum {

RawTaskQueue::RawTaskQueue(const Store& store, std::string_view name) : TaskQueueBase(store, name) {}

Result<std::uint64_t> RawTaskQueue::put_encoded(const ConstRawArray& task, const StoringOptions& options) {
  return put_stored(values().put_encoded(task, options));
}

Result<std::uint64_t> RawTaskQueue::put_bytes(std::span<const std::byte> task,
                                              const StoringOptions& options) {
  return put_stored(values().put_bytes(task, options));
}

Result<RawTask> RawTaskQueue::take(TimeLimit limit) {
  return take_as<RawTask>(limit, [this](const Key& value) { return values().get_raw(value); });
}

}  // namespace locum
