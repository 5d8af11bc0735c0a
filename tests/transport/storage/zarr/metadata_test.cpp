#include "transport/storage/zarr/metadata.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::read_zarr_v2;
using storage::read_zarr_v3;
using storage::write_zarr;
using storage::zarr_metadata_of_v2;
using storage::zarr_metadata_of_v3;

TEST(ZarrMetadata, ReadsTheExampleOfTheSpecification) {
  const auto metadata = read_zarr_v3(v3_example);
  ASSERT_TRUE(metadata) << metadata.error().text();
  EXPECT_EQ(metadata->version, 3);
  EXPECT_EQ(metadata->element, ElementType::of<double>());
  EXPECT_EQ(metadata->shape, Extents(10000, 1000));
  EXPECT_EQ(metadata->chunk, Extents(1000, 100));
  EXPECT_FALSE(metadata->shards);
  EXPECT_FALSE(metadata->coding.is_big_endian);
  EXPECT_TRUE(metadata->coding.codecs.empty());
  EXPECT_TRUE(metadata->coding.order.empty());
  EXPECT_EQ(metadata->fill, bytes_of(0x7FF8000000000000U));
  EXPECT_TRUE(metadata->has_fill);
  EXPECT_EQ(metadata->dimension_names,
            (std::vector<std::optional<std::string>>{std::string("rows"), std::string("columns")}));
  EXPECT_EQ(metadata->attributes.members().begin()->first, "foo");
  EXPECT_EQ(metadata->attributes["baz"].size(), 4U);
  EXPECT_EQ(metadata->key_of({3, 7}), "c/3/7");
  const auto again = written_and_read(*metadata);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(difference(*metadata, *again), "");
}

