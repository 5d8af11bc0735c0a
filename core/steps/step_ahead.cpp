#include "core/steps/step_ahead.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "core/async/posts_together.hpp"
#include "core/steps/step_fetch.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

namespace {

/// The name's home keeps a wait until its deadline, also a wait for a step that nobody needs any more.
constexpr std::chrono::seconds longest_wait{1};
/// So many steps are on their way at a time where a message takes as long as the writer for one or two.
constexpr std::uint32_t most_asked = 3;

// Where steps may be dropped the reader chooses among those that there are.
std::uint32_t steps_asked_for(const Stream& stream, std::uint32_t steps) {
  return stream.is_home()             ? 0
         : stream.record().may_drop() ? steps
                                      : std::max(steps, std::min(most_asked, stream.record().queue_steps));
}

template <class Indices>
bool equal(const Indices& a, const Indices& b) noexcept {
  bool all = a.size() == b.size();
  for (std::size_t at = 0; all && at < a.size(); ++at) {
    all = a[at] == b[at];
  }
  return all;
}

bool same(const Hyperslab& one, const Hyperslab& other) noexcept {
  return equal(one.start, other.start) && equal(one.count, other.count) && equal(one.stride, other.stride);
}

}  // namespace

void StepTransfers::add(StepTransfers others) {
  all_.insert(all_.end(), std::make_move_iterator(others.all_.begin()),
              std::make_move_iterator(others.all_.end()));
}

// The writers of an array gave it one type, by which alone it can be read: a slab counts the same elements.
std::optional<AsyncResult<ObjectView>> StepTransfers::take(const BoxPiece& piece) {
  const auto there = std::ranges::find_if(
      all_, [&](const Transfer& one) { return one.block == piece.block->key && same(one.slab, piece.slab); });
  if (there == all_.end()) {
    return std::nullopt;
  }
  auto object = std::move(there->object);
  all_.erase(there);
  return object;
}

bool StepWish::same_as(const StepWish& other) const noexcept {
  return of == other.of && writer == other.writer && name == other.name && type == other.type &&
         same(box, other.box);
}

StepAhead::StepAhead(const Stream& stream, std::uint32_t steps)
    : stream_(std::make_unique<const Stream>(stream)),
      steps_(steps),
      asked_(steps_asked_for(stream, steps)) {}

StepAhead::~StepAhead() {
  const MutexLock lock(mutex_);
  cancel(watches_);
}

void StepAhead::begins(std::uint64_t number, const View<StepRecord>& step) {
  StepTransfers unread;
  std::map<std::uint64_t, Next> passed;
  Watches over;
  std::vector<StepWish> missing;
  {
    const MutexLock lock(mutex_);
    number_ = number;
    is_released_ = false;
    while (!watches_.empty() && watches_.begin()->first <= number) {
      over.insert(watches_.extract(watches_.begin()));
    }
    wishes_ = std::exchange(read_, {});
    unread = std::exchange(now_, {});
    while (!next_.empty() && next_.begin()->first <= number) {
      passed.insert(next_.extract(next_.begin()));
    }
    if (const auto there = passed.find(number); there != passed.end()) {
      now_ = std::move(there->second.transfers);
    } else {
      missing = wishes_;
    }
  }
  if (!missing.empty()) {
    auto transfers = begin(missing, number, step);
    const MutexLock lock(mutex_);
    now_.add(std::move(transfers));
  }
  cancel(over);
  watch_next();
}

void StepAhead::released(std::uint64_t number) {
  {
    const MutexLock lock(mutex_);
    if (number != number_) {
      return;
    }
    is_released_ = true;
  }
  watch_next();
}

void StepAhead::wants(std::uint64_t number, StepWish wish) {
  std::map<std::uint64_t, View<StepRecord>> later;
  {
    const MutexLock lock(mutex_);
    const auto is_it = [&](const StepWish& other) { return other.same_as(wish); };
    if (number != number_ || std::ranges::any_of(read_, is_it)) {
      return;
    }
    read_.push_back(wish);
    if (std::ranges::any_of(wishes_, is_it)) {
      return;
    }
    wishes_.push_back(wish);
    for (const auto& [number_of_next, next] : next_) {
      later.emplace(number_of_next, next.step);
    }
  }
  for (const auto& [number_of_next, step] : later) {
    auto transfers = begin({wish}, number_of_next, step);
    const MutexLock lock(mutex_);
    if (const auto next = next_.find(number_of_next); next != next_.end()) {
      next->second.transfers.add(std::move(transfers));
    }
  }
  watch_next();
}

