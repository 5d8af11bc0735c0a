#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/epochs.hpp>
#include <locum/files.hpp>
#include <locum/shards.hpp>

#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/shards/watched_memory.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace epochs_of_shards {

using namespace std::chrono_literals;

/// Samples 0, 1, 2 … in shards of different sizes.
ShardStore<std::uint64_t> numbered(const std::vector<std::uint64_t>& sizes) {
  ShardStore<std::uint64_t> shards(Files("memory:"), "numbers", {.codec = "", .block_bytes = 1024});
  std::uint64_t number = 0;
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    std::vector<std::uint64_t> samples;
    for (std::uint64_t left = sizes[at]; left > 0; --left) {
      samples.push_back(number++);
    }
    EXPECT_TRUE(shards.set(samples, {.key = "shard_" + std::to_string(1000 + at)}));
  }
  return shards;
}

std::vector<std::uint64_t> all_of(EpochReader<std::uint64_t> reader) {
  std::vector<std::uint64_t> samples;
  for (;;) {
    const auto next = reader.next();
    EXPECT_TRUE(next) << next.error();
    if (!next || !*next) {
      return samples;
    }
    samples.push_back(**next);
  }
}

/// What ranks get, put together in the order of positions.
std::vector<std::uint64_t> interleaved(const std::vector<std::vector<std::uint64_t>>& ranks) {
  std::vector<std::uint64_t> all;
  for (std::size_t turn = 0;; ++turn) {
    const std::size_t before = all.size();
    for (const auto& rank : ranks) {
      if (turn < rank.size()) {
        all.push_back(rank[turn]);
      }
    }
    if (all.size() == before) {
      return all;
    }
  }
}

std::vector<std::uint64_t> in_order(const Epochs<std::uint64_t>& epochs, std::uint64_t ranks) {
  std::vector<std::vector<std::uint64_t>> each;
  for (std::uint64_t rank = 0; rank < ranks; ++rank) {
    each.push_back(all_of(epochs.reader(rank, ranks)));
  }
  return interleaved(each);
}

/// Other shards.
class OtherShards : public ShardSource {
 public:
  explicit OtherShards(std::shared_ptr<ShardSource> shards) : shards_(std::move(shards)) {}

  [[nodiscard]] std::string_view type() const noexcept override { return shards_->type(); }
  [[nodiscard]] Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                      Deadline deadline) override {
    return shards_->keys(after, most, deadline);
  }
  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline deadline) override {
    return shards_->index(deadline);
  }
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) override {
    return shards_->open(key, deadline);
  }
  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& key) override {
    return shards_->create(key);
  }
  [[nodiscard]] Result<bool> remove(const std::string& key, Deadline deadline) override {
    return shards_->remove(key, deadline);
  }

 private:
  const std::shared_ptr<ShardSource> shards_;
};

/// Of which one cannot be opened before it is let go.
class SlowShards final : public OtherShards {
 public:
  SlowShards(std::shared_ptr<ShardSource> shards, std::string key)
      : OtherShards(std::move(shards)), key_(std::move(key)) {}

  void let_go() {
    const std::lock_guard lock(mutex_);
    is_free_ = true;
    changed_.notify_all();
  }
  /// It then fails so many times.
  void fail(int times) { failures_ = times; }

  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) override {
    if (key == key_) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, 60s, [&] { return is_free_; })) {
        return Error(Errc::timeout, "nobody lets the shard go");
      }
      if (failures_-- > 0) {
        return Error(Errc::system, "the disk has failed");
      }
    }
    return OtherShards::open(key, deadline);
  }

 private:
  const std::string key_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_free_ = false;
  std::atomic<int> failures_{0};
};

/// Whose samples have so many bytes each, as the index tells.
class LargeShards final : public OtherShards {
 public:
  LargeShards(std::shared_ptr<ShardSource> shards, std::uint64_t bytes)
      : OtherShards(std::move(shards)), bytes_(bytes) {}

  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline deadline) override {
    auto facts = OtherShards::index(deadline);
    for (ShardFacts& shard : *facts) {
      shard.bytes = shard.samples * bytes_;
    }
    return facts;
  }

 private:
  const std::uint64_t bytes_;
};

const std::vector<std::uint64_t> uneven{100, 1, 0, 57, 300, 12, 0, 250, 33};
constexpr std::uint64_t samples_of_uneven = 753;

}  // namespace epochs_of_shards

using namespace epochs_of_shards;

