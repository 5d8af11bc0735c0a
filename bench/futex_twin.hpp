#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

#include "bench/interleave.hpp"
#include "bench/world.hpp"

namespace locum::bench {

/// The cheapest way to wake another process: a word in shared memory on which it sleeps.
class FutexTwin {
 public:
  /// REQUIRES: the previous value has been seen.
  void wake() {
    set_at() = seconds_since({});
    word().store(1);
    ::syscall(SYS_futex, address(), FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  /// Seconds since the other process has set the word.
  [[nodiscard]] double sleep() {
    while (word().load() == 0) {
      ::syscall(SYS_futex, address(), FUTEX_WAIT, 0, nullptr, nullptr, 0);
    }
    const double seconds = seconds_since({}) - set_at();
    word().store(0);
    return seconds;
  }

 private:
  [[nodiscard]] std::uint32_t* address() const {
    return reinterpret_cast<std::uint32_t*>(shared_.of(0).data());
  }
  [[nodiscard]] std::atomic_ref<std::uint32_t> word() const { return std::atomic_ref(*address()); }
  [[nodiscard]] double& set_at() const { return reinterpret_cast<double*>(shared_.of(0).data())[1]; }

  SharedWindow shared_{64};
};

/// The same for any number of sleepers: rank 0 increments a word and wakes all others.
class FutexBell {
 public:
  void ring() {
    word().fetch_add(1);
    ::syscall(SYS_futex, address(), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }
  /// Until the next ring() after the last one that this rank has seen.
  void sleep() {
    while (word().load() == heard_) {
      ::syscall(SYS_futex, address(), FUTEX_WAIT, heard_, nullptr, nullptr, 0);
    }
    ++heard_;
  }

 private:
  [[nodiscard]] std::uint32_t* address() const {
    return reinterpret_cast<std::uint32_t*>(shared_.of(0).data());
  }
  [[nodiscard]] std::atomic_ref<std::uint32_t> word() const { return std::atomic_ref(*address()); }

  SharedWindow shared_{64};
  std::uint32_t heard_ = 0;
};

}  // namespace locum::bench
