#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>

#include <locum/async/continuations.hpp>
#include <locum/async/transfer_times.hpp>
#include <locum/base/mutex.hpp>
#include <locum/deadline.hpp>

namespace locum {

/// Where threads wait for whatever ends next, of all that one session has begun: an event count; and what is
/// done when something has ended. Any thread.
///
/// Who waits reads count(), looks whether what it wants has ended, and if not calls await() with what it had
/// read: it misses nothing that ends in between.
class Arrivals {
 public:
  using Clock = Deadline::Clock;

  /// \param timeout of waits without a deadline of their own
  /// \param on_start called first by the thread for continuations
  /// \param times of objects that its threads wait for; null: of none
  explicit Arrivals(std::chrono::milliseconds timeout, ThreadStart on_start = {},
                    std::shared_ptr<TransferTimes> times = nullptr)
      : timeout_(timeout), times_(std::move(times)), continuations_(std::move(on_start)) {}
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;
  virtual ~Arrivals() = default;

  /// How many things have ended.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(); }
  /// The place of one that is ending now among all of them: 1, 2, and so on. It is to be followed by tell().
  [[nodiscard]] std::uint64_t next() noexcept { return last_.fetch_add(1, std::memory_order_relaxed) + 1; }
  /// Something has ended: wakes who waits. Does not wait, and needs no memory.
  void tell() noexcept;
  /// Waits until count() is not `seen` any more, or that moment has come; may return early.
  void await(std::uint64_t seen, Clock::time_point until);
  /// What the moments above are points of.
  [[nodiscard]] virtual Clock::time_point now() const noexcept { return Clock::now(); }
  /// The moment at which a wait with this deadline gives up.
  [[nodiscard]] Clock::time_point moment(Deadline deadline) const { return deadline.moment(timeout_, now()); }
  [[nodiscard]] Continuations& continuations() noexcept { return continuations_; }
  /// Of what belongs to no session: coroutines of the user.
  [[nodiscard]] static const std::shared_ptr<Arrivals>& of_process();

 protected:
  /// Ends every sleep() of now. Does not wait, and needs no memory.
  virtual void wake() noexcept;
  /// Sleeps until wake() is called, unless count() is not `seen` any more, or until that moment.
  virtual void sleep(std::uint64_t seen, Clock::time_point until);

 private:
  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<TransferTimes> times_;
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint32_t> waiting_{0};
  Mutex mutex_;
  std::condition_variable condition_;
  Continuations continuations_;
};

}  // namespace locum
