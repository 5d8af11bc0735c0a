#pragma once

#include <pthread.h>

#include <cstddef>

namespace locum::tests {

/// During its lifetime no thread can be started in this program, as if a limit on threads were reached: a new
/// one would need a stack larger than the address space.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_attr_t attributes;
    ::pthread_getattr_default_np(&attributes);
    ::pthread_attr_getstacksize(&attributes, &before_);
    ::pthread_attr_destroy(&attributes);
    set(std::size_t{1} << 60U);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;
  ~NoMoreThreads() { set(before_); }

 private:
  static void set(std::size_t stack_bytes) {
    pthread_attr_t attributes;
    ::pthread_getattr_default_np(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_bytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
  }

  std::size_t before_ = 0;
};

}  // namespace locum::tests
