// Shards of Squirrel: values of MessagePack, or lines of JSON, one behind the other.
#include <gtest/gtest.h>

#include <atomic>
#include <complex>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/shards/foreign_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"

namespace locum::tests {
namespace {

using storage::open_foreign_shards;
using namespace std::literals;

class SquirrelShards : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_gzip()) {
      GTEST_SKIP() << no_gzip;
    }
  }
  [[nodiscard]] std::shared_ptr<ShardSource> source(std::string_view format = "msgpack") const {
    return open_foreign_shards(area_of(folder_.path()), "", format).value();
  }
  Result<void> write(const std::string& key, const std::vector<Record>& samples) const {
    auto draft = source()->create(key);
    if (!draft) {
      return draft.error();
    }
    for (const Record& sample : samples) {
      if (auto added = (*draft)->add({.owner = {}, .bytes = {}, .record = sample}); !added) {
        return added;
      }
    }
    return (*draft)->publish({});
  }
  [[nodiscard]] std::string at(const std::string& name) const { return folder_.path() + '/' + name; }

  TemporaryFolder folder_;
};

/// A sample as the documents of MessagePack and msgpack-numpy have it: {"id": 7, "x": array([1., -2.]), "s":
/// int16(-3), "z": 1+2j, "t": "hé", "b": b"\0\1", "l": [null, true, 2.5]}.
const std::string squirrel_sample =
    "\x87"
    "\xA2id\x07"
    "\xA1x"
    "\x85\xC4\x02nd\xC3\xC4\x04type\xA3<f8\xC4\x04kind\xC4\x00\xC4\x05shape\x91\x02\xC4\x04"
    "data\xC4\x10"
    "\x00\x00\x00\x00\x00\x00\xF0\x3F\x00\x00\x00\x00\x00\x00\x00\xC0"
    "\xA1s\x83\xC4\x02nd\xC2\xC4\x04type\xA3<i2\xC4\x04"
    "data\xC4\x02\xFD\xFF"
    "\xA1z\x82\xC4\x07"
    "complex\xC3\xC4\x04"
    "data\xA6(1+2j)"
    "\xA1t\xA3h\xC3\xA9"
    "\xA1"
    "b\xC4\x02\x00\x01"
    "\xA1l\x93\xC0\xC3\xCB\x40\x04\x00\x00\x00\x00\x00\x00"s;

Record squirrel_record() {
  return {{"id", 7},
          {"x", Record(std::vector<double>{1, -2})},
          {"s", -3},
          {"z", std::complex<double>(1, 2)},
          {"t", "h\xC3\xA9"},
          {"b", Record::Bytes{std::byte{0}, std::byte{1}}},
          {"l", Record::list({Record(), true, 2.5})}};
}

TEST_F(SquirrelShards, OfTheFormatsDocumentsAreRead) {
  const std::string other("\x81\xA2id\xCD\x01\x00", 7);
  write_bytes(at("K1.gz"), stored_gzip(squirrel_sample + other) + stored_gzip(squirrel_sample));
  write_bytes(at("notes.txt"), "no shard");
  write_bytes(at("sub/K2.gz"), stored_gzip(other));
  for (const char* format : {"", "msgpack"}) {
    const auto shards = source(format);
    EXPECT_EQ(shards->type(), "");
    EXPECT_EQ(shards->keys({}, 10, {}).value(), std::vector<std::string>{"K1"});
    const auto samples = samples_of(*shards, "K1");
    ASSERT_TRUE(samples) << samples.error();
    EXPECT_EQ(*samples, (std::vector<Record>{squirrel_record(), {{"id", 256}}, squirrel_record()}));
    const auto index = shards->index({}).value();
    ASSERT_EQ(index.size(), 1U);
    EXPECT_EQ(index[0].samples, 3U);
    EXPECT_EQ(index[0].bytes, std::filesystem::file_size(at("K1.gz")));
  }
}

TEST_F(SquirrelShards, OfNoSamplesAreRead) {
  write_bytes(at("K.gz"), stored_gzip(""));
  EXPECT_TRUE(only_samples(folder_.path()).value().empty());
  EXPECT_TRUE(only_samples(folder_.path(), "jsonl").value().empty());
}

