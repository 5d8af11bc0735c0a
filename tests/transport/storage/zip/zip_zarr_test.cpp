// Arrays, groups and images of Zarr in an archive of ZIP.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <locum/files.hpp>
#include <locum/ome.hpp>
#include <locum/zarr.hpp>
#include <locum/zarr_group.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/python_with_zarr.hpp"
#include "tests/transport/storage/zip/zip_samples.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

Array counted_field(std::uint64_t rows, std::uint64_t columns) {
  std::vector<double> all(rows * columns);
  std::iota(all.begin(), all.end(), 0.5);
  return Array(array(all.data(), {rows, columns}));
}

double element_of(const ZarrArray& array, std::uint64_t row, std::uint64_t column) {
  const Array one = array.read({.start = {row, column}, .count = {1, 1}}).value();
  return one.as<double>().value()(0, 0);
}

std::vector<ZarrLayout> layouts_in_zip() {
  const ZarrLayout plain{.type = ElementType::of<double>(),
                         .shape = {20, 30},
                         .chunks = {6, 10},
                         .codecs = "crc32c",
                         .attributes = {{"unit", "K"}}};
  ZarrLayout v2 = plain;
  v2.version = 2;
  v2.codecs = "gzip(3)";
  ZarrLayout sharded = plain;
  sharded.shards = {12, 30};
  return {plain, v2, sharded};
}

TEST(ZipZarr, IsReadAtTheRootAndInFolders) {
  const Array values = counted_field(20, 30);
  for (const ZarrLayout& layout : layouts_in_zip()) {
    SCOPED_TRACE(layout.version);
    const TemporaryFolder folder;
    const Files files("file:" + folder.path() + "?sync=0");
    ZarrArray::create(files, "run/T.zarr", layout).value().write(values).value();
    files.pack("run/T.zarr", "T.zarr.zip").value();
    files.pack("run", "run.zip").value();
    for (const auto& [url, path] : {std::pair("zip:" + folder.path() + "/T.zarr.zip", ""),
                                    std::pair("zip://" + folder.path() + "/run.zip", "T.zarr")}) {
      SCOPED_TRACE(url);
      const Files packed(url);
      const ZarrArray T = ZarrArray::open(packed, path).value();
      EXPECT_EQ(T.read().value(), values);
      EXPECT_EQ(T.attributes().get<std::string>("unit").value(), "K");
      const Hyperslab box{.start = {5, 7}, .count = {3, 2}, .stride = {4, 9}};
      EXPECT_EQ(T.read(box).value(), ZarrArray::open(files, "run/T.zarr").value().read(box).value());
      EXPECT_EQ(packed.load(path, {.format = "zarr"}).value().array(), values);
      EXPECT_EQ(packed.load<double[]>(path, {.format = "zarr"}).value()[599], 599.5);
      EXPECT_EQ(code_of(T.write(values)), Errc::unsupported);
      EXPECT_EQ(code_of(T.append(counted_field(1, 30))), Errc::unsupported);
      EXPECT_EQ(code_of(T.set_attributes({{"unit", "C"}})), Errc::unsupported);
      EXPECT_EQ(code_of(T.write(counted_field(1, 1), {std::uint64_t{0}, std::uint64_t{0}},
                                {.partial = PartialFiles::read_modify_write})),
                Errc::unsupported);
      const bool is_in_array = std::string_view(path).empty();  // the root is one
      EXPECT_EQ(code_of(ZarrArray::create(packed, "U.zarr", layout)),
                is_in_array ? Errc::invalid_argument : Errc::unsupported);
      std::vector<std::thread> threads;
      for (std::uint64_t row = 0; row < 4; ++row) {
        threads.emplace_back(
            [&, row] { EXPECT_EQ(element_of(T, row, 29), static_cast<double>(row) * 30 + 29.5); });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
    }
    EXPECT_EQ(code_of(ZarrArray::open(Files("zip:" + folder.path() + "/run.zip"), "")), Errc::not_found);
  }
}

TEST(ZipZarr, HasElementsThatWereNeverWritten) {
  for (const ZarrLayout& layout : layouts_in_zip()) {
    const TemporaryFolder folder;
    const Files files("file:" + folder.path() + "?sync=0");
    (void)ZarrArray::create(files, "T.zarr", layout).value();
    files.pack("T.zarr", "T.zarr.zip").value();
    const ZarrArray T = ZarrArray::open(Files("zip:" + folder.path() + "/T.zarr.zip"), "").value();
    EXPECT_EQ(element_of(T, 3, 3), 0);
    EXPECT_EQ(code_of(T.read({.start = {3, 3}, .count = {1, 1}}, {.strict = true})), Errc::not_found);
  }
}

TEST(ZipZarr, OfAnArchiveThatChangesIsNotTakenForUnwritten) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  ZarrArray::create(files, "T.zarr", layouts_in_zip().front()).value().write(counted_field(20, 30)).value();
  files.pack("T.zarr", "T.zarr.zip").value();
  const ZarrArray T = ZarrArray::open(Files("zip:" + folder.path() + "/T.zarr.zip"), "").value();
  std::ofstream(folder.path() + "/T.zarr.zip", std::ios::app) << "more";
  EXPECT_EQ(code_of(T.read()), Errc::stale);
}

