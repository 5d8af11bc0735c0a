// Shards of MosaicML Streaming: MDS of version 2.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/backend_session.hpp"
#include "core/open_sessions.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/shards/foreign_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/shards/formats/mds_shards.hpp"

namespace locum::tests {
namespace {

using namespace std::literals;
using storage::open_foreign_shards;

/// Returns a shard: the number of samples, where each begins and the last one ends, bytes that nobody reads,
/// and the samples.
std::string mds_file(const std::vector<std::string>& samples, const std::string& between = "{}") {
  std::string file = little(samples.size(), 4);
  std::uint64_t at = 4 * (samples.size() + 2) + between.size();
  file += little(at, 4);
  for (const std::string& sample : samples) {
    file += little(at += sample.size(), 4);
  }
  file += between;
  for (const std::string& sample : samples) {
    file += sample;
  }
  return file;
}

Record mds_entry(const std::vector<std::array<std::string, 2>>& columns, const std::vector<Record>& sizes,
                 const std::string& basename, std::uint64_t bytes, std::uint64_t samples) {
  Record::List names;
  Record::List encodings;
  for (const auto& [name, encoding] : columns) {
    names.emplace_back(name);
    encodings.emplace_back(encoding);
  }
  return {{"column_encodings", Record::list(encodings)},
          {"column_names", Record::list(names)},
          {"column_sizes", Record::list(sizes)},
          {"compression", Record()},
          {"format", "mds"},
          {"hashes", Record::list({})},
          {"raw_data", {{"basename", basename}, {"bytes", bytes}, {"hashes", Record::members({})}}},
          {"samples", samples},
          {"size_limit", 67108864},
          {"version", 2},
          {"zip_data", Record()}};
}

class MdsShards : public ::testing::Test {
 protected:
  [[nodiscard]] std::string at(const std::string& name) const { return folder_.path() + '/' + name; }
  void write_index(const Record::List& shards, int version = 2) const {
    write_bytes(
        at("index.json"),
        storage::json_text_of(Record{{"shards", Record::list(shards)}, {"version", version}}).value());
  }
  /// Writes a set of one shard with one column.
  void write_one(const std::string& encoding, const Record& size,
                 const std::vector<std::string>& samples) const {
    const std::string file = mds_file(samples);
    write_bytes(at("s.mds"), file);
    write_index({mds_entry({{"x", encoding}}, {size}, "s.mds", file.size(), samples.size())});
  }
  /// Returns the only value of a set with a value of that encoding.
  [[nodiscard]] Result<Record> value(const std::string& encoding, const Record& size,
                                     const std::string& bytes) const {
    write_one(encoding, size, {(size.is_null() ? little(bytes.size(), 4) : ""s) + bytes});
    const auto samples = only_samples(folder_.path());
    return samples ? Result<Record>(samples->at(0)["x"]) : samples.error();
  }

