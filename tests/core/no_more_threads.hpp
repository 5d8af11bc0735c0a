#pragma once

#include <pthread.h>

#include <cstddef>

namespace locum::tests {

/// As long as it lives no thread can be started in this program, as where a limit on threads is reached: a
/// new one would need a stack for which no address space is large enough.
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
