#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "core/ports/directory.hpp"
#include "core/rpc/bell.hpp"

namespace locum {

/// Passes what a directory tells on to who drives: that the names which are awaited are to be looked for. Any
/// thread may call.
class NameAlarm final : public NameWatcher {
 public:
  /// As long as it lives, what its thread binds has this alarm wake nobody: that thread looks itself
  /// afterwards, or wakes somebody.
  class Quiet {
   public:
    explicit Quiet(const NameAlarm& alarm) noexcept : before_(std::exchange(quiet, &alarm)) {}
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() { quiet = before_; }

   private:
    const NameAlarm* const before_;
  };

  explicit NameAlarm(std::shared_ptr<Bell> bell) : bell_(std::move(bell)) {}

  void bound() noexcept override {
    rung_.store(true, std::memory_order_release);
    if (quiet != this) {
      bell_->ring();
    }
  }
  /// Wakes who drives, if there is something to look for.
  void wake() noexcept {
    if (rung()) {
      bell_->ring();
    }
  }
  [[nodiscard]] bool rung() const noexcept { return rung_.load(std::memory_order_acquire); }
  /// Before the look: what is told of later is looked for once more.
  [[nodiscard]] bool take() noexcept { return rung_.exchange(false, std::memory_order_acq_rel); }

 private:
  static constinit inline thread_local const NameAlarm* quiet = nullptr;

  const std::shared_ptr<Bell> bell_;
  std::atomic<bool> rung_{false};
};

}  // namespace locum
