#include "core/tasks/task_taker.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/raise_to.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

/// The records of so many tasks are evicted together.
constexpr std::uint64_t tasks_a_sweep = 32;
/// While there are tasks that nobody has, abandoned ones are looked for more rarely.
constexpr int rare_looks = 10;
/// Past its deadline, a take() for which a task is there competes for it so often.
constexpr int late_attempts = 8;

using Taken = std::optional<ClaimedTask>;

Error end_of_tasks() {
  return Error(Errc::end_of_stream, "this queue of tasks was closed, and all its tasks are done");
}

Error no_task() {
  return deadline_passed("no task came", "close the queue when no more tasks come");
}

}  // namespace

TaskTaker::~TaskTaker() {
  std::vector<ClaimedTask> left;
  {
    const MutexLock lock(mutex_);
    left.swap(left_over_);
  }
  for (const ClaimedTask& place : left) {
    (void)records_.put_none(place.number);
  }
  records_.forget_none(take_unchecked());
  const MutexLock lock(mutex_);
  presence_.vanish(records_.store(), records_.moment({}));
}

Result<void> TaskTaker::enter() {
  if (entered_.load(std::memory_order_acquire)) {
    return {};
  }
  const MutexLock lock(mutex_);
  if (!presence_.is_open()) {
    auto presence = Presence::make(records_.store());
    if (!presence) {
      return presence.error();
    }
    presence_ = std::move(*presence);
    handle_ = presence_.handle();
    entered_.store(true, std::memory_order_release);
  }
  return {};
}

void TaskTaker::raise_next(std::uint64_t number) noexcept {
  raise_to(next_, number);
}

void TaskTaker::leave_over(const ClaimedTask& place) {
  const MutexLock lock(mutex_);
  left_over_.push_back(place);
}

Result<Taken> TaskTaker::left_over() {
  ClaimedTask place;
  {
    const MutexLock lock(mutex_);
    if (left_over_.empty()) {
      return Taken();
    }
    place = left_over_.back();
    left_over_.pop_back();
  }
  const auto claim = records_.claim(place.number);
  if (!claim) {
    leave_over(place);
    return claim.error();
  }
  return *claim == claim_of(place.attempt) ? Taken(place) : Taken();
}

std::vector<std::uint64_t> TaskTaker::take_unchecked() {
  const MutexLock lock(mutex_);
  return std::exchange(unchecked_, {});
}

// Claims that are there are passed without trying to put one: that takes a tenth of the time.
Result<TaskTaker::Place> TaskTaker::claim_next(FreePlace free, std::uint64_t end, Moment until) {
  for (int late = 0;;) {
    if (records_.now() >= until && (!free.has_slot || late++ == late_attempts)) {
      return no_task();
    }
    const ClaimedTask claimed{free.number, new_attempt(), {}};
    const auto put = records_.put_first(records_.claim_name(free.number), claim_of(claimed.attempt));
    if (!put) {
      leave_over(claimed);
      return put.error();
    }
    raise_next(free.number + 1);
    if (*put) {
      return Place{claimed, free.has_slot};
    }
    const auto next = find_free_place(records_, next_.load(std::memory_order_relaxed), end);
    if (!next) {
      return next.error();
    }
    free = *next;
  }
}

Result<AbandonedTasks::Looked> TaskTaker::look(const TaskLine& line, Moment until) {
  if (auto settled = settle(line); !settled) {
    return settled.error();
  }
  return abandoned_.look({line, next_.load(std::memory_order_relaxed), handle_, until});
}

// While the line is read, a place is looked for that is right unless the head has passed it, or it is the
// end.
Result<TaskTaker::Survey> TaskTaker::survey() {
  const std::vector<std::uint64_t> unchecked = take_unchecked();
  const std::uint64_t from = next_.load(std::memory_order_relaxed);
  auto [line, free] = records_.beside_line([&] { return find_free_place(records_, from, TaskLine::none); });
  if (!line) {
    return line.error();
  }
  if (line->is_drained()) {
    records_.forget_none(unchecked);
  } else if (free && (free->number < line->head || free->number == line->end)) {
    raise_next(line->head);
    free = find_free_place(records_, std::max(from, line->head), line->end);
  }
  if (free) {
    raise_next(free->number);
  }
  return free ? Result<Survey>(Survey{std::move(*line), *free}) : Result<Survey>(free.error());
}

