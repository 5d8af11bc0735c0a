#include "core/tier/tier_wait.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "tests/core/by_hand.hpp"
#include "tests/core/code_of.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::ByHand;
using tests::code_of;
using tests::Told;
using Clock = Deadline::Clock;

class TierWaits : public ::testing::Test {
 protected:
  using Got = ByHand<ObjectView>;
  using Looked = ByHand<std::shared_ptr<Fetch>>;

  void SetUp() override {
    wait_->begin();
    wait_->observe(std::make_shared<Told>(told_));
  }

  int told_ = 0;
  const std::shared_ptr<Got> in_memory_ = std::make_shared<Got>();
  const std::shared_ptr<Looked> in_back_ = std::make_shared<Looked>();
  const std::shared_ptr<Got> kept_ = std::make_shared<Got>();
  const std::shared_ptr<TierWait> wait_ =
      std::make_shared<TierWait>(in_memory_, in_back_, Clock::now() + 20s);
};

TEST_F(TierWaits, EndWithWhatSomebodyPuts) {
  EXPECT_FALSE(wait_->ended());
  EXPECT_EQ(code_of(wait_->get(1ms)), Errc::timeout);
  in_memory_->end(ObjectView());
  EXPECT_TRUE(wait_->ended()) << "whatever the backend does not say";
  EXPECT_EQ(told_, 1);
  EXPECT_TRUE(wait_->get({}));
  in_back_->end(std::shared_ptr<Fetch>(kept_));
  EXPECT_TRUE(kept_->is_forgotten());
  EXPECT_EQ(told_, 1);
}

TEST_F(TierWaits, EndWithWhatTheBackendHas) {
  in_back_->end(std::shared_ptr<Fetch>(kept_));
  EXPECT_TRUE(in_memory_->is_forgotten());
  in_memory_->end(name_not_put());
  EXPECT_FALSE(wait_->ended());
  wait_->expedite();
  EXPECT_TRUE(kept_->is_expedited());
  EXPECT_EQ(told_, 0);
  kept_->end(Error(Errc::corrupt, "by the test"));
  EXPECT_TRUE(wait_->ended());
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(code_of(wait_->get({})), Errc::corrupt);
}

TEST_F(TierWaits, GoOnInMemoryIfTheBackendHasNothingOrSaysNothing) {
  in_back_->end(Error(Errc::peer_lost, "by the test"));
  EXPECT_FALSE(wait_->ended());
  EXPECT_EQ(code_of(wait_->get(1ms)), Errc::timeout);
  in_memory_->end(Error(Errc::closed, "by the test"));
  EXPECT_EQ(code_of(wait_->get({})), Errc::closed);
}

// Memory had it, and lost it before it came.
TEST_F(TierWaits, EndWithWhatTheBackendHasAndMemoryHasLost) {
  in_memory_->end(Error(Errc::peer_lost, "by the test"));
  EXPECT_FALSE(wait_->ended());
  EXPECT_EQ(code_of(wait_->get(1ms)), Errc::timeout);
  in_back_->end(std::shared_ptr<Fetch>(kept_));
  kept_->end(ObjectView());
  EXPECT_EQ(told_, 1);
  EXPECT_TRUE(wait_->get({}));
}

TEST_F(TierWaits, EndAsMemoryDidIfTheBackendDoesNotHaveItEither) {
  in_memory_->end(Error(Errc::peer_lost, "by the test"));
  in_back_->end(std::shared_ptr<Fetch>());
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(code_of(wait_->get({})), Errc::peer_lost);
}

TEST_F(TierWaits, EndWithTheTimeOfMemory) {
  in_memory_->end(name_not_put());
  EXPECT_EQ(told_, 1) << "however long the look takes";
  in_back_->end(std::shared_ptr<Fetch>());
  EXPECT_EQ(code_of(wait_->get({})), Errc::timeout);
}

TEST_F(TierWaits, ForgetWhatALookBeginsToFetchForNobody) {
  const auto look = std::make_shared<Looked>();
  auto dropped = std::make_shared<TierWait>(std::make_shared<Got>(), look, Clock::now() + 20s);
  dropped->begin();
  dropped->forget();
  dropped.reset();
  look->end(std::shared_ptr<Fetch>(kept_));
  EXPECT_TRUE(kept_->is_forgotten());
  in_back_->end(std::shared_ptr<Fetch>());
}

TEST_F(TierWaits, TellBothThatSomebodyWaitsOrNobodyWantsThem) {
  wait_->expedite();
  EXPECT_TRUE(in_memory_->is_expedited());
  EXPECT_TRUE(in_back_->is_expedited());
  wait_->forget();
  EXPECT_TRUE(in_memory_->is_forgotten());
  EXPECT_TRUE(in_back_->is_forgotten());
  in_back_->end(std::shared_ptr<Fetch>(kept_));
  EXPECT_TRUE(kept_->is_forgotten());
}

}  // namespace
}  // namespace locum
