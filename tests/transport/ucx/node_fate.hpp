#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <new>

#include "tests/transport/ucx/mortal_transport.hpp"

namespace locum::tests {

/// Ranks of a run in which some die.
inline constexpr int mortals = 4;

/// Which of them are of a node.
enum class Scene : std::uint8_t {
  pairs,     ///< two nodes of two
  one_sided  ///< four nodes of one, that read each other's memory one-sidedly
};

/// When somebody dies in a run: whoever comes to such a moment as the first, second … of all.
struct Fate {
  Scene scene = Scene::pairs;
  Moment moment;
  bool whole_node = false;  ///< its mate dies, too
  bool stops = false;       ///< they are stopped for good, so that nothing but their silence tells of it
  int occurrence = 1;
};

/// What the processes of a run see together.
struct Board {
  std::array<std::atomic<pid_t>, mortals> pids{};
  std::array<std::atomic<bool>, mortals> fallen{};  ///< were killed or stopped
  std::array<std::atomic<int>, mortals> come_to{};  ///< how often each has met the others
  std::atomic<int> occurrences{0};                  ///< of the fatal moment, of all ranks
  std::atomic<int> victim{-1};                      ///< who came to the last of them
  std::atomic<int> told{0};                         ///< how often a transport said of one that it had fallen
  std::atomic<int> replaced{0};                     ///< how often what two are to fetch at a time
  std::atomic<bool> reads{false};                   ///< the lanes read memory one-sidedly

  [[nodiscard]] bool anybody_has_fallen() const noexcept {
    return std::ranges::any_of(fallen, [](const auto& one) { return one.load(); });
  }
};

/// Memory of all processes that are forked from now on.
class SharedBoard {
 public:
  SharedBoard()
      : board_(new(::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                   Board) {}
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;
  ~SharedBoard() { ::munmap(board_, sizeof(Board)); }
  Board* operator->() const noexcept { return board_; }

 private:
  Board* board_;
};

}  // namespace locum::tests