TEST(Epochs, HaveTheSameOrderForAnyNumberOfRanks) {
  const auto shards = numbered(uneven);
  for (const std::uint64_t block : {1U, 10U, 64U, 1000U}) {
    const auto order = in_order(epochs(shards, {.seed = 5, .shuffle_block = block}), 1);
    ASSERT_EQ(order.size(), samples_of_uneven);
    EXPECT_EQ(std::set<std::uint64_t>(order.begin(), order.end()).size(), samples_of_uneven);
    for (const std::uint64_t ranks : {2U, 3U, 7U, 64U}) {
      EXPECT_EQ(in_order(epochs(shards, {.seed = 5, .shuffle_block = block}), ranks), order) << ranks;
    }
    EXPECT_EQ(in_order(epochs(shards, {.seed = 5, .shuffle_block = block, .read_ahead = false}), 2), order);
  }
}

// Numbers that no build, and no machine, may change: states are resumed elsewhere.
TEST(Epochs, HaveAnOrderThatSeedAndEpochAloneDecide) {
  const auto shards = numbered({6, 6});
  const auto order = [&](const EpochOptions& options) { return in_order(epochs(shards, options), 1); };
  EXPECT_EQ(order({.seed = 1, .shuffle_block = 5}), order({.seed = 1, .shuffle_block = 5}));
  EXPECT_NE(order({.seed = 1, .shuffle_block = 5}), order({.seed = 2, .shuffle_block = 5}));
  EXPECT_NE(order({.seed = 1, .shuffle_block = 5}), order({.seed = 1, .shuffle_block = 5, .first = 1}));
  EXPECT_EQ(order({.seed = 1, .shuffle_block = 5}),
            (std::vector<std::uint64_t>{8, 6, 7, 10, 9, 2, 3, 0, 1, 11, 4, 5}));
  auto both = order({.seed = 3});
  const auto second = order({.seed = 3, .first = 1});
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(order({.seed = 3, .count = 2}), both);
  std::vector<std::uint64_t> stored(12);
  std::iota(stored.begin(), stored.end(), 0U);
  EXPECT_EQ(order({.shuffle = false}), stored);
}

TEST(Epochs, ShuffleWithinBlocksOfWholeShards) {
  const auto shards = numbered(std::vector<std::uint64_t>(20, 50));
  const auto order = in_order(epochs(shards, {.seed = 9, .shuffle_block = 100}), 1);
  for (std::size_t first = 0; first < order.size(); first += 100) {
    std::set<std::uint64_t> seen;
    for (std::size_t at = first; at < first + 100; ++at) {
      seen.insert(order[at] / 50);
    }
    EXPECT_EQ(seen.size(), 2U);  // two shards have the samples of a block
  }
  // Each position gets samples of about each place: no more than by chance.
  std::map<std::uint64_t, int> places;
  for (std::uint64_t epoch = 0; epoch < 400; ++epoch) {
    ++places[in_order(epochs(numbered({10}), {.seed = 1, .first = epoch}), 1)[0]];
  }
  EXPECT_EQ(places.size(), 10U);
  for (const auto& [sample, count] : places) {
    EXPECT_GT(count, 15) << sample;
    EXPECT_LT(count, 75) << sample;
  }
}

