#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/value/error.hpp"
#include "core/value/key.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::tests {

/// The current operation of a rank. The data operations come first.
enum class Act : std::uint8_t {
  put,
  create,
  seal,
  discard,
  replace,
  get,
  get_key,
  release,
  evict,
  evict_key,
  drop,
  list,
  wait,
  open,
  settle,
  usage,
  close,
  idle,
  background,  ///< a thread of the library
};
inline constexpr std::size_t act_count = 19;
[[nodiscard]] std::string_view name_of(Act act) noexcept;
[[nodiscard]] std::optional<Act> act_of(std::string_view name) noexcept;

inline constexpr std::uint32_t most_ranks = 5;
inline constexpr std::uint32_t most_points = 256;
inline constexpr std::uint32_t most_events = 3072;
inline constexpr std::uint32_t any_rank = ~0U;
inline constexpr std::uint32_t no_point = ~0U;
inline constexpr std::uint32_t left_early = ~0U;
inline constexpr std::uint32_t unnamed = ~0U;

/// One operation of one rank, recorded before it begins and after it returns: a death in between leaves its
/// outcome open.
struct Event {
  Act act = Act::idle;
  bool done = false;
  bool yes = false;              ///< evict: the object existed
  Errc code{};                   ///< 0: success
  std::uint32_t name = unnamed;  ///< index of the name
  Key key;
  std::uint64_t value = 0;  ///< of the object that was made, found or meant; its content contains it, too
  std::uint64_t generation = 0;  ///< given or found
  std::uint64_t expected = 0;    ///< replace: the expected generation
  std::uint64_t names = 0;       ///< list: one bit per name
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
};

struct Journal {
  std::atomic<std::uint32_t> count{0};
  std::atomic<std::uint32_t> arrived{0};  ///< phases that the rank has finished, or `left_early`
  std::atomic<std::uint32_t> complaints{0};
  std::atomic<std::uint32_t> held{0};       ///< number of objects of which the rank holds views
  std::atomic<std::uint64_t> committed{0};  ///< bytes of the rank's arena at its last check
  std::array<Event, most_events> events;
  std::array<char, 400> complaint;  ///< the rank's first complaint
};

/// Where a rank dies: the rank (or any) that makes `left` go from 1 to 0 at that point, in that act (or any).
struct Shot {
  std::uint32_t point = no_point;
  std::uint32_t rank = any_rank;
  std::optional<Act> only_in;
  std::atomic<std::int64_t> left{0};
  // Written by the dying process.
  std::atomic<bool> hit{false};
  std::uint32_t victim = 0;
  Act act = Act::idle;
  std::array<char, 400> found;  ///< errors that its last check found
};

/// Communication between the processes of a run and the test: memory of the test's own, which no death
/// affects. The test makes it before it forks; each run begins with a new one.
struct Board {
  std::atomic<std::uint32_t> begun{0};  ///< number of phases begun; ranks sleep on it
  std::atomic<std::uint32_t> phase{0};  ///< the current phase
  std::atomic<std::uint32_t> dead{0};   ///< a bit per rank whose death the test has seen
  std::atomic<bool> compared{false};    ///< by the lowest living rank, in the phase of that name
  std::array<Shot, 2> shots;
  std::array<std::array<std::atomic<std::uint32_t>, act_count>, most_points> reached;
  std::array<Journal, most_ranks> journals;
};

/// All kill points of the library that are linked into this program, reached or not.
[[nodiscard]] std::span<const shm::KillPoint> kill_points() noexcept;

/// A board in memory that forked processes share.
[[nodiscard]] std::shared_ptr<Board> make_board();

/// From now on, kill points that this process reaches are counted on `board`, and set_act() refers to this
/// thread's acts.
void play_on(Board& board, std::uint32_t rank) noexcept;
void set_act(Act act) noexcept;
/// Called by a dying process at its end, in whichever thread: checks the memory, and returns what is wrong.
/// Null: no check.
using LastLook = std::function<std::string()>;
void look_at_last(const LastLook* look) noexcept;

[[nodiscard]] std::int64_t now_ns() noexcept;

}  // namespace locum::tests
