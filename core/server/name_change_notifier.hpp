#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "core/ports/directory.hpp"
#include "core/rpc/waker.hpp"

namespace locum {

/// Passes notifications of a directory to the driver: awaited names have to be looked up. Any thread may
/// call.
class NameChangeNotifier final : public NameWatcher {
 public:
  explicit NameChangeNotifier(std::shared_ptr<Waker> waker) : waker_(std::move(waker)) {}

  void bound() noexcept override {
    bound_by_who_tells();
    waker_->wake();
  }
  void bound_by_who_tells() noexcept override { rung_.store(true, std::memory_order_release); }
  [[nodiscard]] bool rung() const noexcept { return rung_.load(std::memory_order_acquire); }
  /// Called before the look-up: later notifications cause another one.
  [[nodiscard]] bool take() noexcept { return rung_.exchange(false, std::memory_order_acq_rel); }

 private:
  const std::shared_ptr<Waker> waker_;
  std::atomic<bool> rung_{false};
};

}  // namespace locum