TEST_F(SquirrelShards, OfLinesOfJsonAreRead) {
  const std::string lines = "\n{\"a\": 1, \"b\": [NaN, 0.1]}\r\n\n  \n[2]\n{\"text\": \"x\\ny\"}";
  write_bytes(at("A.gz"), stored_gzip(lines));
  write_bytes(at("B.jsonl"), lines + "\n");
  write_bytes(at("C.jsonl.gz"), stored_gzip("\xEF\xBB\xBF{}\n"));
  for (const char* format : {"", "jsonl"}) {
    const auto shards = source(format);
    EXPECT_EQ(shards->keys({}, 10, {}).value(), (std::vector<std::string>{"A", "B", "C"}));
    EXPECT_EQ(shards->keys("A", 1, {}).value(), std::vector<std::string>{"B"});
    for (const char* key : {"A", "B"}) {
      const auto samples = samples_of(*shards, key);
      ASSERT_TRUE(samples) << key << samples.error();
      ASSERT_EQ(samples->size(), 3U);
      EXPECT_EQ((*samples)[0]["a"], Record(1));
      EXPECT_TRUE(std::isnan((*samples)[0]["b"][0].as<double>().value()));
      EXPECT_EQ((*samples)[1], Record::list({2}));
      EXPECT_EQ((*samples)[2]["text"].text(), "x\ny");
    }
    EXPECT_EQ(samples_of(*shards, "C").value(), std::vector<Record>{Record::members({})});
    expect_any_order(*shards, "C");
    EXPECT_EQ(shards->index({}).value().size(), 3U);
  }
  write_bytes(at("B.gz"), stored_gzip(lines));
  const auto twice = source("jsonl")->keys({}, 10, {});
  EXPECT_EQ(code_of(twice), Errc::corrupt);
  EXPECT_NE(twice.error().text().find("same key"), std::string::npos) << twice.error();
  EXPECT_EQ(code_of(source("jsonl")->create("D")), Errc::unsupported);
  EXPECT_EQ(code_of(source("jsonl")->remove("B", {})), Errc::unsupported);
}

TEST_F(SquirrelShards, NameTheSampleThatIsWrong) {
  write_bytes(at("A.jsonl"), "{}\n{\"a\": }\n");
  const auto samples = only_samples(folder_.path());
  EXPECT_EQ(code_of(samples), Errc::corrupt);
  EXPECT_NE(std::string(samples.error().what()).find("sample 1"), std::string::npos) << samples.error();
  EXPECT_NE(std::string(samples.error().what()).find("A.jsonl"), std::string::npos) << samples.error();
}

TEST_F(SquirrelShards, AreWrittenAtOnce) {
  std::vector<Record> samples;
  for (int number = 0; number < 3000; ++number) {
    Record sample = squirrel_record();
    sample.set("id", number);
    sample.set("x", Record(std::vector<float>(static_cast<std::size_t>(number % 70), 0.5F)));
    samples.push_back(std::move(sample));
  }
  ASSERT_TRUE(write("K", samples));
  EXPECT_EQ(code_of(write("K", samples)), Errc::key_exists);
  for (const char* key : {"", ".K", "a/b", "../K"}) {
    EXPECT_EQ(code_of(write(key, {})), Errc::invalid_argument) << key;
    EXPECT_EQ(code_of(source()->open(key, {})), Errc::not_found) << key;
  }
  EXPECT_EQ(code_of(source()->open("L", {})), Errc::not_found);
  {
    const auto draft = source()->create("dropped").value();
    ASSERT_TRUE(draft->add({.owner = {}, .bytes = {}, .record = samples[0]}));
    EXPECT_EQ(code_of(draft->add({})), Errc::type_mismatch);
  }
  const auto shards = source();
  EXPECT_EQ(shards->keys({}, 10, {}).value(), std::vector<std::string>{"K"});
  EXPECT_EQ(samples_of(*shards, "K").value(), samples);
  expect_any_order(*shards, "K");
  // An open shard has its samples when it is removed, or another takes its key.
  const auto opened = shards->open("K", {}).value();
  EXPECT_TRUE(shards->remove("K", {}).value());
  EXPECT_FALSE(shards->remove("K", {}).value());
  EXPECT_FALSE(shards->remove("a/b", {}).value());
  ASSERT_TRUE(write("K", {}));
  EXPECT_EQ(*opened->sample(2999, {}).value().record, samples[2999]);
  EXPECT_EQ(shards->index({}).value().at(0).samples, 0U);
}

