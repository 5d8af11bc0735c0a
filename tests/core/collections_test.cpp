// Collections: parts of a store, by names.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/coded_store.hpp"
#include "core/promise.hpp"
#include "core/raw_store.hpp"
#include "core/serializers.hpp"
#include "core/task_queue.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

class Collections : public ::testing::Test {
 protected:
  SessionFixture one_;
  Store store_ = one_.store();
  Store step_ = store_.collection("step42").value();
};

TEST_F(Collections, PutEachNameBehindTheirOwn) {
  const std::vector<double> field{1, 2, 3};
  const Narrow narrow;
  EXPECT_TRUE(step_.put("put", 1));
  EXPECT_TRUE(step_.put("put by codec", field, {.codec = narrow}));
  EXPECT_TRUE(step_.put("put in room", 1, {.when_full = WhenFull::fail, .deadline = 1s}));
  EXPECT_TRUE(step_.with(narrow).put("put by its codec", field));
  EXPECT_TRUE(step_.replace("replace", 1));
  EXPECT_TRUE(step_.replace("replace by codec", field, {.codec = narrow}));
  EXPECT_EQ(step_.fetch_add("add", 5).value(), 0);
  EXPECT_TRUE(step_.put_bytes("bytes", std::as_bytes(std::span(field))));
  EXPECT_EQ(step_.put_proxy("proxy", field).value()->size(), 3U);
  EXPECT_EQ(step_.put_proxy("proxy by codec", field, {.codec = narrow}).value()->size(), 3U);
  EXPECT_TRUE(step_.create<double>("create", {3}).value().seal());
  EXPECT_TRUE(step_.raw().create("create by type", ElementType::of<float>(), {3}).value().seal_async().get());
  EXPECT_TRUE(step_.raw().put("encoded", {std::as_bytes(std::span(field)), ElementType::of<double>(), {3}}));
  EXPECT_TRUE(step_.put_async("put async", 1).get());
  EXPECT_TRUE(step_.put_async("put async by codec", field, {.codec = narrow}).get());
  EXPECT_TRUE(step_.replace_async("replace async", 1).get());
  EXPECT_TRUE(step_.replace_async("replace async by codec", field, {.codec = narrow}).get());
  EXPECT_TRUE(step_.put_bytes_async("bytes async", std::as_bytes(std::span(field))).get());
  for (const auto& put : step_.put_batch(std::map<std::string, int>{{"batch 1", 1}, {"batch 2", 2}})) {
    EXPECT_TRUE(put);
  }
  auto promise = step_.promise<int>("promise").value();
  EXPECT_TRUE(promise.set(9));
  EXPECT_TRUE(step_.put(7)) << "without a name it is in no collection";

  const Names in_all = store_.keys().value();
  const Names in_step = step_.keys().value();
  EXPECT_EQ(in_step.size(), 21U);
  ASSERT_EQ(in_all.size(), in_step.size());
  for (std::size_t at = 0; at < in_all.size(); ++at) {
    EXPECT_EQ(in_all[at], "step42/" + in_step[at]);
    EXPECT_FALSE(store_.exists(in_step[at]).value()) << in_step[at];
  }
}

TEST_F(Collections, FindEachNameBehindTheirOwn) {
  const std::vector<double> field{1, 2, 3};
  const Key key = store_.put("step42/T", field).value();
  ASSERT_TRUE(store_.put("T", std::vector<double>{7}));
  EXPECT_EQ(step_.get<double[]>("T").value().size(), 3U);
  EXPECT_EQ(step_.get<double[]>("T", {.part = {.offset = 1, .count = 1}}).value()[0], 2);
  EXPECT_EQ(step_.get<double[]>(key).value().size(), 3U);
  std::array<double, 3> mine{};
  EXPECT_EQ(step_.read("T", std::span(mine)).value(), 3U);
  EXPECT_EQ(step_.read("T", array(mine.data(), {3}, {1})).value(), 3U);
  EXPECT_EQ(step_.get_bytes("T").value().size(), 24U);
  EXPECT_EQ(step_.get_bytes("T", {.part = {.offset = 0, .count = 8}}).value().size(), 8U);
  EXPECT_EQ(step_.wait<double[]>("T").value().size(), 3U);
  EXPECT_EQ(step_.wait<double[]>("T", 1s).value().size(), 3U);
  EXPECT_EQ(step_.proxy<double[]>("T").value()->size(), 3U);
  EXPECT_TRUE(step_.exists("T").value());
  EXPECT_EQ(step_.info("T").value().key, key);
  EXPECT_EQ(step_.info("T").value().name, "step42/T");
  EXPECT_EQ(step_.get_async<double[]>("T").get().value().size(), 3U);
  EXPECT_EQ(step_.get_async<double[]>("T", {.part = {.offset = 1, .count = 1}}).get().value()[0], 2);
  EXPECT_EQ(step_.wait_async<double[]>("T").get().value().size(), 3U);
  EXPECT_EQ(step_.info_async("T").get().value().key, key);
  EXPECT_EQ(step_.keys_async().get().value(), Names{"T"});
  EXPECT_TRUE(step_.exists_async("T").get().value());
  EXPECT_EQ(step_.update<std::vector<double>>("T", [](const auto& was) { return was; }).value(), field);

  // Names that stay, and names that a range makes.
  const std::vector<std::string_view> views{"T", "", "U"};
  const auto made = views | std::views::transform([](std::string_view name) { return std::string(name); });
  for (const auto& found : {step_.get_batch<double[]>(views), step_.get_batch<double[]>(made)}) {
    EXPECT_EQ(found[0].value().size(), 3U);
    EXPECT_EQ(code_of(found[1]), Errc::invalid_argument);
    EXPECT_EQ(code_of(found[2]), Errc::not_found);
    EXPECT_EQ(found[2].error().key(), "step42/U");
  }
  EXPECT_EQ(step_.proxy_batch<double[]>(views)[0].value()->size(), 3U);
  EXPECT_TRUE(step_.exists_batch(made)[0].value());
  EXPECT_EQ(step_.get_async<double[]>(views)[0].get().value().size(), 3U);
  EXPECT_TRUE(step_.evict_batch(views)[0].value());
  for (const bool later : {false, true}) {
    ASSERT_TRUE(store_.put("step42/T", field));
    EXPECT_TRUE((later ? step_.evict_async("T").get() : step_.evict("T")).value());
    EXPECT_FALSE(store_.exists("step42/T").value());
  }
  EXPECT_EQ(store_.get<double[]>("T").value().size(), 1U) << "the other T is untouched";
}