  TemporaryFolder folder_;
};

TEST_F(MdsShards, OfTheFormatsSourcesAreRead) {
  // {"id": int, "tag": str, "x": ndarray:float32:2}: the size of `tag` comes before all values.
  const std::vector<std::string> samples{
      little(2, 4) + little(7, 8) + "ab" + "\x00\x00\x80\x3F\x00\x00\x00\xC0"s,
      little(0, 4) + little(~std::uint64_t{0}, 8) + "" + "\x00\x00\x00\x00\x00\x00\x00\x3F"s};
  const std::string file = mds_file(samples, "anything");
  ASSERT_EQ(file.substr(0, 16), "\x02\x00\x00\x00\x18\x00\x00\x00\x2E\x00\x00\x00\x42\x00\x00\x00"s);
  write_bytes(at("sub/shard.00000.mds"), file);
  write_index({mds_entry({{"id", "int"}, {"tag", "str"}, {"x", "ndarray:float32:2"}}, {8, Record(), 8},
                         "sub/shard.00000.mds", file.size(), 2)});
  const auto shards = open_foreign_shards(area_of(folder_.path()), "", "").value();
  EXPECT_EQ(shards->keys({}, 10, {}).value(), std::vector<std::string>{"sub/shard.00000"});
  const auto index = shards->index({}).value();
  ASSERT_EQ(index.size(), 1U);
  EXPECT_EQ(index[0].samples, 2U);
  EXPECT_EQ(index[0].bytes, file.size());
  const auto read = samples_of(*shards, "sub/shard.00000");
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->at(0), (Record{{"id", 7}, {"tag", "ab"}, {"x", Record(std::vector<float>{1, -2})}}));
  EXPECT_EQ(read->at(1), (Record{{"id", -1}, {"tag", ""}, {"x", Record(std::vector<float>{0, 0.5})}}));
  EXPECT_EQ(code_of(shards->open("other", {})), Errc::not_found);
  EXPECT_EQ(code_of(shards->create("other")), Errc::unsupported);
  EXPECT_EQ(code_of(shards->remove("sub/shard.00000", {})), Errc::unsupported);
}

TEST_F(MdsShards, ValuesOfAllEncodings) {
  const Record none;
  EXPECT_EQ(value("uint8", 1, "\xFF").value(), Record(255));
  EXPECT_EQ(value("int8", 1, "\xFF").value(), Record(-1));
  EXPECT_EQ(value("uint16", 2, "\x01\xFF").value(), Record(0xFF01));
  EXPECT_EQ(value("int16", 2, "\xFE\xFF").value(), Record(-2));
  EXPECT_EQ(value("uint32", 4, "\xFF\xFF\xFF\xFF").value(), Record(0xFFFFFFFFU));
  EXPECT_EQ(value("int32", 4, "\xFF\xFF\xFF\xFF").value(), Record(-1));
  EXPECT_EQ(value("uint64", 8, std::string(8, '\xFF')).value(), Record(~std::uint64_t{0}));
  EXPECT_EQ(value("int64", 8, std::string(8, '\xFF')).value(), Record(-1));
  EXPECT_EQ(value("float16", 2, "\x00\xC0"s).value(), Record(-2.0));
  EXPECT_EQ(value("float32", 4, "\x00\x00\xC0\x3F"s).value(), Record(1.5));
  EXPECT_EQ(value("float64", 8, "\x00\x00\x00\x00\x00\x00\xF8\x3F"s).value(), Record(1.5));
  EXPECT_EQ(value("str", none, "h\xC3\xA9").value(), Record("h\xC3\xA9"));
  EXPECT_EQ(value("bytes", none, "\0\1"s).value(), Record(Record::Bytes{std::byte{0}, std::byte{1}}));
  EXPECT_EQ(value("json", none, "{\"a\": [1, null]}").value(), (Record{{"a", Record::list({1, Record()})}}));
  EXPECT_EQ(value("str_int", none, "-12").value(), Record(-12));
  EXPECT_EQ(value("str_int", none, "18446744073709551615").value(), Record(~std::uint64_t{0}));
  EXPECT_EQ(value("str_float", none, "1e-05").value(), Record(1e-5));
  EXPECT_TRUE(std::isinf(value("str_float", none, "-inf").value().as<double>().value()));
  EXPECT_TRUE(std::isnan(value("str_float", none, "nan").value().as<double>().value()));
  EXPECT_EQ(value("str_decimal", none, "0.10").value(), Record("0.10"));
  for (const char* image : {"pil", "jpeg", "jpeg:90", "png"}) {
    EXPECT_EQ(value(image, none, "\1").value(), Record(Record::Bytes{std::byte{1}})) << image;
  }
  const Record array(std::vector<std::int16_t>{1, -1});
  EXPECT_EQ(value("ndarray:int16:2", 4, "\x01\x00\xFF\xFF"s).value(), array);
  EXPECT_EQ(value("ndarray:int16", none, "\x04\x02\x01\x00\xFF\xFF"s).value(), array);
  EXPECT_EQ(value("ndarray:int16", none, "\x05\x02\x00\x01\x00\xFF\xFF"s).value(), array);
  EXPECT_EQ(value("ndarray", none, "\x11\x04\x02\x01\x00\xFF\xFF"s).value(), array);
  EXPECT_EQ(value("ndarray", none, "\x11\x08\x02\x01\x01\x00\xFF\xFF"s).value().array().extents(),
            Extents(2, 1));
  EXPECT_EQ(value("ndarray:float16:2", 4, "\x00\xC0\x01\x00"s).value(),
            Record(std::vector<float>{-2, 5.960464477539063e-8F}));
}

TEST_F(MdsShards, RefuseWhatIsNoValue) {
  const Record none;
  for (const auto& [encoding, bytes] : std::vector<std::pair<std::string, std::string>>{
           {"int", "1234567"},
           {"str", "\xFF"},
           {"json", "{"},
           {"str_int", "1_000"},
           {"str_int", ""},
           {"str_float", "1.5x"},
           {"str_float", ""},
           {"ndarray", ""},
           {"ndarray", "\x07\x04\x01\x01"},
           {"ndarray", "\x08"},
           {"ndarray", "\x08\x04"},
           {"ndarray", "\x08\x04\x02\x01"},
           {"ndarray:int16", "\x04\x01\x01"},
           {"ndarray:int64",
            "\x0F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
            "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"}}) {
    const auto read = value(encoding, none, bytes);
    EXPECT_EQ(code_of(read), Errc::corrupt) << encoding;
    EXPECT_NE(std::string(read.error().what()).find("sample 0: column 'x'"), std::string::npos)
        << read.error();
  }
  EXPECT_EQ(code_of(value("str_int", none, "123456789012345678901")), Errc::unsupported);
  EXPECT_EQ(code_of(value("ndarray:int8", none, "\xFC" + std::string(64, '\1'))), Errc::unsupported);
  for (const char* encoding : {"pkl", "list[jpeg]", "ndarray:bool", "ndarray:int8:0", "ndarray:int8:2,",
                               "ndarray:int8:a", "ndarray:int8:1,1,1,1,1,1,1,1,1", "", "nothing"}) {
    const auto read = value(encoding, none, "x");
    EXPECT_EQ(code_of(read), Errc::unsupported) << encoding;
    EXPECT_NE(read.error().text().find("column 'x'"), std::string::npos) << read.error();
  }
  EXPECT_NE(value("pkl", none, "x").error().text().find("runs code"), std::string::npos);
}

TEST_F(MdsShards, TakeOneReadASample) {
  std::vector<std::string> samples;
  for (std::size_t number = 0; number < 1000; ++number) {
    samples.push_back(little(number, 4) + std::string(number, 'x'));
  }
  write_one("str", Record(), samples);
  AreaCounts counts;
  const auto shards =
      storage::mds_shards(std::make_shared<CountingArea>(area_of(folder_.path()), counts), "", {}).value();
  const auto shard = shards->open("s", {}).value();
  EXPECT_EQ(counts.reads, 2);  // the index, and the offsets
  counts.bytes = 0;
  for (const std::uint64_t number : {999U, 0U, 500U}) {
    const int before = counts.reads;
    const std::uint64_t bytes_before = counts.bytes;
    EXPECT_EQ((*shard->sample(number, {}).value().record)["x"].text().size(), number);
    EXPECT_EQ(counts.reads, before + 1);
    EXPECT_EQ(counts.bytes - bytes_before, number + 4);
  }
  expect_any_order(*shards, "s");
}

TEST_F(MdsShards, ThatAreCompressedAreRead) {
  std::vector<std::string> samples;
  for (std::size_t number = 0; number < 500; ++number) {
    samples.push_back(little(number * 3, 4) + std::string(number * 3, 'x'));
  }
  const std::string raw = mds_file(samples);
  const Record entry = mds_entry({{"x", "str"}}, {Record()}, "s.mds", raw.size(), samples.size());
  int read = 0;
  for (const auto& [name, codec] : {std::pair{"zstd:7", "zstd"}, std::pair{"gz", "gzip"}}) {
    const auto coder = storage::bytes_codec_of_text(codec, 1);
    if (!coder) {
      EXPECT_NE(coder.error().text().find("LOCUM_WITH_"), std::string::npos) << coder.error();
      continue;
    }
    const auto coded = (*coder)->encode(std::as_bytes(std::span(raw))).value();
    write_file(at("s.mds.zip"), coded);
    Record zipped = entry;
    zipped.set("compression", name);
    zipped.set("zip_data",
               {{"basename", "s.mds.zip"}, {"bytes", coded.size()}, {"hashes", Record::members({})}});
    write_index({zipped});
    // Two values of a node share what is decompressed.
    const auto session = open_session("memory:", BackendSessionOptions{}).value();
    const auto parts = std::make_shared<storage::SharedParts>(session, session.open("parts").value(),
                                                              std::chrono::minutes(1));
    for (const auto& shared : {std::shared_ptr<storage::SharedParts>(), parts, parts}) {
      AreaCounts counts;
      const auto counted = std::make_shared<CountingArea>(area_of(folder_.path()), counts);
      const auto shards = storage::mds_shards(counted, "", shared).value();
      EXPECT_EQ(shards->index({}).value().at(0).bytes, coded.size());
      const auto shard = shards->open("s", {}).value();
      for (const std::uint64_t number : {499U, 0U, 250U}) {
        EXPECT_EQ((*shard->sample(number, {}).value().record)["x"].text().size(), number * 3);
      }
      const bool is_there = read++ % 3 == 2;
      EXPECT_EQ(counts.reads, is_there ? 1 : 2) << name;  // the index, and the file
    }
    // Damage is found, and costs no memory.
    write_bytes(at("s.mds.zip"), std::string(coded.size(), '\1'));
    EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::corrupt);
    zipped.set("raw_data", {{"basename", "s.mds"}, {"bytes", 0xFFFFFFFFU}, {"hashes", Record::members({})}});
    write_file(at("s.mds.zip"), coded);
    write_index({zipped});
    EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::corrupt);
    zipped.set("compression", "br:11");
    write_index({zipped});
    EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::unsupported);
  }
}

