#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::read_zarr_group_v2;
using storage::read_zarr_group_v3;
using storage::read_zarr_v2;
using storage::read_zarr_v3;
using storage::write_zarr;
using storage::zarr_metadata_of_v2;
using storage::zarr_metadata_of_v3;
using storage::ZarrGroupMetadata;

Record list_of(std::size_t count, const Record& value) {
  Record::List list(count, value);
  return Record::list(std::move(list));
}

TEST(ZarrMetadata, HostileTexts) {
  for (const std::string_view text : {v2_example, v3_example, v3_sharded}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      const std::string_view prefix = text.substr(0, size);
      ASSERT_FALSE(read_zarr_v3(prefix));
      ASSERT_FALSE(read_zarr_v2(prefix, ""));
      ASSERT_FALSE(read_zarr_group_v3(prefix));
      ASSERT_FALSE(read_zarr_group_v2(prefix, "", ""));
      ASSERT_FALSE(read_zarr_group_v2("", "", prefix));
    }
  }
  for (const char* text : {"[]", "null", "3", "\"x\"", "{}"}) {
    ASSERT_FALSE(read_zarr_v3(std::string_view(text)));
    ASSERT_FALSE(read_zarr_v2(std::string_view(text), ""));
  }
  const std::string deep(100000, '[');
  for (const char* member : {"shape", "codecs", "attributes", "fill_value", "data_type", "chunk_grid"}) {
    EXPECT_FALSE(read_zarr_v3("{\"zarr_format\": 3, \"node_type\": \"array\", \"" + std::string(member) +
                              "\": " + deep));
  }
  // What JSON may just nest is too deep once it is in consolidated metadata.
  ZarrMetadata metadata = some_metadata(3);
  Record nested;
  for (int level = 0; level < 253; ++level) {
    nested = Record::list({nested});
  }
  metadata.attributes.set("deep", nested);
  EXPECT_TRUE(write_zarr(metadata));
  ZarrGroupMetadata group;
  ASSERT_TRUE(storage::add_consolidated(group, "a", write_zarr(metadata).value()));
  expect_zarr_error(storage::write_zarr_group(group), Errc::invalid_argument, "deep");
  // Every member is replaced by values of each kind.
  const std::vector<Record> values{Record(),
                                   Record(true),
                                   Record(-1),
                                   Record(~0ULL),
                                   Record(1e308),
                                   Record(""),
                                   Record("x"),
                                   Record::list({}),
                                   list_of(40, Record(1)),
                                   list_of(9, Record::list({})),
                                   Record::members({}),
                                   Record::members({{"name", "x"}}),
                                   Record::members({{"name", "regular"}, {"configuration", 1}})};
  for (const std::string_view text : {v2_example, v3_example, v3_sharded}) {
    const Record json = storage::read_json(text).value();
    for (const auto& [name, old] : json.members()) {
      for (const Record& value : values) {
        Record changed = json;
        changed.set(name, value);
        (void)zarr_metadata_of_v3(changed);
        (void)zarr_metadata_of_v2(changed, value);
      }
    }
  }
}

/// Changes, removes and repeats bytes of a text, and puts words into it.
std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::array<std::string_view, 16> words{"null",
                                                   "-1",
                                                   "1e400",
                                                   "9223372036854775807",
                                                   "[]",
                                                   "{}",
                                                   "\"bytes\"",
                                                   "\"transpose\"",
                                                   "\"NaN\"",
                                                   "0",
                                                   "\"sharding_indexed\"",
                                                   "[[[[",
                                                   "\"must_understand\": false",
                                                   "\"0x7ff0000000000001\"",
                                                   "\"|O\"",
                                                   ","};
  for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        break;
      case 2:
        text.erase(at, 1 + random() % 12);
        break;
      case 3:
        text.insert(at, words[random() % words.size()]);
        break;
      default:
        text.insert(at, text, random() % text.size(), 1 + random() % 60);
        break;
    }
  }
  return text;
}

