#pragma once

/// Numbered places between writes to memory that processes share, at which tests let a process die. In the
/// library they are nothing at all; tests/shm builds it once more with LOCUM_KILL_POINTS, and there each
/// place is listed by the linker, whether it is ever reached or not.
///
///   LOCUM_KILL_POINT("publish: recorded");   // unique; what is going on: what has just been done
#ifdef LOCUM_KILL_POINTS

namespace locum::shm {

/// As large as its alignment, so that the linker's list of them has no gaps.
struct alignas(32) KillPoint {
  const char* name;
  const char* file;
  int line;
};
static_assert(sizeof(KillPoint) == 32);

/// Defined by the tests: counts, and may not return.
void reach(const KillPoint& point) noexcept;

}  // namespace locum::shm

#define LOCUM_KILL_POINT(name)                                                                   \
  do {                                                                                           \
    [[gnu::section("locum_kill_points"), gnu::used]] static const ::locum::shm::KillPoint point{ \
        name, __FILE__, __LINE__};                                                               \
    ::locum::shm::reach(point);                                                                  \
  } while (false)

#else

#define LOCUM_KILL_POINT(name) static_cast<void>(0)

#endif