TEST_F(Collections, AreInOneAnother) {
  const Store ghosts = step_.collection("ghosts").value();
  EXPECT_EQ(store_.name(), "fields");
  EXPECT_EQ(step_.name(), "step42");
  EXPECT_EQ(ghosts.name(), "step42/ghosts");
  EXPECT_EQ(ghosts.number(), store_.number());
  ASSERT_TRUE(ghosts.put("left/1", 1));
  ASSERT_TRUE(step_.put("T", 2));
  ASSERT_TRUE(store_.put("step4/T", 3));
  ASSERT_TRUE(store_.put("step42", 4));
  EXPECT_EQ(*store_.get<int>("step42/ghosts/left/1").value(), 1);
  EXPECT_EQ(step_.keys().value(), (Names{"T", "ghosts/left/1"}));
  EXPECT_EQ(step_.keys("gho").value(), Names{"ghosts/left/1"});
  EXPECT_EQ(ghosts.keys().value(), Names{"left/1"});
  EXPECT_EQ(store_.size().value(), 4U);
  EXPECT_EQ(step_.size().value(), 2U);
  EXPECT_EQ(store_.collection("empty").value().size().value(), 0U);

  EXPECT_EQ(step_.clear().value(), 2U);
  EXPECT_EQ(step_.clear().value(), 0U);
  EXPECT_EQ(store_.keys().value(), (Names{"step4/T", "step42"}));
  EXPECT_EQ(one_.metrics->evictions, 2U);
  ASSERT_TRUE(step_.put("T", 5)) << "the name is free again";
  EXPECT_EQ(store_.clear().value(), 3U);
}

