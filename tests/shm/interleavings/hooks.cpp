#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include "tests/shm/interleavings/room.hpp"
#include "tests/shm/interleavings/run.hpp"

// Functions that the compiler calls before each access to memory, and that the linker puts in place of the C
// library's: all of them call the current run. This file is compiled without -fsanitize=thread.

// NOLINTBEGIN: the names are those of the language, the compiler and the linker

void* operator new(std::size_t bytes) {
  void* const memory = locum::tests::in_scene ? locum::tests::heap().take(bytes, 16) : std::malloc(bytes);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto to = static_cast<std::size_t>(alignment);
  void* const memory = locum::tests::in_scene ? locum::tests::heap().take(bytes, to)
                                              : std::aligned_alloc(to, (bytes + to - 1) / to * to);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  if (!locum::tests::heap().has(memory)) {
    std::free(memory);
  }
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  operator delete(memory);
}

// ---- functions that the compiler calls before each access to memory

using locum::tests::run;

namespace {
void before_access(const volatile void* at) {
  if (run != nullptr) {
    run->look_at(at);
  }
}
void before_atomic(const volatile void* at, bool changes = true) {
  if (run != nullptr) {
    run->step(at, changes);
    run->look_at(at);
  }
}
}  // namespace

#define LOCUM_ATOMICS(bits)                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* at, int) {              \
    before_atomic(at, false);                                                                                \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                            \
  }                                                                                                          \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* at, std::uint##bits##_t value, int) {       \
    before_atomic(at);                                                                                       \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                           \
  }                                                                                                          \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(volatile std::uint##bits##_t* at,                       \
                                                     std::uint##bits##_t value, int) {                       \
    before_atomic(at);                                                                                       \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile std::uint##bits##_t* at,                        \
                                                    std::uint##bits##_t* expected,                           \
                                                    std::uint##bits##_t value, int, int) {                   \
    before_atomic(at);                                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);      \
  }                                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile std::uint##bits##_t* at,                          \
                                                  std::uint##bits##_t* expected, std::uint##bits##_t value,  \
                                                  int, int) {                                                \
    before_atomic(at);                                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);      \
  }                                                                                                          \
  std::uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                            \
      volatile std::uint##bits##_t* at, std::uint##bits##_t expected, std::uint##bits##_t value, int, int) { \
    before_atomic(at);                                                                                       \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);            \
    return expected;                                                                                         \
  }                                                                                                          \
  LOCUM_FETCH(bits, add)                                                                                     \
  LOCUM_FETCH(bits, sub)                                                                                     \
  LOCUM_FETCH(bits, and)                                                                                     \
  LOCUM_FETCH(bits, or)                                                                                      \
  LOCUM_FETCH(bits, xor)                                                                                     \
  LOCUM_FETCH(bits, nand)
#define LOCUM_FETCH(bits, how)                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_##how(volatile std::uint##bits##_t* at,       \
                                                        std::uint##bits##_t value, int) {       \
    before_atomic(at);                                                                          \
    return static_cast<std::uint##bits##_t>(__atomic_fetch_##how(at, value, __ATOMIC_SEQ_CST)); \
  }
#define LOCUM_PLAIN(bytes)                       \
  void __tsan_read##bytes(void* at) {            \
    before_access(at);                           \
  }                                              \
  void __tsan_write##bytes(void* at) {           \
    before_access(at);                           \
  }                                              \
  void __tsan_unaligned_read##bytes(void* at) {  \
    before_access(at);                           \
  }                                              \
  void __tsan_unaligned_write##bytes(void* at) { \
    before_access(at);                           \
  }                                              \
  void __tsan_volatile_read##bytes(void* at) {   \
    before_access(at);                           \
  }                                              \
  void __tsan_volatile_write##bytes(void* at) {  \
    before_access(at);                           \
  }

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void*) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void*, unsigned long) {}
void __tsan_write_range(void*, unsigned long) {}
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int byte, std::size_t bytes) {
  return std::memset(to, byte, bytes);
}
LOCUM_PLAIN(1)
LOCUM_PLAIN(2)
LOCUM_PLAIN(4)
LOCUM_PLAIN(8)
LOCUM_PLAIN(16)
LOCUM_ATOMICS(8)
LOCUM_ATOMICS(16)
LOCUM_ATOMICS(32)
LOCUM_ATOMICS(64)

// ---- functions that the linker puts in place of the C library's (--wrap), for the library and the tests

int __real_pthread_mutex_lock(pthread_mutex_t*);
int __real_pthread_mutex_trylock(pthread_mutex_t*);
int __real_pthread_mutex_timedlock(pthread_mutex_t*, const timespec*);
int __real_pthread_mutex_unlock(pthread_mutex_t*);
int __real_pthread_mutex_consistent(pthread_mutex_t*);
int __real_sched_yield();

int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_lock(mutex) : run->lock(mutex, true, false);
}
int __wrap_pthread_mutex_trylock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_trylock(mutex) : run->lock(mutex, false, true);
}
// A deadline that has not passed yet never passes: such a wait would be endless.
int __wrap_pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* moment) {
  if (run == nullptr) {
    return __real_pthread_mutex_timedlock(mutex, moment);
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const bool passed = std::pair(moment->tv_sec, moment->tv_nsec) <= std::pair(now.tv_sec, now.tv_nsec);
  const int result = run->lock(mutex, !passed, true);
  return result == EBUSY ? ETIMEDOUT : result;
}
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_unlock(mutex) : run->unlock(mutex);
}
int __wrap_pthread_mutex_consistent(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_consistent(mutex) : 0;
}
int __wrap_sched_yield() {
  if (run == nullptr) {
    return __real_sched_yield();
  }
  run->yield();
  return 0;
}

// Unmapped memory must not be accessed any more: that is detected if it stays until the run is over.
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
  if (run != nullptr && file == -1 && at == nullptr) {
    return locum::tests::mappings().take(bytes, 4096);
  }
  return __real_mmap(at, bytes, protection, flags, file, offset);
}
int __wrap_munmap(void* memory, std::size_t bytes) {
  if (run == nullptr) {
    return __real_munmap(memory, bytes);
  }
  run->unmap(memory, bytes);
  return 0;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  std::array<long, 6> arguments{};
  for (long& each : arguments) {
    each = va_arg(list, long);
  }
  va_end(list);
  if (run == nullptr || number != SYS_futex) {
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                          arguments[5]);
  }
  const auto* const word = reinterpret_cast<const std::uint32_t*>(arguments[0]);
  if (arguments[1] == FUTEX_WAIT) {
    run->sleep(word, static_cast<std::uint32_t>(arguments[2]));
  } else {
    run->wake(word);
  }
  return 0;
}

// ---- threads of the library: called by the C++ library, which finds these functions first

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (run == nullptr) {
    return real(thread, attributes, body, argument);
  }
  *thread = run->fibers() + 1;
  run->add(
      run->current() == nullptr ? 0 : run->current()->process, [=] { body(argument); }, true);
  return 0;
}
int pthread_join(pthread_t thread, void** result) {
  using Join = int (*)(pthread_t, void**);
  static const auto real = reinterpret_cast<Join>(::dlsym(RTLD_NEXT, "pthread_join"));
  if (run == nullptr) {
    return real(thread, result);
  }
  run->end(run->fiber(thread - 1));
  return 0;
}
}
// NOLINTEND
