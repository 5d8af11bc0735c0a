// Queues of tasks.
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// Takes a task, and gives its value by `give(View&)`; leaves it to others, if that cannot be done.
template <class Give>
locum_status take(locum_queue queue, const double* within, locum_task& task, View& view, Give give) noexcept {
  if (const auto wrong = check_closed(task, "task", "mark it as done or release"); wrong != LOCUM_OK) {
    return wrong;
  }
  locum_status status =
      fill(view, [&](locum_view& into) { return locum_queue_take(queue, deadline(within), &task, &into); });
  if (status == LOCUM_OK) {
    status = give(view);
    if (status != LOCUM_OK) {
      static_cast<void>(locum_task_release(&task));
    }
  }
  return status;
}

}  // namespace

extern "C" {

locum_status locum_fortran_queue_open(locum_store store, const char* name, std::size_t length,
                                      locum_queue* queue) {
  const Text text(name, length);
  locum_status wrong = check_closed(*queue, "queue", "release");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  return wrong != LOCUM_OK ? wrong : outcome(locum_queue_open(store, text.c_str(), queue));
}

locum_status locum_fortran_queue_put(locum_queue queue, const CFI_cdesc_t* value, const double* lives,
                                     const char* tag, std::size_t tag_length, bool waits_for_room,
                                     const double* within, std::int64_t* number) {
  const Text tag_text(tag, tag_length);
  locum_array array;
  locum_status wrong = array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : tag_text.check("tag");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_put_options options{.deadline_s = deadline(within),
                                  .lifetime_s = lifetime(lives),
                                  .waits_for_room = waits_for_room,
                                  .listed = false,
                                  .tag = tag_text.c_str(),
                                  .expected_generation = 0,
                                  .reserved = {}};
  std::uint64_t made = 0;
  const locum_status status = outcome(locum_queue_put(queue, &array, &options, &made));
  if (number != nullptr) {
    *number = static_cast<std::int64_t>(made);
  }
  return status;
}

locum_status locum_fortran_queue_take(locum_queue queue, const double* within, locum_task* task,
                                      CFI_cdesc_t* pointer, View* view) {
  nullify(*pointer);
  return take(queue, within, *task, *view, [=](View& taken) { return associate(*pointer, taken); });
}

locum_status locum_fortran_queue_take_text(locum_queue queue, const double* within, locum_task* task,
                                           const void** text, std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  return take(queue, within, *task, *view, [=](View& taken) { return text_of(taken, *text, *text_length); });
}

locum_status locum_fortran_queue_close(locum_queue queue) {
  return outcome(locum_queue_close(queue));
}

locum_status locum_fortran_queue_release(locum_queue* queue) {
  return outcome(locum_queue_release(queue));
}

locum_status locum_fortran_task_done(locum_task* task, const double* within) {
  return outcome(locum_task_done(task, deadline(within)));
}

locum_status locum_fortran_task_release(locum_task* task) {
  return outcome(locum_task_release(task));
}

}  // extern "C"
