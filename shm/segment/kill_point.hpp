#pragma once

/// Numbered points between writes to shared memory, at which tests kill a process. In the library they are
/// empty; tests/shm builds it once more with LOCUM_KILL_POINTS, and there the linker lists each point,
/// whether or not it is ever reached.
///
///   LOCUM_KILL_POINT("publish: recorded");   // unique; operation: the step just completed
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