TEST(ZipZarr, HasGroupsAndImages) {
  for (const int version : {2, 3}) {
    const TemporaryFolder folder;
    const Files files("file:" + folder.path() + "?sync=0");
    const ZarrGroup run =
        ZarrGroup::create(files, "run.zarr", {.attributes = {{"title", "run 17"}}, .version = version})
            .value();
    ZarrLayout layout = layouts_in_zip()[version == 2 ? 1 : 0];
    if (version == 3) {
      layout.dimensions = {"y", "x"};
    }
    for (const char* const level : {"0", "1"}) {
      run.create_array(level, layout).value().write(counted_field(20, 30)).value();
    }
    (void)run.create_group("walls/left").value();
    ome::set_multiscale(run, {.name = "cells",
                              .axes = {{"y", "space", "micrometer"}, {"x", "space", "micrometer"}},
                              .levels = {{"0", {0.5, 0.5}}, {"1", {1, 1}}}})
        .value();
    run.consolidate().value();
    files.pack("run.zarr", "run.zarr.zip").value();

    const Files packed("zip:" + folder.path() + "/run.zarr.zip");
    for (const bool consolidated : {false, true}) {
      const ZarrGroup read = ZarrGroup::open(packed, "", {.consolidated = consolidated}).value();
      EXPECT_EQ(read.attributes().get<std::string>("title").value(), "run 17");
      std::string names;
      for (const ZarrMember& member : read.list().value()) {
        names += member.name + ' ';
      }
      EXPECT_EQ(names, "0 1 walls ");
      EXPECT_EQ(read.array("1").value().read().value(), counted_field(20, 30));
      EXPECT_TRUE(read.group("walls").value().group("left"));
      EXPECT_EQ(ome::multiscales(read).value().front().levels.size(), 2U);
    }
  }
}

TEST(ZipZarr, WithADamagedShardNamesIt) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  ZarrArray::create(files, "T.zarr", layouts_in_zip().back()).value().write(counted_field(20, 30)).value();
  files.pack("T.zarr", "T.zarr.zip").value();
  const std::string path = folder.path() + "/T.zarr.zip";
  const auto whole = bytes_of_file(path);
  const auto shard = bytes_of_file(folder.path() + "/T.zarr/c/0/0");
  const auto at = std::search(whole.begin(), whole.end(), shard.begin(), shard.end()) - whole.begin();
  ASSERT_LT(static_cast<std::size_t>(at), whole.size());
  auto damaged = whole;
  damaged[static_cast<std::size_t>(at) + 100] ^= std::byte{1};  // of the first chunk
  write_file(path, damaged);
  const ZarrArray T = ZarrArray::open(Files("zip:" + path), "").value();
  const auto first = T.read({.start = {0, 0}, .count = {1, 1}});
  ASSERT_EQ(code_of(first), Errc::corrupt);
  EXPECT_NE(std::string(first.error().what()).find("c/0/0"), std::string::npos) << first.error();
  EXPECT_EQ(element_of(T, 0, 15), 15.5);  // the next chunk
}

TEST(ZipZarr, IsThatOfZarrPython) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  ASSERT_TRUE(run_script(python, "zip_check.py", "write '" + folder.path() + "'"));
  std::size_t read = 0;
  const Files plain("file:" + folder.path() + "?sync=0");
  for (const std::string& name : plain.list({}, {.pattern = "*.zip"}).value()) {
    SCOPED_TRACE(name);
    const Files packed("zip:" + folder.path() + '/' + name);
    const Array expected = plain.load(fs::path(name).stem().string() + ".npy").value().array();
    if (name.starts_with("group")) {
      const ZarrGroup group = ZarrGroup::open(packed, "").value();
      EXPECT_EQ(group.attributes().get<int>("steps").value(), 2);  // which was written three times
      EXPECT_EQ(group.array("fields/T").value().read().value(), expected);
    } else {
      EXPECT_EQ(ZarrArray::open(packed, "").value().read().value(), expected);
    }
    ++read;
  }
  EXPECT_EQ(read, 17U);
}

TEST(ZipZarr, IsReadByZarrPython) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  const Array values = counted_field(20, 30);
  int number = 0;
  for (const ZarrLayout& layout : layouts_in_zip()) {
    const std::string name = "v" + std::to_string(layout.version) + '_' + std::to_string(number++);
    ZarrArray::create(files, name + ".zarr", layout).value().write(values).value();
    files.save(name + ".npy", values).value();
    files.pack(name + ".zarr", name + ".zip").value();
  }
  const ZarrGroup group =
      ZarrGroup::create(files, "group.zarr", {.attributes = {{"steps", 2}}, .version = 2}).value();
  group.create_array("fields/T", layouts_in_zip()[1]).value().write(values).value();
  (void)group.create_group("none").value();
  files.make_dirs("group.zarr/empty").value();
  files.save("group.npy", values).value();
  files.pack("group.zarr", "group.zip").value();
  EXPECT_TRUE(run_script(python, "zip_check.py", "read '" + folder.path() + "'"));
}

}  // namespace
}  // namespace locum::tests
