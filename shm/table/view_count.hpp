#pragma once

#include <cstdint>
#include <thread>

#include "shm/segment/layout.hpp"

namespace locum::shm {

/// The number of views that this process has of one entry, on a word of ViewCounts, and in step with it the
/// entry's pin bit, which the caller sets and clears. Any thread may call.
///
/// Invariant: while the bit is being changed, the word is `busy`, and every other thread that needs the new
/// state waits for that. So the bit is set whenever the word says that there are views, and no thread relies
/// on a bit that another thread is about to clear.
class ViewCount {
 public:
  static constexpr std::uint32_t busy = ~0U;
  static constexpr std::uint32_t orphaned = 1U << 31U;  ///< with a number of remaining views; see orphan()

  explicit ViewCount(Word32& word) noexcept : word_(word) {}

  /// Adds a view. Calls `set_bit()` for the first one; it is done when any thread's call returns.
  template <class SetBit>
  void add(SetBit set_bit) noexcept {
    std::uint32_t views = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (views == busy) {
        std::this_thread::yield();
        views = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(views, views == 0 ? busy : views + 1, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
        if (views == 0) {
          set_bit();
          word_.store(1, std::memory_order_release);
        }
        return;
      }
    }
  }

  /// Adds a view, for a caller that has one. No effect if there is none: in a forked process, for an
  /// inherited view.
  void retain() noexcept {
    if (word_.load(std::memory_order_relaxed) != 0) [[likely]] {
      word_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// Adds a view if there is one. Returns how many there were.
  [[nodiscard]] std::uint32_t retain_if_any() noexcept {
    std::uint32_t views = word_.load(std::memory_order_relaxed);
    while (views != 0) {
      if (views == busy) {
        std::this_thread::yield();
        views = word_.load(std::memory_order_relaxed);
      } else if (word_.compare_exchange_weak(views, views + 1, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
        return views & ~orphaned;
      }
    }
    return 0;
  }

  /// Whether there is one view. Whoever adds another one later sees what this thread did before.
  [[nodiscard]] bool is_single() noexcept {
    std::uint32_t views = 1;
    return word_.compare_exchange_strong(views, 1, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  /// Removes a view. Calls `clear_bit()` for the last one. Whether it was the last one of an orphan; the word
  /// is not accessed any more then, nor in any case once the view is removed.
  template <class ClearBit>
  [[nodiscard]] bool end(ClearBit clear_bit) noexcept {
    std::uint32_t views = word_.load(std::memory_order_relaxed);
    for (;;) {
      if ((views & ~orphaned) == 1) {
        if (word_.compare_exchange_weak(views, busy, std::memory_order_acq_rel, std::memory_order_relaxed)) {
          clear_bit();
          word_.store(0, std::memory_order_release);
          return views != 1;
        }
      } else if (views == 0 ||  // inherited by a forked process, which must not remove it
                 word_.compare_exchange_weak(views, views - 1, std::memory_order_release,
                                             std::memory_order_relaxed)) {
        return false;
      }
    }
  }

  /// Marks the remaining views as orphaned: the thread that removes the last of them is told so. Calls
  /// `note()` before the mark, and `unnote()` if no mark was needed. REQUIRES: add() is not
  /// called any more.
  template <class Note, class Unnote>
  void orphan(Note note, Unnote unnote) noexcept {
    std::uint32_t views = word_.load(std::memory_order_acquire);
    while (views != 0) {
      if (views == busy) {  // another thread is removing the last one
        std::this_thread::yield();
        views = word_.load(std::memory_order_acquire);
        continue;
      }
      note();
      if (word_.compare_exchange_strong(views, views | orphaned, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        return;
      }
      unnote();
    }
  }

 private:
  Word32& word_;
};

}  // namespace locum::shm
