#include "core/tasks/task_producer.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace locum::detail {

namespace {

/// The line is told of so many numbers at a time that they have slots.
constexpr std::uint64_t told_at_a_time = 256;
/// Slots that are read at a time where the first free one is looked for: at first, and at last.
constexpr std::uint64_t first_block = 32;
constexpr std::uint64_t last_block = 1024;

}  // namespace

Error TaskProducer::closed(std::uint64_t end) const {
  const auto noted = records_.note_end(end);
  return noted ? Error(Errc::end_of_stream,
                       "this queue of tasks was closed; put tasks before it is, or into a queue of another "
                       "name")
               : noted.error();
}

// A name of a number that is not open is free because its task is over, and an end that was noted may be
// gone: what was put is looked at once more with a line that was read afterwards. By then the line may have
// passed what was put in its place, too: a task that is held is open still, and one that is done is known by
// its value.
Result<std::uint64_t> TaskProducer::put_next(const TaskSlot& slot) {
  std::uint64_t number = next_.load(std::memory_order_relaxed);
  if (number == 0) {
    const auto line = records_.line();
    if (!line) {
      return line.error();
    }
    number = std::max(line->head, line->filled);
  }
  for (;;) {
    const auto put = records_.put_slot(number, slot);
    if (!put) {
      return put.error();
    }
    const auto line = records_.line();
    if (!line) {
      return line.error();
    }
    if (*put && line->is_open(number) && number < line->end) {
      next_.store(number + 1, std::memory_order_relaxed);
      if (number >= line->filled + told_at_a_time) {
        (void)records_.change_line([number](TaskLine& next) {
          const bool is_new = next.filled <= number;
          next.filled = std::max(next.filled, number + 1);
          return is_new;
        });
      }
      return number;
    }
    if (*put) {
      if (const auto back = take_back(number, *line); !back) {
        return back.error();
      }
      if (slot.state == TaskSlot::State::task && !records_.is_to_do(slot)) {
        next_.store(number + 1, std::memory_order_relaxed);
        return number;
      }
    }
    if (number >= line->end) {
      return closed(line->end);
    }
    number = std::max({*put ? number : number + 1, line->head, line->filled});
    const auto free = first_free(number);
    if (!free) {
      return free.error();
    }
    number = *free;
  }
}

// In the place of an end that is gone others have taken it for that, and left to whoever evicts it what they
// have put meanwhile.
Result<void> TaskProducer::take_back(std::uint64_t number, const TaskLine& line) {
  if (number == line.end && line.is_drained()) {
    records_.clean_if_drained();
    return {};
  }
  const auto back = TaskRecords::repeated([&] { return records_.store().evict(records_.slot_name(number)); });
  return back ? Result<void>() : Result<void>(back.error());
}

// The slots are not without gaps, since takers put some ahead: so those that the line does not know of are
// read all, more and more at a time.
Result<std::uint64_t> TaskProducer::first_free(std::uint64_t from) {
  for (std::uint64_t count = records_.is_home() ? 1 : first_block;; count = std::min(2 * count, last_block)) {
    std::vector<std::uint64_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), from);
    const auto slots = records_.slots(numbers);
    if (!slots) {
      return slots.error();
    }
    for (const auto& slot : *slots) {
      if (!slot) {
        return from;
      }
      if (slot->state == TaskSlot::State::end) {
        return closed(from);
      }
      ++from;
    }
    if (count == last_block) {  // left by takers that have waited in vain
      (void)records_.sweep(records_.moment({}));
    }
  }
}

Result<std::uint64_t> TaskProducer::put(const Key& value) {
  return put_next({TaskSlot::State::task, value});
}

Result<void> TaskProducer::close() {
  const auto end = put_next({TaskSlot::State::end, {}});
  if (!end && end.error().code() != Errc::end_of_stream) {
    return end.error();
  }
  if (end) {
    if (const auto noted = records_.note_end(*end); !noted) {
      return noted.error();
    }
  }
  const auto swept = records_.sweep(records_.moment({}));
  return swept ? Result<void>() : Result<void>(swept.error());
}

}  // namespace locum::detail