TEST(ZarrMetadata, MembersOfVersion3) {
  const std::string text(v3_example);
  const auto with = [&](std::string_view from, std::string_view to) {
    return read_zarr_v3(replaced(text, from, to));
  };
  expect_zarr_error(with("\"zarr_format\": 3", "\"zarr_format\": 4"), Errc::unsupported, "versions 2 and 3");
  expect_zarr_error(with("\"zarr_format\": 3", "\"zarr_format\": 2"), Errc::corrupt, "another version");
  expect_zarr_error(with("\"zarr_format\": 3", "\"zarr_format\": \"3\""), Errc::corrupt, "zarr_format");
  expect_zarr_error(with("\"zarr_format\": 3,", ""), Errc::corrupt, "zarr_format");
  expect_zarr_error(with("\"array\"", "\"group\""), Errc::corrupt, "no array");
  expect_zarr_error(with("\"node_type\": \"array\",", ""), Errc::corrupt, "node_type");
  for (const char* member :
       {"shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value", "codecs"}) {
    Record json = storage::read_json(text).value();
    json.remove(member);
    expect_zarr_error(zarr_metadata_of_v3(json), Errc::corrupt, member);
  }
  expect_zarr_error(with("\"regular\"", "\"rectangular\""), Errc::unsupported, "rectangular");
  expect_zarr_error(with("\"default\"", "\"suffix\""), Errc::unsupported, "suffix");
  expect_zarr_error(with("\"separator\": \"/\"", "\"separator\": \"-\""), Errc::corrupt, "separator");
  expect_zarr_error(with("\"separator\": \"/\"", "\"separators\": \"/\""), Errc::unsupported, "'separators'");
  expect_zarr_error(with("\"NaN\"", "null"), Errc::corrupt, "fill_value");
  expect_zarr_error(with("\"NaN\"", "NaN"), Errc::corrupt, "as texts");
  expect_zarr_error(with("\"NaN\"", "1e400"), Errc::unsupported, "beyond the range");
  EXPECT_EQ(with("\"NaN\"", "1e400").error().text().find("option"), std::string::npos);
  expect_zarr_error(with("[\"rows\", \"columns\"]", "[\"rows\"]"), Errc::corrupt, "dimension_names");
  expect_zarr_error(with("[\"rows\", \"columns\"]", "[\"rows\", 3]"), Errc::corrupt, "dimension_names/1");
  EXPECT_EQ(with("[\"rows\", \"columns\"]", "[null, \"x\"]").value().dimension_names[0], std::nullopt);
  EXPECT_TRUE(with("[\"rows\", \"columns\"]", "null").value().dimension_names.empty());
  expect_zarr_error(with("\"attributes\": {", "\"extension\": {"), Errc::unsupported, "'extension'");
  expect_zarr_error(with("\"attributes\": {", "\"extension\": {\"must_understand\": true, "),
                    Errc::unsupported, "'extension'");
  expect_zarr_error(with("\"attributes\": {", "\"extension\": {\"must_understand\": 0, "), Errc::unsupported,
                    "'extension'");
  EXPECT_TRUE(with("\"attributes\": {", "\"extension\": {\"must_understand\": false, "));
  expect_zarr_error(with("\"zarr_format\"", "\"other\": false, \"zarr_format\""), Errc::unsupported,
                    "'other'");
  EXPECT_TRUE(with("\"zarr_format\"", "\"storage_transformers\": [], \"zarr_format\""));
  expect_zarr_error(
      with("\"zarr_format\"", "\"storage_transformers\": [{\"name\": \"cache\"}], \"zarr_format\""),
      Errc::unsupported, "'cache'");
  expect_zarr_error(with("\"zarr_format\"", "\"storage_transformers\": [{}], \"zarr_format\""), Errc::corrupt,
                    "storage_transformers/0");
  expect_zarr_error(with("\"zarr_format\"", "\"storage_transformers\": 1, \"zarr_format\""), Errc::corrupt,
                    "storage_transformers");
  expect_zarr_error(with("\"foo\": 42", "\"foo\": 42, \"foo\": 43"), Errc::corrupt, "twice");
  expect_zarr_error(with("\"float64\"", "\"string\""), Errc::unsupported, "string");
  EXPECT_EQ(with("{\"name\": \"default\", \"configuration\": {\"separator\": \"/\"}}", "\"default\"")
                .value()
                .key_of({1, 2}),
            "c/1/2");
  EXPECT_EQ(with("{\"name\": \"default\", \"configuration\": {\"separator\": \"/\"}}", "{\"name\": \"v2\"}")
                .value()
                .key_of({1, 2}),
            "1.2");
  EXPECT_TRUE(read_zarr_v3("\xEF\xBB\xBF" + text));
  // The codec `bytes` has an order of bytes only where there are several.
  EXPECT_FALSE(read_zarr_v3(replaced(replaced(replaced(text, "float64", "uint8"), "\"NaN\"", "0"),
                                     "\"little\"", "\"big\""))
                   .value()
                   .coding.is_big_endian);
  EXPECT_TRUE(read_zarr_v3(replaced(replaced(replaced(text, "float64", "uint8"), "\"NaN\"", "0"),
                                    ", \"configuration\": {\"endian\": \"little\"}", "")));
}