TEST_F(MdsShards, OfAnIndexThatWasReplacedAreThoseOfNow) {
  write_one("str_int", Record(), {little(1, 4) + "1"});
  const auto shards = open_foreign_shards(area_of(folder_.path()), "", "mds").value();
  EXPECT_EQ(samples_of(*shards, "s").value().size(), 1U);
  const std::string file = mds_file({little(1, 4) + "1", little(1, 4) + "2"});
  write_bytes(at("t.mds"), file);
  write_index({mds_entry({{"x", "str_int"}}, {Record()}, "t.mds", file.size(), 2)});
  EXPECT_EQ(shards->keys({}, 10, {}).value(), std::vector<std::string>{"t"});
  EXPECT_EQ(samples_of(*shards, "t").value().size(), 2U);
  EXPECT_EQ(code_of(shards->open("s", {})), Errc::not_found);
}

TEST_F(MdsShards, IndicesThatAreWrongAreFound) {
  write_one("str", Record(), {little(0, 4), little(0, 4)});
  const Record right = storage::read_json(read_bytes(at("index.json"))).value()["shards"][0];
  ASSERT_TRUE(only_samples(folder_.path()));
  const auto with = [&](std::string_view name, Record changed) {
    Record shard = right;
    shard.set(name, std::move(changed));
    write_index({shard});
    return code_of(only_samples(folder_.path()));
  };
  EXPECT_EQ(with("version", 1), Errc::unsupported);
  EXPECT_EQ(with("version", "2"), Errc::corrupt);
  EXPECT_EQ(with("format", "csv"), Errc::unsupported);
  EXPECT_EQ(with("column_names", Record::list({})), Errc::corrupt);
  EXPECT_EQ(with("column_names", Record::list({3})), Errc::corrupt);
  EXPECT_EQ(with("column_sizes", Record::list({-1})), Errc::corrupt);
  EXPECT_EQ(with("column_sizes", Record::list({5})), Errc::corrupt);
  EXPECT_EQ(with("column_encodings", "str"), Errc::corrupt);
  EXPECT_EQ(with("samples", 1), Errc::corrupt);
  EXPECT_EQ(with("samples", 3), Errc::corrupt);
  EXPECT_EQ(with("samples", ~std::uint64_t{0}), Errc::corrupt);
  EXPECT_EQ(with("samples", Record()), Errc::corrupt);
  EXPECT_EQ(with("raw_data", Record()), Errc::corrupt);
  const auto raw = [](const char* name, std::uint64_t bytes) {
    return Record{{"basename", name}, {"bytes", bytes}};
  };
  EXPECT_EQ(with("raw_data", raw("s.mds", 25)), Errc::corrupt);
  EXPECT_EQ(with("raw_data", raw("s.mds", std::uint64_t{1} << 40U)), Errc::corrupt);
  EXPECT_EQ(with("raw_data", raw("../s.mds", 26)), Errc::corrupt);
  EXPECT_EQ(with("raw_data", raw("", 26)), Errc::corrupt);
  EXPECT_EQ(with("raw_data", raw("none.mds", 26)), Errc::not_found);
  write_index({right, right});
  EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::corrupt);
  write_index({right}, 3);
  EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::unsupported);
  for (const char* text : {"", "[]", "{}", "{\"version\": 2}", "{\"version\": 2, \"shards\": {}}",
                           "{\"version\": 2, \"shards\": [[]]}"}) {
    write_bytes(at("index.json"), text);
    EXPECT_EQ(code_of(only_samples(folder_.path())), Errc::corrupt) << text;
  }
  const auto area = memory_area();
  put_file(*area, "s.mds", read_bytes(at("s.mds")));
  const std::string text =
      storage::json_text_of(Record{{"shards", Record::list({right})}, {"version", 2}}, true).value();
  damage(*area, "index.json", text.substr(0, text.rfind('}') + 1), 2000,
         [&](const std::string& what, std::optional<std::size_t> size) {
           const auto shards = open_foreign_shards(area, "", "");
           const auto keys = shards ? (*shards)->keys({}, 10, {}) : shards.error();
           EXPECT_TRUE(!size || !keys) << what;
           for (const std::string& key : keys.value_or(std::vector<std::string>())) {
             (void)samples_of(**shards, key);
           }
         });
}

