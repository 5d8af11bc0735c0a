#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include <locum/open.hpp>
#include <locum/shards.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace shard_store {

/// A sample of different members, which is serialised.
struct Labelled {
  std::vector<float> pixels;
  std::int32_t label = 0;
  std::string name;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pixels, label, name);
  }
  friend bool operator==(const Labelled&, const Labelled&) = default;
};

struct Point {
  double x = 0;
  double y = 0;
  std::int32_t kind = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

Labelled labelled(int number) {
  return {.pixels = std::vector<float>(static_cast<std::size_t>(number % 9), static_cast<float>(number)),
          .label = number,
          .name = "sample " + std::to_string(number)};
}

template <class Sample, class Make>
std::vector<Sample> many(int count, Make make) {
  std::vector<Sample> samples;
  for (int number = 0; number < count; ++number) {
    samples.push_back(make(number));
  }
  return samples;
}

/// Writes samples and reads them back: each alone, in descending order, and all of them.
template <class Sample>
void expect_kept(const ShardStore<Sample>& shards, const std::vector<Sample>& samples) {
  const auto key = shards.set(samples);
  ASSERT_TRUE(key) << key.error();
  const auto shard = shards.get(*key);
  ASSERT_TRUE(shard) << shard.error();
  ASSERT_EQ(shard->count(), samples.size());
  for (std::size_t number = samples.size(); number-- > 0;) {
    EXPECT_EQ((*shard)[number], samples[number]) << number;
  }
  std::size_t number = 0;
  for (const Sample& sample : *shard) {
    EXPECT_EQ(sample, samples[number]) << number;
    ++number;
  }
  EXPECT_EQ(number, samples.size());
  EXPECT_EQ(shards.samples().value(), samples.size());
  EXPECT_TRUE(shards.remove(*key).value());
}

}  // namespace shard_store

using namespace shard_store;

/// Where shards are kept, and how.
class ShardStores : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  template <class Sample>
  [[nodiscard]] ShardStore<Sample> shards(std::uint64_t block_bytes = 4096) const {
    const auto& [place, codec] = GetParam();
    const ShardLayout layout{.codec = codec, .block_bytes = block_bytes};
    if (std::string_view(place) == "store") {
      return ShardStore<Sample>(store_, layout);
    }
    if (std::string_view(place) == "files") {
      return ShardStore<Sample>(Files("file://" + folder_.path() + "?sync=0"), "some/folder", layout);
    }
    return open_shards<Sample>(
               std::string_view(place) == "backend" ? "stats+file:" + folder_.path() + "?sync=0" : "tmp:",
               layout)
        .value();
  }

 private:
  const TemporaryFolder folder_;
  const Store store_ = open("memory:").value();
};

