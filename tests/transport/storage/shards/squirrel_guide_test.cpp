// What the guide of Squirrel's store promises, row by row, as a user of C++ writes it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <locum/epochs.hpp>
#include <locum/files.hpp>
#include <locum/open.hpp>
#include <locum/pipeline.hpp>
#include <locum/shards.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace squirrel_guide {

#ifdef LOCUM_TESTS_HAVE_ZSTD
constexpr ShardLayout guide_layout{};
#else
constexpr ShardLayout guide_layout{.codec = ""};
#endif
constexpr int samples_of_guide = 100;
constexpr int shards_of_guide = 10;

Record sample(int number) {
  std::mt19937 random(static_cast<std::uint32_t>(number));
  std::vector<double> pixels(27);
  std::ranges::generate(pixels, [&] { return static_cast<double>(random()) / 4294967296.0; });
  return Record{{"image", Array(locum::array(pixels.data(), {3, 3, 3}))},
                {"label", 1 + number % 2},
                {"metadata", Record{{"key", number}}}};
}

std::vector<std::vector<Record>> all_shards() {
  std::vector<std::vector<Record>> shards(shards_of_guide);
  for (int number = 0; number < samples_of_guide; ++number) {
    shards[static_cast<std::size_t>(number / 10)].push_back(sample(number));
  }
  return shards;
}

/// A store in a folder that goes with the test.
class SquirrelGuide : public testing::Test {
 protected:
  [[nodiscard]] std::string url() const { return "file://" + folder_.path() + "/set?sync=0"; }
  [[nodiscard]] ShardStore<> store() const { return open_shards(url(), guide_layout).value(); }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }

  void set_all() const {
    const auto shards = store();
    int number = 0;
    for (const auto& shard : all_shards()) {
      ASSERT_TRUE(shards.set(shard, {.key = "shard_" + std::to_string(number++)}));
    }
  }

 private:
  const TemporaryFolder folder_;
};

template <class Range>
std::vector<std::string> texts_of(const Range& range) {
  std::vector<std::string> all;
  for (const std::string& text : range) {
    all.push_back(text);
  }
  return all;
}

}  // namespace squirrel_guide

using namespace squirrel_guide;

TEST_F(SquirrelGuide, S1_StoresAndReadsOverAnyBackend) {
  for (const std::string& place :
       {std::string("memory:"), "json:" + folder() + "/all.json", "file:" + folder() + "/f"}) {
    const auto shards = open_shards(place, guide_layout);
    ASSERT_TRUE(shards) << shards.error();
    const auto key = shards->set(all_shards()[0]);
    ASSERT_TRUE(key) << place << ": " << key.error();
    EXPECT_EQ(shards->get(*key).value()[3], sample(3)) << place;
  }
}

TEST_F(SquirrelGuide, S2_SetStoresAValueWithAKey) {
  EXPECT_EQ(store().set(all_shards()[0], {.key = "mine"}).value(), "mine");
}

TEST_F(SquirrelGuide, S3_GetReadsWhatWasStored) {
  set_all();
  EXPECT_EQ(store().get("shard_4").value()[7], sample(47));
  EXPECT_EQ(code_of(store().get("shard_44")), Errc::not_found);
}

TEST_F(SquirrelGuide, S4_KeysAreThoseWithAValue) {
  set_all();
  EXPECT_TRUE(store().remove("shard_3").value());
  EXPECT_EQ(texts_of(store().keys()),
            (std::vector<std::string>{"shard_0", "shard_1", "shard_2", "shard_4", "shard_5", "shard_6",
                                      "shard_7", "shard_8", "shard_9"}));
}

template <class T>
concept HasSet = requires(const T& shards) { shards.set(std::vector<Record>()); };

TEST_F(SquirrelGuide, S5_WhatOnlyReadsHasNoSet) {
  static_assert(HasSet<ShardStore<>> && !HasSet<Shards<>>);
  set_all();
  const Shards<> reading = store();
  EXPECT_EQ(reading.get("shard_0").value()[0], sample(0));
  EXPECT_EQ(code_of(open_shards("readonly+" + url(), guide_layout).value().set(all_shards()[0])),
            Errc::unsupported);
}