TEST(ZarrMetadata, Version2) {
  const std::string text(v2_example);
  const auto with = [&](std::string_view from, std::string_view to) {
    return read_zarr_v2(replaced(text, from, to), "");
  };
  const auto metadata = read_zarr_v2(text, R"({"units": "K", "x": NaN, "n": 18446744073709551615})");
  ASSERT_TRUE(metadata) << metadata.error().text();
  EXPECT_EQ(metadata->version, 2);
  EXPECT_EQ(metadata->element, ElementType::of<double>());
  EXPECT_EQ(metadata->shape, Extents(10000, 1000));
  EXPECT_EQ(metadata->chunk, Extents(1000, 100));
  EXPECT_EQ(metadata->fill, bytes_of(0x7FF8000000000000U));
  EXPECT_EQ(metadata->key_of({3, 7}), "3.7");
  ASSERT_EQ(metadata->coding.codecs.size(), 2U);
  EXPECT_EQ(metadata->coding.codecs[1]->name(), "blosc");
  EXPECT_TRUE(metadata->coding.has_compressor);
  EXPECT_EQ(metadata->attributes["n"].as<std::uint64_t>().value(), ~std::uint64_t{0});
  const auto files = write_zarr(*metadata);
  ASSERT_TRUE(files) << files.error().text();
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].path, ".zattrs");
  EXPECT_NE((*files)[0].text.find("\"x\": NaN"), std::string::npos);
  EXPECT_EQ((*files)[1].path, ".zarray");
  ZarrMetadata other = *metadata;
  other.attributes = Record::members({});  // a NaN equals no other
  EXPECT_EQ(difference(other, written_and_read(other).value()), "");

  const auto none = with(
      "{\"blocksize\": 0, \"clevel\": 5, \"cname\": \"lz4\", \"id\": \"blosc\", \"shuffle\": 1}", "null");
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_FALSE(none->coding.has_compressor);
  EXPECT_EQ(none->coding.codecs.size(), 1U);
  EXPECT_EQ(difference(*none, written_and_read(*none).value()), "");
  EXPECT_TRUE(with("[{\"id\": \"zlib\", \"level\": 1}]", "null"));
  expect_zarr_error(with("\"zlib\"", "\"delta\""), Errc::unsupported, "delta");
  expect_zarr_error(with("\"blosc\"", "\"jpeg2k\""), Errc::unsupported, "'compressor'");
  expect_zarr_error(with("\"id\": \"blosc\", ", ""), Errc::corrupt, "\"id\"");
  expect_zarr_error(with("[{\"id\": \"zlib\", \"level\": 1}]", "{}"), Errc::corrupt, "filters");

  EXPECT_EQ(with("\"C\"", "\"F\"").value().coding.order, (std::vector<std::size_t>{1, 0}));
  expect_zarr_error(with("\"C\"", "\"K\""), Errc::corrupt, "order");
  EXPECT_TRUE(with("<f8", ">f8").value().coding.is_big_endian);
  EXPECT_EQ(with("\"order\"", "\"dimension_separator\": \"/\", \"order\"").value().key_of({3, 7}), "3/7");
  EXPECT_EQ(with("\"order\"", "\"dimension_separator\": \".\", \"order\"").value().key_of({3, 7}), "3.7");
  expect_zarr_error(with("\"order\"", "\"dimension_separator\": \"\", \"order\""), Errc::corrupt,
                    "dimension_separator");
  expect_zarr_error(with("\"order\"", "\"dimension_separator\": null, \"order\""), Errc::corrupt,
                    "dimension_separator");
  EXPECT_TRUE(with("\"order\"", "\"unknown\": 1, \"order\""));
  const auto unfilled = with("\"NaN\"", "null");
  ASSERT_TRUE(unfilled);
  EXPECT_FALSE(unfilled->has_fill);
  EXPECT_EQ(unfilled->fill, bytes_of(0.0));
  EXPECT_EQ(difference(*unfilled, written_and_read(*unfilled).value()), "");
  EXPECT_EQ(with("\"NaN\"", "NaN").value().fill, bytes_of(0x7FF8000000000000U));
  expect_zarr_error(with("\"NaN\"", "1e400"), Errc::unsupported, "beyond the range");
  expect_zarr_error(with("\"zarr_format\": 2", "\"zarr_format\": 3"), Errc::corrupt, "zarr_format");
  expect_zarr_error(with("\"zarr_format\": 2", "\"zarr_format\": 1"), Errc::unsupported, "zarr_format");
  expect_zarr_error(with("[1000, 100]", "[1000, 0]"), Errc::corrupt, "chunks/1");
  expect_zarr_error(with("[1000, 100]", "[1000]"), Errc::corrupt, "chunks");
  expect_zarr_error(with("[1000, 100]", "[1000, true]"), Errc::corrupt, "chunks/1");
  for (const char* member :
       {"chunks", "compressor", "dtype", "fill_value", "filters", "order", "shape", "zarr_format"}) {
    Record json = storage::read_json(text).value();
    json.remove(member);
    expect_zarr_error(zarr_metadata_of_v2(json, Record()), Errc::corrupt, member);
  }
  expect_zarr_error(read_zarr_v2(text, "[]"), Errc::corrupt, ".zattrs");
  expect_zarr_error(read_zarr_v2(text, "{"), Errc::corrupt, ".zattrs");
}

