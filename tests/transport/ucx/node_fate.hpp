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

/// How the ranks are distributed over nodes.
enum class Scene : std::uint8_t {
  pairs,     ///< two nodes of two
  one_sided  ///< four nodes of one rank, which read each other's memory one-sidedly
};

/// When a rank dies in a run: the first, second … rank that reaches such a moment.
struct Fate {
  Scene scene = Scene::pairs;
  Moment moment;
  bool whole_node = false;  ///< the other rank of its node dies, too
  bool stops = false;       ///< they are stopped for good, so that only their silence shows it
  int occurrence = 1;
};

/// Shared by the processes of a run.
struct Board {
  std::array<std::atomic<pid_t>, mortals> pids{};
  std::array<std::atomic<bool>, mortals> fallen{};  ///< killed or stopped
  std::array<std::atomic<int>, mortals> come_to{};  ///< how often each has met the others
  std::atomic<int> occurrences{0};                  ///< of the fatal moment, in all ranks
  std::atomic<int> victim{-1};                      ///< the rank that reached the last of them
  std::atomic<int> told{0};                         ///< reports of transports that a dead rank is lost
  std::atomic<int> replaced{0};    ///< replacements of the object that two ranks fetch at the same time
  std::atomic<bool> reads{false};  ///< the lanes support one-sided reads

  [[nodiscard]] bool anybody_has_fallen() const noexcept {
    return std::ranges::any_of(fallen, [](const auto& one) { return one.load(); });
  }
};

/// Memory shared with all processes that are forked from now on.
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
