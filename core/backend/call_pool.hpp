#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace locum {

/// A bounded number of threads for calls that block, so that many are under way at once. Threads are started
/// when calls queue, and stay. Any thread may call.
class CallPool {
 public:
  /// What is to be done: called once, with whether it should be done; false when the pool has closed.
  using Call = std::function<void(bool goes_on)>;

  explicit CallPool(std::uint32_t most_threads);
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;
  /// As close().
  ~CallPool();

  /// Has a thread of the pool make the call soon; this thread if the pool has none and gets none, or has
  /// closed.
  void add(Call call);
  /// Makes all those calls, on this thread and those of the pool; returns when all are made.
  void make_all(std::size_t count, const std::function<void(std::size_t at)>& call);
  /// Waits for the calls that are being made; those that queue are told not to go on. No effect in a process
  /// forked from the owner, which does not have the threads.
  void close() noexcept;
  /// Whether this process was forked from the owner: calls that were added are then nobody's.
  [[nodiscard]] bool in_child() const noexcept;

 private:
  struct State;
  static void work(State& state) noexcept;

  const std::shared_ptr<State> state_;
};

}  // namespace locum
