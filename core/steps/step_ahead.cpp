#include "core/steps/step_ahead.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "core/steps/step_fetch.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

namespace {

/// The name's home keeps a wait until its deadline, also a wait for a step that nobody needs any more.
constexpr std::chrono::seconds longest_wait{1};

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
    : stream_(std::make_unique<const Stream>(stream)), steps_(steps), records_come_(!stream.is_home()) {}

StepAhead::~StepAhead() {
  const MutexLock lock(mutex_);
  watch_.cancel();
}

void StepAhead::begins(std::uint64_t number) {
  StepTransfers unread;
  std::map<std::uint64_t, Next> passed;
  {
    const MutexLock lock(mutex_);
    number_ = number;
    wishes_ = std::exchange(read_, {});
    unread = std::exchange(now_, {});
    while (!next_.empty() && next_.begin()->first <= number) {
      passed.insert(next_.extract(next_.begin()));
    }
    if (const auto there = passed.find(number); there != passed.end()) {
      now_ = std::move(there->second.transfers);
    }
  }
  watch_next();
}

void StepAhead::wants(std::uint64_t number, StepWish wish) {
  std::map<std::uint64_t, View<StepRecord>> later;
  std::optional<std::uint64_t> untold;
  Future<StepRecord> watch;
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
    if (watched_ && !std::exchange(is_told_, true)) {
      untold = watched_;
      watch = watch_;
    }
  }
  if (untold) {
    tell_of(watch, *untold);
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

std::optional<std::uint64_t> StepAhead::choose_next() {
  const std::uint64_t number = next_.empty() ? number_ + 1 : next_.rbegin()->first + 1;
  const bool is_watched = watched_ && *watched_ >= number;
  return (wishes_.empty() && !records_come_) || is_watched || number > number_ + steps_
             ? std::nullopt
             : std::optional(number);
}

// A reader that waits for the next step, and wished for nothing, learns of it by itself: that takes no other
// thread.
void StepAhead::watch_next() {
  std::optional<std::uint64_t> number;
  {
    const MutexLock lock(mutex_);
    number = choose_next();
    if (!number) {
      return;
    }
    watched_ = number;
    is_told_ = true;  // so that nobody else has it told before the watch is there
  }
  auto watch = stream_->store().wait_async<StepRecord>(stream_->step(*number), longest_wait);
  Future<StepRecord> before;
  bool is_told = true;
  {
    const MutexLock lock(mutex_);
    if (watched_ == number) {
      before = std::exchange(watch_, watch);
      watch_of_ = number;
      is_told_ = is_told = !wishes_.empty() || steps_ > 1;
    }
  }
  before.cancel();
  if (is_told) {
    tell_of(watch, *number);
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
    if (watch_of_ != number) {
      return std::nullopt;
    }
    watch = watch_;
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
    if (watched_ != number || (!is_there && (step || step.error().code() != Errc::timeout))) {
      return;
    }
    watched_.reset();
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
  const StepFetch fetch(stream_->store(), stream_->session().options().node, nullptr, number, step, {});
  for (const StepWish& wish : wishes) {
    all.add(fetch.begin(wish));
  }
  return all;
}

}  // namespace locum::detail
