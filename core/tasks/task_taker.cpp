#include "core/tasks/task_taker.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace locum::detail {

namespace {

/// The records of so many tasks are evicted together.
constexpr std::uint64_t tasks_a_sweep = 32;

using Taken = std::optional<ClaimedTask>;

Error end_of_tasks() {
  return Error(Errc::end_of_stream, "this queue of tasks was closed, and all its tasks are done");
}

Error no_task() {
  return Error(Errc::timeout,
               "no task came before the deadline; wait longer, or close the queue when no more tasks come");
}

}  // namespace

TaskTaker::~TaskTaker() {
  std::vector<ClaimedTask> left;
  {
    const MutexLock lock(mutex_);
    left.swap(left_over_);
  }
  try {
    for (const ClaimedTask& place : left) {
      (void)records_.put_none(place.number);
    }
  } catch (...) {  // no memory: the presence tells
  }
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
  std::uint64_t known = next_.load(std::memory_order_relaxed);
  while (known < number && !next_.compare_exchange_weak(known, number, std::memory_order_relaxed)) {
  }
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

// Claims that are there are passed without trying to put one: that takes a tenth of the time.
Result<ClaimedTask> TaskTaker::claim_next(const TaskLine& line, Moment until) {
  for (std::uint64_t number = std::max(next_.load(std::memory_order_relaxed), line.head);; ++number) {
    if (number == line.end || records_.has(records_.claim_name(number))) {
      continue;
    }
    if (records_.now() >= until && !records_.has(records_.slot_name(number))) {
      return no_task();
    }
    const ClaimedTask place{number, new_attempt(), {}};
    const auto put = records_.put_first(records_.claim_name(number), claim_of(place.attempt));
    if (!put) {
      leave_over(place);
      return put.error();
    }
    raise_next(number + 1);
    if (*put) {
      return place;
    }
  }
}

Result<ClaimedTask> TaskTaker::take(Deadline deadline) {
  const Moment until = records_.moment(deadline);
  if (const auto entered = enter(); !entered) {
    return entered.error();
  }
  for (;;) {
    const auto line = records_.line();
    if (!line) {
      return line.error();
    }
    if (line->is_drained()) {
      return end_of_tasks();
    }
    auto taken = Result<Taken>(Taken());
    if (is_look_due(*line)) {
      const auto found = look(*line);
      taken = !found ? Result<Taken>(found.error()) : *found ? take_over(**found) : std::move(taken);
    }
    if (taken && !*taken) {
      const auto left = left_over();
      if (!left) {
        return left.error();
      }
      const auto place = *left ? Result<ClaimedTask>(**left) : claim_next(*line, until);
      if (!place) {
        return place.error();
      }
      taken = await(*place, until);
      if (!taken) {
        leave_over(*place);
      }
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

Result<Taken> TaskTaker::await(const ClaimedTask& place, Moment until) {
  const std::string slot_name = records_.slot_name(place.number);
  for (;;) {
    auto line = records_.line();
    if (!line) {
      return line.error();
    }
    if (!line->is_open(place.number) || line->is_drained()) {
      const auto back = TaskRecords::repeated(
          [&]() -> Result<bool> { return records_.store().evict(records_.claim_name(place.number)); });
      raise_next(line->head);
      return back ? Result<Taken>(Taken()) : Result<Taken>(back.error());
    }
    const auto slot = records_.slot(place.number);
    if (!slot) {
      return slot.error();
    }
    if (*slot) {
      return judged(place, **slot);
    }
    if (line->is_closed()) {
      line = records_.sweep();
      if (!line) {
        return line.error();
      }
      if (line->is_drained()) {
        continue;
      }
    }
    const auto found = is_look_due(*line) ? look(*line) : Result<std::optional<std::uint64_t>>(std::nullopt);
    if (!found) {
      return found.error();
    }
    const Moment now = records_.now();
    if (*found || now >= until) {
      const auto put = records_.put_none(place.number);
      if (!put) {
        return put.error();
      }
      if (*put) {
        return *found ? take_over(**found) : Result<Taken>(Taken());
      }
      continue;  // a task has come to this place meanwhile
    }
    const auto there = TaskRecords::repeated([&] {
      return records_.wait_a_while<TaskSlot>(slot_name, std::min(until, now + Records::look_interval));
    });
    if (!there && there.error().code() != Errc::timeout) {
      return there.error();
    }
  }
}

bool TaskTaker::is_look_due(const TaskLine& line) const {
  return line.returned != returned_.load(std::memory_order_relaxed) ||
         records_.now() >= looked_.load(std::memory_order_relaxed) + Records::look_interval;
}

// What is returned after the line was read is found by the next look.
Result<std::optional<std::uint64_t>> TaskTaker::look(const TaskLine& line) {
  const MutexLock lock(mutex_);
  returned_.store(line.returned, std::memory_order_relaxed);
  std::vector<std::uint64_t> numbers = line.held;
  for (std::uint64_t number = line.head; number < next_.load(std::memory_order_relaxed); ++number) {
    numbers.push_back(number);
  }
  for (const std::uint64_t number : numbers) {
    const auto abandoned = is_abandoned(number);
    if (!abandoned) {
      return abandoned.error();
    }
    if (*abandoned) {
      returned_.store(line.returned - 1, std::memory_order_relaxed);  // there may be more of them
      return std::optional(number);
    }
  }
  looked_.store(records_.now(), std::memory_order_relaxed);
  return std::optional<std::uint64_t>();
}

Result<bool> TaskTaker::is_abandoned(std::uint64_t number) {
  const auto claim = records_.claim(number);
  if (!claim) {
    return claim.error();
  }
  if (*claim && is_here((*claim)->taker)) {
    return false;
  }
  const auto slot = records_.slot(number);
  if (!slot) {
    return slot.error();
  }
  if (*claim && !*slot) {  // else a task would come to nobody
    const auto put = records_.put_none(number);
    return put ? Result<bool>(false) : Result<bool>(put.error());
  }
  if (*slot && (*slot)->state == TaskSlot::State::end) {  // its taker may not have noted it
    const auto noted = records_.note_end(number);
    return noted ? Result<bool>(false) : Result<bool>(noted.error());
  }
  return records_.is_to_do(*slot);
}

bool TaskTaker::is_here(const Handle& taker) {
  if (taker == handle_) {
    return true;
  }
  const auto known = watches_.try_emplace(taker.key).first;
  if (!known->second.is_begun()) {
    known->second = PresenceWatch(records_.session(), taker);
  }
  return known->second.is_here();
}

// A claim that is missing was that of a task that was given back, or of one that is over and swept meanwhile.
Result<bool> TaskTaker::replace_claim(std::uint64_t number, const TaskClaim& mine) {
  const std::string name = records_.claim_name(number);
  const auto info = TaskRecords::repeated([&] { return records_.store().info(name); });
  if (!info) {
    return info.error().code() == Errc::not_found ? records_.put_first(name, mine)
                                                  : Result<bool>(info.error());
  }
  const auto claim = records_.claim(number);
  if (!claim) {
    return claim.error();
  }
  {
    const MutexLock lock(mutex_);
    if (!*claim || is_here((*claim)->taker)) {
      return false;
    }
  }
  const std::uint64_t generation = info->generation != 0 ? info->generation : ~std::uint64_t{0};
  const auto replaced = TaskRecords::repeated([&] {
    return records_.store().replace(
        name, mine, {.codec = {}, .expected_generation = generation, .deadline = records_.moment({})});
  });
  if (replaced) {
    return true;
  }
  if (replaced.error().code() != Errc::stale && replaced.error().code() != Errc::not_found) {
    return replaced.error();
  }
  const auto now = records_.claim(number);  // after a reply that was lost it may be this one
  return now ? Result<bool>(*now == mine) : Result<bool>(now.error());
}

Result<Taken> TaskTaker::take_over(std::uint64_t number) {
  const ClaimedTask place{number, new_attempt(), {}};
  const auto replaced = replace_claim(number, claim_of(place.attempt));
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

void TaskTaker::sweep_after_some() noexcept {
  if (finished_.fetch_add(1, std::memory_order_relaxed) + 1 < tasks_a_sweep) {
    return;
  }
  finished_.store(0, std::memory_order_relaxed);
  try {
    (void)records_.sweep();
  } catch (...) {  // no memory: a later one does it
  }
}

Result<void> TaskTaker::finish(const ClaimedTask& task, Deadline deadline) {
  const auto evicted = TaskRecords::repeated(
      [&]() -> Result<bool> { return records_.store().evict(task.value, {.deadline = deadline}); });
  if (!evicted) {
    return evicted.error().code() == Errc::peer_lost ? give_up(task) : Result<void>(evicted.error());
  }
  sweep_after_some();
  return {};
}

Result<void> TaskTaker::give_up(const ClaimedTask& task) {
  const auto replaced = TaskRecords::repeated(
      [&] { return records_.store().replace(records_.slot_name(task.number), TaskSlot{}); });
  sweep_after_some();
  return replaced ? Result<void>() : Result<void>(replaced.error());
}

// The claim is evicted before the line says so, and the line before a taker is woken: see look().
void TaskTaker::give_back(const ClaimedTask& task) noexcept {
  try {
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
  } catch (...) {  // no memory: looks find it
  }
}

}  // namespace locum::detail
