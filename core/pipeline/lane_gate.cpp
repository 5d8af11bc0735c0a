#include "core/pipeline/lane_gate.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <utility>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"

namespace locum::detail::stages {

struct LaneGate::State {
  State(std::size_t depth, std::uint64_t bytes, bool ordered)
      : most_bytes(bytes), keeps_order(ordered), bytes_at(depth, 0), filled(depth, false) {
    for (std::size_t place = 0; place < depth; ++place) {
      free.push_back(depth - 1 - place);
    }
    order.reserve(depth);
  }

  // A ring would save the shift of at most `depth` numbers, beside calls of functions and wakes of threads.
  [[nodiscard]] std::size_t take_first() LOCUM_REQUIRES(mutex) {
    const std::size_t place = order.front();
    order.erase(order.begin());
    return place;
  }

  const std::uint64_t most_bytes;
  const bool keeps_order;
  const ForkMark maker;
  Mutex mutex;
  std::condition_variable may_pull;
  std::condition_variable arrived;
  std::vector<std::size_t> free LOCUM_GUARDED_BY(mutex);
  std::vector<std::size_t> order LOCUM_GUARDED_BY(mutex);  ///< of delivery
  std::vector<std::uint64_t> bytes_at LOCUM_GUARDED_BY(mutex);
  std::vector<bool> filled LOCUM_GUARDED_BY(mutex);
  std::uint64_t waiting_bytes LOCUM_GUARDED_BY(mutex) = 0;
  std::size_t working LOCUM_GUARDED_BY(mutex) = 0;  ///< places that threads own
  bool is_pulling LOCUM_GUARDED_BY(mutex) = false;
  bool has_ended LOCUM_GUARDED_BY(mutex) = false;
  bool is_stopped LOCUM_GUARDED_BY(mutex) = false;
  std::vector<BackgroundThread> threads;  ///< of the consumer's thread
};

LaneGate::LaneGate(std::size_t depth, std::uint64_t most_bytes, bool keeps_order)
    : state_(std::make_unique<State>(depth, most_bytes, keeps_order)) {}

LaneGate::~LaneGate() {
  stop();
  join();
}

bool LaneGate::in_child() const noexcept {
  return state_->maker.in_child();
}

Result<void> LaneGate::start(std::size_t threads, const std::function<void()>& body) {
  if (!state_->threads.empty()) {
    return {};
  }
  state_->threads.reserve(threads);
  while (state_->threads.size() < threads) {
    BackgroundThread thread;
    if (auto started = thread.start("locum pipeline", body); !started) {
      return state_->threads.empty() ? started : Result<void>();
    }
    state_->threads.push_back(std::move(thread));
  }
  return {};
}

void LaneGate::stop() noexcept {
  const MutexLock lock(state_->mutex);
  state_->is_stopped = true;
  state_->may_pull.notify_all();
  state_->arrived.notify_all();
}

void LaneGate::join() noexcept {
  state_->threads.clear();
}

void LaneGate::reset() noexcept {
  const MutexLock lock(state_->mutex);
  state_->has_ended = false;
  state_->is_stopped = false;
}

std::optional<std::size_t> LaneGate::begin_pull() noexcept {
  State& state = *state_;
  MutexLock lock(state.mutex);
  while (!state.is_stopped && !state.has_ended &&
         (state.is_pulling || state.free.empty() || state.waiting_bytes >= state.most_bytes)) {
    (void)lock.wait_until(state.may_pull, Deadline::Clock::now() + std::chrono::hours(1));
  }
  if (state.is_stopped || state.has_ended) {
    return std::nullopt;
  }
  state.is_pulling = true;
  ++state.working;
  const std::size_t place = state.free.back();
  state.free.pop_back();
  return place;
}

void LaneGate::end_pull(std::size_t place) noexcept {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  state.is_pulling = false;
  if (state.keeps_order) {
    state.order.push_back(place);
  }
  state.may_pull.notify_one();
}

void LaneGate::refuse_pull(std::size_t place, bool is_end) noexcept {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  state.is_pulling = false;
  --state.working;
  state.free.push_back(place);
  if (is_end) {
    state.has_ended = true;
    state.may_pull.notify_all();
    state.arrived.notify_all();
  } else {
    state.may_pull.notify_one();
  }
}

void LaneGate::fill(std::size_t place, std::uint64_t bytes, bool is_last) noexcept {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  --state.working;
  state.filled[place] = true;
  state.bytes_at[place] = bytes;
  state.waiting_bytes += bytes;
  if (!state.keeps_order) {
    state.order.push_back(place);
  }
  if (is_last) {
    state.has_ended = true;
    state.may_pull.notify_all();
  }
  state.arrived.notify_all();
}

LaneGate::Arrival LaneGate::await(Moment moment, std::size_t& place) noexcept {
  const BlockingWait wait;
  State& state = *state_;
  MutexLock lock(state.mutex);
  for (bool in_time = true;; in_time = lock.wait_until(state.arrived, moment)) {
    if (state.is_stopped) {
      return Arrival::late;
    }
    if (!state.order.empty() && state.filled[state.order.front()]) {
      place = state.take_first();
      state.filled[place] = false;
      return Arrival::filled;
    }
    if (state.has_ended && state.working == 0 && state.order.empty()) {
      return Arrival::end;
    }
    if (!in_time) {
      return Arrival::late;
    }
  }
}

void LaneGate::release(std::size_t place) noexcept {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  state.waiting_bytes -= state.bytes_at[place];
  state.bytes_at[place] = 0;
  state.free.push_back(place);
  state.may_pull.notify_one();
}

}  // namespace locum::detail::stages