Result<ClaimedTask> TaskTaker::take(Deadline deadline) {
  const Moment until = records_.moment(deadline);
  if (const auto entered = enter(); !entered) {
    return entered.error();
  }
  for (bool has_swept = false;;) {
    const auto seen = survey();
    if (!seen) {
      return seen.error();
    }
    if (seen->line.is_drained()) {
      return end_of_tasks();
    }
    // Else calls that are always late would not learn that all tasks are done.
    if (seen->line.is_closed() && !seen->free.has_slot && records_.now() >= until &&
        !std::exchange(has_swept, true)) {
      const auto swept = records_.sweep(records_.moment({}));
      if (!swept) {
        return swept.error();
      }
      if (swept->is_drained()) {
        continue;
      }
    }
    auto taken = Result<Taken>(Taken());
    if (abandoned_.is_look_due(seen->line, seen->free.has_slot ? rare_looks : 1)) {
      const auto looked = look(seen->line, records_.moment({}));
      taken = !looked        ? Result<Taken>(looked.error())
              : looked->task ? take_over(*looked->task)
                             : std::move(taken);
    }
    if (taken && !*taken) {
      const auto left = left_over();
      if (!left) {
        return left.error();
      }
      const auto place =
          *left ? Result<Place>(Place{**left, false}) : claim_next(seen->free, seen->line.end, until);
      if (!place) {
        return place.error();
      }
      taken = await(*place, until);
    }
    if (!taken) {
      return taken.error();
    }
    if (*taken) {
      return **taken;
    }
  }
}

Result<Taken> TaskTaker::judged(const ClaimedTask& place, const TaskSlot& slot) {
  if (slot.state == TaskSlot::State::end) {
    const auto noted = records_.note_end(place.number);
    return noted ? Result<Taken>(Taken()) : Result<Taken>(noted.error());
  }
  return slot.state == TaskSlot::State::task ? Taken(ClaimedTask{place.number, place.attempt, slot.value})
                                             : Taken();
}

Result<Taken> TaskTaker::await(const Place& place, Moment until) {
  bool is_left = false;
  auto taken = wait_at(place, until, is_left);
  if (!taken && !is_left) {
    leave_over(place.claimed);
  }
  return taken;
}

// Who is late leaves its place while the line comes: so it is late by one round trip.
Result<Taken> TaskTaker::wait_at(const Place& place, Moment until, bool& is_left) {
  const std::uint64_t number = place.claimed.number;
  const std::string slot_name = records_.slot_name(number);
  for (bool has_slot = place.has_slot;;) {
    const bool is_late = !has_slot && records_.now() >= until;
    auto [line, slot] = records_.beside_line([&]() -> Result<std::optional<TaskSlot>> {
      if (!is_late) {
        return records_.slot(number);
      }
      const auto left = records_.put_slot(number, {});
      has_slot = left && !*left;  // a task has come to this place meanwhile
      is_left = left && *left;
      return left ? Result<std::optional<TaskSlot>>(std::nullopt)
                  : Result<std::optional<TaskSlot>>(left.error());
    });
    if (!line || !slot) {
      return line ? slot.error() : line.error();
    }
    if (!line->is_open(number) || line->is_drained()) {
      return withdraw(number, *line, std::exchange(is_left, false));
    }
    if (is_left) {
      finished_.fetch_add(1, std::memory_order_relaxed);
      const MutexLock lock(mutex_);
      unchecked_.push_back(number);
      return no_task();
    }
    if (*slot) {
      return judged(place.claimed, **slot);
    }
    if (is_late) {
      continue;
    }
    has_slot = false;
    if (line->is_closed()) {
      line = records_.sweep(until);
      if (!line) {
        return line.error();
      }
      if (line->is_drained()) {
        continue;
      }
    } else {
      sweep_if_due(until);
    }
    if (records_.now() < until && abandoned_.is_look_due(*line, 1)) {
      const auto looked = look(*line, until);
      if (!looked) {
        return looked.error();
      }
      if (looked->task && records_.now() < until) {
        const auto put = records_.put_none(number);
        if (!put) {
          return put.error();
        }
        is_left = *put;
        if (is_left) {
          return take_over(*looked->task);
        }
        has_slot = true;
        continue;
      }
      if (!looked->is_complete) {
        continue;
      }
    }
    const Moment now = records_.now();
    if (now >= until) {
      continue;
    }
    // No short rest of time is left, in which a look would last beyond the deadline.
    const Moment next = until - now < 2 * Records::look_interval ? until : now + Records::look_interval;
    const auto there =
        TaskRecords::repeated([&] { return records_.wait_a_while<TaskSlot>(slot_name, next); });
    if (!there && there.error().code() != Errc::timeout) {
      return there.error();
    }
  }
}

