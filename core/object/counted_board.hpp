#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/object/object.hpp"

namespace locum {

/// A pin board in memory of this process: counts all its views, and keeps itself alive as long as there are
/// any.
class CountedBoard : public PinBoard {
 public:
  using PinBoard::PinBoard;

  void retain(std::uint64_t /*pin*/) noexcept final { views_.fetch_add(1, std::memory_order_relaxed); }
  void release(std::uint64_t /*pin*/) noexcept final {
    // Nobody else can copy the last view: it is being destroyed here.
    if (views_.load(std::memory_order_acquire) == 1 || views_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      views_.store(0, std::memory_order_relaxed);
      const std::shared_ptr<const void> last = std::move(self_);
    }
  }

 protected:
  ~CountedBoard() = default;
  /// Adds the first view. REQUIRES: no other thread has a view. \param self keeps this alive
  void begin_view(std::shared_ptr<const void> self) noexcept {
    const std::uint64_t views = views_.load(std::memory_order_relaxed);
    views_.store(views + 1, std::memory_order_relaxed);
    if (views == 0) {
      self_ = std::move(self);
    }
  }

 private:
  std::atomic<std::uint64_t> views_{0};
  std::shared_ptr<const void> self_;  ///< while there are views
};

}  // namespace locum