// Where the program does not say it: no machine has memory for 65 536 large samples.
TEST(Epochs, ShuffleAsManyTogetherAsHaveTheirMemory) {
  const auto small = numbered({30, 30, 30, 30});
  const auto order_of = [&](std::uint64_t bytes, std::uint64_t block) {
    const Shards<std::uint64_t> shards(std::make_shared<LargeShards>(small.source(), bytes));
    return all_of(epochs(shards, {.seed = 1, .shuffle_block = block}).reader(0, 1));
  };
  constexpr std::uint64_t mebi = std::uint64_t{1} << 20U;
  EXPECT_EQ(order_of(8, 0), order_of(8, 65'536));
  EXPECT_EQ(order_of(4 * mebi, 0), order_of(4 * mebi, 64));
  EXPECT_NE(order_of(4 * mebi, 0), order_of(4 * mebi, 65'536));
  EXPECT_EQ(order_of(1024 * mebi, 0), order_of(1024 * mebi, 1));
}

TEST(Epochs, GiveOutWhatRemainsAsTold) {
  const auto shards = numbered({7, 4});
  const auto counts = [&](Remainder remainder, std::uint64_t ranks) {
    std::vector<std::size_t> made;
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
      made.push_back(all_of(epochs(shards, {.remainder = remainder}).reader(rank, ranks)).size());
    }
    return made;
  };
  EXPECT_EQ(counts(Remainder::exact, 4), (std::vector<std::size_t>{3, 3, 3, 2}));
  EXPECT_EQ(counts(Remainder::drop, 4), (std::vector<std::size_t>{2, 2, 2, 2}));
  EXPECT_EQ(counts(Remainder::pad, 4), (std::vector<std::size_t>{3, 3, 3, 3}));
  EXPECT_EQ(counts(Remainder::drop, 20), std::vector<std::size_t>(20, 0));
  EXPECT_EQ(counts(Remainder::pad, 20), std::vector<std::size_t>(20, 1));
  const auto order = in_order(epochs(shards), 1);
  auto padded = order;
  padded.push_back(order[0]);
  EXPECT_EQ(in_order(epochs(shards, {.remainder = Remainder::pad}), 4), padded);
  EXPECT_TRUE(in_order(epochs(numbered({0}), {.remainder = Remainder::pad, .count = 3}), 2).empty());
  EXPECT_TRUE(in_order(epochs(numbered({0, 0})), 1).empty());
}

// Any number of ranks stop anywhere, also in different epochs, and any other number goes on: again and again.
TEST(Epochs, GoOnBehindAnySavedState) {
  std::mt19937 random(7);
  const auto shards = numbered(uneven);
  for (int round = 0; round < 25; ++round) {
    const EpochOptions options{.seed = random(), .shuffle_block = 1 + random() % 200, .count = 2};
    const auto order = in_order(epochs(shards, options), 1);
    std::vector<std::uint64_t> seen;
    EpochState state;
    for (int life = 0; life < 5; ++life) {
      const std::uint64_t ranks = 1 + random() % 7;
      std::vector<EpochState> states;
      std::vector<std::vector<std::uint64_t>> consumed(ranks);
      // In the last life all go on to the end.
      for (std::uint64_t rank = 0; rank < ranks; ++rank) {
        auto reader = epochs(shards, options).resume(state).reader(rank, ranks);
        const std::uint64_t most = life == 4 ? 10'000 : random() % (2 * samples_of_uneven / ranks / 3);
        while (consumed[rank].size() < most) {
          const auto next = reader.next();
          ASSERT_TRUE(next) << next.error();
          if (!*next) {
            break;
          }
          consumed[rank].push_back(**next);
        }
        EXPECT_EQ(reader.position().samples(), consumed[rank].size());
        // The state as JSON would have it.
        states.push_back(EpochState::of(reader.state().value().record()).value());
        // What was read ahead of the program is not consumed.
        if (life != 4 && !consumed[rank].empty() && random() % 2 == 0) {
          const std::uint64_t fewer = random() % consumed[rank].size();
          states.back() = reader.state_at(fewer).value();
          consumed[rank].resize(fewer);
        }
        seen.insert(seen.end(), consumed[rank].begin(), consumed[rank].end());
      }
      std::ranges::shuffle(states, random);
      const auto joined = EpochState::join(states);
      ASSERT_TRUE(joined) << joined.error();
      state = EpochState::of(joined->record()).value();
      EXPECT_EQ(state, *joined);
      // What is left comes in the order of old, of whatever number of ranks.
      std::map<std::uint64_t, int> twice;
      for (const std::uint64_t sample : seen) {
        ++twice[sample];
      }
      const auto rest = in_order(epochs(shards, options).resume(state), 1 + random() % 5);
      ASSERT_EQ(seen.size() + rest.size(), 2 * samples_of_uneven) << round << ' ' << life;
      for (const std::uint64_t sample : rest) {
        ++twice[sample];
      }
      for (const auto& [sample, count] : twice) {
        ASSERT_EQ(count, 2) << sample;
      }
    }
    EXPECT_EQ(seen.size(), 2 * samples_of_uneven);
  }
}

// 0 differences in order: what is left comes as it would have come.
TEST(Epochs, GoOnInTheSameOrder) {
  std::mt19937 random(11);
  const auto shards = numbered(uneven);
  const EpochOptions options{.seed = 4, .shuffle_block = 64};
  const auto order = in_order(epochs(shards, options), 1);
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t ranks = 1 + random() % 7;
    std::vector<EpochState> states;
    std::set<std::uint64_t> gone;
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
      auto reader = epochs(shards, options).reader(rank, ranks);
      for (std::uint64_t left = random() % (samples_of_uneven / ranks); left > 0; --left) {
        gone.insert(*reader.next().value());
      }
      states.push_back(reader.state().value());
    }
    std::vector<std::uint64_t> expected;
    std::ranges::copy_if(order, std::back_inserter(expected),
                         [&](std::uint64_t sample) { return !gone.contains(sample); });
    const auto state = EpochState::join(states).value();
    EXPECT_EQ(in_order(epochs(shards, options).resume(state), 1 + random() % 7), expected);
  }
}

// The state behind samples that were left out is that behind the same samples that were read.
TEST(Epochs, LeaveOutSamplesWithoutReadingThem) {
  std::mt19937 random(12);
  const auto shards = numbered(uneven);
  const EpochOptions options{.seed = 4, .shuffle_block = 64, .remainder = Remainder::pad, .count = 3};
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t ranks = 1 + random() % 7;
    const std::uint64_t rank = random() % ranks;
    const std::uint64_t left_out = random() % (3 * samples_of_uneven / ranks);
    auto read = epochs(shards, options).reader(rank, ranks);
    for (std::uint64_t left = left_out; left > 0; --left) {
      ASSERT_TRUE(read.next().value());
    }
    auto skipped = epochs(shards, options).reader(rank, ranks);
    EXPECT_EQ(skipped.skip(left_out).value(), left_out);
    EXPECT_EQ(skipped.position().samples(), left_out);
    EXPECT_EQ(skipped.state().value(), read.state().value());
    EXPECT_EQ(skipped.next().value(), read.next().value());
    EXPECT_EQ(skipped.state_at(left_out / 2).value(), read.state_at(left_out / 2).value());
    EXPECT_EQ(skipped.skip(~std::uint64_t{0}).value(), all_of(read).size());
    EXPECT_EQ(skipped.skip(1).value(), 0U);
  }
  const auto slow = std::make_shared<SlowShards>(shards.source(), "shard_1000");
  slow->fail(1000);
  slow->let_go();
  auto unread = epochs(Shards<std::uint64_t>(slow), {.shuffle = false}).reader(0, 1);
  EXPECT_EQ(unread.skip(100).value(), 100U);  // the shard that nobody can read
  EXPECT_EQ(unread.next().value(), 100U);
  auto endless = epochs(shards, {.count = ~std::uint64_t{0}}).reader(0, 1);
  EXPECT_EQ(code_of(endless.skip(~std::uint64_t{0}, 10ms)), Errc::timeout);
  EXPECT_GE(endless.position().samples(), samples_of_uneven);
}