Result<Taken> TaskTaker::withdraw(std::uint64_t number, const TaskLine& line, bool with_slot) {
  raise_next(line.head);
  std::vector<std::string> names{records_.claim_name(number)};
  if (with_slot) {
    names.push_back(records_.slot_name(number));
  }
  const auto back =
      TaskRecords::repeated([&]() -> Result<bool> { return records_.store().evict_batch(names).front(); });
  return back ? Result<Taken>(Taken()) : Result<Taken>(back.error());
}

Result<Taken> TaskTaker::take_over(std::uint64_t number) {
  const ClaimedTask place{number, new_attempt(), {}};
  const auto replaced = abandoned_.replace_claim(number, claim_of(place.attempt));
  if (!replaced) {
    leave_over(place);
    return replaced.error();
  }
  if (!*replaced) {
    return Taken();
  }
  const auto line = records_.line();
  const auto slot = records_.slot(number);
  if (!line || !slot) {
    leave_over(place);
    return line ? slot.error() : line.error();
  }
  if (!line->is_open(number) || !*slot) {
    (void)records_.store().evict(records_.claim_name(number));
    return Taken();
  }
  return judged(place, **slot);
}

// Only with the generation of the slot that was there: it may be swept meanwhile, and what was put there then
// would stay.
Result<void> TaskTaker::settle(const TaskLine& line) {
  std::vector<ClaimedTask> open;
  {
    const MutexLock lock(mutex_);
    std::erase_if(done_, [&](const ClaimedTask& task) { return !line.is_open(task.number); });
    open = done_;
  }
  std::vector<Key> values;
  values.reserve(open.size());
  for (const ClaimedTask& task : open) {
    values.push_back(task.value);
  }
  if (values.empty()) {
    return {};
  }
  const auto there = records_.store().exists_batch(values);
  for (std::size_t at = 0; at < open.size(); ++at) {
    if (there[at] || there[at].error().code() != Errc::peer_lost) {
      continue;
    }
    const std::string name = records_.slot_name(open[at].number);
    const auto info = TaskRecords::repeated([&] { return records_.store().info(name); });
    const auto told = info ? TaskRecords::repeated([&] {
      const std::uint64_t generation = info->generation != 0 ? info->generation : ~std::uint64_t{0};
      return records_.store().replace(name, TaskSlot{}, {.codec = {}, .expected_generation = generation});
    })
                           : Result<Key>(info.error());
    if (!told && told.error().code() != Errc::not_found && told.error().code() != Errc::stale) {
      return told.error();
    }
    const MutexLock lock(mutex_);
    std::erase_if(done_, [&](const ClaimedTask& task) { return task.number == open[at].number; });
  }
  return {};
}

void TaskTaker::sweep_if_due(Moment until) noexcept {
  if (finished_.load(std::memory_order_relaxed) < tasks_a_sweep) {
    return;
  }
  finished_.store(0, std::memory_order_relaxed);
  (void)records_.sweep(until);
}

void TaskTaker::sweep_after_some(Deadline deadline) noexcept {
  finished_.fetch_add(1, std::memory_order_relaxed);
  sweep_if_due(records_.moment(deadline));
}

Result<void> TaskTaker::finish(const ClaimedTask& task, Deadline deadline) {
  const auto evicted = TaskRecords::repeated(
      [&]() -> Result<bool> { return records_.store().evict(task.value, {.deadline = deadline}); });
  if (!evicted) {
    return evicted.error().code() == Errc::peer_lost ? give_up(task) : Result<void>(evicted.error());
  }
  {
    const MutexLock lock(mutex_);
    done_.push_back(task);
  }
  sweep_after_some(deadline);
  return {};
}

Result<void> TaskTaker::give_up(const ClaimedTask& task) {
  const auto replaced = TaskRecords::repeated(
      [&] { return records_.store().replace(records_.slot_name(task.number), TaskSlot{}); });
  sweep_after_some({});
  return replaced ? Result<void>() : Result<void>(replaced.error());
}

// The claim is evicted before the line says so, and the line before a taker is woken: see look().
void TaskTaker::give_back(const ClaimedTask& task) noexcept {
  const auto evicted = TaskRecords::repeated(
      [&]() -> Result<bool> { return records_.store().evict(records_.claim_name(task.number)); });
  if (!evicted) {
    leave_over(task);
    return;
  }
  const auto told = records_.change_line([](TaskLine& line) {
    ++line.returned;
    return true;
  });
  if (told) {
    (void)records_.wake_first(next_.load(std::memory_order_relaxed));
  }
}

}  // namespace locum::detail
