#include "core/rpc/packing_space.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace locum {
namespace {

TEST(PackingSpace, LendsLessToWhomItHasLentMuch) {
  PackingSpace space(3);
  std::vector<std::shared_ptr<PackingSpace::Loan>> loans;
  std::uint64_t lent = 0;
  for (int asked = 0; asked < 1000; ++asked) {
    loans.push_back(space.lend(1, std::uint64_t{1} << 40U));
    ASSERT_GE(loans.back()->memory().size(), PackingSpace::least_at_a_time);
    ASSERT_LE(loans.back()->memory().size(), PackingSpace::most_at_a_time);
    lent += loans.back()->memory().size();
    ASSERT_EQ(space.lent(1), lent);
    ASSERT_LE(lent, PackingSpace::most_of_a_rank + loans.size() * PackingSpace::least_at_a_time);
  }
  EXPECT_EQ(loans[0]->memory().size(), PackingSpace::most_at_a_time);
  EXPECT_EQ(loans[999]->memory().size(), PackingSpace::least_at_a_time);
  EXPECT_EQ(space.lend(2, std::uint64_t{1} << 40U)->memory().size(), PackingSpace::most_at_a_time)
      << "another rank gets its usual share";
  loans.clear();
  EXPECT_EQ(space.lent(1), 0U);
  EXPECT_EQ(space.lend(1, std::uint64_t{1} << 40U)->memory().size(), PackingSpace::most_at_a_time);
}

TEST(PackingSpace, LendsNoMoreThanIsWanted) {
  PackingSpace space(1);
  for (const std::uint64_t wanted : {1U, 4095U, 100'000U}) {
    EXPECT_EQ(space.lend(0, wanted)->memory().size(), wanted);
  }
  const auto most = space.lend(0, PackingSpace::most_at_a_time);
  const auto all = space.lend(0, PackingSpace::most_at_a_time);
  EXPECT_EQ(space.lend(0, 7)->memory().size(), 7U);
}

TEST(PackingSpace, IsGivenBackWhenItIsGone) {
  auto space = std::make_unique<PackingSpace>(1);
  const auto loan = space->lend(0, 100);
  space.reset();
  EXPECT_EQ(loan->memory().size(), 100U);
}

}  // namespace
}  // namespace locum