// One shard cannot be read for a while: the samples of the others come, to this rank and to others.
TEST(Epochs, GiveTheSamplesOfOtherShardsWhileOneIsSlow) {
  const auto shards = numbered({50, 50, 50, 50, 50, 50});
  const auto slow = std::make_shared<SlowShards>(shards.source(), "shard_1004");
  const Shards<std::uint64_t> all(slow);
  auto reader = epochs(all, {.shuffle = false}).reader(0, 1);
  for (std::uint64_t number = 0; number < 200; ++number) {
    ASSERT_EQ(reader.next(30s).value(), number);
  }
  EXPECT_EQ(code_of(reader.next(20ms)), Errc::timeout);
  auto other = epochs(all, {.shuffle = false}).reader(1, 2);
  for (std::uint64_t number = 1; number < 200; number += 2) {
    ASSERT_EQ(other.next(30s).value(), number);
  }
  slow->let_go();
  for (std::uint64_t number = 200; number < 300; ++number) {
    ASSERT_EQ(reader.next(30s).value(), number);
  }
  EXPECT_FALSE(reader.next(30s).value());
}

// A file system that hangs keeps no program from ending its reader.
TEST(Epochs, EndWhileAShardCannotBeRead) {
  const auto shards = numbered({50, 50});
  const auto slow = std::make_shared<SlowShards>(shards.source(), "shard_1001");
  auto reader = std::make_optional(epochs(Shards<std::uint64_t>(slow), {.shuffle = false}).reader(0, 1));
  EXPECT_EQ(reader->next(30s).value(), 0U);
  const auto began = std::chrono::steady_clock::now();
  reader.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);  // of 60, for which the shard waits
  slow->let_go();
  while (slow.use_count() > 1 && std::chrono::steady_clock::now() - began < 60s) {
    std::this_thread::yield();
  }
  EXPECT_EQ(slow.use_count(), 1);
}

