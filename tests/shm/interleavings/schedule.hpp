#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Runs the library's own code in many interleavings, one thread at a time. The program is compiled with
/// -fsanitize=thread but linked without its runtime: the compiler calls a function before each atomic
/// operation, and hooks.cpp defines these functions. They decide which thread takes the next step.
/// Mutexes, futexes and yields are those of hooks.cpp as well. So the library's sources need neither know
/// of this nor be written for it. Memory is sequentially consistent; what weaker orders carry is shown by the
/// stress tests on real cores.
namespace locum::tests {

/// What is searched through: all interleavings in which a thread that could go on is interrupted at most so
/// often, at any of its atomic operations, and in which each mortal process may die before any of its own.
/// Most faults of a protocol need one or two interruptions.
struct Search {
  int preemptions = 2;
  std::vector<int> mortal{};  ///< processes that may die
  std::size_t most = 30'000;  ///< runs, before the search gives up
  /// Not all, which are too many, but so many of them, drawn by lot; the same ones each time.
  std::size_t sample = 0;
};

struct Searched {
  std::size_t runs = 0;
  bool all = false;   ///< whether no interleaving was left out that was to be searched
  std::string wrong;  ///< of the first run that went wrong, and which it was; empty if there is none
};

/// Some threads and what they share. Made anew for each run, with all its threads.
class Scene {
 public:
  Scene() = default;
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  virtual ~Scene() = default;
  /// Once all threads have ended or died: what must not be, or empty.
  virtual std::string wrong() = 0;
};

[[nodiscard]] Searched search(const Search& bounds, const std::function<std::unique_ptr<Scene>()>& make);

// For scenes. A thread belongs to a process, which is a number here.

/// In the constructor of a scene: one more thread.
void thread(int process, std::function<void()> body);
/// Which may also be left waiting at the end, as those of the library's own are.
void thread_that_may_wait(int process, std::function<void()> body);
/// One that begins when another process has died, if that happens.
void after_death(int of, int process, std::function<void()> body);
/// In the constructor: what must not be at any time, or empty.
void always(std::function<std::string()> look);
/// In a thread: goes on when this is so, which it must become by what the others do.
void wait_until(std::function<bool()> condition);
/// In a thread: others may go on here, as at any atomic operation.
void pause();
/// This must not happen: the run ends.
void report(std::string wrong);
/// From now on this memory must not be touched. So it is with what the library unmaps.
void forbid(const void* memory, std::size_t bytes);
[[nodiscard]] bool has_died(int process);

}  // namespace locum::tests