void StepAhead::cancel(Watches& watches) {
  for (auto& [number, watch] : watches) {
    if (watch.record) {
      watch.record->cancel();
    }
  }
}

std::vector<std::uint64_t> StepAhead::choose_next() {
  std::vector<std::uint64_t> chosen;
  const bool asks_on = asked_ > 0 && is_released_ && !stream_->record().may_drop();
  const std::uint64_t last = number_ + std::max(wishes_.empty() ? 0 : steps_, asked_ + (asks_on ? 1 : 0));
  for (std::uint64_t number = number_ + 1; number <= last; ++number) {
    if (!next_.contains(number) && watches_.try_emplace(number).second) {
      chosen.push_back(number);
    }
  }
  return chosen;
}

// A reader that waits for the next step, and wished for nothing, learns of it by itself: that takes no other
// thread.
StepAhead::Watches StepAhead::take_untold() {
  Watches untold;
  for (auto& [number, watch] : watches_) {
    const bool is_fetched = number <= number_ + steps_ && (!wishes_.empty() || steps_ > 1);
    if (is_fetched && !watch.is_told && watch.record) {
      watch.is_told = true;
      untold.emplace(number, watch);
    }
  }
  return untold;
}

void StepAhead::watch_next() {
  std::vector<std::uint64_t> chosen;
  {
    const MutexLock lock(mutex_);
    chosen = choose_next();
  }
  for (const std::uint64_t number : chosen) {
    auto record = stream_->store().wait_async<StepRecord>(stream_->step(number), longest_wait);
    const MutexLock lock(mutex_);
    if (const auto watch = watches_.find(number); watch != watches_.end()) {
      watch->second.record = std::move(record);
    }  // else the reader has passed it
  }
  Watches untold;
  {
    const MutexLock lock(mutex_);
    untold = take_untold();
  }
  for (const auto& [number, watch] : untold) {
    tell_of(*watch.record, number);
  }
}

void StepAhead::tell_of(const Future<StepRecord>& watch, std::uint64_t number) {
  (void)watch.then([self = weak_from_this(), number](const Result<View<StepRecord>>& step) {
    if (const auto ahead = self.lock()) {
      ahead->arrived(number, step);
    }
  });
}

std::optional<Result<View<StepRecord>>> StepAhead::await(std::uint64_t number,
                                                         Deadline::Clock::time_point until) {
  Future<StepRecord> watch;
  {
    const MutexLock lock(mutex_);
    if (const auto there = next_.find(number); there != next_.end()) {
      return there->second.step;
    }
    const auto watched = watches_.find(number);
    if (watched == watches_.end() || !watched->second.record) {
      return std::nullopt;
    }
    watch = *watched->second.record;
  }
  auto there = watch.get(until);
  return there || !watch.ready() ? std::optional(std::move(there)) : std::nullopt;
}

// On any error but a timeout the reader itself learns what has happened.
void StepAhead::arrived(std::uint64_t number, const Result<View<StepRecord>>& step) {
  std::vector<StepWish> wishes;
  const bool is_there = step && (*step)->state == StepRecord::State::ready && (*step)->is_valid();
  {
    const MutexLock lock(mutex_);
    const auto watch = watches_.find(number);
    if (watch == watches_.end() || (!is_there && (step || step.error().code() != Errc::timeout))) {
      return;
    }
    watches_.erase(watch);
    if (is_there && number > number_) {
      next_[number].step = *step;
      wishes = wishes_;
    }
  }
  if (!wishes.empty()) {
    auto transfers = begin(wishes, number, *step);
    const MutexLock lock(mutex_);
    if (const auto next = next_.find(number); next != next_.end()) {
      next->second.transfers.add(std::move(transfers));
    } else if (number == number_) {
      now_.add(std::move(transfers));
    }
  }
  watch_next();
}

StepTransfers StepAhead::begin(const std::vector<StepWish>& wishes, std::uint64_t number,
                               const View<StepRecord>& step) const {
  StepTransfers all;
  const PostsTogether requests;
  const StepFetch fetch(stream_->store(), stream_->session().options().node, nullptr, number, step, {});
  for (const StepWish& wish : wishes) {
    all.add(fetch.begin(wish));
  }
  return all;
}

}  // namespace locum::detail
