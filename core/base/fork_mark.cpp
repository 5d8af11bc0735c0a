#include "core/base/fork_mark.hpp"

#include <pthread.h>

#include <atomic>
#include <new>

namespace locum {

namespace {

// Between the first mark of the first process and this one. A count, since asking the system for the process
// at each look would be a call of it, and a child in a name space of its own may have its parent's number.
std::atomic<std::uint32_t> forks{0};

void count_fork() {
  forks.fetch_add(1, std::memory_order_relaxed);
}

void have_forks_counted() {
  static const bool counted = [] {
    if (::pthread_atfork(nullptr, nullptr, count_fork) != 0) {
      throw std::bad_alloc();
    }
    return true;
  }();
  static_cast<void>(counted);
}

}  // namespace

ForkMark::ForkMark() {
  have_forks_counted();
  forks_ = forks.load(std::memory_order_relaxed);
}

bool ForkMark::in_child() const noexcept {
  return forks_ != forks.load(std::memory_order_relaxed);
}

}  // namespace locum