// Another call tries again what has failed, and gives the same sample.
TEST(Epochs, GoOnAfterAnError) {
  const auto shards = numbered({50, 50});
  const auto slow = std::make_shared<SlowShards>(shards.source(), "shard_1001");
  slow->fail(2);
  slow->let_go();
  auto reader = epochs(Shards<std::uint64_t>(slow), {.shuffle = false}).reader(0, 1);
  std::vector<std::uint64_t> samples;
  int errors = 0;
  while (samples.size() < 100 && errors < 10) {
    const auto next = reader.next(30s);
    if (next) {
      samples.push_back(**next);
    } else {
      EXPECT_EQ(next.error().code(), Errc::system);
      ++errors;
    }
  }
  EXPECT_EQ(errors, 2);
  std::vector<std::uint64_t> stored(100);
  std::iota(stored.begin(), stored.end(), 0U);
  EXPECT_EQ(samples, stored);
}

// The index is of a shard that was replaced by another of the same key.
TEST(Epochs, NoticeShardsThatAreOthers) {
  const auto shards = numbered({50, 50});
  auto reader = epochs(shards, {.shuffle_block = 10, .shuffle = false, .read_ahead = false}).reader(0, 1);
  ASSERT_TRUE(reader.next().value());
  ASSERT_TRUE(shards.remove("shard_1001").value());
  ASSERT_TRUE(shards.set(std::vector<std::uint64_t>(3), {.key = "shard_1001"}));
  for (int number = 1; number < 50; ++number) {
    ASSERT_TRUE(reader.next().value());
  }
  EXPECT_EQ(code_of(reader.next()), Errc::stale);
}

// Also one that has as many samples.
TEST(Epochs, RefuseStatesOfShardsThatWereReplaced) {
  const ShardStore<std::string> shards(Files("memory:"), {}, {.codec = ""});
  ASSERT_TRUE(shards.set(std::vector<std::string>(5, "a"), {.key = "k"}));
  auto reader = epochs(shards).reader(0, 1);
  ASSERT_TRUE(reader.next().value());
  const EpochState state = EpochState::join(std::vector{reader.state().value()}).value();
  EXPECT_TRUE(epochs(shards).resume(state).reader(0, 1).next());
  ASSERT_TRUE(shards.remove("k").value());
  ASSERT_TRUE(shards.set(std::vector<std::string>(5, "a longer one"), {.key = "k"}));
  const auto next = epochs(shards).resume(state).reader(0, 1).next();
  ASSERT_EQ(code_of(next), Errc::invalid_argument);
  EXPECT_NE(next.error().text().find("replaced"), std::string::npos) << next.error();
}

TEST(Epochs, NameTheRankWhoseStateIsMissing) {
  const auto shards = numbered({30});
  std::vector<EpochState> states;
  for (std::uint64_t rank = 0; rank < 4; ++rank) {
    auto reader = epochs(shards).reader(rank, 4);
    (void)reader.next().value();
    states.push_back(reader.state().value());
  }
  EXPECT_TRUE(EpochState::join(states));
  const auto text_of = [](const Result<EpochState>& joined) {
    return joined ? std::string() : joined.error().text();
  };
  auto some = states;
  some.erase(some.begin() + 2);
  EXPECT_NE(text_of(EpochState::join(some)).find("rank 2 of 4 is missing"), std::string::npos);
  some = states;
  some[1] = states[3];
  EXPECT_NE(text_of(EpochState::join(some)).find("rank 3 is there twice"), std::string::npos);
  some = states;
  some[0] = epochs(shards).reader(0, 5).state().value();
  EXPECT_EQ(code_of(EpochState::join(some)), Errc::invalid_argument);
  EXPECT_EQ(code_of(EpochState::join({})), Errc::invalid_argument);
  // One rank's state is not that of all.
  EXPECT_EQ(code_of(epochs(shards).resume(states[0]).reader(0, 1).next()), Errc::invalid_argument);
}

// A program may open each epoch by itself, and its ranks be in different ones.
TEST(Epochs, JoinStatesOfRanksThatHaveBegunOtherEpochs) {
  const auto shards = numbered(uneven);
  const EpochOptions options{.seed = 4, .shuffle_block = 64, .count = 4};
  std::vector<EpochState> apart;
  std::vector<EpochState> together;
  using RankEpochConsumed = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;
  for (const auto& [rank, epoch, consumed] :
       std::vector<RankEpochConsumed>{{0, 2, 5}, {1, 0, 40}, {2, 1, 0}}) {
    EpochOptions one = options;
    one.first = epoch;
    one.count = 1;
    auto reader = epochs(shards, one).reader(rank, 3);
    EXPECT_EQ(reader.skip(consumed).value(), consumed);
    apart.push_back(reader.state().value());
    auto all = epochs(shards, options).reader(rank, 3);
    EXPECT_TRUE(all.skip(epoch * (samples_of_uneven / 3) + consumed));
    together.push_back(all.state().value());
  }
  const EpochState state = EpochState::join(apart).value();
  EXPECT_EQ(state, EpochState::join(together).value());
  EXPECT_EQ(state.epoch(), 0U);
  EXPECT_EQ(in_order(epochs(shards, options).resume(state), 1).size(),
            4 * samples_of_uneven - 3 * (samples_of_uneven / 3) - 45);
  std::vector<EpochState> far = apart;
  far[0] = epochs(shards, {.first = 1ULL << 40U}).reader(0, 3).state().value();
  EXPECT_EQ(code_of(EpochState::join(far)), Errc::invalid_argument);
}

