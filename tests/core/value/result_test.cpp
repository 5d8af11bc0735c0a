#include "core/value/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace locum {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) {
    return Error(Errc::invalid_argument, "odd");
  }
  return number / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  const auto good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);
  EXPECT_EQ(good.value(), 2);
  EXPECT_EQ(good.value_or(9), 2);
  const auto bad = half(3);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code(), Errc::invalid_argument);
  EXPECT_EQ(bad.value_or(9), 9);
}

TEST(Result, ThrowsItsErrorFromValue) {
  try {
    (void)half(1).value();
    FAIL() << "value() of an error returned";
  } catch (const Error& error) {
    EXPECT_EQ(error.text(), "odd");
  }
  EXPECT_THROW(Result<void>(Error(Errc::closed, "x")).value(), Error);
}

TEST(Result, TakesWhatOnlyMoves) {
  Result<std::unique_ptr<int>> made(std::make_unique<int>(5));
  EXPECT_EQ(**made, 5);
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 5);
}

TEST(Result, ReachesIntoItsValue) {
  Result<std::string> text(std::string("abc"));
  EXPECT_EQ(text->size(), 3U);
  text->push_back('d');
  EXPECT_EQ(*text, "abcd");
}

TEST(Result, IsWhatItIsMadeFromAndNotWhetherThatHoldsAValue) {
  class Reply : public Result<bool> {
   public:
    using Result<bool>::Result;
  };
  const Reply no = false;
  const Result<bool> copied = no;
  ASSERT_TRUE(copied);
  EXPECT_FALSE(*copied);
  const Result<bool> failed = Reply(Error(Errc::timeout, "late"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::timeout);
}

TEST(Result, OfNothingIsSuccessOrAnError) {
  const Result<void> done;
  EXPECT_TRUE(done);
  const Result<void> failed(Error(Errc::timeout, "late"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::timeout);
}

TEST(Result, OfAValueHasAnErrorThatSaysSo) {
  EXPECT_EQ(Result<int>(3).error().code(), Errc::invalid_argument);
  EXPECT_EQ(Result<void>().error().code(), Errc::invalid_argument);
  EXPECT_STREQ(Result<int>(3).error().what(),
               "invalid_argument: this result has a value, and so no error; ask first whether it has one");
}

}  // namespace
}  // namespace locum
