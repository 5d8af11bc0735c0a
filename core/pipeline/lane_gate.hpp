#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum::detail::stages {

/// The threads of a stage, and the numbers of the places where they leave elements for its consumer.
///
/// 1. A thread pulls an element only when it has a free place for it: at most `depth` elements are on their
/// way or wait for the consumer.
/// 2. One thread at a time has the turn to pull, from begin_pull() to end_pull() or refuse_pull().
/// 3. A place has one owner: a thread of the stage from begin_pull() to fill(), then the consumer, from
/// await() to release().
class LaneGate {
 public:
  /// \param most_bytes no element is pulled while those that wait have that many bytes
  LaneGate(std::size_t depth, std::uint64_t most_bytes, bool keeps_order);
  LaneGate(const LaneGate&) = delete;
  LaneGate& operator=(const LaneGate&) = delete;
  /// Calls stop() and join().
  ~LaneGate();

  /// Whether the process was forked from the one that made this: it then may not be used, nor destroyed.
  [[nodiscard]] bool in_child() const noexcept;
  /// Starts threads, unless they were started. `system` if the system allows none; fewer than `threads` do.
  [[nodiscard]] Result<void> start(std::size_t threads, const std::function<void()>& body);
  /// Makes calls of begin_pull() return nothing, and those of await() return early. Any thread.
  void stop() noexcept;
  /// Waits for the threads. REQUIRES: stop() was called.
  void join() noexcept;
  /// Begins again. REQUIRES: no thread runs; all places are free.
  void reset() noexcept;

  // For its threads.

  /// Waits for the turn and a free place; returns its number, or nothing if the thread is to end.
  [[nodiscard]] std::optional<std::size_t> begin_pull() noexcept;
  /// Gives the turn on, with an element pulled.
  void end_pull(std::size_t place) noexcept;
  /// Gives the turn on, with none. \param is_end there will be no more
  void refuse_pull(std::size_t place, bool is_end) noexcept;
  /// Gives a place to the consumer. \param is_last no more elements are pulled
  void fill(std::size_t place, std::uint64_t bytes, bool is_last) noexcept;

  // For its consumer.

  enum class Arrival : std::uint8_t { filled, end, late };
  /// Waits for the next place: the one pulled first, or if no order is kept the one filled first.
  [[nodiscard]] Arrival await(Moment moment, std::size_t& place) noexcept;
  void release(std::size_t place) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace locum::detail::stages