TEST(Epochs, RefuseStatesAndOptionsThatDoNotFit) {
  const auto shards = numbered({30});
  auto reader = epochs(shards, {.seed = 1}).reader(0, 1);
  (void)reader.next().value();
  const std::vector<EpochState> states{reader.state().value()};
  const auto state = EpochState::join(states).value();
  EXPECT_TRUE(epochs(shards, {.seed = 1}).resume(state).reader(0, 1).next());
  EXPECT_EQ(code_of(epochs(shards, {.seed = 2}).resume(state).reader(0, 1).next()), Errc::invalid_argument);
  EXPECT_EQ(code_of(epochs(numbered({31}), {.seed = 1}).resume(state).reader(0, 1).next()),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(epochs(shards).reader(3, 3).next()), Errc::invalid_argument);
  EXPECT_EQ(code_of(epochs(shards, {.shuffle_block = std::uint64_t{1} << 32U}).reader(0, 1).next()),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(reader.state_at(2)), Errc::invalid_argument);
}

TEST(Epochs, RefuseDamagedRecordsOfStates) {
  EXPECT_EQ(code_of(EpochState::of(Record())), Errc::corrupt);
  EXPECT_EQ(code_of(EpochState::of(Record{{"version", 2}})), Errc::corrupt);
  const auto with = [](const Record& below, const Record& others) {
    return EpochState::of(
        Record{{"version", 1},
               {"order", 5},
               {"samples", 100},
               {"epoch", 3},
               {"epochs", Record::list({Record{{"epoch", 3}, {"below", below}, {"others", others}}})}});
  };
  EXPECT_TRUE(with(10, Record::list({1, 5})));
  EXPECT_EQ(code_of(with(101, Record::list({}))), Errc::corrupt);
  EXPECT_EQ(code_of(with(10, Record::list({0}))), Errc::corrupt);
  EXPECT_EQ(code_of(with(10, Record::list({50, 40}))), Errc::corrupt);
  EXPECT_EQ(code_of(with(10, "a")), Errc::corrupt);
  EXPECT_EQ(code_of(with(-1, Record::list({}))), Errc::corrupt);
  // Epochs so far apart that to go through them takes for ever.
  const Record far =
      Record::list({Record{{"epoch", 1ULL << 60U}, {"below", 1}, {"others", Record::list({})}}});
  EXPECT_EQ(code_of(EpochState::of(
                Record{{"version", 1}, {"order", 5}, {"samples", 100}, {"epoch", 3}, {"epochs", far}})),
            Errc::corrupt);
}

// Whoever gets no sample of any epoch is told so, however many epochs there are.
TEST(Epochs, EndForRanksWithoutSamples) {
  const auto shards = numbered({3});
  constexpr std::uint64_t for_ever = ~std::uint64_t{0};
  EXPECT_FALSE(epochs(shards, {.count = for_ever}).reader(5, 8).next(10s).value());
  EXPECT_FALSE(
      epochs(shards, {.remainder = Remainder::drop, .count = for_ever}).reader(0, 8).next(10s).value());
  auto some = epochs(shards, {.count = for_ever}).reader(2, 8);
  for (int epoch = 0; epoch < 50; ++epoch) {
    EXPECT_TRUE(some.next(10s).value());
  }
  EXPECT_EQ(some.state().value(), some.state_at(50).value());
  // Nor are they ahead of the others then.
  const auto one_epoch = [&](std::uint64_t rank) {
    auto reader = epochs(shards, {.count = 10'000'000}).reader(rank, 5);
    EXPECT_EQ(static_cast<bool>(reader.next(10s).value()), rank < 3);
    return EpochState::of(reader.state().value().record()).value();
  };
  const std::vector<EpochState> states{one_epoch(0), one_epoch(1), one_epoch(2), one_epoch(3), one_epoch(4)};
  EXPECT_EQ(EpochState::join(states).value().epoch(), 1U);
}

