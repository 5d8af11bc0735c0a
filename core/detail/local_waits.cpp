#include "core/detail/local_waits.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "core/async/awaited_fetch.hpp"
#include "core/async/name_answer.hpp"
#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"
#include "core/node/promised.hpp"
#include "core/ports/directory.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

/// So much has a wait that has no time, for its look and for what that finds.
constexpr std::chrono::seconds without_time{2};

}  // namespace

/// One wait, for which one look is under way at a time.
class LocalWaits::Wait final : public AwaitedFetch {
 public:
  using Clock = Deadline::Clock;

  Wait(std::uint32_t store, std::string name, CountsUntil counts, Deadline deadline, Clock::time_point until,
       Clock::time_point now)
      : AwaitedFetch(std::max(until, now)),
        store_(store),
        name_(std::move(name)),
        counts_(counts),
        deadline_(until <= now ? Deadline(now + without_time) : deadline),
        looks_once_(until <= now) {}

  [[nodiscard]] Address address() const noexcept { return {store_, name_}; }
  [[nodiscard]] std::shared_ptr<Look> look_by(Connector& connector) const {
    return connector.look_later(address(), counts_, deadline_);
  }
  [[nodiscard]] Error late() const override {
    return promise_named(store_, name_) ? promise_not_set() : name_not_put();
  }
  /// When to call may_look() at the latest.
  [[nodiscard]] Clock::time_point next() const LOCUM_EXCLUDES(looks_) {
    const MutexLock lock(looks_);
    return std::min(ends_at(), is_due_ && !is_looking_ ? std::min(rested_at_, next_look_) : next_look_);
  }
  /// Whether a look should begin now: then its end is told by looked(). `told`: the name may have been bound.
  [[nodiscard]] bool may_look(bool told, Clock::time_point now) LOCUM_EXCLUDES(looks_) {
    const MutexLock lock(looks_);
    is_due_ = is_due_ || told;
    const bool is_time = now >= next_look_;
    if (is_time) {
      next_look_ = now + look_interval;
    }
    if (is_looking_ || !((is_due_ && now >= rested_at_) || is_time)) {
      return false;
    }
    is_due_ = false;
    is_looking_ = true;
    look_began_ = now;
    next_look_ = now + look_interval;
    return true;
  }
  /// This look, which has begun, is the one that is under way.
  void looks_by(const std::shared_ptr<Look>& look) noexcept LOCUM_EXCLUDES(looks_) {
    {
      const MutexLock lock(looks_);
      look_ = look;
    }
    if (is_decided() || !is_wanted()) {
      look->forget();  // who has said so meanwhile has not found it
    } else if (is_expedited()) {
      look->expedite();
    }
  }
  /// A look has ended, and its result was told. Returns whether something is to be done. However often
  /// others are bound, the next look begins only once as much time has passed as this one took.
  bool looked() noexcept LOCUM_EXCLUDES(looks_) {
    const MutexLock lock(looks_);
    look_.reset();
    is_looking_ = is_decided();  // then there is no other
    has_looked_ = true;
    const auto now = Clock::now();
    rested_at_ = now + (now - look_began_);
    return is_looking_ || is_due_ || looks_once_;
  }
  /// Whether its time is over, or nobody wants it.
  [[nodiscard]] bool is_over(Clock::time_point now) const noexcept LOCUM_EXCLUDES(looks_) {
    const MutexLock lock(looks_);
    return now >= ends_at() || !is_wanted();
  }
  void end_with(const Error& error) noexcept {
    end(error);
    if (const auto look = look_under_way()) {
      look->forget();
    }
  }

  void expedite() noexcept override {
    AwaitedFetch::expedite();
    if (const auto look = look_under_way()) {
      look->expedite();
    }
  }
  void forget() noexcept override {
    AwaitedFetch::forget();
    if (const auto look = look_under_way()) {
      look->forget();
    }
  }

