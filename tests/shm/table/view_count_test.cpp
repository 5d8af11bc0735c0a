#include "shm/table/view_count.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace locum::shm {
namespace {

/// One entry's count and bit, and checks of both while the bit changes.
class ViewCountTest : public testing::Test {
 protected:
  void add() {
    ViewCount(word_).add([&] {
      EXPECT_EQ(word_.load(), ViewCount::busy) << "another thread could rely on a bit that is not set yet";
      EXPECT_FALSE(bit_.exchange(true)) << "set twice";
    });
  }
  bool end() {
    return ViewCount(word_).end([&] {
      EXPECT_EQ(word_.load(), ViewCount::busy)
          << "another thread could rely on a bit that is about to be cleared";
      EXPECT_TRUE(bit_.exchange(false)) << "cleared twice";
    });
  }

  Word32 word_{0};
  std::atomic<bool> bit_{false};
};

TEST_F(ViewCountTest, SetsTheBitWithTheFirstViewAndClearsItWithTheLast) {
  add();
  EXPECT_TRUE(bit_);
  add();
  ViewCount(word_).retain();
  EXPECT_EQ(word_.load(), 3U);
  EXPECT_FALSE(end());
  EXPECT_FALSE(end());
  EXPECT_TRUE(bit_);
  EXPECT_FALSE(end());
  EXPECT_FALSE(bit_);
  EXPECT_EQ(word_.load(), 0U);
}

TEST_F(ViewCountTest, IsRetainedByAThreadWithoutAViewOnlyIfThereIsOne) {
  EXPECT_EQ(ViewCount(word_).retain_if_any(), 0U);
  EXPECT_EQ(word_.load(), 0U);
  add();
  add();
  EXPECT_EQ(ViewCount(word_).retain_if_any(), 2U);
  EXPECT_EQ(word_.load(), 3U);
  EXPECT_FALSE(end());
  EXPECT_FALSE(end());
  EXPECT_TRUE(bit_) << "the retained one is left";
  EXPECT_FALSE(end());
  EXPECT_FALSE(bit_);
}

TEST_F(ViewCountTest, DoesNothingForAForkedProcess) {
  ViewCount(word_).retain();
  EXPECT_EQ(word_.load(), 0U);
  EXPECT_FALSE(end());
  EXPECT_EQ(word_.load(), 0U);
}

// Another thread comes while the first view is being counted: it has its view once the bit is set.
TEST_F(ViewCountTest, LetsNobodyThroughBeforeTheBitIsSet) {
  std::thread other;
  ViewCount(word_).add([&] {
    other = std::thread([&] {
      ViewCount(word_).add([] { ADD_FAILURE() << "it is not the first"; });
      EXPECT_TRUE(bit_) << "it has a view without a bit";
    });
    EXPECT_EQ(word_.load(), ViewCount::busy);
    bit_ = true;
  });
  other.join();
  EXPECT_EQ(word_.load(), 2U);
}

// Another thread comes while the last view is being removed: it sets the bit again after it was cleared.
TEST_F(ViewCountTest, LetsNobodyThroughBeforeTheBitIsCleared) {
  add();
  std::thread other;
  EXPECT_FALSE(ViewCount(word_).end([&] {
    other = std::thread([&] { add(); });
    EXPECT_EQ(word_.load(), ViewCount::busy);
    bit_ = false;
  }));
  other.join();
  EXPECT_TRUE(bit_) << "it has a view without a bit";
  EXPECT_EQ(word_.load(), 1U);
}

TEST_F(ViewCountTest, SaysWhenTheLastViewOfAnOrphanEnds) {
  add();
  add();
  int noted = 0;
  ViewCount(word_).orphan([&] { ++noted; }, [&] { --noted; });
  EXPECT_EQ(noted, 1);
  ViewCount(word_).retain();
  EXPECT_FALSE(end());
  EXPECT_FALSE(end());
  EXPECT_TRUE(bit_);
  EXPECT_TRUE(end());
  EXPECT_FALSE(bit_);
  EXPECT_EQ(word_.load(), 0U);
}

TEST_F(ViewCountTest, OrphansNothingWhereThereIsNoView) {
  ViewCount(word_).orphan([] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
  EXPECT_EQ(word_.load(), 0U);
}

// The last view ends on another thread after `note()` and before the mark.
TEST_F(ViewCountTest, TakesANoteBackWhereTheViewsHaveEndedMeanwhile) {
  add();
  int noted = 0;
  ViewCount(word_).orphan(
      [&] {
        ++noted;
        std::thread([&] { EXPECT_FALSE(end()); }).join();
      },
      [&] { --noted; });
  EXPECT_EQ(noted, 0);
  EXPECT_FALSE(bit_);
}

}  // namespace
}  // namespace locum::shm