TEST(Epochs, TellWrongRanksAndNumbersAlsoOfTheirState) {
  const auto shards = numbered({3});
  constexpr std::uint64_t largest = ~std::uint64_t{0};
  for (const auto& reader :
       {epochs(shards).reader(5, 2), epochs(shards).reader(0, 0), epochs(shards).reader(0, largest),
        epochs(shards, {.first = largest}).reader(0, 1),
        epochs(shards, {.shuffle_block = largest}).reader(0, 1)}) {
    auto read = reader;
    EXPECT_EQ(code_of(read.state()), Errc::invalid_argument);
    EXPECT_EQ(code_of(read.next()), Errc::invalid_argument);
    EXPECT_EQ(code_of(read.skip(1)), Errc::invalid_argument);
  }
}

/// A sample that cannot be read the first time.
struct Stubborn {
  std::int32_t number = 0;
  static inline std::atomic<int> failures{0};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
    if constexpr (std::is_same_v<Archive, ReadArchive>) {
      if (number == 3 && failures-- > 0) {
        throw std::runtime_error("not now");
      }
    }
  }
};

TEST(Epochs, GiveASampleAgainThatCouldNotBeDecoded) {
  const ShardStore<Stubborn> shards(Files("memory:"), {}, {.codec = ""});
  std::vector<Stubborn> samples(6);
  for (int number = 0; number < 6; ++number) {
    samples[static_cast<std::size_t>(number)].number = number;
  }
  ASSERT_TRUE(shards.set(samples));
  Stubborn::failures = 1;
  auto reader = epochs(shards, {.shuffle = false}).reader(0, 1);
  std::vector<int> read;
  int errors = 0;
  for (int call = 0; call < 7; ++call) {
    const auto next = reader.next(10s);
    if (next) {
      read.push_back((*next)->number);
    } else {
      ++errors;
      EXPECT_EQ(reader.position().samples(), 3U);
    }
  }
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(read, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(Epochs, NameTheShardThatIsDamaged) {
  const TemporaryFolder folder;
  const ShardStore<std::uint64_t> shards(Files("file://" + folder.path() + "?sync=0"), {}, {.codec = ""});
  for (const char* const key : {"a", "b", "c"}) {
    ASSERT_TRUE(shards.set(std::vector<std::uint64_t>(5, 7), {.key = key}));
  }
  std::fstream(folder.path() + "/b.shard", std::ios::in | std::ios::out | std::ios::binary)
      .seekp(20)
      .put('x');
  auto reader = epochs(shards, {.shuffle = false}).reader(0, 1);
  EXPECT_EQ(reader.skip(5).value(), 5U);
  const auto next = reader.next();
  ASSERT_EQ(code_of(next), Errc::corrupt);
  EXPECT_EQ(next.error().key(), "b.shard");
  EXPECT_EQ(reader.skip(5).value(), 5U);
  EXPECT_EQ(reader.next().value(), 7U);
}

// The bytes of a sample may be whole, and no Record.
TEST(Epochs, NameTheSampleThatIsNoRecord) {
  const ShardStore<Record> shards(Files("memory:"), {}, {.codec = ""});
  const auto draft = shards.source()->create("k").value();
  const std::vector<std::byte> junk(40, std::byte{0x7f});
  std::vector<std::byte> memory;
  const Record right{{"a", 1}};
  for (const auto& bytes : {detail::SampleCoder<Record>::encode(right, memory).value(), std::span(junk)}) {
    ASSERT_TRUE(draft->add({.owner = {}, .bytes = bytes, .record = {}}));
  }
  ASSERT_TRUE(draft->publish({}));
  auto reader = epochs(shards, {.shuffle = false}).reader(0, 1);
  ASSERT_TRUE(reader.next());
  const std::vector<Error> errors{reader.next().error(), shards.get("k").value().get(1).error()};
  for (const Error& error : errors) {
    EXPECT_EQ(error.code(), Errc::corrupt);
    EXPECT_EQ(error.key(), "k");
    EXPECT_NE(error.text().find("sample 1 of the shard"), std::string::npos) << error;
  }
  auto rest = epochs(shards, {.shuffle = false, .skip_damaged = true}).reader(0, 1);
  EXPECT_TRUE(rest.next().value());
  EXPECT_FALSE(rest.next().value());
  EXPECT_EQ(rest.damaged(), 1U);
}

// Damage takes along the samples of its block: the others of the shard come.
TEST(Epochs, LoseOnlyTheBlockThatIsDamaged) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  {
    const auto shards = open_shards<std::uint64_t>(url, {.codec = "", .block_bytes = 1024}).value();
    std::vector<std::uint64_t> samples(1000);
    std::iota(samples.begin(), samples.end(), std::uint64_t{0});
    ASSERT_TRUE(shards.set(samples, {.key = "a"}));
    std::iota(samples.begin(), samples.end(), std::uint64_t{1000});
    ASSERT_TRUE(shards.set(samples, {.key = "b"}));
  }
  // In the third block of 128 numbers.
  std::fstream(folder.path() + "/b.shard", std::ios::in | std::ios::out | std::ios::binary)
      .seekp(2 * 1024 + 512)
      .put('x');
  const Shards<std::uint64_t> shards{Files(url)};
  const EpochOptions options{.seed = 5, .shuffle_block = 300};
  auto reader = epochs(shards, options).reader(0, 1);
  std::set<std::uint64_t> read;
  std::uint64_t failed = 0;
  while (reader.position().samples() < 2000) {
    auto next = reader.next();
    if (next) {
      read.insert(**next);
      continue;
    }
    ASSERT_EQ(code_of(next), Errc::corrupt);
    ASSERT_EQ(next.error().key(), "b.shard");
    ++failed;
    ASSERT_EQ(reader.skip(1).value(), 1U);
  }
  EXPECT_FALSE(reader.next().value());
  EXPECT_EQ(failed, 128U);
  EXPECT_EQ(read.size(), 2000U - 128U);
  EXPECT_EQ(reader.damaged(), 0U);

  // The same, left out by the library: also of what is counted for a state.
  EpochOptions leaves_out = options;
  leaves_out.skip_damaged = true;
  auto rest = epochs(shards, leaves_out).reader(0, 1);
  const std::vector<std::uint64_t> given = all_of(rest);
  EXPECT_EQ(std::set<std::uint64_t>(given.begin(), given.end()), read);
  EXPECT_EQ(given.size(), read.size());
  EXPECT_EQ(rest.damaged(), 128U);
  EXPECT_EQ(rest.position().samples(), 2000U);
}

// Who only reads has most likely given the wrong name.
TEST(Epochs, OfNoShardsAreAnError) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  const Files files(url);
  EXPECT_EQ(code_of(epochs(Shards<int>(files, "tarin")).reader(0, 1).next()), Errc::not_found);
  const ShardStore<int> store(files, "train", {.codec = ""});
  EXPECT_EQ(store.samples().value(), 0U);
  EXPECT_EQ(code_of(epochs(store).reader(0, 1).skip(1)), Errc::not_found);
  ASSERT_TRUE(store.set(std::vector<int>{}));  // a shard, which has no samples
  EXPECT_FALSE(epochs(store).reader(0, 1).next().value());
}

