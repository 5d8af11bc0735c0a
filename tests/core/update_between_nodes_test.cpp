// Store::update() and fetch_add() of names at home on the own node, and on another one.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/future_nodes.hpp"

namespace locum::tests {
namespace {

class UpdateBetweenNodes : public FutureNodes {
 protected:
  [[nodiscard]] std::string name_at(int node) { return world_.name_at(node, maker_.number(), "counter "); }
};

TEST_F(UpdateBetweenNodes, BeginsAgainWhenTheOtherNodeWasFaster) {
  for (const int home : {0, 1}) {
    for (const bool put_here : {false, true}) {
      const std::string name = name_at(home);
      (put_here ? reader_ : maker_).put(name, 1).value();
      EXPECT_EQ(reader_.update<int>(name, [](int value) { return value + 1; }).value(), 2);
      EXPECT_EQ(maker_.update<int>(name, [](int value) { return 2 * value; }).value(), 4);
      int calls = 0;
      const auto changed = reader_.update<int>(name, [&](int value) {
        if (++calls == 1) {
          EXPECT_EQ(maker_.update<int>(name, [](int theirs) { return theirs + 10; }).value(), 14);
        }
        return value + 1;
      });
      EXPECT_EQ(changed.value(), 15) << "home " << home;
      EXPECT_EQ(calls, 2);
      EXPECT_EQ(*maker_.get<int>(name).value(), 15);
      EXPECT_TRUE(maker_.evict(name).value());
      EXPECT_EQ(code_of(reader_.update<int>(name, [](int value) { return value; })), Errc::not_found);
    }
  }
}

TEST_F(UpdateBetweenNodes, CountsForBoth) {
  for (const int home : {0, 1}) {
    const std::string name = name_at(home);
    for (std::int64_t turn = 0; turn < 10; ++turn) {
      EXPECT_EQ((turn % 3 == 0 ? reader_ : maker_).fetch_add(name, 1).value(), turn);
    }
    EXPECT_TRUE(reader_.evict(name).value());
  }
}

}  // namespace
}  // namespace locum::tests
