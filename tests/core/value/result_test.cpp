#include "core/value/result.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

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

TEST(Result, IsAssignedInEitherState) {
  const Error late(Errc::timeout, "late");
  Result<std::string> text(std::string(100, 'a'));
  const Result<std::string> other(std::string(100, 'b'));
  text = other;
  EXPECT_EQ(*text, *other);
  text = late;
  EXPECT_EQ(text.error().code(), Errc::timeout);
  text = Result<std::string>(late.about("x"));
  EXPECT_EQ(text.error().key(), "x");
  text = other;
  EXPECT_EQ(*text, *other);
  text = *&text;
  EXPECT_EQ(*text, *other);
  EXPECT_EQ(Result<std::string>(late).operator->(), nullptr);
}

TEST(Result, IsAssignedFromAPartOfItsValue) {
  struct Node {
    std::unique_ptr<Result<Node>> next;
    int number = 0;
  };
  Result<Node> list(Node{std::make_unique<Result<Node>>(Node{nullptr, 2}), 1});
  list = std::move(*list->next);
  ASSERT_TRUE(list);
  EXPECT_EQ(list->number, 2);
  list->next = std::make_unique<Result<Node>>(Error(Errc::closed, "the end"));
  list = std::move(*list->next);
  EXPECT_EQ(list.error().code(), Errc::closed);
}

// A value that cannot be assigned is moved twice: into a place of its own, and into the result.
TEST(Result, HasAnErrorIfTheMoveOfAValueFails) {
  struct Fragile {
    explicit Fragile(int moves_left) : moves(moves_left) {}
    Fragile(Fragile&& other) noexcept(false) : moves(other.moves - 1) {
      if (moves < 0) {
        throw std::runtime_error("the test lets this move fail");
      }
    }
    Fragile& operator=(Fragile&&) = delete;
    int moves;
  };
  Result<Fragile> good(std::in_place, 9);
  Result<Fragile> fragile(std::in_place, 1);
  EXPECT_THROW(good = std::move(fragile), std::runtime_error);
  ASSERT_FALSE(good);
  EXPECT_EQ(good.error().code(), Errc::invalid_argument);
  good = Result<Fragile>(std::in_place, 9);
  EXPECT_TRUE(good);
  Result<Fragile> more(std::in_place, 0);
  EXPECT_THROW(good = std::move(more), std::runtime_error);
  EXPECT_TRUE(good) << "nothing was moved yet";
}

/// A static object of a program that uses results at its end, after the statics of functions are gone.
struct UsedAtTheEnd {
  ~UsedAtTheEnd() {
    Result<std::string> text(std::string(100, 'a'));
    const bool is_told = text.error().text().starts_with("this result has a value");
    text = Error(Errc::closed, "the end");
    text = std::string(100, 'b');
    if (!is_told || *text != std::string(100, 'b')) {
      std::abort();
    }
  }
} const used_at_the_end;

TEST(Result, ServesStaticObjectsAtTheirEnd) {
  EXPECT_FALSE(Result<int>(3).error().text().empty());
  EXPECT_EXIT(std::exit(0), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace locum