TEST_P(ShardStores, KeepSamplesOfAnyKind) {
  expect_kept(shards<Labelled>(), many<Labelled>(1000, labelled));
  expect_kept(shards<Point>(), many<Point>(1000, [](int number) {
                return Point{1.0 * number, -2.0, number};
              }));
  expect_kept(shards<std::string>(), many<std::string>(1000, [](int number) {
                return std::string(static_cast<std::size_t>(number % 37), 'a');
              }));
  expect_kept(shards<std::vector<std::int16_t>>(), many<std::vector<std::int16_t>>(500, [](int number) {
                return std::vector<std::int16_t>(static_cast<std::size_t>(number), std::int16_t(number));
              }));
  expect_kept(shards<Record>(), many<Record>(300, [](int number) {
                return Record{{"image", Array(std::vector<double>(27, number))},
                              {"label", number % 2},
                              {"metadata", Record{{"key", number}, {"text", "t" + std::to_string(number)}}}};
              }));
  expect_kept(shards<std::uint8_t>(),
              many<std::uint8_t>(70'000, [](int number) { return std::uint8_t(number); }));
}

TEST_P(ShardStores, KeepNoneOneAndLargeSamples) {
  expect_kept(shards<std::string>(), {});
  expect_kept(shards<std::string>(), {""});
  expect_kept(shards<std::string>(), {"", "", ""});
  expect_kept(shards<std::string>(), {"a", std::string(1'000'000, 'b'), "c", std::string(5000, 'd')});
  expect_kept(shards<Point>(), {});
}

TEST_P(ShardStores, ListKeysInOrderAndGiveOnesThatAreFree) {
  const auto store = shards<std::string>();
  EXPECT_TRUE(store.keys().begin() == store.keys().end());
  ASSERT_EQ(store.set(std::vector<std::string>{"x"}, {.key = "b"}).value(), "b");
  ASSERT_EQ(store.set(std::vector<std::string>{"y"}, {.key = "a b+c"}).value(), "a b+c");
  std::set<std::string> given;
  for (int number = 0; number < 20; ++number) {
    given.insert(store.set(std::vector<std::string>(3, "z")).value());
  }
  EXPECT_EQ(given.size(), 20U);
  std::vector<std::string> keys;
  for (const std::string& key : store.keys()) {
    keys.push_back(key);
  }
  given.insert({"b", "a b+c"});
  EXPECT_EQ(keys, std::vector<std::string>(given.begin(), given.end()));
  const auto index = store.index().value();
  ASSERT_EQ(index.size(), 22U);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(index[at].key, keys[at]);
    EXPECT_EQ(index[at].samples, keys[at].size() > 5 ? 3U : 1U);
    EXPECT_GT(index[at].bytes, 0U);
  }
}

TEST_P(ShardStores, ReplaceNoShard) {
  const auto store = shards<std::string>();
  ASSERT_TRUE(store.set(std::vector<std::string>{"first"}, {.key = "a"}));
  EXPECT_EQ(code_of(store.set(std::vector<std::string>{"second", "one"}, {.key = "a"})), Errc::key_exists);
  EXPECT_EQ(store.get("a").value()[0], "first");
  EXPECT_EQ(store.samples().value(), 1U);
  const auto shard = store.get("a").value();
  const auto other = store.get("a").value();
  ASSERT_TRUE(shard.keep());
  EXPECT_TRUE(store.remove("a").value());
  EXPECT_FALSE(store.remove("a").value());
  EXPECT_EQ(shard[0], "first");
  const auto sample = other.get(0);
  EXPECT_TRUE(sample ? *sample == "first" : sample.error().code() == Errc::stale);
  EXPECT_EQ(code_of(store.get("a")), Errc::not_found);
  EXPECT_EQ(store.samples().value(), 0U);
  ASSERT_TRUE(store.set(std::vector<std::string>{"second", "one"}, {.key = "a"}));
  EXPECT_EQ(store.samples().value(), 2U);
}

TEST_P(ShardStores, AreWrittenByThreadsAtOnce) {
  const auto store = shards<std::string>();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&store, writer] {
      for (int number = 0; number < 40; ++number) {
        const std::string text = std::to_string(writer * 1000 + number);
        EXPECT_TRUE(store.set(std::vector<std::string>(10, text)));
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  std::map<std::string, int> seen;
  for (const std::string& key : store.keys()) {
    for (const std::string& sample : store.get(key).value()) {
      ++seen[sample];
    }
  }
  EXPECT_EQ(seen.size(), 160U);
  EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& entry) { return entry.second == 10; }));
  EXPECT_EQ(store.samples().value(), 1600U);
}

TEST_P(ShardStores, RefuseBadKeysAndNumbers) {
  const auto store = shards<std::string>();
  const std::vector<std::string> samples{"a"};
  for (const std::string& key : {std::string("a/b"), std::string(".a"), std::string("a\nb"),
                                 std::string(201, 'a'), std::string("a\0b", 3)}) {
    EXPECT_EQ(code_of(store.set(samples, {.key = key})), Errc::invalid_argument) << key;
    EXPECT_EQ(code_of(store.get(key)), Errc::invalid_argument) << key;
    EXPECT_EQ(code_of(store.remove(key)), Errc::invalid_argument) << key;
  }
  const auto shard = store.get(store.set(samples).value()).value();
  EXPECT_EQ(code_of(shard.get(1)), Errc::invalid_argument);
  EXPECT_THROW((void)shard[1], Error);
}