TEST(ZarrMetadata, BoundsExtents) {
  const std::string text(v3_example);
  const auto shape = [&](std::string_view extents) {
    return read_zarr_v3(replaced(text, "[10000, 1000]", extents));
  };
  EXPECT_TRUE(shape("[0, 9223372036854775807]").error().code() == Errc::unsupported);
  EXPECT_TRUE(shape("[1, 1152921504606846975]"));
  expect_zarr_error(shape("[1, 1152921504606846976]"), Errc::unsupported, "2^63");
  expect_zarr_error(shape("[9223372036854775807, 9223372036854775807]"), Errc::unsupported, "2^63");
  expect_zarr_error(shape("[1, 9223372036854775808]"), Errc::corrupt, "shape/1");
  expect_zarr_error(shape("[1, 18446744073709551616]"), Errc::unsupported, "64 bits");
  expect_zarr_error(shape("[1, -1]"), Errc::corrupt, "shape/1");
  expect_zarr_error(shape("[1, 1e3]"), Errc::corrupt, "shape/1");
  expect_zarr_error(shape("[1]"), Errc::corrupt, "dimensions");
  expect_zarr_error(shape("7"), Errc::corrupt, "shape");
  expect_zarr_error(shape("[1,1,1,1,1,1,1,1,1]"), Errc::unsupported, "9 dimensions");
  expect_zarr_error(read_zarr_v3(replaced(text, "[1000, 100]", "[4611686018427387904, 4]")),
                    Errc::unsupported, "2^63");
  expect_zarr_error(read_zarr_v3(replaced(text, "[1000, 100]", "[1000, 0]")), Errc::corrupt, "chunk_shape/1");
}

TEST(ZarrMetadata, KeysOfChunks) {
  ZarrMetadata metadata = some_metadata(3);
  EXPECT_EQ(metadata.key_of({1, 23, 456}), "c/1/23/456");
  EXPECT_EQ(metadata.key_of({}), "c");
  metadata.separator = '.';
  EXPECT_EQ(metadata.key_of({1, 23, 456}), "c.1.23.456");
  EXPECT_EQ(metadata.key_of({}), "c");
  metadata.has_prefix = false;
  EXPECT_EQ(metadata.key_of({1, 23, 456}), "1.23.456");
  EXPECT_EQ(metadata.key_of({0}), "0");
  EXPECT_EQ(metadata.key_of({}), "0");
  metadata.version = 2;
  EXPECT_EQ(metadata.key_of({1, 23, 456}), "1.23.456");
  EXPECT_EQ(metadata.key_of({}), "0");
  metadata.separator = '/';
  EXPECT_EQ(metadata.key_of({1, 23, 456}), "1/23/456");
}

TEST(ZarrMetadata, WritesWhatItReads) {
  int count = 0;
  for (const int version : {2, 3}) {
    for (const auto& [name, v2, v3] : names_of_types()) {
      for (const bool is_big_endian : {false, true}) {
        for (const bool is_reversed : {false, true}) {
          for (const char separator : {'.', '/'}) {
            ZarrMetadata metadata = some_metadata(version);
            metadata.element = ElementType::named(name).value();
            metadata.fill.assign(metadata.element.bytes(), std::byte{1});
            metadata.coding.is_big_endian =
                is_big_endian && metadata.element.name() != "bool" && metadata.element.bytes() > 1;
            if (is_reversed) {
              metadata.coding.order = {2, 1, 0};
            }
            metadata.separator = separator;
            metadata.attributes = {{"a", 1}, {"b", Record::list({})}};
            const auto again = written_and_read(metadata);
            ASSERT_TRUE(again) << again.error().text();
            EXPECT_EQ(difference(metadata, *again), "") << name;
            ++count;
          }
        }
      }
    }
  }
  EXPECT_EQ(count, 208);
  ZarrMetadata half = some_metadata(3);
  half.element = ElementType::of<float>();
  half.is_half = true;
  half.fill = bytes_of(0.5F);
  half.dimension_names = {std::string("x"), std::nullopt, std::string()};
  EXPECT_EQ(difference(half, written_and_read(half).value()), "");
  ZarrMetadata scalar = some_metadata(3);
  scalar.shape = scalar.chunk = {};
  EXPECT_EQ(difference(scalar, written_and_read(scalar).value()), "");
}