 private:
  [[nodiscard]] std::shared_ptr<Look> look_under_way() const noexcept LOCUM_EXCLUDES(looks_) {
    const MutexLock lock(looks_);
    return look_;
  }
  [[nodiscard]] Clock::time_point ends_at() const noexcept LOCUM_REQUIRES(looks_) {
    if (!looks_once_) {
      return until();
    }
    return has_looked_ ? Clock::time_point::min() : Clock::time_point::max();
  }

  const std::uint32_t store_;
  const std::string name_;
  const CountsUntil counts_;
  const Deadline deadline_;
  const bool looks_once_;
  mutable Mutex looks_;
  bool is_due_ LOCUM_GUARDED_BY(looks_) = true;  ///< a look is to begin once none is under way
  bool is_looking_ LOCUM_GUARDED_BY(looks_) = false;
  bool has_looked_ LOCUM_GUARDED_BY(looks_) = false;
  Clock::time_point next_look_ LOCUM_GUARDED_BY(looks_);
  Clock::time_point look_began_ LOCUM_GUARDED_BY(looks_);
  Clock::time_point rested_at_ LOCUM_GUARDED_BY(looks_);
  std::shared_ptr<Look> look_ LOCUM_GUARDED_BY(looks_);
};

struct LocalWaits::State {
  const ForkMark maker;
  Mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<Wait>> waits LOCUM_GUARDED_BY(mutex);
  bool told LOCUM_GUARDED_BY(mutex) = false;   ///< whether a look for all is due
  bool woken LOCUM_GUARDED_BY(mutex) = false;  ///< whether something is to be done for one of them
  std::optional<Error> closed LOCUM_GUARDED_BY(mutex);
  BackgroundThread thread LOCUM_GUARDED_BY(mutex);

  /// Those that were told how they end.
  [[nodiscard]] std::vector<std::shared_ptr<Wait>> take_decided() LOCUM_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    const auto decided = std::ranges::partition(waits, [](const auto& wait) { return !wait->is_decided(); });
    std::vector<std::shared_ptr<Wait>> taken(std::make_move_iterator(decided.begin()),
                                             std::make_move_iterator(decided.end()));
    waits.erase(decided.begin(), decided.end());
    return taken;
  }
  void wake() noexcept LOCUM_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    woken = true;
    changed.notify_all();
  }
};

class LocalWaits::Alarm final : public NameWatcher {
 public:
  explicit Alarm(std::weak_ptr<State> state) noexcept : state_(std::move(state)) {}

  void bound() noexcept override {
    if (const auto state = state_.lock()) {
      const MutexLock lock(state->mutex);
      state->told = true;
      state->changed.notify_all();
    }
  }

 private:
  const std::weak_ptr<State> state_;
};

LocalWaits::LocalWaits(std::shared_ptr<Connector> connector)
    : connector_(std::move(connector)),
      state_(std::make_shared<State>()),
      alarm_(std::make_shared<Alarm>(state_)) {}

// In a forked process the thread's part in the state never ends.
LocalWaits::~LocalWaits() {
  if (!state_->maker.in_child()) {
    close(closed_before_end());
  }
}

NowOrTask<ObjectView> LocalWaits::begin(std::uint32_t store, std::string name, CountsUntil counts,
                                        Deadline deadline, Deadline::Clock::time_point until) {
  const auto now = Deadline::Clock::now();
  auto wait = std::make_shared<Wait>(store, std::move(name), counts, deadline, until, now);
  const auto look = wait->look_by(*connector_);
  if (look) {
    (void)wait->may_look(false, now);
  } else if (auto found = connector_->wait(wait->address(), Deadline::Clock::time_point::min());
             found || found.error().code() != Errc::timeout) {
    return {std::move(found)};
  }
  std::optional<Error> refused;
  {
    const MutexLock lock(state_->mutex);
    refused = state_->closed;
    if (!refused && !state_->thread.is_started()) {
      const auto started = state_->thread.start(
          "locum promises",
          [state = state_, connector = connector_, alarm = alarm_] { work(state, *connector, alarm); });
      refused = started ? std::nullopt : std::optional(started.error());
    }
    if (!refused) {
      state_->waits.push_back(wait);
      state_->woken = true;
      state_->changed.notify_all();
    }
  }
  if (refused) {
    wait->end(std::move(*refused));
  } else if (look) {
    connector_->watch(wait->address(), alarm_);
    begin_look(state_, wait, look);
  }
  return {ObjectView(), std::move(wait)};
}