TEST_F(Collections, HaveNamesOfOneLevel) {
  for (const std::string& bad : Names{"", "/", "a/b", "a/", std::string(64 * 1024 + 1, 'n')}) {
    EXPECT_EQ(code_of(store_.collection(bad)), Errc::invalid_argument) << bad.size();
    EXPECT_EQ(code_of(step_.collection(bad)), Errc::invalid_argument) << bad.size();
  }
  EXPECT_EQ(step_.collection("a/b").error().key(), "step42/a/b");
  const std::string longest(64 * 1024 - std::string_view("step42/").size(), 'n');
  EXPECT_TRUE(step_.put(longest, 1));
  EXPECT_EQ(step_.keys().value(), Names{longest});
  for (const std::string& bad : Names{"", longest + 'n', std::string(1 << 20, 'n')}) {
    EXPECT_EQ(code_of(step_.put(bad, 1)), Errc::invalid_argument);
    EXPECT_EQ(code_of(step_.get<int>(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(step_.evict(bad)), Errc::invalid_argument);
    EXPECT_EQ(code_of(step_.get_async<int>(bad).get()), Errc::invalid_argument);
  }
}

TEST_F(Collections, AreNamedByErrors) {
  ASSERT_TRUE(step_.put("T", 1));
  EXPECT_EQ(step_.put("T", 2).error().key(), "step42/T");
  EXPECT_EQ(step_.get<int>("U").error().key(), "step42/U");
  EXPECT_EQ(step_.get_async<int>("U").get().error().key(), "step42/U");
  EXPECT_EQ(step_.wait<int>("U", 0s).error().key(), "step42/U");
  EXPECT_EQ(step_.get<double>("T").error().key(), "step42/T");
  EXPECT_EQ(step_.put_async("T", 1, {.when_full = WhenFull::wait}).get().error().key(), "step42/T");
  EXPECT_EQ(step_.put_batch(std::map<std::string, int>{{"T", 1}})[0].error().key(), "step42/T");
}

TEST_F(Collections, GoWithTheirStore) {
  ASSERT_TRUE(step_.put("T", 1));
  ASSERT_TRUE(one_.session->drop("fields"));
  EXPECT_EQ(code_of(step_.get<int>("T")), Errc::closed);
  EXPECT_EQ(code_of(step_.clear()), Errc::closed);
  EXPECT_EQ(code_of(step_.collection("ghosts")), Errc::closed);
  EXPECT_EQ(code_of(store_.collection("step43")), Errc::closed);
  const Store again = one_.store().collection("step42").value();
  EXPECT_TRUE(again.keys().value().empty());
  one_.session->close();
  EXPECT_EQ(code_of(again.put("T", 1)), Errc::closed);
}

TEST_F(Collections, AreNoPartOfQueuesOfTasks) {
  TaskQueue<int> of_store(store_, "tasks");
  TaskQueue<int> of_step(step_, "tasks");
  ASSERT_TRUE(of_step.put(1));
  EXPECT_EQ(code_of(of_store.take(0s)), Errc::timeout);
  EXPECT_EQ(step_.size().value(), 0U);
  EXPECT_EQ(step_.clear().value(), 0U);
  EXPECT_EQ(**TaskQueue<int>(store_, "step42/tasks").take(10s), 1);
}

/// Cannot evict some names.
TEST_F(Collections, ListWhatIsPutWithoutANameIfAsked) {
  const std::vector<double> field{1, 2, 3};
  const auto bytes = std::as_bytes(std::span(field));
  const Narrow narrow;
  std::vector<Key> keys{
      step_.put(1, {.listed = true}).value(),
      step_.put(field, {.codec = narrow, .listed = true}).value(),
      step_.put_bytes(bytes, {.listed = true}).value(),
      step_.create<double>({3}, {.listed = true})->seal().value(),
      step_.raw().create(ElementType::of<float>(), {3}, {.listed = true})->seal().value(),
      step_.raw().put({bytes, ElementType::of<double>(), {3}}, {.listed = true}).value(),
      step_.put_async(2, {.listed = true}).get().value(),
      step_.put_bytes_async(bytes, {.listed = true}).get().value(),
      step_.with(narrow).put(field, {.listed = true}).value(),
      step_.put_proxy(3, {.listed = true})->key(),
      step_.put_proxy(field, {.codec = narrow, .listed = true})->key(),
  };
  for (const auto& key : step_.put_batch(std::array{4, 5}, {.listed = true})) {
    keys.push_back(key.value());
  }
  Names names;
  for (const Key& key : keys) {
    names.push_back(step_.info(key).value().name);
    EXPECT_TRUE(names.back().starts_with("step42/unnamed-")) << names.back();
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::unique(names).size(), 0U) << "each has its own";
  EXPECT_EQ(store_.keys().value(), names);
  EXPECT_TRUE(step_.put(6));
  EXPECT_TRUE(step_.put(7, {.listed = false}));
  // Another session, over what they share, gives other names.
  Session other(one_.connector, std::make_shared<Metrics>());
  EXPECT_TRUE(other.open("fields").value().put(8, {.listed = true}));
  EXPECT_EQ(store_.size().value(), keys.size() + 1);
  EXPECT_EQ(step_.clear().value(), keys.size());
}

class StuckNames final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (is_stuck && address.name.ends_with("stuck")) {
      return {Result<bool>(Error(Errc::peer_lost, "the home of the name is lost"))};
    }
    return ForwardingConnector::evict_or_task(address, counts, budget);
  }
  bool is_stuck = true;
};

TEST(CollectionsInTrouble, AreClearedAsFarAsTheyCanBe) {
  const auto connector = std::make_shared<StuckNames>(open_local());
  const Session session(connector, std::make_shared<Metrics>());
  const Store step = session.open("fields").value().collection("step42").value();
  for (const char* name : {"a", "b stuck", "c stuck", "d"}) {
    ASSERT_TRUE(step.put(name, 1));
  }
  const auto cleared = step.clear();
  ASSERT_EQ(code_of(cleared), Errc::peer_lost);
  EXPECT_EQ(cleared.error().key(), "step42/b stuck");
  EXPECT_NE(cleared.error().text().find("of 4 objects 2 were evicted"), std::string::npos) << cleared.error();
  EXPECT_EQ(step.keys().value(), (Names{"b stuck", "c stuck"}));
  connector->is_stuck = false;
  EXPECT_EQ(step.clear().value(), 2U);
}

}  // namespace
}  // namespace locum::tests
