#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::read_zarr_v3;

TEST(ZarrCodecs, ReadsShards) {
  const auto metadata = read_zarr_v3(v3_sharded);
  ASSERT_TRUE(metadata) << metadata.error().text();
  ASSERT_TRUE(metadata->shards);
  EXPECT_EQ(metadata->shape, Extents(128, 0, 96));
  EXPECT_EQ(metadata->chunk, Extents(64, 64, 32));
  EXPECT_EQ(metadata->shards->inner, Extents(32, 32, 8));
  EXPECT_FALSE(metadata->shards->ends);
  EXPECT_FALSE(metadata->shards->index.is_big_endian);
  ASSERT_EQ(metadata->shards->index.codecs.size(), 1U);
  EXPECT_EQ(metadata->shards->index.codecs[0]->name(), "crc32c");
  EXPECT_EQ(metadata->coding.order, (std::vector<std::size_t>{2, 0, 1}));
  EXPECT_TRUE(metadata->coding.is_big_endian);
  ASSERT_EQ(metadata->coding.codecs.size(), 1U);
  EXPECT_EQ(metadata->coding.codecs[0]->name(), "gzip");
  EXPECT_EQ(metadata->fill, bytes_of(std::uint16_t{65535}));
  const auto again = written_and_read(*metadata);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(difference(*metadata, *again), "");
  EXPECT_TRUE(read_zarr_v3(replaced(std::string(v3_sharded), ",\n        \"index_location\": \"start\"", ""))
                  .value()
                  .shards->ends);
}

TEST(ZarrCodecs, RefusesWrongShards) {
  const std::string text(v3_sharded);
  const auto with = [&](std::string_view from, std::string_view to) {
    return read_zarr_v3(replaced(text, from, to));
  };
  expect_zarr_error(with("[32, 32, 8]", "[32, 32, 7]"), Errc::corrupt, "do not divide");
  expect_zarr_error(with("[32, 32, 8]", "[32, 32]"), Errc::corrupt, "list");
  expect_zarr_error(with("[32, 32, 8]", "[32, 32, 0]"), Errc::corrupt, "chunk_shape/2");
  expect_zarr_error(with("[32, 32, 8]", "[32, 32, 8, 1]"), Errc::corrupt, "list");
  expect_zarr_error(with("\"start\"", "\"middle\""), Errc::corrupt, "index_location");
  expect_zarr_error(with("\"start\"", "null"), Errc::corrupt, "index_location");
  expect_zarr_error(with("\"index_location\": \"start\"", "\"index\": 1"), Errc::unsupported, "'index'");
  expect_zarr_error(with("{\"name\": \"crc32c\"}", "{\"name\": \"gzip\", \"configuration\": {\"level\": 2}}"),
                    Errc::unsupported, "'gzip'");
  expect_zarr_error(
      with("{\"name\": \"crc32c\"}", "{\"name\": \"transpose\", \"configuration\": {\"order\": [0]}}"),
      Errc::corrupt, "transpose");
  expect_zarr_error(
      with("\"index_codecs\": [",
           "\"index_codecs\": [{\"name\": \"transpose\", \"configuration\": {\"order\": [3, 0, 1, 2]}}, "),
      Errc::unsupported, "transpose");
  expect_zarr_error(
      with("\"codecs\": [\n    {",
           "\"codecs\": [{\"name\": \"transpose\", \"configuration\": {\"order\": [2, 1, 0]}}, {"),
      Errc::unsupported, "behind 'transpose'");
  EXPECT_TRUE(with("\"codecs\": [\n    {",
                   "\"codecs\": [{\"name\": \"transpose\", \"configuration\": {\"order\": [0, 1, 2]}}, {"));
  expect_zarr_error(with("  ],\n  \"attributes\"",
                         ", {\"name\": \"gzip\", \"configuration\": {\"level\": 2}}], \"attributes\""),
                    Errc::unsupported, "whole shards");
  const std::string inner =
      text.substr(text.find("{\"name\": \"transpose\""),
                  text.find("],\n        \"index_codecs\"") - text.find("{\"name\": \"transpose\""));
  expect_zarr_error(with(inner, "{\"name\": \"sharding_indexed\", \"configuration\": {}}"), Errc::unsupported,
                    "shards within shards");
  expect_zarr_error(with("\"crc32c\"", "\"unknown\""), Errc::unsupported,
                    "codecs/0/configuration/index_codecs/1");
  expect_zarr_error(with("[64, 64, 32]", "[3458764513820540928, 64, 32]"), Errc::unsupported, "2^63");
}

