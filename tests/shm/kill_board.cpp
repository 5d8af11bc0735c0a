#include "tests/shm/kill_board.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <new>
#include <stdexcept>

// The linker's names for the two ends of the section that LOCUM_KILL_POINT fills.
extern const locum::shm::KillPoint __start_locum_kill_points[];  // NOLINT(bugprone-reserved-identifier)
extern const locum::shm::KillPoint __stop_locum_kill_points[];   // NOLINT(bugprone-reserved-identifier)

namespace locum::tests {
namespace {

Board* our_board = nullptr;
std::uint32_t our_rank = 0;
thread_local Act our_act = Act::background;
std::atomic<const LastLook*> our_last_look{nullptr};

[[noreturn]] void die(Shot& shot) noexcept {
  shot.victim = our_rank;
  shot.act = our_act;
  if (const LastLook* const look = our_last_look.load(std::memory_order_acquire)) {
    const std::string wrong = (*look)();
    wrong.copy(shot.found.data(), shot.found.size() - 1);
  }
  shot.hit.store(true, std::memory_order_release);
  ::kill(::getpid(), SIGKILL);
  for (;;) {
    ::pause();
  }
}

void reach(const shm::KillPoint& point) noexcept {
  if (our_board == nullptr) {
    return;
  }
  const auto index = static_cast<std::uint32_t>(&point - __start_locum_kill_points);
  our_board->reached[index][static_cast<std::size_t>(our_act)].fetch_add(1, std::memory_order_relaxed);
  for (Shot& shot : our_board->shots) {
    if (shot.point == index && (shot.rank == any_rank || shot.rank == our_rank) &&
        shot.only_in.value_or(our_act) == our_act && shot.left.fetch_sub(1, std::memory_order_relaxed) == 1) {
      die(shot);
    }
  }
}

}  // namespace

std::string_view name_of(Act act) noexcept {
  constexpr std::array<std::string_view, act_count> names{
      "put",     "create", "seal",         "discard", "replace",   "get",  "get by key",
      "release", "evict",  "evict by key", "drop",    "list",      "wait", "open",
      "settle",  "usage",  "close",        "idle",    "background"};
  return names[static_cast<std::size_t>(act)];
}

std::optional<Act> act_of(std::string_view name) noexcept {
  for (std::size_t act = 0; act < act_count; ++act) {
    if (name_of(static_cast<Act>(act)) == name) {
      return static_cast<Act>(act);
    }
  }
  return std::nullopt;
}

std::span<const shm::KillPoint> kill_points() noexcept {
  return {__start_locum_kill_points, __stop_locum_kill_points};
}

std::shared_ptr<Board> make_board() {
  void* const memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("no memory that the processes of a run can share");
  }
  return {::new (memory) Board{}, [](Board* board) { ::munmap(board, sizeof(Board)); }};
}

void play_on(Board& board, std::uint32_t rank) noexcept {
  our_board = &board;
  our_rank = rank;
  our_act = Act::idle;
}

void set_act(Act act) noexcept {
  our_act = act;
}

void look_at_last(const LastLook* look) noexcept {
  our_last_look.store(look, std::memory_order_release);
}

std::int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

}  // namespace locum::tests

void locum::shm::reach(const KillPoint& point) noexcept {
  locum::tests::reach(point);
}