TEST_F(MdsShards, ThatAreDamagedAreFound) {
  const std::string array = "\x11\x04\x02\x01\x00\xFF\xFF"s;
  const std::string sample = little(3, 4) + little(array.size(), 4) + little(5, 8) + "abc" + array;
  const std::string file = mds_file({sample, sample, sample});
  write_index({mds_entry({{"id", "int"}, {"s", "str"}, {"x", "ndarray"}}, {8, Record(), Record()}, "s.mds",
                         file.size(), 3)});
  const auto area = memory_area();
  put_file(*area, "index.json", read_bytes(at("index.json")));
  put_file(*area, "s.mds", file);
  const auto shards = open_foreign_shards(area, "", "").value();
  ASSERT_TRUE(samples_of(*shards, "s"));
  damage(*area, "s.mds", file, 5000, [&](const std::string& what, std::optional<std::size_t> size) {
    const auto samples = samples_of(*shards, "s");
    EXPECT_TRUE(!size || !samples) << what;  // without a sum, values may be others
    EXPECT_TRUE(samples || samples.error().code() == Errc::corrupt ||
                samples.error().code() == Errc::unsupported)
        << what << samples.error();
  });
}

TEST_F(MdsShards, OfPythonAreRead) {
  const std::string python = python_with("numpy");
  if (python.empty() || !has_gzip()) {
    GTEST_SKIP() << "there is no python3 with NumPy (Debian 12: python3-numpy), or no zlib in this build";
  }
  ASSERT_TRUE(run_script(python, "shards_check.py", "write mds '" + folder_.path() + "'"));
  const Record expected = storage::read_json(read_bytes(at("expected.json"))).value();
  const auto shards = open_foreign_shards(area_of(folder_.path()), "", "").value();
  const auto keys = shards->keys({}, 100, {}).value();
  EXPECT_EQ(keys, (std::vector<std::string>{"shard.00000", "shard.00001"}));
  for (const std::string& key : keys) {
    const auto samples = samples_of(*shards, key);
    ASSERT_TRUE(samples) << key << samples.error();
    EXPECT_EQ(plain_form(Record::list(*samples)), expected[key]) << key;
  }
}

}  // namespace
}  // namespace locum::tests
