#include "core/tasks/abandoned_tasks.hpp"

#include <algorithm>

namespace locum::detail {

namespace {

/// A look reads so many claims.
constexpr std::size_t claims_a_look = 2048;
/// So many looks believe the claims that they have read to be there still, as long as their takers live.
constexpr int looks_without_reading = 20;

}  // namespace

bool AbandonedTasks::is_look_due(const TaskLine& line, int intervals) const {
  return line.returned != returned_.load(std::memory_order_relaxed) ||
         records_.now() >= looked_.load(std::memory_order_relaxed) + intervals * Records::look_interval;
}

// What is returned after the line was read is found by the next look.
Result<AbandonedTasks::Looked> AbandonedTasks::look(const Range& range) {
  if (is_looking_.exchange(true, std::memory_order_acquire)) {
    return Looked{};  // another thread looks
  }
  auto looked = look_alone(range);
  is_looking_.store(false, std::memory_order_release);
  return looked;
}

Result<AbandonedTasks::Looked> AbandonedTasks::look_alone(const Range& range) {
  const std::vector<std::uint64_t> numbers = not_seen(range);
  const bool is_complete = numbers.size() < claims_a_look;
  const auto claims = records_.claims(numbers);
  if (!claims) {
    return claims.error();
  }
  std::vector<std::uint64_t> loose;
  std::vector<bool> is_claimed;
  {
    const MutexLock lock(mutex_);
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      const auto& claim = (*claims)[at];
      if (claim && watches(claim->taker, range.own)) {
        seen_[numbers[at]] = {.taker = claim->taker};
      } else {
        loose.push_back(numbers[at]);
        is_claimed.push_back(claim.has_value());
      }
    }
  }
  auto abandoned = Result<std::optional<std::uint64_t>>(std::nullopt);
  const bool is_late = !loose.empty() && records_.now() >= range.until;
  if (!loose.empty() && !is_late) {
    abandoned = first_abandoned(loose, is_claimed, range.until);
    if (!abandoned) {
      return abandoned.error();
    }
  }
  if (*abandoned) {
    returned_.store(range.line.returned - 1, std::memory_order_relaxed);  // there may be more of them
  } else if (is_complete && !is_late) {
    looked_.store(records_.now(), std::memory_order_relaxed);
  }
  return Looked{*abandoned, is_complete};
}

// A claim that was read is believed until its taker is lost, or a task was given back: so a look reads those
// that are new. An error may have kept a taker from saying that it gave a task back.
std::vector<std::uint64_t> AbandonedTasks::not_seen(const Range& range) {
  const MutexLock lock(mutex_);
  if (returned_.exchange(range.line.returned, std::memory_order_relaxed) != range.line.returned ||
      ++looks_ % looks_without_reading == 0) {
    seen_.clear();
  }
  std::erase_if(seen_, [&](const auto& one) { return !range.line.is_open(one.first); });
  std::unordered_map<Key, bool> here;
  const auto is_seen = [&](std::uint64_t number) LOCUM_REQUIRES(mutex_) {
    const auto seen = seen_.find(number);
    if (seen == seen_.end() || seen->second.is_over) {
      return seen != seen_.end();
    }
    const auto [known, is_new] = here.try_emplace(seen->second.taker.key, false);
    if (is_new) {
      known->second = watches(seen->second.taker, range.own);
    }
    return known->second;
  };
  std::vector<std::uint64_t> numbers;
  const auto add = [&](std::uint64_t number) LOCUM_REQUIRES(mutex_) {
    if (numbers.size() < claims_a_look && !is_seen(number)) {
      numbers.push_back(number);
    }
  };
  std::ranges::for_each(range.line.held, add);
  for (std::uint64_t number = range.line.head; number < range.below; ++number) {
    add(number);
  }
  return numbers;
}

// Of numbers without a claim, or with that of a taker that is not there any more.
Result<std::optional<std::uint64_t>> AbandonedTasks::first_abandoned(const std::vector<std::uint64_t>& loose,
                                                                     const std::vector<bool>& is_claimed,
                                                                     Moment until) {
  const auto slots = records_.slots(loose);
  if (!slots) {
    return slots.error();
  }
  std::vector<std::uint64_t> over;
  std::vector<std::uint64_t> empty;
  std::vector<std::uint64_t> tasks;
  std::vector<Key> values;
  for (std::size_t at = 0; at < loose.size(); ++at) {
    const auto& slot = (*slots)[at];
    if (!slot) {
      if (is_claimed[at]) {  // else a task would come to nobody
        empty.push_back(loose[at]);
      }
    } else if (slot->state == TaskSlot::State::task) {
      tasks.push_back(loose[at]);
      values.push_back(slot->value);
    } else if (slot->state == TaskSlot::State::none) {
      over.push_back(loose[at]);
    } else if (const auto noted = records_.note_end(loose[at]); !noted) {  // its taker may not have noted it
      return noted.error();
    }
  }
  if (records_.now() >= until) {
    return std::optional<std::uint64_t>();
  }
  if (!empty.empty()) {
    if (const auto put = records_.put_none(empty); !put) {
      return put.error();
    }
  }
  const std::vector<bool> there = values.empty() ? std::vector<bool>() : records_.are_there(values);
  std::optional<std::uint64_t> first;
  for (std::size_t at = 0; at < tasks.size(); ++at) {
    if (!there[at]) {
      over.push_back(tasks[at]);
    } else if (!first) {
      first = tasks[at];
    }
  }
  const MutexLock lock(mutex_);
  for (const std::uint64_t number : over) {
    seen_[number] = {.is_over = true};
  }
  return first;
}

bool AbandonedTasks::is_here(const Handle& taker, const Handle& own) {
  const MutexLock lock(mutex_);
  return watches(taker, own);
}

bool AbandonedTasks::watches(const Handle& taker, const Handle& own) {
  if (taker == own) {
    return true;
  }
  const auto known = watches_.try_emplace(taker.key).first;
  if (!known->second.is_begun()) {
    known->second = PresenceWatch(records_.session(), taker);
  }
  return known->second.is_here();
}

// A claim that is missing was that of a task that was given back, or of one that is over and swept meanwhile.
Result<bool> AbandonedTasks::replace_claim(std::uint64_t number, const TaskClaim& mine) {
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
  if (!*claim || is_here((*claim)->taker, mine.taker)) {
    return false;
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

}  // namespace locum::detail
