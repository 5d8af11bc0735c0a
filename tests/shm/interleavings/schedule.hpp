#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Runs the library's own code in many interleavings, one thread at a time. The program is compiled with
/// -fsanitize=thread but linked without its runtime: the compiler inserts a call before each atomic
/// operation, and hooks.cpp defines the called functions, which decide which thread takes the next step.
/// hooks.cpp also replaces mutexes, futexes and yields. So the library's sources need no change for it.
/// Memory is sequentially consistent; the effects of weaker orders are tested by the stress tests on real
/// cores.
namespace locum::tests {

/// The searched interleavings: all in which runnable threads are interrupted at most that often, at any of
/// their atomic operations, and in which each mortal process may die before any of its own. Most protocol
/// errors need one or two interruptions.
struct Search {
  int preemptions = 2;
  std::vector<int> mortal{};  ///< processes that may die
  std::size_t most = 30'000;  ///< runs, before the search gives up
  /// Instead of all, if these are too many: that many random ones, the same each time.
  std::size_t sample = 0;
};

struct Searched {
  std::size_t runs = 0;
  bool all = false;   ///< whether every interleaving of the search was run
  std::string wrong;  ///< of the first failed run, with its interleaving; empty if there is none
};

/// Some threads and their shared data. Constructed anew for each run.
class Scene {
 public:
  Scene() = default;
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  virtual ~Scene() = default;
  /// Checked once all threads have ended or died: what is wrong, or empty.
  virtual std::string wrong() = 0;
};

[[nodiscard]] Searched search(const Search& bounds, const std::function<std::unique_ptr<Scene>()>& make);

// For scenes. A thread belongs to a process, which is a number here.

/// In the constructor of a scene: adds a thread.
void thread(int process, std::function<void()> body);
/// A thread that may still wait at the end, like the library's own threads.
void thread_that_may_wait(int process, std::function<void()> body);
/// A thread that begins when another process has died, if that happens.
void after_death(int of, int process, std::function<void()> body);
/// In the constructor: a condition checked at any time: what is wrong, or empty.
void always(std::function<std::string()> look);
/// In a thread: waits until this is true; other threads must make it so.
void wait_until(std::function<bool()> condition);
/// In a thread: an interruption is possible here, as at any atomic operation.
void pause();
/// Reports an error: the run ends.
void report(std::string wrong);
/// From now on this memory must not be accessed; the same holds for memory that the library unmaps.
void forbid(const void* memory, std::size_t bytes);
[[nodiscard]] bool has_died(int process);

}  // namespace locum::tests
