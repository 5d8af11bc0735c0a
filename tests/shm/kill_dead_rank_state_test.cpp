#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shm/death/life_locks.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/kill_board.hpp"
#include "tests/shm/player.hpp"

// The state of a dead rank passes to its next owner, which may die at any point.
namespace locum::tests {
namespace {

using shm::LifeLocks;
using shm::Segment;
using shm::Share;
using shm::ShareState;
using shm::Standing;

constexpr std::uint32_t dead = 2;
constexpr std::uint32_t first_owner = 1;
constexpr std::uint32_t heir = 0;
constexpr int died = 77;

/// Rank 2 dies, and so does rank 1, which has adopted it.
[[nodiscard]] std::shared_ptr<Segment> state_without_owner() {
  auto segment = make_segment(3);
  const Ending first = in_child([&] {
    LifeLocks lives(segment, dead);
    lives.begin();
    ::_exit(died);
    return std::string();
  });
  EXPECT_EQ(first.exit_code, died) << first.said;
  const Ending owner = in_child([&] {
    LifeLocks lives(segment, first_owner);
    lives.begin();
    if (lives.look(dead) == Standing::ours) {
      lives.tell_adopted(dead);
      ::_exit(died);
    }
    return std::string("it is not ours");
  });
  EXPECT_EQ(owner.exit_code, died) << owner.said;
  return segment;
}

[[nodiscard]] std::string said_to_be_adopted(const Share& share) {
  const auto state = static_cast<ShareState>(share.state.load());
  return state == ShareState::adopted && share.adopter.load() == heir + 1
             ? "a dead rank is marked as adopted by a rank that has only taken its lock"
             : "";
}

TEST(KillPoints, AnEstateIsNowhereSaidToBeAdoptedByWhoHasOnlyTakenIt) {
  int places = 0;
  for (std::uint32_t point = 0; point < kill_points().size(); ++point) {
    const shm::KillPoint& place = kill_points()[point];
    if (!std::string_view(place.name).starts_with("adopt: ") ||
        !std::string_view(place.file).ends_with("life_locks.cpp")) {
      continue;
    }
    ++places;
    const std::shared_ptr<Segment> segment = state_without_owner();
    ASSERT_EQ(static_cast<ShareState>(segment->share(dead).state.load()), ShareState::adopted);
    const auto board = make_board();
    board->shots[0].point = point;
    board->shots[0].left.store(1);
    const LastLook look = [&] { return said_to_be_adopted(segment->share(dead)); };
    const Ending ending = in_child([&] {
      play_on(*board, heir);
      look_at_last(&look);
      static_cast<void>(LifeLocks(segment, heir).look(dead));
      return std::string("lived");
    });
    EXPECT_EQ(ending.signal, SIGKILL) << place.name << ": " << ending.said;
    EXPECT_TRUE(board->shots[0].hit.load()) << place.name;
    EXPECT_STREQ(board->shots[0].found.data(), "") << place.name;
  }
  EXPECT_GE(places, 3);
}

}  // namespace
}  // namespace locum::tests
