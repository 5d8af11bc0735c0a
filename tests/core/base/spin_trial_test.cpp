#include "core/base/spin_trial.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace locum {
namespace {

/// The occasions on which it spins, of that many with the same outcome.
std::vector<int> spins(SpinTrial& trial, int occasions, bool pays) {
  std::vector<int> when;
  for (int occasion = 0; occasion < occasions; ++occasion) {
    if (trial.next()) {
      when.push_back(occasion);
      pays ? trial.paid() : trial.was_in_vain();
    }
  }
  return when;
}

TEST(SpinTrial, IsMadeEverRarerWhereItDoesNotPay) {
  SpinTrial trial;
  EXPECT_EQ(spins(trial, 64, false), (std::vector<int>{0, 2, 6, 14, 30, 46, 62}));
}

TEST(SpinTrial, IsMadeAlwaysOnceItPays) {
  SpinTrial trial;
  (void)spins(trial, 30, false);
  EXPECT_EQ(spins(trial, 20, true),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
  EXPECT_EQ(spins(trial, 4, false), (std::vector<int>{0, 2})) << "rarely once it does not pay any more";
}

}  // namespace
}  // namespace locum