/// Replaces one value in it, somewhere.
Record with_other_value(const Record& value, std::mt19937& random) {
  const std::size_t chosen = value.size() == 0 ? 0 : random() % value.size();
  if (value.kind() == Record::Kind::members && value.size() != 0 && random() % 8 != 0) {
    Record changed = value;
    const auto& [name, member] = *(value.members().begin() + static_cast<std::ptrdiff_t>(chosen));
    changed.set(name, with_other_value(member, random));
    return changed;
  }
  if (value.kind() == Record::Kind::list && value.size() != 0 && random() % 4 != 0) {
    Record::List list = value.list();
    list[chosen] = with_other_value(list[chosen], random);
    if (random() % 4 == 0) {
      list.push_back(list[random() % list.size()]);
    }
    return Record::list(std::move(list));
  }
  const std::vector<Record> values{Record(),
                                   Record(true),
                                   Record(0),
                                   Record(1),
                                   Record(2),
                                   Record(64),
                                   Record(1ULL << 40U),
                                   Record(-1),
                                   Record(0.1),
                                   Record("C"),
                                   Record("F"),
                                   Record("/"),
                                   Record("."),
                                   Record("big"),
                                   Record("little"),
                                   Record("bytes"),
                                   Record("gzip"),
                                   Record("transpose"),
                                   Record("crc32c"),
                                   Record("sharding_indexed"),
                                   Record("v2"),
                                   Record("default"),
                                   Record("regular"),
                                   Record("float16"),
                                   Record("complex64"),
                                   Record("bool"),
                                   Record("<f2"),
                                   Record(">i8"),
                                   Record("|b1"),
                                   Record("<c16"),
                                   Record("Infinity"),
                                   Record("0x7ff1"),
                                   Record::list({}),
                                   Record::list({Record(1), Record(0)}),
                                   Record::members({})};
  return values[random() % values.size()];
}

/// What is read can be written, and is then the same.
void expect_writable(const Result<ZarrMetadata>& read) {
  if (!read) {
    return;
  }
  ZarrMetadata metadata = *read;
  metadata.attributes = Record::members({});  // these may have a NaN, which equals no other
  const auto again = written_and_read(metadata);
  ASSERT_TRUE(again) << again.error().text();
  ASSERT_EQ(difference(metadata, *again), "");
}

TEST(ZarrMetadata, ChangedTextsAreReadOrRefused) {
  std::uint32_t seed = 1;
  std::size_t texts = 2000;
  if (const char* more = std::getenv("LOCUM_ZARR_TEXTS"); more != nullptr) {  // for long runs by hand
    texts = std::strtoull(more, nullptr, 10);
    seed = std::random_device{}();
  }
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::size_t read = 0;
  const std::string zmetadata = R"({"metadata": {".zgroup": {"zarr_format": 2}, "a/.zarray": )" +
                                std::string(v2_example) + R"(}, "zarr_consolidated_format": 1})";
  const std::string zgroup =
      R"({"zarr_format": 3, "node_type": "group", "consolidated_metadata": {"kind": "inline",
    "must_understand": false, "metadata": {"a/b": )" +
      std::string(v3_example) + "}}}";
  for (std::size_t done = 0; done < texts && !HasFatalFailure(); ++done) {
    for (const std::string_view text : {v3_example, v3_sharded, v2_example}) {
      const std::string changed = mutated(std::string(text), random);
      Record value = storage::read_json(text).value();
      for (auto changes = 1 + random() % 3; changes > 0; --changes) {
        value = with_other_value(value, random);
      }
      for (const auto& metadata :
           {text == v2_example ? read_zarr_v2(changed, "") : read_zarr_v3(changed),
            text == v2_example ? zarr_metadata_of_v2(value, Record()) : zarr_metadata_of_v3(value)}) {
        expect_writable(metadata);
        read += metadata ? 1 : 0;
      }
    }
    for (const auto& group : {read_zarr_group_v2("", "", mutated(zmetadata, random)),
                              read_zarr_group_v3(mutated(zgroup, random))}) {
      if (group) {
        ASSERT_TRUE(storage::write_zarr_group(*group)) << storage::write_zarr_group(*group).error().text();
      }
    }
  }
  EXPECT_GT(read, texts / 16);  // else nothing but JSON was tested
  if (texts > 2000) {
    std::printf("%zu of %zu changed texts of arrays were read\n", read, 6 * texts);
  }
}

}  // namespace
}  // namespace locum::tests::of_zarr
