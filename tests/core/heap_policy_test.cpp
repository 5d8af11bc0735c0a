// What a user's size decides is an error where this process has no memory for it, and nothing else has
// changed (docs/decisions/0029-a-process-without-memory-ends.md). What ends the process is in
// operation_test.cpp and progress_test.cpp.
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/base/warm_memory.hpp"
#include "core/node/local.hpp"
#include "core/store.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/large_allocations.hpp"
#include "tests/core/session_fixture.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::heap_policy_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t store = 7;
constexpr std::size_t from_bytes = 64 * 1024;
constexpr std::size_t large_bytes = 300'000;

/// Two nodes of one rank, and names that are at home on the second one.
class HeapPolicyBetweenNodes : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> names(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < count; ++at) {
      all.push_back(world_.name_at(1, store, "a name that is long enough " + std::to_string(at) + '.'));
    }
    return all;
  }
  /// As much as fits.
  void fill(int rank) {
    while (put(world_.connector(rank), store, {}, pattern(1, 50'000))) {
    }
  }

  SimulatedNodes world_{
      {.nodes = {.nodes = 2, .memory_bytes = std::uint64_t{4} << 20U}, .network = {.latency = {1ms, 1ms}}}};
};

TEST_F(HeapPolicyBetweenNodes, AFetchWithoutRoomAnywhereIsAnError) {
  const auto bytes = pattern(2, large_bytes);
  const Key key = put(world_.connector(0), store, {}, bytes).value().key;
  fill(1);
  WarmMemory::of_process().drop();
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_EQ(code_of(world_.connector(1).get(Address(key, 0, large_bytes), {})), Errc::out_of_memory);
    EXPECT_GT(scarce.refused(), 0U);
  }
  const auto found = world_.connector(1).get(Address(key, 0, large_bytes), {});
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, bytes));
}

// The owner has no memory to pack it, nor has the reader to put it together.
TEST_F(HeapPolicyBetweenNodes, AHyperslabWithoutRoomIsAnError) {
  const Key key = put(world_.connector(0), store, {},
                      {.extents = {600, 500}, .element_bytes = 2, .bytes = pattern(3, 600'000)})
                      .value()
                      .key;
  const Elements every_second{{.start = {0, 0}, .count = {300, 250}, .stride = {2, 2}}, 2};
  WarmMemory::of_process().drop();
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_EQ(code_of(world_.connector(1).get_some(Address(key), every_second, {})), Errc::out_of_memory);
    EXPECT_GT(scarce.refused(), 0U);
  }
  EXPECT_TRUE(world_.connector(1).get_some(Address(key), every_second, {}));
}

TEST_F(HeapPolicyBetweenNodes, ABatchThatIsTooLargeToPlanChangesNothing) {
  constexpr std::size_t count = 5000;
  const auto all = names(count);
  Connector& connector = world_.connector(0);
  const auto used = connector.usage().own_used;
  std::vector<ObjectDraft> drafts;
  std::vector<Address> addresses;
  for (const std::string& name : all) {
    drafts.push_back(connector.create(16, plain_meta(store, name), {}).value());
    addresses.emplace_back(store, name);
  }
  std::vector<Result<Sealed>> sealed(count, Sealed{});
  std::vector<Result<ObjectView>> found(count, ObjectView());
  std::vector<Result<bool>> evicted(count, true);
  {
    const NoLargeAllocations scarce(16 * 1024);
    connector.seal_batch(drafts, sealed, {});
    connector.evict_batch(addresses, evicted, {});
    EXPECT_GT(scarce.refused(), 1U);
  }
  for (std::size_t at = 0; at < count; ++at) {
    ASSERT_EQ(code_of(sealed[at]), Errc::out_of_memory) << at;
    ASSERT_EQ(code_of(evicted[at]), Errc::out_of_memory) << at;
  }
  world_.network().run_for(1s);
  EXPECT_EQ(connector.usage().own_used, used);
  EXPECT_EQ(code_of(world_.connector(1).get(addresses.front(), {})), Errc::not_found);
}

TEST_F(HeapPolicyBetweenNodes, AListThatIsTooLongIsAnError) {
  for (const std::string& name : names(3000)) {
    ASSERT_TRUE(put(world_.connector(1), store, name, pattern(1, 16)));
  }
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_EQ(code_of(world_.connector(0).list(store, {}, {})), Errc::out_of_memory);
    EXPECT_GT(scarce.refused(), 0U);
  }
  EXPECT_EQ(world_.connector(0).list(store, {}, {}).value().size(), 3000U);
}

TEST(HeapPolicy, AnObjectInMemoryOfTheProcessIsAnError) {
  const auto local = open_local();
  const NoLargeAllocations scarce(from_bytes);
  EXPECT_EQ(code_of(local->create(large_bytes, plain_meta(store), {})), Errc::out_of_memory);
  EXPECT_EQ(local->usage().own_used, 0U);
  EXPECT_TRUE(local->create(1000, plain_meta(store), {}));
}

TEST(HeapPolicy, AValueThatCannotBeDecodedIsAnError) {
  const SessionFixture one;
  Store objects = one.store();
  ASSERT_TRUE(objects.put("words", std::vector<std::string>(20'000, "word")));
  const auto words = objects.proxy<std::vector<std::string>>("words").value();
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_EQ(code_of(words.try_get()), Errc::out_of_memory);
  }
  EXPECT_EQ(words->size(), 20'000U);
}

TEST(HeapPolicy, ResultsOfABatchThatHaveNoRoomAreThrownAndNothingIsDone) {
  const SessionFixture one;
  Store objects = one.store();
  std::vector<std::pair<std::string, double>> values;
  for (int at = 0; at < 5000; ++at) {
    values.emplace_back("name " + std::to_string(at), at);
  }
  const std::uint64_t used = one.connector->usage().own_used;
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_THROW((void)objects.put_batch(values), std::bad_alloc);
  }
  EXPECT_EQ(one.connector->usage().own_used, used);
  const auto keys = objects.put_batch(values);
  std::vector<Key> all;
  for (const auto& key : keys) {
    all.push_back(key.value());
  }
  {
    const NoLargeAllocations scarce(from_bytes);
    EXPECT_THROW((void)objects.evict_batch(all), std::bad_alloc);
    EXPECT_THROW((void)objects.get_batch<double>(all), std::bad_alloc);
  }
  EXPECT_EQ(*objects.get_batch<double>(all).back().value(), 4999.0);
}

}  // namespace
}  // namespace locum::tests::heap_policy_test
