// Handles of a runtime that is gone, in one into which its store was restored.
#include "core/detail/restored_handles.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "core/node/promised.hpp"

namespace locum::detail {
namespace {

constexpr std::uint64_t former_runtime = 0x1234567890ABCDEFU;
constexpr std::uint64_t this_runtime = 99;
constexpr Key former_key{7, 3, 0x0000'0005'0000'0002U};

Handle former_handle() {
  Handle handle;
  handle.incarnation = former_runtime;
  handle.key = former_key;
  handle.size_bytes = 24;
  handle.type_hash = 5;
  handle.flags = Handle::named | Handle::decoded_anew;
  handle.stamp();
  return handle;
}

// It stands in checkpoints: a version that computes another one cannot read them.
TEST(FormerIdentity, NeverChanges) {
  EXPECT_EQ(former_identity(former_runtime, former_key), 1173901095089358953U);
  EXPECT_NE(former_identity(former_runtime + 1, former_key), former_identity(former_runtime, former_key));
  EXPECT_EQ(former_identity(former_runtime, former_key) >> 62U, 0U);
}

TEST(RestoredHandles, AreThoseOfPromisesHere) {
  RestoredHandles restored;
  EXPECT_FALSE(restored.here(former_handle(), this_runtime));
  restored.add(former_runtime, former_key.store, 42, 4);
  const Handle here = restored.here(former_handle(), this_runtime).value();
  EXPECT_TRUE(here.verify());
  EXPECT_EQ(here.incarnation, this_runtime);
  EXPECT_EQ(here.key, restored_key(42, former_identity(former_runtime, former_key), 4));
  EXPECT_TRUE(is_promised(here.key));
  EXPECT_LT(here.key.creator, 4U);
  EXPECT_TRUE(here.awaits_promise());
  EXPECT_FALSE(here.keeps_decoded());
  EXPECT_EQ(here.type_hash, former_handle().type_hash);
}

TEST(RestoredHandles, KnowOnlyTheStoresThatWereRestored) {
  RestoredHandles restored;
  restored.add(former_runtime, former_key.store + 1, 42, 4);
  restored.add(former_runtime + 1, former_key.store, 42, 4);
  EXPECT_FALSE(restored.here(former_handle(), this_runtime));
  EXPECT_EQ(restored.origins(42).size(), 2U);
  EXPECT_TRUE(restored.origins(41).empty());
}

TEST(RestoredHandles, AreOfTheLatestStoreThatTheyWereRestoredInto) {
  RestoredHandles restored;
  restored.add(former_runtime, former_key.store, 42, 4);
  restored.add(former_runtime, former_key.store, 43, 4);
  EXPECT_EQ(restored.here(former_handle(), this_runtime)->key.store, 43U);
}

TEST(RestoredHandles, KeepTheIdentityOfWhatWasRestoredBefore) {
  const std::uint64_t identity = former_identity(former_runtime, former_key);
  EXPECT_EQ(promise_identity(this_runtime, restored_key(42, identity, 4)), identity);
  const Key own = promised_by({1, 2, 3});
  EXPECT_EQ(promise_identity(this_runtime, own), former_identity(this_runtime, own));
}

}  // namespace
}  // namespace locum::detail