TEST_F(SquirrelShards, MakeTheirFolder) {
  const auto shards = open_foreign_shards(area_of(folder_.path()), "new/set", "msgpack").value();
  EXPECT_TRUE(shards->keys({}, 10, {}).value().empty());
  EXPECT_TRUE(shards->index({}).value().empty());
  EXPECT_EQ(code_of(shards->open("K", {})), Errc::not_found);
  EXPECT_FALSE(shards->remove("K", {}).value());
  const auto draft = shards->create("K").value();
  ASSERT_TRUE(draft->add({.owner = {}, .bytes = {}, .record = squirrel_record()}));
  EXPECT_TRUE(shards->keys({}, 10, {}).value().empty());
  ASSERT_TRUE(draft->publish({}));
  EXPECT_EQ(code_of(draft->publish({})), Errc::invalid_argument);
  EXPECT_EQ(shards->keys({}, 10, {}).value(), std::vector<std::string>{"K"});
  // Those that are only read have to be there.
  const auto lines = open_foreign_shards(area_of(folder_.path()), "none", "jsonl").value();
  EXPECT_EQ(code_of(lines->keys({}, 10, {})), Errc::not_found);
}

TEST_F(SquirrelShards, OfSeveralWritersOneGetsTheKey) {
  const auto shards = source();
  std::atomic<int> made{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int turn = 0; turn < 20; ++turn) {
        const auto done = write("K" + std::to_string(turn), {Record(thread)});
        made += done ? 1 : 0;
        refused += code_of(done) == Errc::key_exists ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(made, 20);
  EXPECT_EQ(refused, 60);
  EXPECT_EQ(shards->keys({}, 100, {}).value().size(), 20U);
}

TEST_F(SquirrelShards, ThatWereChangedInPlaceAreStale) {
  ASSERT_TRUE(write("K", {squirrel_record(), squirrel_record()}));
  const auto opened = source()->open("K", {}).value();
  EXPECT_TRUE(opened->sample(1, {}));
  std::ofstream(at("K.gz"), std::ios::app) << "x";
  EXPECT_EQ(code_of(opened->sample(1, {})), Errc::stale);
}

TEST_F(SquirrelShards, EndAtTheDeadline) {
  ASSERT_TRUE(write("K", {squirrel_record()}));
  EXPECT_EQ(code_of(source()->open("K", std::chrono::seconds(-1))), Errc::timeout);
  EXPECT_EQ(code_of(source()->index(std::chrono::seconds(-1))), Errc::timeout);
}

TEST_F(SquirrelShards, ThatAreDamagedAreFound) {
  const std::vector<Record> expected{squirrel_record(), {{"id", 1}}, squirrel_record()};
  ASSERT_TRUE(write("K", expected));
  const auto area = memory_area();
  const auto shards = open_foreign_shards(area, "", "msgpack").value();
  damage(*area, "K.gz", read_bytes(at("K.gz")), 3000,
         [&](const std::string& what, std::optional<std::size_t> size) {
           const auto samples = samples_of(*shards, "K");
           if (samples) {  // the sum of gzip finds all others
             EXPECT_TRUE(!size && *samples == expected) << what;
           } else {
             EXPECT_EQ(samples.error().code(), Errc::corrupt) << what << samples.error();
           }
         });
}

TEST_F(SquirrelShards, WithWrongValuesInRightGzipAreFound) {
  const auto area = memory_area();
  const auto samples_as = [&](std::string_view format) {
    return samples_of(*open_foreign_shards(area, "", format).value(), "K");
  };
  const std::string plain = squirrel_sample + squirrel_sample;
  std::mt19937 random(17);
  for (std::size_t size = 0; size <= plain.size(); ++size) {
    put_file(*area, "K.gz", stored_gzip(plain.substr(0, size)));
    EXPECT_EQ(static_cast<bool>(samples_as("msgpack")), size % squirrel_sample.size() == 0) << size;
  }
  for (int turn = 0; turn < 5000; ++turn) {
    std::string wild = plain;
    for (std::size_t change = 0; change < 1 + random() % 4; ++change) {
      wild[random() % wild.size()] = static_cast<char>(random() & 0xFFU);
    }
    put_file(*area, "K.gz", stored_gzip(wild));
    for (const char* format : {"msgpack", "jsonl"}) {
      const auto samples = samples_as(format);
      EXPECT_TRUE(samples || samples.error().code() == Errc::corrupt ||
                  samples.error().code() == Errc::unsupported)
          << samples.error();
    }
  }
}

TEST_F(SquirrelShards, WithCountsThatLieCostNothing) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"\xDD\xFF\xFF\xFF\xFF\x01"s, "a list of 2^32 values"},
      {"\xDF\xFF\xFF\xFF\xFF\x01"s, "a map"},
      {"\xC6\xFF\xFF\xFF\xFF\x01"s, "bytes"},
      {"\xDB\xFF\xFF\xFF\xFF\x01"s, "a text"},
      {"\xC9\xFF\xFF\xFF\xFF\x01"s, "an extension"},
      {std::string(1000, '\x91'), "nothing in a thousand lists"},
      {"\xC1"s, "no value"},
      {"\xCF"s, "half a number"}};
  for (const auto& [bytes, what] : wrong) {
    write_bytes(at("K.gz"), stored_gzip(bytes));
    EXPECT_EQ(code_of(source()->open("K", {})), Errc::corrupt) << what;
  }
  write_bytes(at("K.gz"), stored_gzip(std::string(100000, '\x91') + '\0', 60000));
  EXPECT_EQ(code_of(samples_of(*source(), "K")), Errc::unsupported);  // nests too deep, found without descent
}

