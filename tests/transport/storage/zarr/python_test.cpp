#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/python_with_zarr.hpp"
#include "tests/transport/storage/zarr/zarr_metadata.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/zarr/data_type.hpp"

namespace locum::tests::of_zarr {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
  const std::vector<std::byte> bytes = bytes_of_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex_of(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[std::to_integer<unsigned>(byte) >> 4U];
    text += digits[std::to_integer<unsigned>(byte) & 0xFU];
  }
  return text;
}

/// Returns the index of zarr_check.py for an array.
Record index_entry(const std::string& path, const ZarrMetadata& metadata) {
  const auto list_of = [](const Extents& extents) {
    Record::List list;
    for (const std::uint64_t extent : extents.span()) {
      list.emplace_back(extent);
    }
    return Record::list(std::move(list));
  };
  const storage::ZarrType type{.element = metadata.element,
                               .is_half = metadata.is_half,
                               .is_big_endian = metadata.coding.is_big_endian};
  std::vector<Record> filters = descriptions_of(metadata.coding, 2);
  Record compressor;
  if (metadata.coding.has_compressor && !filters.empty()) {
    compressor = filters.back();
    filters.pop_back();
  }
  return Record::members({{"path", path},
                          {"shape", list_of(metadata.shape)},
                          {"chunks", list_of(metadata.chunk)},
                          {"dtype", storage::zarr_v2_name_of(type).value()},
                          {"fill", metadata.has_fill ? Record(hex_of(metadata.fill)) : Record()},
                          {"order", metadata.coding.order.empty() ? "C" : "F"},
                          {"separator", std::string(1, metadata.separator)},
                          {"compressor", compressor},
                          {"filters", Record::list(std::move(filters))}});
}

/// Returns the names of the files of all chunks.
std::set<std::string> chunk_files_of(const ZarrMetadata& metadata) {
  std::set<std::string> names;
  Extents indices = metadata.shape;
  std::fill_n(indices.values.begin(), indices.size(), 0U);
  for (const std::uint64_t extent : metadata.shape.span()) {
    if (extent == 0) {
      return names;
    }
  }
  for (;;) {
    names.insert(metadata.key_of(indices));
    std::size_t at = indices.size();
    while (at > 0 && (indices[at - 1] + 1) * metadata.chunk[at - 1] >= metadata.shape[at - 1]) {
      indices.values[--at] = 0;
    }
    if (at == 0) {
      return names;
    }
    ++indices.values[at - 1];
  }
}

TEST(ZarrOfPython, IsReadAsItWasMade) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  const fs::path root = folder.path();
  ASSERT_TRUE(run_script(python, "zarr_check.py", "write '" + folder.path() + "'"));
  const auto index = storage::read_json(text_of_file(root / "index.json"));
  ASSERT_TRUE(index) << index.error().text();
  ASSERT_GT(index->size(), 100U);
  const auto group = storage::read_zarr_group_v2(
      text_of_file(root / ".zgroup"), text_of_file(root / ".zattrs"), text_of_file(root / ".zmetadata"));
  ASSERT_TRUE(group) << group.error().text();
  EXPECT_EQ(group->attributes["made"], Record("by zarr-python"));
  for (const Record& said : index->list()) {
    const std::string path(said["path"].text());
    const fs::path place = root / path;
    const auto metadata = storage::read_zarr_v2(
        text_of_file(place / ".zarray"),
        fs::exists(place / ".zattrs") ? text_of_file(place / ".zattrs") : std::string());
    ASSERT_TRUE(metadata) << path << ": " << metadata.error().text();
    Record expected = said;
    expected.remove("has_attributes");
    expected.remove("files");
    // NumPy has no order of dimensions where there is at most one.
    if (metadata->shape.size() < 2) {
      expected.set("order", "C");
    }
    EXPECT_EQ(index_entry(path, *metadata), expected);
    EXPECT_EQ(metadata->attributes.size(), said["has_attributes"].as<bool>().value() ? 2U : 0U);
    std::set<std::string> files;
    for (const Record& file : said["files"].list()) {
      files.emplace(file.text());
    }
    EXPECT_EQ(chunk_files_of(*metadata), files) << path;

    const Record& all = *group->consolidated;
    auto consolidated = storage::zarr_metadata_of_v2(all[path + "/.zarray"], all[path + "/.zattrs"]);
    ASSERT_TRUE(consolidated) << path << ": " << consolidated.error().text();
    ZarrMetadata plain = *metadata;
    plain.attributes = consolidated->attributes = Record::members({});  // with a NaN, which equals no other
    EXPECT_EQ(difference(plain, *consolidated), "") << path;
    const auto again = written_and_read(plain);
    ASSERT_TRUE(again) << path << ": " << again.error().text();
    EXPECT_EQ(difference(plain, *again), "") << path;
  }
}

