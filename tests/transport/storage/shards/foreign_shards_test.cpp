// Which shards of other programs are in a folder.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/shards/foreign_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

TEST(ForeignShards, AreRecognised) {
  const TemporaryFolder folder;
  const auto area = area_of(folder.path());
  const std::string at = folder.path() + "/set/";
  EXPECT_EQ(code_of(storage::open_foreign_shards(area, "set", "")), Errc::not_found);
  write_bytes(at + "notes.txt", "no shard");
  write_bytes(at + "sub/a.tar", "not looked for in folders");
  const auto none = storage::open_foreign_shards(area, "set", "");
  EXPECT_EQ(code_of(none), Errc::not_found);
  for (const char* looked_for : {"index.json", "*.tar", "*.tgz", "*.gz", "*.jsonl"}) {
    EXPECT_NE(none.error().text().find(looked_for), std::string::npos) << none.error();
  }
  write_bytes(at + "a.shard", "of this library");
  const auto own = storage::open_foreign_shards(area, "set", "");
  EXPECT_EQ(code_of(own), Errc::not_found);
  EXPECT_NE(own.error().text().find("ShardStore"), std::string::npos) << own.error();
  const auto wrong = storage::open_foreign_shards(area, "set", "parquet");
  EXPECT_EQ(code_of(wrong), Errc::invalid_argument);
  EXPECT_NE(wrong.error().text().find("msgpack, jsonl, mds, webdataset"), std::string::npos) << wrong.error();
  EXPECT_EQ(code_of(storage::open_foreign_shards(area, "set", "gz")), Errc::invalid_argument);
  EXPECT_EQ(code_of(storage::open_foreign_shards(area, "set", "mds")), Errc::not_found);

  write_bytes(at + "a.jsonl", "{}\n");
  EXPECT_EQ(samples_of(*storage::open_foreign_shards(area, "set", "").value(), "a").value().size(), 1U);
  if (!has_gzip()) {  // the error names what is missing
    const auto draft = storage::open_foreign_shards(area, "set", "msgpack").value()->create("b");
    EXPECT_EQ(code_of(draft), Errc::unsupported);
    EXPECT_NE(draft.error().text().find("LOCUM_WITH_ZLIB"), std::string::npos) << draft.error();
  }
  write_bytes(at + "b.tar", std::string(1024, '\0'));
  EXPECT_EQ(code_of(storage::open_foreign_shards(area, "set", "")), Errc::invalid_argument);
  EXPECT_EQ(samples_of(*storage::open_foreign_shards(area, "set", "webdataset").value(), "b").value().size(),
            0U);
  write_bytes(at + "index.json", "{\"version\": 2, \"shards\": []}");
  const auto mds = storage::open_foreign_shards(area, "set", "").value();
  EXPECT_TRUE(mds->keys({}, 10, {}).value().empty());
  EXPECT_TRUE(mds->index({}).value().empty());
}

// Threads read samples of one open shard, in orders of their own.
TEST(ForeignShards, AreReadBySeveralThreads) {
  const TemporaryFolder folder;
  std::string lines;
  constexpr int samples = 20000;
  for (int number = 0; number < samples; ++number) {
    lines += "{\"n\": " + std::to_string(number) + ", \"t\": \"" + std::string(number % 100, 'x') + "\"}\n";
  }
  write_bytes(folder.path() + "/a.jsonl", lines);
  if (has_gzip()) {
    write_bytes(folder.path() + "/b.jsonl.gz", stored_gzip(lines, 60000));
  }
  const auto shards = storage::open_foreign_shards(area_of(folder.path()), "", "").value();
  for (const std::string& key : shards->keys({}, 10, {}).value()) {
    const auto shard = shards->open(key, {}).value();
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (std::uint32_t thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        std::mt19937 random(thread);
        for (int turn = 0; turn < 2000; ++turn) {
          const std::uint64_t number = random() % samples;
          const auto sample = shard->sample(number, {});
          right += sample && (*sample->record)["n"] == Record(number) ? 1 : 0;
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(right, 8000) << key;
  }
}

}  // namespace
}  // namespace locum::tests