#ifdef LOCUM_TESTS_HAVE_ZSTD
constexpr std::array codecs_of_shards{"", "crc32c", "zstd(3)"};
#else
constexpr std::array codecs_of_shards{"", "crc32c"};
#endif
INSTANTIATE_TEST_SUITE_P(Places, ShardStores,
                         testing::Combine(testing::Values("files", "backend", "tmp", "store"),
                                          testing::ValuesIn(codecs_of_shards)),
                         [](const auto& info) {
                           const std::string codec = std::get<1>(info.param);
                           return std::string(std::get<0>(info.param)) + '_' +
                                  (codec.empty() ? "flat" : codec.substr(0, codec.find('(')));
                         });

TEST(ShardStore, TellsSamplesOfOtherTypes) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ShardStore<std::string> texts(files, "t", {.codec = ""});
  ASSERT_TRUE(texts.set(std::vector<std::string>{"a"}, {.key = "a"}));
  const ShardStore<double> numbers(files, "t", {.codec = ""});
  const auto wrong = numbers.get("a");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Errc::type_mismatch);
  EXPECT_NE(wrong.error().text().find("char[]"), std::string::npos) << wrong.error();
}

TEST(ShardStore, LeavesNothingOfWhatFailed) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ShardStore<std::string> store(files, {}, {.codec = "", .block_bytes = 1024});
  const auto failing = std::views::iota(0, 100) | std::views::transform([](int number) -> std::string {
                         if (number == 50) {
                           throw std::runtime_error("the program's own");
                         }
                         return std::string(100, 'a');
                       });
  EXPECT_THROW((void)store.set(failing), std::runtime_error);
  EXPECT_TRUE(store.keys().begin() == store.keys().end());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    EXPECT_TRUE(entry.is_directory() || entry.path().filename() == ".lock") << entry.path();
  }
}

TEST(ShardStore, RefusesLayoutsThatCannotBe) {
  const Files files("memory:");
  const auto opened = [&](const ShardLayout& layout) {
    try {
      (void)ShardStore<int>(files, {}, layout);
      return Errc{};
    } catch (const Error& error) {
      return error.code();
    }
  };
  EXPECT_EQ(opened({.codec = "", .block_bytes = 1023}), Errc::invalid_argument);
  EXPECT_EQ(opened({.codec = "", .block_bytes = (std::uint64_t{1} << 30U) + 1}), Errc::invalid_argument);
  EXPECT_EQ(opened({.codec = "no_such"}), Errc::unsupported);
  EXPECT_EQ(opened({.codec = ""}), Errc{});
}

TEST(ShardStore, OnlyReadsWhereItIsTold) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  {
    const auto store = open_shards<std::string>(url, {.codec = ""}).value();
    ASSERT_TRUE(store.set(std::vector<std::string>{"a", "b"}, {.key = "k"}));
  }
  std::filesystem::remove(folder.path() + "/shards.index");
  const auto store = open_shards<std::string>("readonly+" + url, {.codec = ""}).value();
  EXPECT_EQ(store.get("k").value()[1], "b");
  EXPECT_EQ(store.samples().value(), 2U);
  const ShardStore<std::string> in_files(Files(url), {}, {.codec = "", .is_read_only = true});
  EXPECT_EQ(in_files.samples().value(), 2U);
  EXPECT_EQ(code_of(in_files.set(std::vector<std::string>{"a"})), Errc::unsupported);
  const Shards<std::string> without_set(Files{url});
  EXPECT_EQ(without_set.get("k").value()[0], "a");
  EXPECT_EQ(without_set.samples().value(), 2U);
  EXPECT_EQ(code_of(ShardStore<std::string>(without_set.source()).remove("k")), Errc::unsupported);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/shards.index"));
  EXPECT_EQ(code_of(store.set(std::vector<std::string>{"a"})), Errc::unsupported);
  EXPECT_EQ(code_of(store.remove("k")), Errc::unsupported);
}

