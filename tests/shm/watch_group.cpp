#include "tests/shm/watch_group.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <new>
#include <span>

#include "tests/shm/fork_group.hpp"
#include "tests/shm/player.hpp"

namespace locum::tests {

using shm::DeathWatch;
using shm::ProcessIdentity;

std::string name_of(const testing::TestParamInfo<ExitDetection>& each) {
  return each.param == ExitDetection::by_system ? "ToldByTheSystem" : "ByLooking";
}

WatchTest::WatchTest() {
  void* const memory =
      ::mmap(nullptr, sizeof(WatchBoard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  board_ = ::new (memory) WatchBoard{};
}

WatchTest::~WatchTest() {
  ::munmap(board_, sizeof(WatchBoard));
}

std::vector<ProcessIdentity> WatchTest::identities(Group& group) {
  ProcessIdentity mine = ProcessIdentity::own();
  mine.name_space = GetParam() == ExitDetection::by_system ? mine.name_space : 0;
  const auto bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<ProcessIdentity> all(static_cast<std::size_t>(group.size()));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

DeathWatch::Duties WatchTest::duties(std::uint32_t own) const {
  return {.on_death =
              [board = board_, own](std::uint32_t dead) {
                board->seen[own][dead].at.store(Clock::now().time_since_epoch().count());
                board->seen[own][dead].deaths.fetch_add(1);
                board->tell();
              },
          .adopt =
              [board = board_, own](std::uint32_t dead) {
                board->seen[own][dead].adoptions.fetch_add(1);
                board->tell();
              }};
}

std::string WatchTest::take_part(Group& group, const DeathWatch::Duties& duties) const {
  const auto own = static_cast<std::uint32_t>(group.rank());
  const DeathWatch watch(segment_, own, identities(group), duties);
  group.barrier();
  board_->tell_ready();
  if (!board_->wait_for([&] { return board_->may_end.load() != 0; })) {
    return "was not allowed to end in time";
  }
  std::string lost;
  for (const DeadRank& loss : watch.losses()->all()) {
    lost += std::to_string(loss.rank) + " ";
  }
  return lost;
}

void WatchTest::start(std::uint32_t ranks) {
  start(ranks,
        [this](Group& group) { return take_part(group, duties(static_cast<std::uint32_t>(group.rank()))); });
}

void WatchTest::start(std::uint32_t ranks, const std::function<std::string(Group&)>& body) {
  segment_ = make_segment(ranks);
  children_ = start_group(static_cast<int>(ranks), body);
  ASSERT_TRUE(board_->wait_for([&] { return board_->ready.load() == ranks; }));
}

WatchTest::Clock::time_point WatchTest::kill(std::uint32_t rank) {
  const auto now = Clock::now();
  children_[rank].kill();
  return now;
}

std::uint32_t WatchTest::deaths(std::uint32_t survivor, std::uint32_t dead) const {
  return board_->seen[survivor][dead].deaths.load();
}

std::uint32_t WatchTest::adoptions(std::uint32_t dead) const {
  std::uint32_t sum = 0;
  for (const auto& survivor : board_->seen) {
    sum += survivor[dead].adoptions.load();
  }
  return sum;
}

bool WatchTest::death_reported(const std::set<std::uint32_t>& dead) const {
  for (std::uint32_t survivor = 0; survivor < children_.size(); ++survivor) {
    for (const std::uint32_t one : dead) {
      if (!dead.contains(survivor) && deaths(survivor, one) == 0) {
        return false;
      }
    }
  }
  return true;
}

bool WatchTest::adopted(const std::set<std::uint32_t>& dead) const {
  return std::all_of(dead.begin(), dead.end(), [&](std::uint32_t one) {
    const std::uint32_t adopter = segment_->share(one).adopter.load();
    return adopter != 0 && !dead.contains(adopter - 1) &&
           board_->seen[adopter - 1][one].adoptions.load() > 0 &&
           segment_->share(one).state.load() == static_cast<std::uint32_t>(shm::ShareState::adopted);
  });
}

void WatchTest::expect_noticed(const std::set<std::uint32_t>& dead) {
  ASSERT_TRUE(board_->wait_for([&] { return death_reported(dead) && adopted(dead); }));
  for (const std::uint32_t one : dead) {
    const std::uint32_t adopter = segment_->share(one).adopter.load();
    ASSERT_GE(adopter, 1U);
    EXPECT_FALSE(dead.contains(adopter - 1));
    for (std::uint32_t survivor = 0; survivor < children_.size(); ++survivor) {
      if (!dead.contains(survivor)) {
        EXPECT_EQ(board_->seen[survivor][one].adoptions.load(), survivor + 1 == adopter ? 1U : 0U);
        EXPECT_EQ(deaths(survivor, one), 1U) << "of rank " << one << " in rank " << survivor;
      }
    }
  }
}

std::chrono::milliseconds WatchTest::longest_notice(std::uint32_t dead, Clock::time_point killed) const {
  Clock::rep latest = 0;
  for (const auto& survivor : board_->seen) {
    latest = std::max(latest, survivor[dead].at.load());
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::duration(latest) -
                                                               killed.time_since_epoch());
}

void WatchTest::end(const std::set<std::uint32_t>& dead) {
  board_->let_end();
  std::string lost;
  for (const std::uint32_t one : dead) {
    lost += std::to_string(one) + " ";
  }
  for (std::uint32_t rank = 0; rank < children_.size(); ++rank) {
    const Ending ending = children_[rank].wait();
    if (dead.contains(rank)) {
      EXPECT_EQ(ending.signal, SIGKILL);
    } else {
      EXPECT_EQ(ending.exit_code, 0) << "rank " << rank << ", signal " << ending.signal << ": "
                                     << ending.said;
      EXPECT_EQ(ending.said, lost) << "in rank " << rank;
    }
  }
}

}  // namespace locum::tests
