#include "core/backend/call_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"

namespace locum {

struct CallPool::State {
  explicit State(std::uint32_t most) : most_threads(most) {}

  const std::uint32_t most_threads;
  const ForkMark maker;
  Mutex mutex;
  std::condition_variable changed;
  std::deque<Call> calls LOCUM_GUARDED_BY(mutex);
  std::vector<BackgroundThread> threads LOCUM_GUARDED_BY(mutex);
  std::size_t idle LOCUM_GUARDED_BY(mutex) = 0;
  bool closed LOCUM_GUARDED_BY(mutex) = false;
};

CallPool::CallPool(std::uint32_t most_threads)
    : state_(std::make_shared<State>(std::max(most_threads, 1U))) {}

CallPool::~CallPool() {
  close();
}

void CallPool::work(State& state) noexcept {
  for (;;) {
    Call call;
    {
      MutexLock lock(state.mutex);
      ++state.idle;
      while (state.calls.empty() && !state.closed) {
        (void)lock.wait_until(state.changed, Deadline::Clock::now() + std::chrono::hours(1));
      }
      --state.idle;
      if (state.closed) {
        return;
      }
      call = std::move(state.calls.front());
      state.calls.pop_front();
    }
    call(true);
  }
}

void CallPool::add(Call call) {
  bool goes_on = true;
  {
    const MutexLock lock(state_->mutex);
    goes_on = !state_->closed;
    if (goes_on) {
      if (state_->calls.size() >= state_->idle && state_->threads.size() < state_->most_threads) {
        BackgroundThread& thread = state_->threads.emplace_back();
        if (!thread.start("locum backend", [state = state_] { work(*state); })) {
          state_->threads.pop_back();  // as many threads as there are do it
        }
      }
      if (!state_->threads.empty()) {
        state_->calls.push_back(std::move(call));
        state_->changed.notify_one();
        return;
      }
    }
  }
  call(goes_on);
}

void CallPool::make_all(std::size_t count, const std::function<void(std::size_t at)>& call) {
  struct Shared {
    std::atomic<std::size_t> next{0};
    Mutex mutex;
    std::condition_variable changed;
    std::size_t made LOCUM_GUARDED_BY(mutex) = 0;
  };
  // Helpers that start after all calls were taken must find it: they outlive this call.
  const auto shared = std::make_shared<Shared>();
  const auto take = [shared, count](const std::function<void(std::size_t)>& make) {
    std::size_t made = 0;
    for (std::size_t at = 0; (at = shared->next.fetch_add(1)) < count; ++made) {
      make(at);
    }
    if (made > 0) {
      const MutexLock lock(shared->mutex);
      shared->made += made;
      shared->changed.notify_all();
    }
  };
  const std::size_t helpers = std::min<std::size_t>(count, state_->most_threads);
  for (std::size_t helper = 1; helper < helpers; ++helper) {
    // By reference: a call is taken only while this one waits for its end.
    add([take, &call](bool goes_on) {
      if (goes_on) {
        take(call);
      }
    });
  }
  take(call);
  MutexLock lock(shared->mutex);
  while (shared->made < count) {
    (void)lock.wait_until(shared->changed, Deadline::Clock::now() + std::chrono::hours(1));
  }
}

bool CallPool::in_child() const noexcept {
  return state_->maker.in_child();
}

void CallPool::close() noexcept {
  if (in_child()) {
    return;
  }
  std::deque<Call> calls;
  std::vector<BackgroundThread> threads;  // one whose call ends the pool's owner holds what it needs
  {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
    calls.swap(state_->calls);
    threads.swap(state_->threads);
    state_->changed.notify_all();
  }
  for (const Call& call : calls) {
    call(false);
  }
}

}  // namespace locum
