#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/async/operation.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"
#include "core/result.hpp"

namespace locum {

/// Bounds what is fetched ahead of use, in bytes and in number. An operation enters (`co_await
/// window.enter(bytes)`), goes on at once if it fits, and waits in a queue if it does not; one that is larger
/// than the window goes alone. Who waits in the queue is let in as soon as it fits, by who leaves, and goes
/// on in a step of who drives: nobody runs it meanwhile, and its frames are all that it has.
///
/// Small ones (up to 64 KiB) go before large ones, but pass the first of these no more than 64 times; then it
/// has what becomes free until it fits. Among themselves each kind goes in turn, so that a very large one
/// does not wait for ever for smaller ones. Those of no bytes (changes) are bounded in number alone: they
/// wait for nobody who lacks bytes, and pass others that do not at most 64 times in a row.
///
/// Invariants (mutex_ held)
///
/// 1. The first that is to enter next (see next()) does not fit: whoever changes that lets it in.
/// 2. Who is in a queue is suspended, and run by nobody. Whoever takes it out, and only that one, has it go
///    on; an operation that ends is in no queue.
///
/// Held by std::shared_ptr only, also by who is in it. Any thread may call, also within a step of the
/// exchange.
class Window : public std::enable_shared_from_this<Window> {
 public:
  class Way;
  class Entering;

  /// From here on begin nothing new: so many operations, some hundred bytes each, wait already.
  static constexpr std::uint32_t longest_queue = 64 * 1024;
  /// Up to so many bytes one is small.
  static constexpr std::uint64_t small_bytes = 64 * 1024;
  /// How many small ones go before a large one that could be next.
  static constexpr std::uint32_t most_passing = 64;

  /// \param most_under_way so many may be in it that have not arrived yet
  Window(std::uint64_t limit_bytes, std::uint32_t most_under_way) noexcept
      : limit_bytes_(limit_bytes), most_under_way_(most_under_way) {}
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// To be awaited by a task, for its way: `timeout` where it was withdrawn, `closed`.
  [[nodiscard]] Entering enter(std::uint64_t bytes) noexcept;
  /// Whether so many wait that nothing new should be begun.
  [[nodiscard]] bool has_long_queue() const noexcept LOCUM_EXCLUDES(mutex_);
  /// Lets an operation in that waits in the queue, or will come to it, even if it does not fit: somebody
  /// waits for it. REQUIRES: it enters no other window.
  void hurry(Operation& operation) noexcept LOCUM_EXCLUDES(mutex_);
  /// An operation that waits in the queue does not enter any more, and goes on here, which should be to its
  /// end. Else as above.
  void withdraw(Operation& operation) noexcept LOCUM_EXCLUDES(mutex_);
  /// Nobody enters any more. Who waits in the queue goes on here. More than once is fine; not within a step.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

  /// In a process that was forked from the one that has it, where its mutex may be held by a thread that is
  /// not there: ways end, and withdraw() returns, and nothing else happens.
  void disown() noexcept { disowned_.store(true, std::memory_order_relaxed); }

  /// What is in it, and waits to be. For tests.
  struct Levels {
    std::uint64_t bytes = 0;
    std::uint32_t under_way = 0;
    std::uint32_t queued = 0;

    friend bool operator==(const Levels&, const Levels&) = default;
  };
  [[nodiscard]] Levels levels() const noexcept LOCUM_EXCLUDES(mutex_);

 private:
  // What a handle says counts for no more than that: no sum of as many as can be queued is too large.
  static constexpr std::uint64_t most_counted = std::uint64_t{1} << 47U;

  enum class Verdict : std::uint8_t { queued, entered, withdrawn, closed };
  using Queue = IntrusiveList<Entering>;  ///< first in, first out

  [[nodiscard]] bool enters_at_once(Entering& one) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool decides_at_once(Entering& one) noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool queue(Entering& one, Operation& operation) noexcept LOCUM_EXCLUDES(mutex_);
  void arrive(std::uint64_t bytes, std::uint64_t real_bytes) noexcept LOCUM_EXCLUDES(mutex_);
  void leave(std::uint64_t bytes, bool under_way) noexcept LOCUM_EXCLUDES(mutex_);

  [[nodiscard]] Queue& queue_for(std::uint64_t bytes) noexcept LOCUM_REQUIRES(mutex_) {
    return bytes == 0 ? empty_ : bytes <= small_bytes ? small_ : large_;
  }
  [[nodiscard]] bool has_room(std::uint64_t bytes) const noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool fits(std::uint64_t bytes) const noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool may_pass() const noexcept LOCUM_REQUIRES(mutex_) {
    return large_.empty() || passed_ < most_passing;
  }
  [[nodiscard]] Entering* next() noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] static Entering* find(const Operation& operation) noexcept;
  void count_in(std::uint64_t bytes) noexcept LOCUM_REQUIRES(mutex_);
  void take_out(Entering& one, Verdict verdict) noexcept LOCUM_REQUIRES(mutex_);
  [[nodiscard]] Queue let_in() noexcept LOCUM_REQUIRES(mutex_);
  static void have_go_on(Queue admitted) noexcept;

  [[nodiscard]] bool is_disowned() const noexcept { return disowned_.load(std::memory_order_relaxed); }

  const std::uint64_t limit_bytes_;
  const std::uint32_t most_under_way_;
  std::atomic<bool> disowned_{false};
  mutable Mutex mutex_;
  std::uint64_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t under_way_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t queued_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t passed_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< by how many the first large one
  std::uint32_t empty_in_a_row_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  Queue empty_ LOCUM_GUARDED_BY(mutex_);  ///< of those of no bytes
  Queue small_ LOCUM_GUARDED_BY(mutex_);
  Queue large_ LOCUM_GUARDED_BY(mutex_);
};

/// A part of a window; its end gives it back, and lets in who fits then. Needs no memory for that.
class Window::Way {
 public:
  Way(Way&& other) noexcept
      : window_(std::move(other.window_)), bytes_(other.bytes_), under_way_(other.under_way_) {}
  Way& operator=(Way&&) = delete;
  ~Way() {
    if (window_) {
      window_->leave(bytes_, under_way_);
    }
  }

  /// What it was for is here, and so large. That counts from now on, and in the number of those under way it
  /// does no more. Once.
  void arrive(std::uint64_t bytes) noexcept {
    under_way_ = false;
    window_->arrive(std::exchange(bytes_, bytes), bytes);
  }

 private:
  friend class Window;
  Way(std::shared_ptr<Window> window, std::uint64_t bytes) noexcept
      : window_(std::move(window)), bytes_(bytes) {}

  std::shared_ptr<Window> window_;
  std::uint64_t bytes_;
  bool under_way_ = true;
};

/// What an operation awaits to enter.
class Window::Entering final : public Operation::Queued, private ListLink<Entering> {
 public:
  [[nodiscard]] bool await_ready() noexcept { return window_.enters_at_once(*this); }
  [[nodiscard]] Result<Way> await_resume() const;

 private:
  friend class Window;
  friend class IntrusiveList<Entering>;
  Entering(Window& window, std::uint64_t bytes) noexcept
      : window_(window), bytes_(std::min(bytes, most_counted)) {}
  [[nodiscard]] bool queue(Operation& operation) noexcept override { return window_.queue(*this, operation); }

  Window& window_;
  const std::uint64_t bytes_;
  Verdict verdict_ = Verdict::queued;  ///< by who takes it out of the queue
  Operation* operation_ = nullptr;
};

inline Window::Entering Window::enter(std::uint64_t bytes) noexcept {
  return {*this, bytes};
}

}  // namespace locum
