#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "transport/storage/zarr/metadata.hpp"

namespace locum::tests::of_zarr {

using storage::ZarrMetadata;

/// Returns the bytes of a value, in the order of this machine.
template <class T>
[[nodiscard]] std::vector<std::byte> bytes_of(const T& value) {
  std::vector<std::byte> bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

[[nodiscard]] inline std::vector<Record> descriptions_of(const storage::ChunkCoding& coding, int version) {
  std::vector<Record> descriptions;
  for (const auto& codec : coding.codecs) {
    descriptions.push_back(codec->described(version).value());
  }
  return descriptions;
}

/// Returns the names of types: here, in version 2 and in version 3.
[[nodiscard]] inline const std::vector<std::tuple<std::string, std::string, std::string>>& names_of_types() {
  static const std::vector<std::tuple<std::string, std::string, std::string>> names{
      {"bool", "|b1", "bool"},       {"i8", "|i1", "int8"},     {"u8", "|u1", "uint8"},
      {"i16", "<i2", "int16"},       {"u16", "<u2", "uint16"},  {"i32", "<i4", "int32"},
      {"u32", "<u4", "uint32"},      {"i64", "<i8", "int64"},   {"u64", "<u8", "uint64"},
      {"f32", "<f4", "float32"},     {"f64", "<f8", "float64"}, {"c64", "<c8", "complex64"},
      {"c128", "<c16", "complex128"}};
  return names;
}

[[nodiscard]] inline ZarrMetadata some_metadata(int version) {
  ZarrMetadata metadata;
  metadata.version = version;
  metadata.element = ElementType::of<double>();
  metadata.shape = {10, 20, 30};
  metadata.chunk = {4, 5, 6};
  metadata.fill = bytes_of(0.5);
  metadata.has_prefix = version == 3;
  metadata.separator = version == 3 ? '/' : '.';
  return metadata;
}

/// Returns what differs; empty if the metadata are the same.
[[nodiscard]] inline std::string difference(const ZarrMetadata& a, const ZarrMetadata& b) {
  std::string text;
  const auto compare = [&text](const char* name, bool are_equal) { text += are_equal ? "" : name; };
  const auto compare_coding = [&](const storage::ChunkCoding& one, const storage::ChunkCoding& other) {
    compare(" order", one.order == other.order);
    compare(" endian", one.is_big_endian == other.is_big_endian);
    compare(" codecs", descriptions_of(one, a.version) == descriptions_of(other, b.version));
    compare(" has_compressor", one.has_compressor == other.has_compressor);
  };
  compare(" version", a.version == b.version);
  compare(" element", a.element == b.element);
  compare(" is_half", a.is_half == b.is_half);
  compare(" shape", a.shape == b.shape);
  compare(" chunk", a.chunk == b.chunk);
  compare_coding(a.coding, b.coding);
  compare(" shards", a.shards.has_value() == b.shards.has_value());
  if (a.shards && b.shards) {
    compare(" inner", a.shards->inner == b.shards->inner);
    compare(" ends", a.shards->ends == b.shards->ends);
    compare_coding(a.shards->index, b.shards->index);
  }
  compare(" fill", a.fill == b.fill);
  compare(" has_fill", a.has_fill == b.has_fill);
  compare(" has_prefix", a.has_prefix == b.has_prefix);
  compare(" separator", a.separator == b.separator);
  compare(" dimension_names", a.dimension_names == b.dimension_names);
  compare(" attributes", a.attributes == b.attributes);
  return text;
}

/// Writes metadata and reads them.
[[nodiscard]] inline Result<ZarrMetadata> written_and_read(const ZarrMetadata& metadata) {
  const auto files = storage::write_zarr(metadata);
  if (!files) {
    return files.error();
  }
  if (metadata.version == 3) {
    return storage::read_zarr_v3(files->back().text);
  }
  return storage::read_zarr_v2(files->back().text, files->size() > 1 ? files->front().text : std::string());
}

template <class T>
void expect_zarr_error(const Result<T>& result, Errc code, std::string_view words) {
  ASSERT_FALSE(result) << "no error with: " << words;
  EXPECT_EQ(result.error().code(), code) << result.error().text();
  EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
}

/// Returns a text in which one part is replaced. \param from occurs once
[[nodiscard]] inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(text.find(from, at + 1), std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// The example of the specification of version 3.
inline constexpr std::string_view v3_example = R"({
    "zarr_format": 3,
    "node_type": "array",
    "shape": [10000, 1000],
    "dimension_names": ["rows", "columns"],
    "data_type": "float64",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1000, 100]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "fill_value": "NaN",
    "attributes": {"foo": 42, "bar": "apples", "baz": [1, 2, 3, 4]}
})";

/// An array with shards, as ZEP 2 describes them, in the form that Zarr for Python 3 writes.
inline constexpr std::string_view v3_sharded = R"({
  "shape": [128, 0, 96],
  "data_type": "uint16",
  "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [64, 64, 32]}},
  "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
  "fill_value": 65535,
  "codecs": [
    {
      "name": "sharding_indexed",
      "configuration": {
        "chunk_shape": [32, 32, 8],
        "codecs": [
          {"name": "transpose", "configuration": {"order": [2, 0, 1]}},
          {"name": "bytes", "configuration": {"endian": "big"}},
          {"name": "gzip", "configuration": {"level": 1}}
        ],
        "index_codecs": [
          {"name": "bytes", "configuration": {"endian": "little"}},
          {"name": "crc32c"}
        ],
        "index_location": "start"
      }
    }
  ],
  "attributes": {},
  "zarr_format": 3,
  "node_type": "array",
  "storage_transformers": []
})";

/// As Zarr for Python 2 writes `.zarray`.
inline constexpr std::string_view v2_example = R"({
    "chunks": [1000, 100],
    "compressor": {"blocksize": 0, "clevel": 5, "cname": "lz4", "id": "blosc", "shuffle": 1},
    "dtype": "<f8",
    "fill_value": "NaN",
    "filters": [{"id": "zlib", "level": 1}],
    "order": "C",
    "shape": [10000, 1000],
    "zarr_format": 2
})";

}  // namespace locum::tests::of_zarr