void LocalWaits::close(const Error& error) noexcept {
  std::vector<std::shared_ptr<Wait>> waits;
  BackgroundThread thread;  // owns what it needs to end
  {
    const MutexLock lock(state_->mutex);
    state_->closed = error;
    waits.swap(state_->waits);
    thread = std::move(state_->thread);
    state_->changed.notify_all();
  }
  thread.join();
  for (const auto& wait : waits) {
    wait->end_with(error);
  }
}

// The look is kept until its result was taken, and so the connector, but not the thread.
void LocalWaits::begin_look(const std::shared_ptr<State>& state, const std::shared_ptr<Wait>& wait,
                            const std::shared_ptr<Look>& look) {
  auto looked = on_completion([wait, look, weak = std::weak_ptr(state)] {
    auto found = look->get({});
    if (found && *found) {
      wait->end_as(*found);
    } else if (!found && found.error().code() != Errc::timeout) {
      wait->end(found.error());
    }
    if (const auto kept = weak.lock(); wait->looked() && kept) {
      kept->wake();
    }
  });
  look->begin();
  wait->looks_by(look);
  look->observe(std::move(looked));
}

// Watches first, then looks: a bind after the look is notified.
void LocalWaits::look(const std::shared_ptr<State>& state, Connector& connector,
                      const std::shared_ptr<Alarm>& alarm, const std::shared_ptr<Wait>& wait) noexcept {
  connector.watch(wait->address(), alarm);
  if (const auto look = wait->look_by(connector)) {
    begin_look(state, wait, look);
    return;
  }
  auto found = connector.wait(wait->address(), Deadline::Clock::time_point::min());
  if (found || found.error().code() != Errc::timeout) {
    wait->end(std::move(found));
  }
  (void)wait->looked();
}

// Only the one thread removes any, except close(), which removes all.
void LocalWaits::look_at_all(const std::shared_ptr<State>& state, Connector& connector,
                             const std::shared_ptr<Alarm>& alarm, bool told) noexcept {
  for (std::size_t at = 0;; ++at) {
    std::shared_ptr<Wait> wait;
    {
      const MutexLock lock(state->mutex);
      if (at >= state->waits.size()) {
        return;
      }
      wait = state->waits[at];
    }
    if (wait->may_look(told, Deadline::Clock::now())) {
      look(state, connector, alarm, wait);
    }
    if (wait->is_over(Deadline::Clock::now())) {
      wait->end_with(wait->late());
    }
  }
}

// A notification does not say which name was bound, so all are looked up; and not again before the duration
// of the last look-up has passed: however many promises are awaited in memory, setting them in a row takes at
// most twice the time.
void LocalWaits::work(const std::shared_ptr<State>& state, Connector& connector,
                      const std::shared_ptr<Alarm>& alarm) noexcept {
  using Clock = Deadline::Clock;
  constexpr auto of_one_look = std::chrono::microseconds(1);
  Clock::time_point earliest;
  for (;;) {
    bool told = false;
    state->take_decided().clear();  // without the lock: the end of one may begin another fetch
    {
      MutexLock lock(state->mutex);
      auto latest = Clock::time_point::max();
      for (const auto& wait : state->waits) {
        latest = std::min(latest, wait->next());
      }
      while (!state->closed) {
        const auto due = std::max(earliest, state->told || state->woken ? Clock::time_point() : latest);
        if (Clock::now() >= due) {
          break;
        }
        (void)lock.wait_until(state->changed, due);
      }
      if (state->closed) {
        return;
      }
      told = std::exchange(state->told, false);
      state->woken = false;
      earliest = Clock::now() + of_one_look * static_cast<std::int64_t>(state->waits.size());
    }
    look_at_all(state, connector, alarm, told);
  }
}

}  // namespace locum::detail
