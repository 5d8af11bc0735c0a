#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/async/operation.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Bounds asynchronous fetches, in bytes and in number. An operation enters (`co_await window.enter(bytes)`),
/// continues at once if it fits, and otherwise waits in a queue; one larger than the window enters alone. A
/// queued operation is let in as soon as it fits, by the one that leaves, and continues in a step of the
/// driver: no thread runs it meanwhile, and it uses no memory but its frames.
///
/// Small ones (up to 64 KiB) precede large ones, but at most 64 of them pass the first large one; after that
/// it gets the freed room until it fits. Each kind is FIFO, so that a very large one does not wait for ever
/// for smaller ones. Those without bytes (changes) are bounded only in number: they do not wait for
/// operations that lack bytes, and at most 64 in a row pass others that do not lack bytes.
///
/// Invariants (mutex_ held)
///
/// 1. The first to enter next (see next()) does not fit: whoever changes that lets it in.
/// 2. A queued operation is suspended, and no thread runs it. Only the thread that takes it out resumes it;
/// an operation that has ended is in no queue.
///
/// In a process forked from the owner ways end, and withdraw() returns, without any effect: a thread that
/// does not exist there may have held the mutex.
///
/// Owned by std::shared_ptr only, also by the operations in it. Any thread may call, also within a step of
/// the channel.
class Window : public std::enable_shared_from_this<Window> {
 public:
  class Way;
  class Entering;

  /// Queue length, at some hundred bytes each, beyond which nothing new should begin.
  static constexpr std::uint32_t longest_queue = 64 * 1024;
  /// The largest size of a small one.
  static constexpr std::uint64_t small_bytes = 64 * 1024;
  /// How many small ones may pass a large one that could be next.
  static constexpr std::uint32_t most_passing = 64;

  /// \param most_under_way most operations in it that have not arrived yet
  Window(std::uint64_t limit_bytes, std::uint32_t most_under_way)
      : limit_bytes_(limit_bytes), most_under_way_(most_under_way) {}
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// Awaited by a task, for a Way: `timeout` if it was withdrawn, `closed`.
  [[nodiscard]] Entering enter(std::uint64_t bytes) noexcept;
  /// Whether the queue is so long that nothing new should begin.
  [[nodiscard]] bool has_long_queue() const noexcept LOCUM_EXCLUDES(mutex_);
  /// Lets in an operation that is in the queue, or will enter it, even if it does not fit: a thread waits for
  /// it. REQUIRES: it enters no other window.
  void expedite(Operation& operation) noexcept LOCUM_EXCLUDES(mutex_);
  /// A queued operation does not enter any more, and continues on this thread, which should be to its end.
  /// Otherwise as above.
  void withdraw(Operation& operation) noexcept LOCUM_EXCLUDES(mutex_);
  /// Lets nobody in any more. Queued operations continue on this thread. May be called repeatedly; not within
  /// a step.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

  /// Numbers and bytes inside and queued. For tests.
  struct Levels {
    std::uint64_t bytes = 0;
    std::uint32_t under_way = 0;
    std::uint32_t queued = 0;

    friend bool operator==(const Levels&, const Levels&) = default;
  };
  [[nodiscard]] Levels levels() const noexcept LOCUM_EXCLUDES(mutex_);

 private:
  // Sizes from handles are capped at this: the sum over a full queue cannot overflow.
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

  const std::uint64_t limit_bytes_;
  const std::uint32_t most_under_way_;
  const ForkMark maker_;
  mutable Mutex mutex_;
  std::uint64_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t under_way_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t queued_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint32_t passed_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< how many have passed the first large one
  std::uint32_t empty_in_a_row_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  Queue empty_ LOCUM_GUARDED_BY(mutex_);  ///< of those without bytes
  Queue small_ LOCUM_GUARDED_BY(mutex_);
  Queue large_ LOCUM_GUARDED_BY(mutex_);
};

/// A share of a window; its destructor returns it, and lets in those that fit then. Needs no memory for that.
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

  /// The object has arrived, with that size. From now on that size counts, but no longer as one in transfer.
  /// Once.
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

/// Awaited by an operation to enter.
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
  Verdict verdict_ = Verdict::queued;  ///< written by the one that takes it out of the queue
  Operation* operation_ = nullptr;
};

inline Window::Entering Window::enter(std::uint64_t bytes) noexcept {
  return {*this, bytes};
}

}  // namespace locum
