#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/value/error.hpp"

/// \file
/// What the ranks of a job need of which one dies while the others continue (survivors.sh). These programs
/// use no test framework: survivors end by _Exit, because MPI_Finalize of Open MPI 4 may wait for the dead.
namespace locum::tests {

inline int rank_of_this = -1;
inline int failures = 0;

inline void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::printf("rank %d FAILED: %s\n", rank_of_this, what.c_str());
    std::fflush(stdout);
    ++failures;
  }
}

/// The value of an environment variable; empty if it is not set.
inline std::string setting(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? "" : text;
}

/// Waits until the condition is true, a minute at most.
template <class Condition>
void wait_until(Condition condition) {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!condition() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
}

/// One of several ranks, that dies at some time: see deaths_at_any_time.sh.
inline int victim() {
  static const int rank = std::atoi(setting("LOCUM_TEST_VICTIM").c_str());
  return rank;
}

/// From now on this rank may die, if it is the victim. Called again and again; before the first call others
/// may wait for this rank.
inline void may_die() {
  static bool once = false;
  if (!std::exchange(once, true) && rank_of_this == victim()) {
    std::thread([] {
      const auto delay = std::chrono::microseconds(std::atoi(setting("LOCUM_TEST_DEATH_US").c_str()));
      std::this_thread::sleep_for(delay);  // until a moment of the seed's: nothing waits for it
      std::raise(SIGKILL);
    }).detach();
  }
}

/// A T of zeros in memory of all ranks, which the dead leave as it was: the file LOCUM_TEST_SHARED.
template <class T>
T& shared_memory() {
  static_assert(sizeof(T) <= 65536);
  const int file = ::open(setting("LOCUM_TEST_SHARED").c_str(), O_RDWR);
  void* memory =
      file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    std::perror("LOCUM_TEST_SHARED");
    std::_Exit(2);
  }
  close(file);
  return *static_cast<T*>(memory);
}

inline std::chrono::milliseconds longest_call{0};

/// What the call returns. Notes how long it took.
template <class Call>
auto timed(Call call) {
  const auto start = std::chrono::steady_clock::now();
  auto result = call();
  longest_call = std::max(longest_call, std::chrono::duration_cast<std::chrono::milliseconds>(
                                            std::chrono::steady_clock::now() - start));
  return result;
}

/// Which ranks need nobody any more.
using RanksDone = std::array<std::atomic<bool>, 4>;

/// Waits for all but the victim: a node lives as long as one of its ranks does.
inline void wait_for_survivors(RanksDone& done) {
  done[static_cast<std::size_t>(rank_of_this)] = true;
  for (std::size_t rank = 0; rank < done.size(); ++rank) {
    wait_until([&] { return static_cast<int>(rank) == victim() || done[rank].load(); });
  }
}

/// Says how this rank fared, and ends it.
[[noreturn]] inline void end_survivor(const std::optional<Error>& error) {
  std::printf("rank %d survived: %d failures, longest call %d ms, %s\n", rank_of_this, failures,
              static_cast<int>(longest_call.count()), error ? error->what() : "no error");
  std::fflush(stdout);
  std::_Exit(failures == 0 ? 0 : 1);
}

}  // namespace locum::tests
