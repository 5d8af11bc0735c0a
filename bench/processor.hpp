#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace locum::bench {

/// Seconds that a thread, or all threads of this process, have been on a core so far.
[[nodiscard]] inline double processor_seconds(int who) {
  constexpr double micro = 1e-6;
  rusage used{};
  ::getrusage(who, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * micro;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}
[[nodiscard]] inline double process_seconds() {
  return processor_seconds(RUSAGE_SELF);
}
[[nodiscard]] inline double thread_seconds() {
  return processor_seconds(RUSAGE_THREAD);
}

/// Chooses the cores for the threads of this process. Restores the former choice at the end.
class Cores {
 public:
  Cores() { ::sched_getaffinity(0, sizeof before_, &before_); }
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;
  ~Cores() { give_back(); }

  /// All threads on that one of the process's former cores.
  void all_on(int nth) const { all_on(only(nth)); }
  /// The calling thread on that one.
  void self_on(int nth) const {
    const cpu_set_t set = only(nth);
    ::sched_setaffinity(0, sizeof set, &set);
  }
  void give_back() const { all_on(before_); }

 private:
  static void all_on(const cpu_set_t& set) {
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      ::sched_setaffinity(std::stoi(thread.path().filename().string()), sizeof set, &set);
    }
  }
  [[nodiscard]] cpu_set_t only(int nth) const {
    cpu_set_t set;
    CPU_ZERO(&set);
    int seen = 0;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &before_) != 0 && seen++ == nth) {
        CPU_SET(core, &set);
      }
    }
    return set;
  }

  cpu_set_t before_{};
};

}  // namespace locum::bench
