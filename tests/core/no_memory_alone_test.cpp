// What is done by one process alone when it has no memory left: whichever allocation fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/eventual.hpp"
#include "core/detail/decoded_cache.hpp"
#include "core/node/local.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/no_memory_scene.hpp"
#include "tests/core/scarce_memory.hpp"

namespace locum::tests::no_memory {
namespace {

class NoMemoryAlone : public ::testing::TestWithParam<int> {
 protected:
  /// Calls `act` with one allocation after another failing, until none does. \param judge after each
  template <class Act, class Judge>
  void with_each_failing(Act act, Judge judge) {
    bool more = true;
    for (int left = 0; more; ++left) {
      SCOPED_TRACE("allocation " + std::to_string(left));
      tests::make_memory_scarce(left, GetParam());
      bool thrown = false;
      try {
        act();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
      more = tests::end_scarcity();
      judge(thrown);
    }
  }
};

TEST_P(NoMemoryAlone, HandsWhatFollowsToTheExecutor) {
  std::optional<std::function<void()>> handed;
  const auto executor =
      std::make_shared<const Executor>([&](std::function<void()> task) { handed.emplace(std::move(task)); });
  bool called = false;
  const auto next = detail::continuation(executor, [&] { called = true; });
  tests::make_memory_scarce(0, GetParam());
  next->run();
  EXPECT_FALSE(tests::end_scarcity());
  ASSERT_TRUE(handed);
  (*handed)();
  EXPECT_TRUE(called);
}

TEST_P(NoMemoryAlone, SealsInMemoryOfThisProcessOrLeavesNothing) {
  const auto local = open_local();
  const auto draft_of = [&](std::string_view name) {
    return local->create(100, plain_meta(store, name), {}).value();
  };
  std::vector<ObjectDraft> drafts;
  std::vector<Result<Sealed>> sealed;
  std::uint64_t number = 0;
  std::string names[3];
  const auto prepare = [&] {
    drafts.clear();
    for (std::string& name : names) {
      name = "a name that is too long for a string without memory of its own " + std::to_string(++number);
      drafts.push_back(draft_of(name));
    }
    sealed.assign(3, no_memory_left());
  };
  prepare();
  with_each_failing([&] { local->seal_batch(drafts, sealed, {}); },
                    [&](bool thrown) {
                      EXPECT_FALSE(thrown);
                      for (std::size_t at = 0; at < 3; ++at) {
                        const Address address(store, names[at]);
                        EXPECT_EQ(local->get(address, {}).has_value(), sealed[at].has_value());
                        EXPECT_EQ(local->evict(address, {}).value(), sealed[at].has_value());
                      }
                      EXPECT_EQ(local->usage().own_used, 0U);
                      EXPECT_TRUE(local->list(store, {}, {}).value().empty());
                      prepare();
                    });
}

TEST_P(NoMemoryAlone, ReplacesOrLeavesWhatWasThere) {
  const auto local = open_local();
  std::uint64_t generation = put(*local, store, "x", pattern(1, small)).value().generation;
  const auto draft_of = [&] {
    const auto draft = local->create(small, plain_meta(store, "x"), {}).value();
    std::ranges::fill(draft.bytes, std::byte{});
    return draft;
  };
  ObjectDraft draft = draft_of();
  Result<Sealed> sealed = no_memory_left();
  with_each_failing(
      [&] {
        sealed = local->seal(draft, {SealMode::replace, 0}, {});
      },
      [&](bool thrown) {
        const auto found = local->get(Address(store, "x"), {});
        ASSERT_TRUE(found);
        EXPECT_FALSE(thrown);
        EXPECT_EQ(found->facts().generation, generation + (sealed ? 1U : 0U));
        generation = found->facts().generation;
        EXPECT_EQ(local->usage().own_objects, 1U);
        draft = draft_of();
      });
}

TEST_P(NoMemoryAlone, KeepsDecodedValuesWithinTheBudget) {
  std::unique_ptr<detail::DecodedCache> cache;
  const auto prepare = [&] { cache = std::make_unique<detail::DecodedCache>(100); };
  const auto get = [&](std::uint64_t serial, std::uint64_t bytes) {
    return cache->get(Key{store, 0, serial}, nullptr, bytes, [] {
      return Result<detail::DecodedCache::Made>(detail::DecodedCache::Made{std::make_shared<int>(1)});
    });
  };
  prepare();
  with_each_failing([&] { (void)get(1, 100); },
                    [&](bool /*thrown*/) {
                      EXPECT_TRUE(get(2, 60) && get(3, 60));
                      EXPECT_EQ(cache->kept_bytes(), 60U);
                      EXPECT_TRUE(get(4, 90) && get(5, 90));
                      EXPECT_EQ(cache->kept_bytes(), 90U);
                      prepare();
                    });
}

/// A store in memory of this process, with a name that is taken.
class NoMemoryForBatches : public NoMemoryAlone {
 protected:
  NoMemoryForBatches() { EXPECT_TRUE(objects_.put(taken_, 1.0)); }
  ~NoMemoryForBatches() override { session_->close(); }