TEST_F(SquirrelGuide, S6_TakesLessRoomThanItsValues) {
  const ShardStore<std::string> shards(Files(url()), {}, guide_layout);
  ASSERT_TRUE(shards.set(std::vector<std::string>(1000, std::string(1000, 'a'))));
  EXPECT_LT(shards.index().value()[0].bytes, guide_layout.codec.empty() ? 1'100'000U : 50'000U);
}

TEST_F(SquirrelGuide, S7_ReadsOneSampleWithoutTheOthers) {
  set_all();  // ShardReads.AreOneToOpenAndOneForASample counts the reads
  const auto shard = store().get("shard_9").value();
  EXPECT_EQ(shard.count(), 10U);
  EXPECT_EQ(shard[9], sample(99));
}

TEST_F(SquirrelGuide, S8_WritesMessagePackWhereAsked) {
  const auto shards = open_shards("msgpack+" + url());
#ifdef LOCUM_TESTS_HAVE_ZLIB
  ASSERT_TRUE(shards) << shards.error();
  ASSERT_TRUE(shards->set(all_shards()[2], {.key = "shard_2"}));
  EXPECT_TRUE(std::filesystem::exists(folder() + "/set/shard_2.gz"));
  EXPECT_EQ(open_foreign_shards(Files(url())).value().get("shard_2").value()[5], sample(25));
#else
  GTEST_SKIP() << "this build has no zlib";
#endif
}

TEST_F(SquirrelGuide, S9_IsOpenedByAUrl) {
  EXPECT_TRUE(open_shards(url(), guide_layout));
  EXPECT_EQ(code_of(open_shards("nosuch:x", guide_layout)), Errc::unsupported);
}

TEST_F(SquirrelGuide, S10_IsMadeOfFilesThatAreOpen) {
  const ShardStore<> shards(Files(url()), "deep/folder", guide_layout);
  EXPECT_TRUE(shards.set(all_shards()[0], {.key = "k"}));
  EXPECT_TRUE(std::filesystem::exists(folder() + "/set/deep/folder/k.shard"));
}

TEST_F(SquirrelGuide, S11_KeepsNestedSamplesWithArrays) {
  set_all();
  const Record read = store().get("shard_1").value()[2];
  EXPECT_EQ(read.get<Record>("metadata").value().get<int>("key").value(), 12);
  EXPECT_EQ(read.get<Array>("image").value().extents(), Extents(3, 3, 3));
  EXPECT_EQ(read, sample(12));
}

TEST_F(SquirrelGuide, S12_TakesAKeyPerShard) {
  set_all();
  EXPECT_EQ(texts_of(store().keys()).size(), 10U);
}

TEST_F(SquirrelGuide, S13_MakesAKeyWhereNoneIsGiven) {
  std::set<std::string> keys;
  for (const auto& shard : all_shards()) {
    keys.insert(store().set(shard).value());
  }
  EXPECT_EQ(keys.size(), 10U);
}

TEST_F(SquirrelGuide, S14_CountsItsKeys) {
  set_all();
  EXPECT_EQ(std::ranges::distance(store().keys()), shards_of_guide);
}

TEST_F(SquirrelGuide, S15_IteratesAndStopsAnywhere) {
  set_all();
  for (const std::string& key : store().keys()) {
    for (const Record& one : store().get(key).value()) {
      EXPECT_EQ(one, sample(0));
      break;
    }
    break;
  }
}

TEST_F(SquirrelGuide, S16_LeavesNothingOfATemporaryStore) {
  set_all();  // ShardStore.DropsItsTemporaryFolder looks at tmp:
  const auto shards = store();
  for (const std::string& key : texts_of(shards.keys())) {
    EXPECT_TRUE(shards.remove(key).value());
  }
  EXPECT_EQ(shards.samples().value(), 0U);
}

TEST_F(SquirrelGuide, S17_KeepsNothingBack) {
  const auto writer = store();
  const auto reader = store();
  ASSERT_TRUE(writer.set(all_shards()[0], {.key = "now"}));
  EXPECT_EQ(reader.get("now").value()[1], sample(1));
}

TEST_F(SquirrelGuide, S18_IsWrittenInParallel) {
  const auto shards = store();
  const auto all = all_shards();
  const auto report =
      pipeline(all).async_map([&](const auto& shard) { return shards.set(shard); }, 4).collect();
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->size(), 10U);
}

TEST_F(SquirrelGuide, S19_JoinRunsAll) {
  const auto shards = store();
  const auto all = all_shards();
  const auto joined = pipeline(all).async_map([&](const auto& shard) { return shards.set(shard); }, 4).join();
  EXPECT_FALSE(joined.error.has_value());
  EXPECT_EQ(joined.succeeded, 10U);
  EXPECT_EQ(texts_of(shards.keys()).size(), 10U);
}

TEST_F(SquirrelGuide, S20_ReadsAllByAPipeline) {
  set_all();
  const auto shards = store();
  const auto samples = pipeline(shards.keys())
                           .async_map([&](const std::string& key) { return shards.get(key); }, 4)
                           .flatten()
                           .collect();
  ASSERT_TRUE(samples) << samples.error();
  ASSERT_EQ(samples->size(), 100U);
  for (int number = 0; number < samples_of_guide; ++number) {
    EXPECT_EQ((*samples)[static_cast<std::size_t>(number)], sample(number));
  }
}

TEST_F(SquirrelGuide, S21_HasEachSampleOnce) {
  set_all();
  EXPECT_EQ(store().samples().value(), 100U);
  std::set<int> keys;
  for (auto& batch : epochs(store(), {.seed = 4}).split(0, 1).batch(7)) {
    for (const Record& one : batch) {
      keys.insert(one.get<Record>("metadata").value().get<int>("key").value());
    }
  }
  EXPECT_EQ(keys.size(), 100U);
}

// What a pipeline has read ahead is not consumed: a run that goes on gets it.
TEST_F(SquirrelGuide, S21_GoesOnBehindWhatThePipelineGaveOut) {
  set_all();
  std::vector<int> consumed;
  const auto key_of = [](const Record& one) {
    return one.get<Record>("metadata").value().get<int>("key").value();
  };
  EpochState state;
  {
    auto samples = epochs(store(), {.seed = 9}).split(0, 1).async_map(key_of, 4).batch(8).prefetch(5);
    for (int batches = 0; batches < 3; ++batches) {
      const auto batch = samples.next().value();
      consumed.insert(consumed.end(), batch->begin(), batch->end());
    }
    const auto now = samples.state();
    ASSERT_TRUE(now) << now.error();
    const std::vector<EpochState> ranks{*now};
    state = EpochState::join(ranks).value();
  }
  EXPECT_EQ(consumed.size(), 24U);
  EXPECT_EQ(state.consumed().at(0).below, 24U);
  for (const int key : epochs(store(), {.seed = 9}).resume(state).split(0, 1).map(key_of)) {
    consumed.push_back(key);
  }
  const std::set<int> once(consumed.begin(), consumed.end());
  EXPECT_EQ(consumed.size(), 100U);
  EXPECT_EQ(once.size(), 100U);
}

}  // namespace locum::tests
