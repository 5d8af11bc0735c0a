// Store::update() and fetch_add() in one process.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/containers.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests::update_test {
namespace {

using namespace std::chrono_literals;

class Update : public ::testing::Test {
 protected:
  const SessionFixture one_;
  const Store store_ = one_.store();
};

TEST_F(Update, ChangesValuesOfAnyType) {
  store_.put("clock", 41).value();
  const std::uint64_t first = store_.info("clock").value().generation;
  EXPECT_EQ(store_.update<int>("clock", [](int step) { return step + 1; }).value(), 42);
  EXPECT_EQ(*store_.get<int>("clock").value(), 42);
  EXPECT_GT(store_.info("clock").value().generation, first);

  using Tags = std::map<std::string, int>;
  store_.put("tags", Tags{{"a", 1}}).value();
  const auto add = [](Tags tags) {
    tags["b"] = 2;
    return tags;
  };
  EXPECT_EQ(store_.update<Tags>("tags", add).value().size(), 2U);
  EXPECT_EQ(store_.get<Tags>("tags").value()->at("b"), 2);

  store_.put("field", std::vector<double>{1.0}).value();
  const auto longer = [](const std::vector<double>& field) {
    return std::vector<double>(field.size() + 1, 2.0);
  };
  EXPECT_EQ(store_.update<std::vector<double>>("field", longer).value().size(), 2U);
  EXPECT_EQ(store_.get<double[]>("field").value()[1], 2.0);
}

TEST_F(Update, BeginsAgainWhenTheValueWasReplacedMeanwhile) {
  store_.put("clock", 1).value();
  int calls = 0;
  const auto changed = store_.update<int>("clock", [&](int step) {
    if (++calls <= 2) {
      store_.replace("clock", 10 * calls).value();
    }
    return step + 1;
  });
  EXPECT_EQ(changed.value(), 21);
  EXPECT_EQ(calls, 3);
}

// Evicted and put again, it is another value, although nobody has replaced it.
TEST_F(Update, BeginsAgainWhenTheValueWasPutAnew) {
  store_.put("clock", 1).value();
  int calls = 0;
  const auto changed = store_.update<int>("clock", [&](int step) {
    if (++calls == 1) {
      store_.evict("clock");
      store_.put("clock", 5).value();
    }
    return step + 1;
  });
  EXPECT_EQ(changed.value(), 6);
}

TEST_F(Update, SaysWhyItCannot) {
  const auto same = [](int value) { return value; };
  EXPECT_EQ(code_of(store_.update<int>("absent", same)), Errc::not_found);
  EXPECT_FALSE(store_.exists("absent").value());
  store_.put("text", std::string("a")).value();
  EXPECT_EQ(code_of(store_.update<int>("text", same)), Errc::type_mismatch);
  EXPECT_EQ(code_of(store_.update<int>("", same)), Errc::invalid_argument);

  store_.put("clock", 1).value();
  const auto gone = store_.update<int>("clock", [&](int value) {
    store_.evict("clock");
    return value;
  });
  EXPECT_EQ(code_of(gone), Errc::not_found);
  store_.put("clock", 1).value();
  EXPECT_THROW((void)store_.update<int>("clock", [](int) -> int { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(*store_.get<int>("clock").value(), 1);
}

// As a serialize does that resolves a stand-in of a replaced name.
struct Stale {
  static constexpr std::string_view locum_type_name = "tests.stale";

  int number = 0;

  template <class Archive>
  void serialize(Archive& ar) {
    if (number == 2) {
      throw Error(Errc::stale, "of another name");
    }
    ar(number);
  }
};

TEST_F(Update, ReturnsAnErrorOfTheValueAtOnce) {
  store_.put("value", Stale{1}).value();
  int calls = 0;
  const auto failed = store_.update<Stale>("value", [&](Stale value) {
    ++calls;
    ++value.number;
    return value;
  });
  ASSERT_EQ(code_of(failed), Errc::stale);
  EXPECT_NE(std::string(failed.error().what()).find("of another name"), std::string::npos);
  EXPECT_EQ(calls, 1);
}

TEST_F(Update, EndsAtItsDeadlineWhereOthersAreAlwaysFaster) {
  store_.put("clock", 0).value();
  int calls = 0;
  const auto late = store_.update<int>("clock",
                                       [&](int step) {
                                         store_.replace("clock", ++calls).value();
                                         return step;
                                       },
                                       {.deadline = 20ms});
  ASSERT_EQ(code_of(late), Errc::timeout);
  EXPECT_EQ(late.error().key(), "clock");
  EXPECT_GT(calls, 0);
  EXPECT_EQ(*store_.get<int>("clock").value(), calls);
}

TEST_F(Update, CountsForManyThreads) {
  constexpr int threads = 4;
  constexpr int each = 300;
  std::vector<std::vector<std::int64_t>> tickets(threads);
  std::vector<std::thread> takers;
  for (auto& mine : tickets) {
    takers.emplace_back([&] {
      for (int turn = 0; turn < each; ++turn) {
        mine.push_back(store_.fetch_add("next", 1, {.deadline = 60s}).value());
      }
    });
  }
  for (std::thread& taker : takers) {
    taker.join();
  }
  std::vector<bool> taken(threads * each);
  for (const auto& mine : tickets) {
    for (const std::int64_t ticket : mine) {
      ASSERT_FALSE(taken.at(static_cast<std::size_t>(ticket)));
      taken[static_cast<std::size_t>(ticket)] = true;
    }
  }
  EXPECT_EQ(store_.fetch_add("next", 0).value(), threads * each);
}

TEST_F(Update, AddsFromZeroAndWrapsAround) {
  EXPECT_EQ(store_.fetch_add("sum", -3).value(), 0);
  EXPECT_EQ(store_.fetch_add("sum", 5).value(), -3);
  EXPECT_EQ(*store_.get<std::int64_t>("sum").value(), 2);
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  store_.replace("sum", largest).value();
  EXPECT_EQ(store_.fetch_add("sum", 1).value(), largest);
  EXPECT_EQ(store_.fetch_add("sum", 0).value(), std::numeric_limits<std::int64_t>::min());
  store_.put("real", 1.0).value();
  EXPECT_EQ(code_of(store_.fetch_add("real", 1)), Errc::type_mismatch);
}

}  // namespace
}  // namespace locum::tests::update_test
