#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace scaling {

/// Ends the process if the work stands still for longer than a limit: a blocking call of MPI has no deadline
/// of its own. The launcher then ends the job.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::duration<double> limit)
      : limit_(std::chrono::duration_cast<Clock::duration>(limit)), thread_([this] { watch(); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// The work goes on. `doing`: what it does from now on, for the message.
  void begin(std::string doing) {
    const std::lock_guard lock(mutex_);
    doing_ = std::move(doing);
    alive_ = Clock::now();
  }
  void alive() {
    const std::lock_guard lock(mutex_);
    alive_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void watch() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      const auto until = alive_ + limit_;
      if (!changed_.wait_until(lock, until, [this] { return ended_; }) && Clock::now() >= alive_ + limit_) {
        std::fprintf(stderr, "locum_scaling: no progress for %.0f s in: %s (--timeout sets the limit)\n",
                     std::chrono::duration<double>(limit_).count(), doing_.c_str());
        std::fflush(nullptr);
        std::_Exit(1);
      }
    }
  }

  const Clock::duration limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Clock::time_point alive_ = Clock::now();
  std::string doing_ = "the start";
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace scaling