// Who keeps the index waiting keeps set() waiting no longer than it may take.
TEST(ShardStore, DoesNotWaitForTheIndexBeyondItsDeadline) {
  using namespace std::chrono_literals;
  const TemporaryFolder folder;
  const auto shards = open_shards<std::string>("file://" + folder.path() + "?sync=0", {.codec = ""}).value();
  ASSERT_TRUE(shards.set(std::vector<std::string>{"a"}, {.key = "k"}));
  ASSERT_EQ(shards.samples().value(), 1U);
  std::filesystem::remove(folder.path() + "/k.shard");  // by hand, so that the index has to be changed
  const int lock = ::open((folder.path() + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(shards.set(std::vector<std::string>{"b", "c", "d"}, {.key = "k", .deadline = 100ms}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  ::close(lock);
  EXPECT_EQ(shards.samples().value(), 3U);
}

// The index tells what is known: whoever cannot read it opens the shards.
TEST(ShardStore, ReadsOnWithoutItsIndex) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  const std::string index = folder.path() + "/shards.index";
  {
    const auto shards = open_shards<std::string>(url, {.codec = ""}).value();
    ASSERT_TRUE(shards.set(std::vector<std::string>{"a", "b"}));
  }
  std::filesystem::remove(index);
  std::filesystem::create_directory(index);
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 2U);
  std::filesystem::remove(index);
  std::filesystem::create_symlink("/dev/zero", index);
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 2U);
  std::filesystem::remove(index);
  std::ofstream(index) << "x";
  std::filesystem::resize_file(index, std::uintmax_t{1} << 40U);
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 2U);
}

TEST(ShardStore, TellsWhatIsThereInsteadOfShards) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  const auto text_of = [&](std::string_view at) {
    const auto samples = open_shards<Record>(std::string(at) + url, {.is_read_only = true}).value().samples();
    EXPECT_EQ(code_of(samples), Errc::not_found);
    return samples ? std::string() : samples.error().text();
  };
  EXPECT_NE(text_of("").find("instead: nothing"), std::string::npos) << text_of("");
  const Shards<Record> nowhere(Files(url), "train");
  EXPECT_THROW((void)nowhere.keys().begin(), Error);
  EXPECT_EQ(code_of(nowhere.index()), Errc::not_found);
  std::filesystem::create_directory(folder.path() + "/train");
  for (const char* const name : {"a.tar", "b.tar", "c.tar", "d.tar"}) {
    std::ofstream(folder.path() + "/train/" + name) << "x";
  }
  EXPECT_NE(text_of("").find("1 folder ('train')"), std::string::npos) << text_of("");
  const auto index = nowhere.index();
  for (const char* const part :
       {"*.shard", "'train'", "4 other files ('a.tar', 'b.tar', 'c.tar', ...)", "webdataset+"}) {
    EXPECT_NE(index.error().text().find(part), std::string::npos) << index.error();
  }
  EXPECT_NE(text_of("webdataset+").find("*.tar"), std::string::npos) << text_of("webdataset+");
  const auto no_index = open_shards<Record>("mds+" + url);
  ASSERT_EQ(code_of(no_index), Errc::not_found);
  EXPECT_NE(no_index.error().text().find("index.json"), std::string::npos) << no_index.error();
  const auto misspelt = open_shards<Record>("webdatset+" + url, {.codec = ""});
  ASSERT_EQ(code_of(misspelt), Errc::unsupported);
  EXPECT_NE(misspelt.error().text().find("webdataset+"), std::string::npos) << misspelt.error();
}

TEST(ShardStore, HasNoLayoutWhereAnotherProgramGaveIt) {
  EXPECT_EQ(code_of(open_shards("msgpack+memory:", {.codec = "lz4"})), Errc::invalid_argument);
  EXPECT_EQ(code_of(open_shards("msgpack+memory:", {.block_bytes = 1024})), Errc::invalid_argument);
  EXPECT_TRUE(open_shards("msgpack+memory:"));
}

