#include "shm/death/life_locks.hpp"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/value/error.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"
#include "tests/shm/stage.hpp"

namespace locum::shm {
namespace {

using tests::Child;
using tests::Stage;

constexpr std::size_t share_words = sizeof(Share) / sizeof(std::uint32_t);
using ShareBytes = std::array<std::uint32_t, share_words>;

class LivesTest : public testing::Test {
 protected:
  ~LivesTest() override { stage_.reach(last_stage); }

  /// A process that takes part and then runs `more`, on the thread that holds its locks.
  [[nodiscard]] Child rank(std::uint32_t own, std::function<void(LifeLocks&)> more = {}) {
    const std::uint32_t stage = ++started_;
    Child child([this, own, stage, more = std::move(more)] {
      LifeLocks lives(segment_, own);
      lives.begin();
      if (more) {
        more(lives);
      }
      stage_.reach(stage);
      while (!stage_.wait_for(last_stage)) {  // however long the test takes: the child has its own deadline
      }
      return std::string();
    });
    EXPECT_TRUE(stage_.wait_for(stage)) << "rank " << own << " does not reach its stage";
    return child;
  }
  static void kill(Child& child) {
    child.kill();
    EXPECT_EQ(child.wait().signal, SIGKILL);
  }
  /// What rank 0 finds, on a thread whose end releases its locks.
  [[nodiscard]] Standing look(std::uint32_t rank) const {
    Standing standing{};
    std::thread([&] { standing = LifeLocks(segment_, 0).look(rank); }).join();
    return standing;
  }
  /// Owner and state of a share, as written there.
  [[nodiscard]] std::pair<std::uint32_t, ShareState> words(std::uint32_t rank) const {
    const Share& share = segment_->share(rank);
    return {share.adopter.load(), static_cast<ShareState>(share.state.load())};
  }
  [[nodiscard]] ShareBytes read(std::uint32_t rank) const {
    ShareBytes bytes;
    std::memcpy(bytes.data(), static_cast<const void*>(&segment_->share(rank)), sizeof bytes);
    return bytes;
  }
  void write(std::uint32_t rank, const ShareBytes& bytes) const {
    std::memcpy(static_cast<void*>(&segment_->share(rank)), bytes.data(), sizeof bytes);
  }

  static constexpr std::uint32_t last_stage = 1000;