std::shared_ptr<const storage::BytesCodec> v2_codec(const Record& described, const ZarrMetadata& metadata) {
  return std::shared_ptr<const storage::BytesCodec>(
      storage::bytes_codec_of_v2(described, metadata.stored_bytes()).value());
}

/// Makes arrays of all types, orders and forms of version 2.
std::vector<ZarrMetadata> some_v2_arrays() {
  const Record zlib = {{"id", "zlib"}, {"level", 5}};
  const Record gzip = {{"id", "gzip"}, {"level", 2}};
  const Record blosc = {{"id", "blosc"}, {"cname", "zstd"}, {"clevel", 3}, {"shuffle", 2}, {"blocksize", 0}};
  std::vector<ZarrMetadata> arrays;
  for (const char* name :
       {"bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "c64", "c128", "f16"}) {
    for (int form = 0; form < 8; ++form) {
      ZarrMetadata metadata;
      metadata.version = 2;
      metadata.is_half = std::string_view(name) == "f16";
      metadata.element = metadata.is_half ? ElementType::of<float>() : ElementType::named(name).value();
      metadata.coding.is_big_endian =
          form % 2 != 0 && metadata.element.name() != "bool" && metadata.element.bytes() > 1;
      metadata.shape = form == 3 ? Extents() : form == 5 ? Extents(0, 3) : Extents(7, 2, 5);
      metadata.chunk = form == 3 ? Extents() : form == 5 ? Extents(1, 2) : Extents(3, 2, 4);
      if (form % 4 == 2) {
        metadata.coding.order = {2, 1, 0};
      }
      metadata.separator = form % 3 == 0 ? '/' : '.';
      metadata.has_fill = form != 6;
      metadata.fill.assign(metadata.element.bytes(), std::byte{});
      if (form % 2 == 0) {
        metadata.fill.front() = std::byte{metadata.is_half ? std::uint8_t{0} : std::uint8_t{1}};
      }
      if (metadata.element == ElementType::of<double>() && form == 4) {
        metadata.fill = bytes_of(-std::numeric_limits<double>::infinity());
      }
      metadata.coding.has_compressor = form < 6;
      for (const Record& codec : {zlib, gzip, blosc}) {
        if (form > 0 && (form == 7 || codec != gzip)) {
          metadata.coding.codecs.push_back(v2_codec(codec, metadata));
        }
      }
      if (form % 3 == 1) {
        metadata.attributes = {{"z", "K"},
                               {"a", Record::list({Record(0.1), Record(2), Record()})},
                               {"π", Record::members({{"b", true}})}};
      }
      arrays.push_back(std::move(metadata));
    }
  }
  return arrays;
}

TEST(ZarrOfPython, OpensWhatIsWritten) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  const fs::path root = folder.path();
  const auto write = [&root](const fs::path& place, const std::vector<storage::MetadataFile>& files) {
    fs::create_directories(root / place);
    for (const storage::MetadataFile& file : files) {
      write_file(root / place / file.path, std::as_bytes(std::span(file.text)));
    }
  };
  storage::ZarrGroupMetadata group;
  group.version = 2;
  group.attributes = {{"made", "by locum"}};
  for (const char* below : {"g0", "g1", "g2"}) {
    const auto files = storage::write_zarr_group({.version = 2, .consolidated = std::nullopt}).value();
    write(below, files);
    ASSERT_TRUE(storage::add_consolidated(group, below, files));
  }
  Record::List index;
  for (const ZarrMetadata& metadata : some_v2_arrays()) {
    const std::string path = "g" + std::to_string(index.size() % 3) + "/a" + std::to_string(index.size());
    const auto files = storage::write_zarr(metadata);
    ASSERT_TRUE(files) << files.error().text();
    write(path, *files);
    ASSERT_TRUE(storage::add_consolidated(group, path, *files));
    Record entry = index_entry(path, metadata);
    entry.set("attributes", metadata.attributes);
    Record::List names;
    for (const std::string& name : chunk_files_of(metadata)) {
      names.emplace_back(name);
    }
    entry.set("files", Record::list(std::move(names)));
    index.push_back(std::move(entry));
  }
  write("", storage::write_zarr_group(group).value());
  const std::string text = storage::json_text_of(Record::list(std::move(index))).value();
  write_file(root / "index.json", std::as_bytes(std::span(text)));
  ASSERT_TRUE(run_script(python, "zarr_check.py", "read '" + folder.path() + "'"));
}

}  // namespace
}  // namespace locum::tests::of_zarr