TEST(ZarrMetadata, WritesAsciiAlone) {
  for (const int version : {2, 3}) {
    ZarrMetadata metadata = some_metadata(version);
    metadata.attributes = {{"π", "a\"\\\n\x7F\u00e9\u2264\U0001F600\uFFFD\U0010FFFF"}, {"b", "\x1f"}};
    const auto files = write_zarr(metadata);
    ASSERT_TRUE(files) << files.error().text();
    for (const storage::MetadataFile& file : *files) {
      EXPECT_TRUE(std::ranges::all_of(file.text, [](char c) { return c > 0; })) << file.text;
    }
    EXPECT_NE(files->front().text.find("\\u00e9\\u2264\\ud83d\\ude00\\ufffd\\udbff\\udfff"),
              std::string::npos)
        << files->front().text;
    EXPECT_EQ(difference(metadata, written_and_read(metadata).value()), "");
  }
}

TEST(ZarrMetadata, RefusesToWriteWhatContradictsItself) {
  const auto with = [](int version, auto change) {
    ZarrMetadata metadata = some_metadata(version);
    change(metadata);
    return write_zarr(metadata);
  };
  constexpr Errc wrong = Errc::invalid_argument;
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.version = 1; }), wrong, "version is 1");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.chunk = {4, 5}; }), wrong, "dimensions");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.chunk = {4, 5, 0}; }), wrong, "empty");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.shape.rank = 9; }), wrong, "more than 8");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.shape = {~0ULL, 2, 2}; }), wrong, "2^63");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.coding.order = {0, 1}; }), wrong, "order");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.coding.order = {0, 1, 1}; }), wrong, "order");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.separator = '-'; }), wrong, "separator");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.coding.codecs.resize(1); }), wrong, "codec");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.is_half = true; }), wrong, "f32");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.fill.clear(); }), wrong, "fill value");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.has_fill = false; }), wrong, "fill value");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.dimension_names.resize(2); }), wrong, "names");
  expect_zarr_error(with(3,
                         [](ZarrMetadata& one) {
                           one.shards = {.inner = {4, 5, 4}, .index = {}};
                         }),
                    wrong, "divide");
  expect_zarr_error(with(2,
                         [](ZarrMetadata& one) {
                           one.shards = {.inner = {4, 5, 3}, .index = {}};
                         }),
                    Errc::unsupported, "shards");
  expect_zarr_error(with(2, [](ZarrMetadata& one) { one.dimension_names.resize(3); }), Errc::unsupported,
                    "names");
  expect_zarr_error(with(2,
                         [](ZarrMetadata& one) {
                           one.coding.order = {1, 0, 2};
                         }),
                    Errc::unsupported, "order");
  EXPECT_TRUE(with(2, [](ZarrMetadata& one) { one.coding.order = {0, 1, 2}; }));
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.attributes = Record(Record::Bytes(3)); }), wrong,
                    "attributes");
  expect_zarr_error(with(3, [](ZarrMetadata& one) { one.attributes.set("x", Record(Record::Bytes(3))); }),
                    Errc::type_mismatch, "store them as a text");
}

}  // namespace
}  // namespace locum::tests::of_zarr