  std::shared_ptr<Segment> segment_ = tests::make_segment(4);
  Stage stage_;
  std::uint32_t started_ = 0;
};

// Including the words that would make it dead: a lock that the kernel has passed on, or that is free, or that
// the checking process holds; a state; an adopter that holds both locks.
TEST_F(LivesTest, NobodyWhoLivesIsTakenForDeadWhateverTwoWordsOfItsShareSay) {
  Child victim = rank(1);
  const Child other = rank(2);
  const ShareBytes whole = read(1);
  const std::uint32_t holder_of_another = read(2)[0];
  constexpr std::size_t strays_count = tests::sanitized ? 4 : 9;  // each check starts a thread
  const std::array<std::uint32_t, 9> all{
      0, 1,   FUTEX_OWNER_DIED, holder_of_another, 2,
      3, ~0U, 0x5A5A5A5A,       0x7FFFFFFE /* what glibc marks a lost mutex with */};
  const auto strays = std::span(all).first<strays_count>();
  for (std::size_t one = 0; one < share_words; ++one) {
    for (std::size_t two = one; two < share_words; ++two) {
      for (const std::uint32_t first : strays) {
        for (const std::uint32_t second : strays) {
          ShareBytes struck = whole;
          struck[one] = first;
          struck[two] = second;
          write(1, struck);
          ASSERT_EQ(look(1), Standing::there)
              << std::hex << first << " in word " << one << ", " << second << " in word " << two;
          if (one == two) {
            break;  // both are the same word
          }
        }
      }
    }
  }
  write(1, whole);
  EXPECT_EQ(look(1), Standing::there);
  kill(victim);
  EXPECT_EQ(look(1), Standing::ours) << "and is found when it dies";
}

TEST_F(LivesTest, NobodyWhoLivesIsTakenForDeadWhateverItsWholeShareSays) {
  const Child victim = rank(1);
  const ShareBytes whole = read(1);
  std::minstd_rand random(4711);
  for (int times = 0; times < 2000; ++times) {
    ShareBytes struck = whole;
    for (std::uint32_t& word : struck) {
      word = random() % 4 == 0 ? word : static_cast<std::uint32_t>(random());
    }
    write(1, struck);
    ASSERT_EQ(look(1), Standing::there) << times;
  }
  write(1, whole);
}

TEST_F(LivesTest, WhoDiesIsFoundThoughAStrayStoreSaidThatNobodyHoldsItsLock) {
  Child victim = rank(1);
  std::memset(&segment_->share(1).life, 0, sizeof(std::uint32_t));
  EXPECT_EQ(look(1), Standing::there);
  kill(victim);
  EXPECT_EQ(look(1), Standing::ours);
}

// The lock belongs to one thread; others of the dead process may still write.
TEST_F(LivesTest, IsNotAdoptedBeforeItsLastThreadIsGone) {
  Child victim([&] {
    std::thread([&] { LifeLocks(segment_, 1).begin(); }).join();
    stage_.reach(1);
    static_cast<void>(stage_.wait_for(last_stage));
    return std::string();
  });
  ASSERT_TRUE(stage_.wait_for(1));
  EXPECT_EQ(look(1), Standing::there);
  EXPECT_EQ(look(1), Standing::there) << "at every check";
  kill(victim);
  EXPECT_EQ(look(1), Standing::ours);
}

TEST_F(LivesTest, AnEstateIsNotAdoptedAgainBeforeTheLastThreadOfItsOwnerIsGone) {
  Child first = rank(2);
  kill(first);
  Child owner([&] {
    std::thread([&] {
      LifeLocks lives(segment_, 1);
      lives.begin();
      EXPECT_EQ(lives.look(2), Standing::ours);
    }).join();
    stage_.reach(5);
    static_cast<void>(stage_.wait_for(last_stage));
    return std::string();
  });
  ASSERT_TRUE(stage_.wait_for(5));
  EXPECT_EQ(look(2), Standing::there);
  kill(owner);
  EXPECT_EQ(look(2), Standing::ours);
}

TEST_F(LivesTest, AnEstateIsAdoptedOnceItsOwnerHasLeftAndUnmappedTheMemory) {
  Child first = rank(2);
  kill(first);
  const Child owner([&] {
    std::thread([&] {
      LifeLocks lives(segment_, 1);
      lives.begin();
      EXPECT_EQ(lives.look(2), Standing::ours);
      lives.leave();
    }).join();
    stage_.reach(5);
    static_cast<void>(stage_.wait_for(6));
    segment_.reset();
    stage_.reach(7);
    static_cast<void>(stage_.wait_for(last_stage));
    return std::string();
  });
  ASSERT_TRUE(stage_.wait_for(5));
  EXPECT_EQ(look(2), Standing::there);
  stage_.reach(6);
  ASSERT_TRUE(stage_.wait_for(7));
  EXPECT_EQ(look(2), Standing::ours);
  EXPECT_EQ(look(1), Standing::there) << "it has left";
}

// The owner's name is written for others: a survivor does not need it to decide.
TEST_F(LivesTest, WhoIsOwnedByAnotherIsLostWhateverItsShareNames) {
  Child first = rank(2);
  kill(first);
  Child owner = rank(1, [](LifeLocks& lives) { EXPECT_EQ(lives.look(2), Standing::ours); });
  for (const std::uint32_t named : {2U, 0U, 1U, 3U, ~0U}) {
    segment_->share(2).adopter.store(named);
    EXPECT_EQ(look(2), Standing::lost) << named;
    EXPECT_EQ(look(1), Standing::there) << named;
  }
  kill(owner);
  EXPECT_EQ(look(2), Standing::ours);
}

TEST_F(LivesTest, WritesItsWordsAgainAndThoseOfWhomItOwns) {
  Child first = rank(2);
  kill(first);
  const auto strike = [&](std::uint32_t rank) {
    segment_->share(rank).adopter.store(77);
    segment_->share(rank).state.store(static_cast<std::uint32_t>(ShareState::left));
  };
  std::thread([&] {  // the locks end with this thread, before their memory does
    LifeLocks lives(segment_, 1);
    lives.begin();
    ASSERT_EQ(lives.look(2), Standing::ours);
    strike(1);
    strike(2);
    EXPECT_EQ(lives.look(1), Standing::there);
    EXPECT_EQ(lives.look(2), Standing::ours);
    EXPECT_EQ(words(1), std::pair(0U, ShareState::present));
    EXPECT_EQ(words(2), std::pair(2U, ShareState::present));
    lives.tell_adopted(2);
    strike(2);
    EXPECT_EQ(lives.look(2), Standing::ours);
    EXPECT_EQ(words(2), std::pair(2U, ShareState::adopted));
    lives.leave();
  })
      .join();
}

// The progress of its last owner counts as `present` for the next one.
TEST_F(LivesTest, AnEstateThatPassesOnIsAdoptedOnceItsNewOwnerSaysSo) {
  Child first = rank(2);
  kill(first);
  Child owner = rank(1, [](LifeLocks& lives) {
    EXPECT_EQ(lives.look(2), Standing::ours);
    lives.tell_adopted(2);
  });
  ASSERT_EQ(words(2), std::pair(2U, ShareState::adopted));
  kill(owner);
  std::thread([&] {
    LifeLocks heir(segment_, 0);
    ASSERT_EQ(heir.look(2), Standing::ours);
    EXPECT_EQ(words(2), std::pair(1U, ShareState::present));
    heir.tell_adopted(2);
    EXPECT_EQ(words(2), std::pair(1U, ShareState::adopted));
  }).join();
}

// Closing any descriptor of the node's file releases the kernel's lock: it is taken again.
TEST_F(LivesTest, TakesTheLockOfItsProcessAgain) {
  const RecordLocks records(segment_->descriptor());
  const Child other = rank(1, [&](LifeLocks& lives) {
    ::close(::dup(segment_->descriptor()));
    EXPECT_EQ(lives.look(1), Standing::there);
  });
  EXPECT_TRUE(records.held_by_another(1));
}

// Like a program that closes all descriptors it finds. It still has the other lock, but cannot ask the
// kernel.
TEST_F(LivesTest, WhoClosesTheFileIsNotDeadAndTakesNobodyForDead) {
  Child first = rank(2);
  kill(first);
  Child closer = rank(1, [&](LifeLocks& lives) {
    ::close(segment_->descriptor());
    EXPECT_EQ(lives.look(1), Standing::there);
    EXPECT_EQ(lives.look(2), Standing::there);
  });
  EXPECT_TRUE(RecordLocks(segment_->descriptor()).free_of_others(1));
  EXPECT_EQ(look(1), Standing::there);
  kill(closer);
  EXPECT_EQ(look(1), Standing::ours);
  EXPECT_EQ(look(2), Standing::ours);
}

TEST_F(LivesTest, RefusesARankThatAnotherProcessHas) {
  const Child other = rank(1);
  LifeLocks second(segment_, 1);
  try {
    second.begin();
    ADD_FAILURE() << "two processes have the same share";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
}

TEST_F(LivesTest, WhoHasLeftIsNotDead) {
  const Child gone = rank(1, [](LifeLocks& lives) { lives.leave(); });
  EXPECT_EQ(look(1), Standing::there);
  EXPECT_TRUE(LifeLocks(segment_, 0).has_left(1));
  EXPECT_FALSE(LifeLocks(segment_, 0).has_left(3)) << "it never took part";
}

}  // namespace
}  // namespace locum::shm