TEST(ShardStore, DropsItsTemporaryFolder) {
  const TemporaryFolder folder;
  const char* const before = std::getenv("TMPDIR");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TMPDIR", folder.path().c_str(), 1);
  {
    const auto store = open_shards<std::string>("tmp:", {.codec = ""}).value();
    ASSERT_TRUE(store.set(std::vector<std::string>{"a"}));
    EXPECT_FALSE(std::filesystem::is_empty(folder.path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

// A shard that was put there by another program is found, one that was taken away is not.
TEST(ShardStore, KeepsAnIndexThatTellsNothingWrong) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  const auto path = [&](const std::string& name) { return folder.path() + '/' + name; };
  {
    const auto store = open_shards<std::string>(url, {.codec = ""}).value();
    for (const char* const key : {"a", "b", "c"}) {
      ASSERT_TRUE(store.set(std::vector<std::string>(key[0] - 'a' + 1, "s"), {.key = key}));
    }
    EXPECT_FALSE(std::filesystem::exists(path("shards.index")));
  }
  EXPECT_TRUE(std::filesystem::exists(path("shards.index")));
  std::filesystem::copy(path("c.shard"), path("d.shard"));
  std::filesystem::remove(path("a.shard"));
  const auto store = open_shards<std::string>(url, {.codec = ""}).value();
  const auto index = store.index().value();
  ASSERT_EQ(index.size(), 3U);
  EXPECT_EQ(index[0].key, "b");
  EXPECT_EQ(index[0].samples, 2U);
  EXPECT_EQ(index[2].key, "d");
  EXPECT_EQ(index[2].samples, 3U);
  // Damaged, it is made again.
  std::filesystem::resize_file(path("shards.index"), std::filesystem::file_size(path("shards.index")) - 3);
  EXPECT_EQ(store.samples().value(), 8U);
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 8U);
}

// A key that another has given to another shard, and a shard that was removed by hand.
TEST(ShardStore, KeepsNoFactsOfShardsThatAreGone) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  const auto texts = [](std::size_t count) { return std::vector<std::string>(count, "s"); };
  {
    const auto one = open_shards<std::string>(url, {.codec = ""}).value();
    const auto other = open_shards<std::string>(url, {.codec = ""}).value();
    ASSERT_TRUE(one.set(texts(100), {.key = "a"}));
    ASSERT_TRUE(other.remove("a").value());
    ASSERT_TRUE(other.set(texts(50), {.key = "a"}));
    EXPECT_EQ(one.samples().value(), 50U);
    EXPECT_EQ(other.samples().value(), 50U);
  }
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 50U);
  {  // also where both take as many bytes
    const auto one = open_shards<std::string>(url, {.codec = ""}).value();
    const auto other = open_shards<std::string>(url, {.codec = ""}).value();
    ASSERT_TRUE(one.set(std::vector<std::string>{"aa", "b"}, {.key = "b"}));
    const std::uint64_t bytes = one.index().value()[1].bytes;
    ASSERT_TRUE(one.remove("b").value());
    ASSERT_TRUE(one.set(std::vector<std::string>{"aa", "b"}, {.key = "b"}));
    ASSERT_TRUE(other.remove("b").value());
    ASSERT_TRUE(other.set(std::vector<std::string>{"a", "b", "c"}, {.key = "b"}));
    EXPECT_EQ(other.index().value()[1].bytes, bytes);
    EXPECT_EQ(one.samples().value(), 53U);
    EXPECT_EQ(other.samples().value(), 53U);
    ASSERT_TRUE(one.remove("b").value());
  }
  const auto writer = open_shards<std::string>(url, {.codec = ""}).value();
  std::filesystem::remove(folder.path() + "/a.shard");
  ASSERT_TRUE(writer.set(texts(7), {.key = "a"}));
  EXPECT_EQ(open_shards<std::string>(url, {.codec = ""}).value().samples().value(), 7U);
  // What no shard may be called is none.
  std::filesystem::copy(folder.path() + "/a.shard", folder.path() + "/x\ny.shard");
  EXPECT_EQ(writer.samples().value(), 7U);
}

}  // namespace locum::tests
