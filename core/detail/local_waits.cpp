#include "core/detail/local_waits.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/async/name_answer.hpp"
#include "core/base/mutex.hpp"
#include "core/node/promised.hpp"
#include "core/ports/directory.hpp"

namespace locum::detail {

/// One wait.
class LocalWaits::Wait final : public Fetch {
 public:
  using Clock = Deadline::Clock;

  Wait(std::uint32_t store, std::string name, Clock::time_point until)
      : store_(store), name_(std::move(name)), until_(until) {}

  [[nodiscard]] Address address() const noexcept { return {store_, name_}; }
  [[nodiscard]] Clock::time_point until() const noexcept { return until_; }
  [[nodiscard]] Error late() const {
    return promise_named(store_, name_) ? promise_not_set() : name_not_put();
  }
  [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  /// Called once.
  void end(Result<ObjectView> outcome) noexcept {
    std::shared_ptr<CompletionListener> observer;
    {
      const MutexLock lock(mutex_);
      outcome_.emplace(std::move(outcome));
      observer.swap(listener_);
      changed_.notify_all();
    }
    ended_.store(true, std::memory_order_release);
    if (observer) {
      observer->ended();
    }
  }

  [[nodiscard]] bool ended() const noexcept override { return ended_.load(std::memory_order_acquire); }
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override {
    const auto until = deadline.is_default() ? until_ : deadline.moment(look_interval);
    MutexLock lock(mutex_);
    while (!outcome_) {
      if (!lock.wait_until(changed_, until) && !outcome_) {
        return late();
      }
    }
    return *outcome_;
  }
  void hurry() noexcept override {}
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    {
      const MutexLock lock(mutex_);
      if (!outcome_) {
        listener_ = std::move(observer);
        return;
      }
    }
    observer->ended();
  }
  void forget() noexcept override { wanted_.store(false, std::memory_order_relaxed); }

 private:
  const std::uint32_t store_;
  const std::string name_;
  const Clock::time_point until_;
  std::atomic<bool> wanted_{true};
  std::atomic<bool> ended_{false};
  Mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<ObjectView>> outcome_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<CompletionListener> listener_ LOCUM_GUARDED_BY(mutex_);
};

struct LocalWaits::State {
  Mutex mutex;
  std::condition_variable changed;
  std::vector<std::shared_ptr<Wait>> waits LOCUM_GUARDED_BY(mutex);
  bool told LOCUM_GUARDED_BY(mutex) = false;  ///< whether a look-up is due
  std::optional<Error> closed LOCUM_GUARDED_BY(mutex);
  std::thread thread LOCUM_GUARDED_BY(mutex);
  std::atomic<bool> disowned{false};
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

LocalWaits::LocalWaits(std::shared_ptr<Connector> connector, ThreadStart on_start)
    : connector_(std::move(connector)), on_start_(std::move(on_start)), state_(std::make_shared<State>()) {}

// A forked process does not have the thread, and its part in the state never ends.
LocalWaits::~LocalWaits() {
  if (!state_->disowned.load(std::memory_order_relaxed)) {
    close(Error(Errc::closed, "the runtime was closed before this operation ended; keep it open until then"));
  }
}

std::shared_ptr<Fetch> LocalWaits::begin(std::uint32_t store, std::string name,
                                         Deadline::Clock::time_point until) {
  auto wait = std::make_shared<Wait>(store, std::move(name), until);
  std::optional<Error> refused;
  {
    const MutexLock lock(state_->mutex);
    refused = state_->closed;
    if (!refused && !state_->thread.joinable()) {
      try {
        state_->thread = std::thread([state = state_, connector = connector_, on_start = on_start_,
                                      alarm = std::make_shared<Alarm>(state_)] {
          if (on_start) {
            on_start("locum promises");
          }
          work(*state, *connector, alarm);
        });
      } catch (const std::system_error&) {
        refused = Error(Errc::out_of_memory, "there cannot be another thread to wait for this");
      }
    }
    if (!refused) {
      state_->waits.push_back(wait);
      state_->told = true;
      state_->changed.notify_all();
    }
  }
  if (refused) {
    wait->end(std::move(*refused));
  }
  return wait;
}

void LocalWaits::close(const Error& error) noexcept {
  std::vector<std::shared_ptr<Wait>> waits;
  std::thread thread;
  {
    const MutexLock lock(state_->mutex);
    state_->closed = error;
    waits.swap(state_->waits);
    thread.swap(state_->thread);
    state_->changed.notify_all();
  }
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();  // it ends by itself, and owns what it needs for that
  } else if (thread.joinable()) {
    thread.join();
  }
  for (const auto& wait : waits) {
    if (!wait->ended()) {
      wait->end(error);
    }
  }
}

void LocalWaits::disown() noexcept {
  state_->disowned.store(true, std::memory_order_relaxed);
}

// Watches first, then looks: a bind after the look is notified. None: not yet.
std::optional<Result<ObjectView>> LocalWaits::look(Connector& connector, const Wait& wait,
                                                   const std::shared_ptr<Alarm>& alarm) noexcept {
  connector.watch(wait.address(), alarm);
  auto found = connector.wait(wait.address(), Deadline::Clock::time_point::min());
  if (!found && found.error().code() == Errc::timeout) {
    return std::nullopt;
  }
  return found;
}

// Allocates nothing: a wait whose time is over always ends. Only the one thread removes any, except close(),
// which removes all.
void LocalWaits::look_at_all(State& state, Connector& connector,
                             const std::shared_ptr<Alarm>& alarm) noexcept {
  for (std::size_t at = 0;; ++at) {
    std::shared_ptr<Wait> wait;
    {
      const MutexLock lock(state.mutex);
      if (at >= state.waits.size()) {
        return;
      }
      wait = state.waits[at];
    }
    if (auto outcome = look(connector, *wait, alarm)) {
      wait->end(std::move(*outcome));
    } else if (Deadline::Clock::now() >= wait->until() || !wait->is_wanted()) {
      wait->end(wait->late());
    }
  }
}

// A notification does not say which name was bound, so all are looked up; and not again before the duration
// of the last look-up has passed: however many promises are awaited, setting them in a row takes at most
// twice the time.
void LocalWaits::work(State& state, Connector& connector, const std::shared_ptr<Alarm>& alarm) noexcept {
  using Clock = Deadline::Clock;
  constexpr auto of_one_look = std::chrono::microseconds(1);
  Clock::time_point earliest;
  for (;;) {
    {
      MutexLock lock(state.mutex);
      std::erase_if(state.waits, [](const auto& wait) { return wait->ended(); });
      auto latest = Clock::time_point::max();
      for (const auto& wait : state.waits) {
        latest = std::min({latest, wait->until(), Clock::now() + look_interval});
      }
      while (!state.closed) {
        const auto due = std::max(earliest, state.told ? Clock::time_point() : latest);
        if (Clock::now() >= due) {
          break;
        }
        (void)lock.wait_until(state.changed, due);
      }
      if (state.closed) {
        return;
      }
      state.told = false;
      earliest = Clock::now() + of_one_look * static_cast<std::int64_t>(state.waits.size());
    }
    look_at_all(state, connector, alarm);
  }
}

}  // namespace locum::detail