// As many shards as one likes: their files are closed when they are read.
TEST(Epochs, KeepFewFilesOpen) {
  const TemporaryFolder folder;
  const ShardStore<std::uint64_t> shards(Files("file://" + folder.path() + "?sync=0"), {}, {.codec = ""});
  for (std::uint64_t shard = 0; shard < 300; ++shard) {
    ASSERT_TRUE(shards.set(std::vector<std::uint64_t>(5, shard)));
  }
  const Ending ending = in_child([&] {
    rlimit few{};
    ::getrlimit(RLIMIT_NOFILE, &few);
    few.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &few);
    EXPECT_EQ(all_of(epochs(shards).reader(0, 1)).size(), 1500U);
    return std::string();
  });
  EXPECT_EQ(ending.exit_code, 0) << ending.said;
}

// As workers of a loader of samples do: the parent has read ahead in threads that the child does not have.
TEST(Epochs, GoOnInAForkedProcess) {
  if (has_watched_memory) {
    GTEST_SKIP() << "the sanitizer's allocator does not bear a fork while other threads allocate";
  }
  const TemporaryFolder folder;
  const ShardStore<std::uint64_t> shards(Files("file://" + folder.path() + "?sync=0"), {}, {.codec = ""});
  for (std::uint64_t shard = 0; shard < 20; ++shard) {
    ASSERT_TRUE(shards.set(std::vector<std::uint64_t>(50, shard)));
  }
  for (int round = 0; round < 5; ++round) {
    auto reader = epochs(shards, {.seed = 3, .shuffle_block = 100}).reader(0, 1);
    ASSERT_TRUE(reader.next(10s).value());
    const Ending ending = in_child([&] {
      EXPECT_EQ(all_of(reader).size(), 999U);
      return std::string();
    });
    EXPECT_EQ(ending.exit_code, 0) << ending.said;
    EXPECT_EQ(all_of(reader).size(), 999U);
  }
}

}  // namespace locum::tests