  const std::string taken_ = "a name that is taken, too long for a string without memory of its own";
  std::shared_ptr<Connector> local_ = open_local();
  std::shared_ptr<Session> session_ = std::make_shared<Session>(local_, std::make_shared<Metrics>());
  Store objects_ = session_->open("fields").value();
};

TEST_P(NoMemoryForBatches, PutsThemAndSaysSoOrPutsNone) {
  const std::vector<std::pair<std::string, double>> values{
      {taken_, 1}, {"first of those names", 2}, {taken_, 3}, {"second of those names", 4}};
  const std::uint64_t used = local_->usage().own_used;
  std::vector<Result<Key>> keys;
  int returned = 0;
  with_each_failing([&] { keys = objects_.put_batch(values); },
                    [&](bool thrown) {
                      returned += thrown ? 0 : 1;
                      for (std::size_t at : {1U, 3U}) {
                        const bool there = objects_.evict(values[at].first).value();
                        EXPECT_EQ(there, !thrown && keys[at]) << at;
                      }
                      EXPECT_TRUE(thrown || !(keys[0] || keys[2]));
                      EXPECT_EQ(local_->usage().own_used, used);
                    });
  EXPECT_GT(returned, 4);
}

/// A range that does not say how long it is, and is passed once.
class OncePassed {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = double;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(const double* at) : at_(at) {}
    double operator*() const { return *at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const double* at_ = nullptr;
  };

  explicit OncePassed(const std::vector<double>& values) : values_(values) {}
  [[nodiscard]] Iterator begin() const { return Iterator(values_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(values_.data() + values_.size()); }

 private:
  const std::vector<double>& values_;
};

TEST_P(NoMemoryForBatches, PutsThemWithoutNamesAndSaysSoOrPutsNone) {
  static_assert(std::ranges::input_range<const OncePassed&> &&
                !std::ranges::forward_range<const OncePassed&>);
  const std::vector<double> values{1, 2, 3, 4, 5};
  const std::uint64_t used = local_->usage().own_used;
  const auto put_all = [&](const auto& range) {
    std::vector<Result<Key>> keys;
    int returned = 0;
    const auto put = [&] {
      keys.clear();
      keys = objects_.put_batch(range);
    };
    with_each_failing(put, [&](bool thrown) {
      returned += thrown ? 0 : 1;
      EXPECT_EQ(keys.size(), thrown ? 0 : values.size());
      for (const auto& key : keys) {
        EXPECT_TRUE(key ? objects_.evict(*key).value() : code_of(key) == Errc::out_of_memory);
      }
      EXPECT_EQ(local_->usage().own_used, used) << "what nobody knows of";
    });
    EXPECT_GT(returned, 1);
  };
  put_all(values);
  put_all(OncePassed(values));
}

TEST_P(NoMemoryForBatches, EvictsThemAndSaysSoOrEvictsNone) {
  std::vector<Key> all;
  std::optional<Promise<double>> promise;
  const auto prepare = [&] {
    promise.emplace(objects_.promise<double>().value());
    all = {objects_.put(1.0).value(), promise->proxy().key(), objects_.put("named", 2.0).value()};
    EXPECT_TRUE(promise->set(3.0));
  };
  prepare();
  std::vector<Result<bool>> gone;
  int returned = 0;
  with_each_failing([&] { gone = objects_.evict_batch(all); },
                    [&](bool thrown) {
                      returned += thrown ? 0 : 1;
                      for (std::size_t at = 0; at < all.size(); ++at) {
                        const bool there = objects_.exists(all[at]).value();
                        EXPECT_TRUE(!thrown || there) << at;
                        EXPECT_TRUE(thrown || !gone[at] || !there) << at;
                        objects_.evict(all[at]);
                      }
                      prepare();
                    });
  EXPECT_GT(returned, 1);
}

constexpr auto name_of_failures = [](const auto& one) { return "failures_" + std::to_string(one.param); };
INSTANTIATE_TEST_SUITE_P(Process, NoMemoryAlone, ::testing::Values(1, 3, 1'000'000), name_of_failures);
INSTANTIATE_TEST_SUITE_P(Process, NoMemoryForBatches, ::testing::Values(1, 3, 1'000'000), name_of_failures);

}  // namespace
}  // namespace locum::tests::no_memory