TEST(ZarrCodecs, RefusesCodecsInAnImpossibleOrder) {
  constexpr std::string_view bytes = R"({"name": "bytes", "configuration": {"endian": "little"}})";
  constexpr std::string_view gzip = R"({"name": "gzip", "configuration": {"level": 5}})";
  constexpr std::string_view transpose = R"({"name": "transpose", "configuration": {"order": [1, 0]}})";
  const auto with = [&](const std::string& codecs) {
    return read_zarr_v3(replaced(std::string(v3_example), "[" + std::string(bytes) + "]", codecs));
  };
  const auto list = [](std::initializer_list<std::string_view> codecs) {
    std::string text = "[";
    for (const std::string_view codec : codecs) {
      text.append(text.size() > 1 ? ", " : "").append(codec);
    }
    return text + "]";
  };
  EXPECT_EQ(with(list({transpose, bytes, gzip, gzip})).value().coding.order,
            (std::vector<std::size_t>{1, 0}));
  EXPECT_TRUE(with(list({transpose, transpose, bytes})).value().coding.order.empty());
  expect_zarr_error(with("[]"), Errc::corrupt, "neither the codec 'bytes'");
  expect_zarr_error(with(list({gzip})), Errc::corrupt, "'bytes' has to be before it");
  expect_zarr_error(with(list({gzip, bytes})), Errc::corrupt, "codecs/0");
  expect_zarr_error(with(list({transpose})), Errc::corrupt, "neither");
  expect_zarr_error(with(list({bytes, bytes})), Errc::corrupt, "codecs/1");
  expect_zarr_error(with(list({bytes, transpose})), Errc::corrupt, "codecs/1");
  expect_zarr_error(with(list({bytes, R"({"name": "sharding_indexed", "configuration": {}})"})),
                    Errc::corrupt, "codecs/1");
  expect_zarr_error(with(list({bytes, R"("numcodecs.lzma")"})), Errc::unsupported, "numcodecs.lzma");
  expect_zarr_error(with(list({R"({"name": "vlen-utf8"})", bytes})), Errc::unsupported, "vlen-utf8");
  expect_zarr_error(with(list({R"({"name": "endian", "configuration": {"endian": "little"}})"})),
                    Errc::unsupported, "drafts");
  expect_zarr_error(with(list({bytes, R"({"name": "gzip"})"})), Errc::corrupt, "codecs/1");
  expect_zarr_error(with(list({bytes, R"({"name": "gzip", "id": 3})"})), Errc::unsupported, "'id'");
  expect_zarr_error(with(list({R"({"name": "bytes"})"})), Errc::corrupt, "endian");
  expect_zarr_error(with(list({R"("bytes")"})), Errc::corrupt, "endian");
  expect_zarr_error(with(list({R"({"name": "bytes", "configuration": {"endian": "middle"}})"})),
                    Errc::corrupt, "endian");
  expect_zarr_error(with(list({R"({"name": "bytes", "configuration": {"order": "C"}})"})), Errc::unsupported,
                    "'order'");
  for (const char* order : {"[0]", "[0, 0]", "[0, 2]", "[0, -1]", "[0, 1, 2]", "[0, 1.0]", "{}", "null"}) {
    const std::string wrong =
        std::string(R"({"name": "transpose", "configuration": {"order": )") + order + "}}";
    expect_zarr_error(with(list({wrong, bytes})), Errc::corrupt, "each of the dimensions");
  }
  for (const char* order : {"\"C\"", "\"F\""}) {
    const std::string draft =
        std::string(R"({"name": "transpose", "configuration": {"order": )") + order + "}}";
    expect_zarr_error(with(list({draft, bytes})), Errc::unsupported, "drafts");
  }
  std::string many(bytes);
  for (int at = 0; at < 32; ++at) {
    many.append(", ").append(gzip);
  }
  expect_zarr_error(with("[" + many + "]"), Errc::unsupported, "33 codecs");
  expect_zarr_error(with("{}"), Errc::corrupt, "no list");
}

TEST(ZarrCodecs, ComposesTransposes) {
  // The first makes (d2, d0, d1) of the dimensions; the second takes of these 1, 2, 0: d0, d1, d2.
  const auto text = [](const char* second) {
    return replaced(std::string(v3_sharded),
                    "{\"name\": \"transpose\", \"configuration\": {\"order\": [2, 0, 1]}}",
                    std::string("{\"name\": \"transpose\", \"configuration\": {\"order\": [2, 0, 1]}}, "
                                "{\"name\": \"transpose\", \"configuration\": {\"order\": ") +
                        second + "}}");
  };
  EXPECT_TRUE(read_zarr_v3(text("[1, 2, 0]")).value().coding.order.empty());
  EXPECT_EQ(read_zarr_v3(text("[0, 2, 1]")).value().coding.order, (std::vector<std::size_t>{2, 1, 0}));
}

}  // namespace
}  // namespace locum::tests::of_zarr
