// The asynchronous calls that change, count, read and clear, between ranks and nodes; and values without a
// type.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/raw_store.hpp"
#include "core/when.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

class AsyncVerbsOfRanks : public ::testing::Test {
 protected:
  ~AsyncVerbsOfRanks() override { job::barrier(); }

  Runtime runtime_{MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 60s, .collective_timeout = 60s}};
  Store store_ = runtime_.store("fields");
};

TEST_F(AsyncVerbsOfRanks, GiveEachTicketOnce) {
  constexpr std::int64_t each = 8;
  std::vector<AsyncResult<std::int64_t>> taking;
  for (std::int64_t at = 0; at < each; ++at) {
    taking.push_back(store_.fetch_add_async("tickets", 1));
  }
  std::int64_t sum = 0;
  for (const auto& one : taking) {
    sum += one.get(60s).value();
  }
  std::int64_t all = 0;
  for (const std::int64_t one : job::everybodys(sum)) {
    all += one;
  }
  const std::int64_t count = each * job::size();
  EXPECT_EQ(all, count * (count - 1) / 2);
  const auto changed = store_.update_async<std::vector<int>>("none", [](const auto& old) { return old; });
  EXPECT_EQ(changed.get(60s).error().code(), Errc::not_found);
}

TEST_F(AsyncVerbsOfRanks, ReadAndStandInForWhatOthersHave) {
  const auto name = [](int rank) { return "field " + std::to_string(rank); };
  (void)store_.put(name(job::rank()), std::vector<double>(50'000, job::rank())).value();
  job::barrier();
  std::vector<std::vector<double>> mine(static_cast<std::size_t>(job::size()),
                                        std::vector<double>(50'000, -1));
  std::vector<AsyncResult<std::size_t>> reading;
  for (int rank = 0; rank < job::size(); ++rank) {
    reading.push_back(store_.read_async(name(rank), std::span(mine[static_cast<std::size_t>(rank)])));
  }
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto at = static_cast<std::size_t>(rank);
    ASSERT_EQ(reading[at].get(60s).value(), 50'000U);
    EXPECT_EQ(std::ranges::count(mine[at], rank), 50'000);
    const auto proxy = store_.proxy_async<double[]>(name(rank)).get(60s).value();
    EXPECT_EQ((*proxy)[49'999], rank);
  }
}

TEST_F(AsyncVerbsOfRanks, MakeBatches) {
  std::vector<std::pair<std::string, int>> objects;
  for (int at = 0; at < 40; ++at) {
    objects.emplace_back(std::to_string(job::rank()) + "/" + std::to_string(at), at);
  }
  const auto putting = store_.put_batch_async(objects);
  objects.clear();  // they are stored
  for (const auto& key : putting.get(60s).value()) {
    ASSERT_TRUE(key) << key.error().text();
  }
  job::barrier();
  std::vector<std::string> names;
  for (int at = 0; at < 40; ++at) {
    names.push_back(std::to_string((job::rank() + 1) % job::size()) + "/" + std::to_string(at));
  }
  {
    const auto views = store_.get_batch_async<int>(names).get(60s).value();
    EXPECT_EQ(*views[39].value(), 39);
    const auto proxies = store_.proxy_batch_async<int>(names).get(60s).value();
    EXPECT_EQ(*proxies[7].value(), 7);
  }
  const auto is_true = [](const Result<bool>& one) { return one.value(); };
  const auto exist = store_.exists_batch_async(names).get(60s).value();
  EXPECT_EQ(std::ranges::count_if(exist, is_true), 40);
  EXPECT_EQ(store_.size_async().get(60s).value(), 40U * static_cast<unsigned>(job::size()));
  job::barrier();
  const auto evicted = store_.evict_batch_async(names).get(60s).value();
  EXPECT_EQ(std::ranges::count_if(evicted, is_true), 40);
  job::barrier();
  EXPECT_EQ(store_.clear_async().get(60s).value(), 0U);
}

TEST_F(AsyncVerbsOfRanks, StandInsWithoutATypeTravel) {
  auto promise = store_.raw().promise().value();
  const std::vector<Handle> handles = job::everybodys(promise.proxy().handle());
  const std::vector<float> values{1.5F, static_cast<float>(job::rank())};
  ASSERT_TRUE(promise.set({values.data(), ElementType::of<float>(), {2}}));
  for (int rank = 0; rank < job::size(); ++rank) {
    const RawProxy proxy = runtime_.raw_proxy(handles[static_cast<std::size_t>(rank)]);
    const auto view = proxy.get(60s);
    ASSERT_TRUE(view) << view.error().text();
    EXPECT_EQ(view->info().value().type, "f32[]");
    const auto typed = runtime_.proxy<float[]>(handles[static_cast<std::size_t>(rank)]);
    EXPECT_EQ((*typed)[1], static_cast<float>(rank));
  }
}

}  // namespace
}  // namespace locum
