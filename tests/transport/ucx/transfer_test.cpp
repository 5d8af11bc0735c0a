#include "transport/ucx/transfer.hpp"

#include <gtest/gtest.h>

#include <set>

namespace locum::ucx {
namespace {

TEST(TransferPool, GivesEachOutOnceAndTakesItBack) {
  TransferPool pool;
  std::set<Transfer*> taken;
  for (int count = 0; count < 100; ++count) {
    ASSERT_TRUE(taken.insert(&pool.take()).second);
  }
  for (Transfer* transfer : taken) {
    pool.give_back(*transfer);
  }
  const std::set<Transfer*> before = taken;
  taken.clear();
  for (int count = 0; count < 100; ++count) {
    Transfer* transfer = &pool.take();
    EXPECT_TRUE(before.contains(transfer)) << "new memory, although there was enough";
    ASSERT_TRUE(taken.insert(transfer).second);
  }
}

TEST(TransferQueue, KeepsTheOrder) {
  std::array<Transfer, 3> transfers;
  TransferQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop(), nullptr);
  queue.push(transfers[2]);
  queue.push(transfers[0]);
  EXPECT_EQ(queue.pop(), &transfers[2]);
  queue.push(transfers[1]);
  EXPECT_EQ(queue.pop(), &transfers[0]);
  EXPECT_EQ(queue.pop(), &transfers[1]);
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.empty());
  queue.push(transfers[0]);
  EXPECT_EQ(queue.pop(), &transfers[0]);
}

}  // namespace
}  // namespace locum::ucx
