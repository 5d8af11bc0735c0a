// Batched gets by name: the results, and the number of messages to the homes of the names.
#include <gtest/gtest.h>

#include <chrono>
#include <ranges>
#include <string>
#include <vector>

#include "core/rpc/batch_wire.hpp"
#include "core/value/options.hpp"
#include "tests/core/batch_nodes.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests::batch_names_test {
namespace {

using namespace std::chrono_literals;
using tests::codes_of;
using tests::Price;

constexpr std::size_t large = 10'000;

class BatchOfNames : public tests::BatchNodes {
 protected:
  void put_named(int rank, const std::vector<std::string>& all, std::size_t count = 1) {
    for (std::size_t at = 0; at < all.size(); ++at) {
      ASSERT_TRUE(of(rank).put(all[at], std::vector<double>(count, static_cast<double>(at))));
    }
  }
  [[nodiscard]] Price price_of_names(const std::vector<std::string>& all) {
    return price_of([&] { expect_in_order(requester().get_batch<double[]>(all), all.size()); });
  }
};

TEST_F(BatchOfNames, TakesNamesToo) {
  std::vector<std::string> names;
  for (int at = 0; at < 30; ++at) {
    names.push_back(world_.name_at(at % 3, requester().number(), "name " + std::to_string(at) + "."));
    ASSERT_TRUE(of(at % 6).put(names.back(), std::vector<double>(at % 2 == 0 ? 1 : large, at)));
  }
  auto found = requester().get_batch<double[]>(names);
  expect_in_order(found, names.size());
  names[3] = "nothing";
  names[4] = "";
  names[5] = std::string(max_name_bytes + 1, 'n');
  found = requester().get_batch<double[]>(names);
  EXPECT_EQ(code_of(found[2]), Errc{});
  EXPECT_EQ(code_of(found[3]), Errc::not_found);
  EXPECT_EQ(code_of(found[4]), Errc::invalid_argument);
  EXPECT_EQ(code_of(found[5]), Errc::invalid_argument);
  EXPECT_EQ(code_of(found[6]), Errc{});
  const auto made =
      names | std::views::drop(6) | std::views::transform([](const std::string& name) { return name + ""; });
  EXPECT_EQ(code_of(requester().proxy_batch<double[]>(std::vector(made.begin(), made.end()))[0]), Errc{});
}

TEST_F(BatchOfNames, CostsOneQuestionForEachHome) {
  const auto all = names(1, 1000);
  put_named(4, all);
  EXPECT_EQ(price_of_names(all).messages, 8U) << "four requests";
  const auto at_home = names(1, 256, "at home ");
  put_named(2, at_home);
  EXPECT_EQ(price_of_names(at_home).messages, 2U) << "the home also has the objects";
  const auto here = names(0, 100);
  put_named(4, here);
  EXPECT_EQ(price_of_names(here).messages, 0U) << "the home keeps small values";
  const auto own = names(2, 100, "own ");
  put_named(0, own);
  EXPECT_EQ(price_of_names(own).messages, 2U) << "local objects are not sent";
  const auto big = names(1, 20, "large ");
  put_named(4, big, large);
  EXPECT_EQ(price_of_names(big), (Price{2 + 20 * 2, 20})) << "one request for the metadata, then each object";
  EXPECT_EQ(price_of_names(big).messages, 2U) << "copies";
  std::vector<std::string> mixed;
  for (int at = 0; at < 300; ++at) {
    mixed.push_back(world_.name_at(at % 3, requester().number(), "mixed " + std::to_string(at) + "."));
  }
  put_named(5, mixed);
  EXPECT_EQ(price_of_names(mixed).messages, 4U) << "two other homes";
  EXPECT_TRUE(requester().get_batch<double[]>(std::vector<std::string>()).empty());
}

TEST_F(BatchOfNames, SaysOfEachWhatItIs) {
  const auto small = names(1, 100);
  const auto big = names(1, 20, "large ");
  put_named(4, small);
  put_named(2, big, large);
  auto all = small;
  all.insert(all.end(), big.begin(), big.end());
  all.emplace_back("nobody's");
  std::vector<Result<Proxy<double[]>>> proxies;
  EXPECT_LE(price_of([&] { proxies = requester().proxy_batch<double[]>(all); }).messages, 4U);
  for (std::size_t at = 0; at < 120; ++at) {
    ASSERT_TRUE(proxies[at]) << proxies[at].error();
    EXPECT_EQ(proxies[at]->size_bytes(), (at < 100 ? 1 : large) * sizeof(double));
  }
  EXPECT_EQ(codes_of(proxies).back(), Errc::not_found);
  EXPECT_EQ(proxies.back().error().key(), "nobody's");
  const std::string replaced = small[7];
  const auto before = of(4).info(replaced).value();
  ASSERT_TRUE(of(2).replace(replaced, std::vector<double>{77.0}));
  const auto found = requester().get_batch<double[]>(small);
  EXPECT_EQ((**found[7])[0], 77.0);
  EXPECT_GT(of(2).info(replaced)->generation, before.generation);
}

TEST_F(BatchOfNames, OfAHomeThatDiesFailsAlone) {
  std::vector<std::string> all;
  for (int at = 0; at < 300; ++at) {
    all.push_back(world_.name_at(at % 3, requester().number(), "name " + std::to_string(at) + "."));
  }
  put_named(0, all);
  std::vector<Result<View<double[]>>> found;
  begin([&] { found = requester().get_batch<double[]>(all); }, 500us);
  mortal_.kill_node(1);
  ASSERT_TRUE(ends_within(12s));
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(found[at]), at % 3 == 1 ? Errc::peer_lost : Errc{}) << at;
  }
  begin([&] { found = requester().get_batch<double[]>(all); }, 500us);
  mortal_.kill(4);
  ASSERT_TRUE(ends_within(12s));
  EXPECT_EQ(code_of(found[2]), Errc{}) << "the other rank of the node replies";
}

}  // namespace
}  // namespace locum::tests::batch_names_test
