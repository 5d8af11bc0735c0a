// Queues of tasks.
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/c/writing.hpp"

using namespace locum;
using namespace locum::c;

locum_status locum_queue_open(locum_store store, const char* name, locum_queue* queue) {
  clear(queue);
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || queue == nullptr) {
      return is_null(name == nullptr ? "name" : "queue");
    }
    return give(queues(), RawTaskQueue(opened.store, name), queue);
  });
}

locum_status locum_queue_put(locum_queue queue, const locum_array* array, const locum_put_options* options,
                             uint64_t* number) {
  clear(number);
  return on(queues(), queue, "queue", [&](RawTaskQueue& opened) {
    if (array == nullptr) {
      return is_null("array");
    }
    const auto value = value_of(*array);
    if (!value) {
      return failed(value.error());
    }
    const auto put = opened.put(*value, storing(options));
    if (put && number != nullptr) {
      *number = *put;
    }
    return status_of(put);
  });
}

locum_status locum_queue_take(locum_queue queue, double deadline_s, locum_task* task, locum_view* view) {
  clear(task);
  if (view == nullptr) {
    return is_null("view");
  }
  empty(*view);
  return on(queues(), queue, "queue", [&](RawTaskQueue& opened) {
    if (task == nullptr) {
      return is_null("task");
    }
    auto taken = opened.take(limit_of(deadline_s));
    if (!taken) {
      return failed(taken.error());
    }
    // Before the handle: after an error there is nothing to be released, and the task is given back.
    locum_status status = give_view(RawView(taken->view()), *view);
    if (status == LOCUM_OK) {
      status = give(tasks(), *std::move(taken), task);
      if (status != LOCUM_OK) {
        static_cast<void>(locum_view_release(view));
      }
    }
    return status;
  });
}

locum_status locum_task_done(locum_task* task, double deadline_s) {
  return on_last(tasks(), task, "task",
                 [&](RawTask& taken) { return status_of<void>(taken.done(within(deadline_s))); });
}

locum_status locum_task_release(locum_task* task) {
  return on_last(tasks(), task, "task", [](RawTask&) { return LOCUM_OK; });
}

locum_status locum_queue_close(locum_queue queue) {
  return on(queues(), queue, "queue", [](RawTaskQueue& opened) { return status_of(opened.close()); });
}

locum_status locum_queue_release(locum_queue* queue) {
  return release(queues(), queue, "queue");
}