// A member of 1 MiB of one letter takes 1 KiB: files that are small, and become gigabytes.
TEST_F(SquirrelShards, ThatBecomeFarMoreAreRefused) {
  const auto bomb = [&](const std::string& begin, char letter, std::size_t members) {
    const auto area = area_of(folder_.path());
    const auto file = area->create("member").value();
    const auto draft = storage::begin_gzip(*file, 9).value();
    const std::string plain(std::size_t{1} << 20U, letter);
    ASSERT_TRUE(draft->write(std::as_bytes(std::span(plain))));
    ASSERT_TRUE(draft->finish());
    ASSERT_TRUE(file->publish());
    const std::string member = read_bytes(at("member"));
    std::string all = stored_gzip(begin);
    for (std::size_t one = 0; one < members; ++one) {
      all += member;
    }
    write_bytes(at("K.gz"), all);
  };
  bomb("", '\0', 17);  // each byte the integer 0
  const auto many = source()->open("K", {});
  EXPECT_EQ(code_of(many), Errc::unsupported);
  EXPECT_NE(many.error().text().find("more than 16777216 samples"), std::string::npos) << many.error();
  bomb("[", ' ', 1025);
  const auto long_line = source("jsonl")->open("K", {});
  EXPECT_EQ(code_of(long_line), Errc::unsupported);
  EXPECT_NE(long_line.error().text().find("at most 1 GiB"), std::string::npos) << long_line.error();
}

TEST_F(SquirrelShards, OfPythonAreRead) {
  const std::string python = python_with("numpy, msgpack, msgpack_numpy");
  if (python.empty()) {
    GTEST_SKIP()
        << "there is no python3 with NumPy, msgpack and msgpack_numpy (Debian 12: python3-msgpack-numpy)";
  }
  ASSERT_TRUE(run_script(python, "shards_check.py", "write squirrel '" + folder_.path() + "'"));
  const Record expected = storage::read_json(read_bytes(at("expected.json"))).value();
  for (const char* format : {"", "msgpack", "jsonl"}) {
    const bool is_json = std::string_view(format) == "jsonl";
    const auto shards = open_foreign_shards(area_of(folder_.path()), is_json ? "lines" : "shards", format);
    ASSERT_TRUE(shards) << shards.error();
    const auto keys = (*shards)->keys({}, 100, {}).value();
    EXPECT_EQ(keys.size(), is_json ? 1U : 3U);
    for (const std::string& key : keys) {
      const auto samples = samples_of(**shards, key);
      ASSERT_TRUE(samples) << key << samples.error();
      EXPECT_EQ(plain_form(Record::list(*samples)), expected[key]) << key;
    }
  }
}

TEST_F(SquirrelShards, ThatAreWrittenPythonReads) {
  const std::string python = python_with("numpy, msgpack, msgpack_numpy");
  if (python.empty()) {
    GTEST_SKIP()
        << "there is no python3 with NumPy, msgpack and msgpack_numpy (Debian 12: python3-msgpack-numpy)";
  }
  Record expected = Record::members({});
  for (int shard = 0; shard < 3; ++shard) {
    std::vector<Record> samples;
    for (int number = 0; number < 500 * shard; ++number) {
      Record sample = squirrel_record();
      sample.set("id", number - 100);
      sample.set("big", std::numeric_limits<std::uint64_t>::max());
      sample.set("half", 1.0 / (number + 3));
      std::vector<std::int32_t> counted(static_cast<std::size_t>(number % 40) * 3, number);
      sample.set("array", Record(Array(StridedArray<const std::int32_t>(
                              counted.data(), {std::uint64_t(number % 40), std::uint64_t{3}}))));
      samples.push_back(std::move(sample));
    }
    const std::string key = "key" + std::to_string(shard);
    ASSERT_TRUE(write(key, samples));
    expected.set(key, plain_form(Record::list(samples)));
  }
  write_bytes(at("expected.json"), storage::json_text_of(expected).value());
  EXPECT_TRUE(run_script(python, "shards_check.py", "read squirrel '" + folder_.path() + "'"));
}

}  // namespace
}  // namespace locum::tests
