// Arrays of Zarr as values of Files.
#include <gtest/gtest.h>

#include <complex>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/open.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

std::vector<double> counted(std::size_t elements) {
  std::vector<double> all(elements);
  std::iota(all.begin(), all.end(), 0.0);
  return all;
}

const Record plain{{"codecs", ""}};

TEST(ZarrFiles, AreSavedAndLoadedWhole) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file:" + folder.path() + "?sync=0"}) {
    const Files files(url);
    const auto elements = counted(35);
    const Array values(array(elements.data(), {5, 7}));
    files.save("run/T.zarr", values, {.options = {{"chunks", {2, 3}}, {"codecs", "crc32c"}}}).value();
    EXPECT_EQ(files.load("run/T.zarr").value().array(), values);
    const View<double[]> view = files.load<double[]>("run/T.zarr").value();
    EXPECT_EQ(view[34], 34);
    EXPECT_EQ(files.load<Array>("run/T.zarr").value(), values);
    EXPECT_EQ(files.load_async("run/T.zarr").get().value().array(), values);
    EXPECT_EQ(files.proxy<double[]>("run/T.zarr").value().get().value()[33], 33);
    const auto all = files.load_batch(std::vector<std::string>{"run/T.zarr", "run/none.zarr"});
    EXPECT_EQ(all[0].value().array(), values);
    EXPECT_EQ(code_of(all[1]), Errc::not_found);

    const Record told = files.info("run/T.zarr").value();
    EXPECT_EQ(told["format"].text(), "zarr");
    EXPECT_EQ(told["type"].text(), "f64");
    EXPECT_EQ(told["extents"], Record::list({5, 7}));
    EXPECT_EQ(told["chunks"], Record::list({2, 3}));
    EXPECT_EQ(told.get<int>("version").value(), 3);
    EXPECT_GT(told.get<std::uint64_t>("bytes").value(), values.size_bytes());

    const ZarrArray opened = ZarrArray::open(files, "run/T.zarr").value();
    EXPECT_EQ(opened.chunks(), Extents(2, 3));
    EXPECT_EQ(opened.read().value(), values);
  }
}

TEST(ZarrFiles, HoldNumbersAndArraysWithoutElements) {
  const Files files("memory:");
  files.save("half.zarr", 2.5, {.options = plain}).value();
  EXPECT_EQ(files.load<double>("half.zarr").value(), 2.5);
  EXPECT_EQ(ZarrArray::open(files, "half.zarr").value().shape().size(), 0U);
  files.save("yes.zarr", true, {.options = plain}).value();
  EXPECT_TRUE(files.load<bool>("yes.zarr").value());
  files.save("large.zarr", ~std::uint64_t{0}, {.options = plain}).value();
  EXPECT_EQ(files.load<std::uint64_t>("large.zarr").value(), ~std::uint64_t{0});
  files.save("c.zarr", std::complex<double>(1, -2), {.options = plain}).value();
  EXPECT_EQ(files.load<std::complex<double>>("c.zarr").value(), std::complex<double>(1, -2));
  files.save("none.zarr", std::vector<float>(), {.options = plain}).value();
  EXPECT_EQ(files.load("none.zarr").value().array().size(), 0U);
  EXPECT_EQ(files.load("none.zarr").value().array().element().name(), "f32");
}

TEST(ZarrFiles, TakeOptionsOfLayoutAndAttributes) {
  const Files files("memory:");
  const auto elements = counted(48);
  const Array values(array(elements.data(), {8, 6}));
  const Record attributes = Record::members({{"unit", "K"}, {"levels", Record::list({1, 2.5, nullptr})}});
  files
      .save("T.zarr", Record::members({{"data", values}, {"@attributes", attributes}}),
            {.options = {{"chunks", {2, 3}},
                         {"shards", {4, 6}},
                         {"codecs", ""},
                         {"dimensions", Record::list({"y", "x"})},
                         {"attributes", true}}})
      .value();
  const ZarrArray opened = ZarrArray::open(files, "T.zarr").value();
  EXPECT_EQ(opened.file_extents(), Extents(4, 6));
  EXPECT_EQ(opened.dimensions(), (std::vector<std::string>{"y", "x"}));
  EXPECT_EQ(opened.attributes(), attributes);
  EXPECT_EQ(files.load("T.zarr").value().array(), values);
  const Record both = files.load("T.zarr", {.options = {{"attributes", true}}}).value();
  EXPECT_EQ(both["data"].array(), values);
  EXPECT_EQ(both["@attributes"], attributes);
  files.save("old.zarr", values, {.options = {{"version", 2}, {"codecs", ""}}}).value();
  EXPECT_EQ(ZarrArray::open(files, "old.zarr").value().version(), 2);
  EXPECT_EQ(files.load("old.zarr").value().array(), values);
}

TEST(ZarrFiles, AreLoadedAnewWhenAnyOfTheirFilesChanges) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file:" + folder.path() + "?sync=0"}) {
    const Files files(url);
    const auto elements = counted(6);
    files.save("T.zarr", Array(elements), {.options = {{"chunks", Record::list({2})}, {"codecs", ""}}})
        .value();
    const auto first = files.load_raw("T.zarr").value();
    EXPECT_EQ(files.load_raw("T.zarr").value().key(), first.key()) << "it is loaded once";
    ZarrArray::open(files, "T.zarr").value().write(std::vector<double>{7, 8}, {2}).value();
    EXPECT_EQ(files.load<std::vector<double>>("T.zarr").value(), (std::vector<double>{0, 1, 7, 8, 4, 5}));
    EXPECT_EQ(Array::of(first).value(), Array(elements)) << "the view of the old one stays";
    ZarrArray::open(files, "T.zarr").value().resize({4}).value();
    EXPECT_EQ(files.load<std::vector<double>>("T.zarr").value(), (std::vector<double>{0, 1, 7, 8}));
  }
}

TEST(ZarrFiles, AreNotThereBeforeTheyAreWhole) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  const auto elements = counted(6);
  files.save("T.zarr", Array(elements), {.options = {{"chunks", Record::list({2})}, {"codecs", ""}}}).value();
  const auto chunk = fs::last_write_time(fs::path(folder.path()) / "T.zarr" / "c" / "2");
  EXPECT_LE(chunk, fs::last_write_time(fs::path(folder.path()) / "T.zarr" / "zarr.json"))
      << "which is written last";
  // Those of a save that died are no array, and in no next one's way.
  fs::remove(fs::path(folder.path()) / "T.zarr" / "zarr.json");
  EXPECT_EQ(code_of(files.load("T.zarr")), Errc::not_found);
  files.save("T.zarr", Array(std::vector<float>(3, 1.5F)), {.options = plain}).value();
  EXPECT_EQ(files.load<std::vector<float>>("T.zarr").value(), std::vector<float>(3, 1.5F));
}

// Chunks of a dead array would be elements of the next one there.
TEST(ZarrFiles, AreNotMadeOfWhatAnotherHasLeft) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const std::vector<double> values(100, 7.0);
  const ZarrLayout layout{.type = ElementType::of<double>(), .shape = {100}, .chunks = {10}};
  for (const int version : {2, 3}) {
    const std::string name = "T" + std::to_string(version) + ".zarr";
    ASSERT_TRUE(files.save(name, values,
                           {.options = {{"chunks", Record::list({Record(10)})}, {"version", version}}}));
    std::filesystem::remove(folder.path() + '/' + name + (version == 3 ? "/zarr.json" : "/.zarray"));
    const auto made = ZarrArray::create(files, name, layout);
    EXPECT_EQ(code_of(made), Errc::key_exists);
    EXPECT_NE(std::string(made.error().what()).find("chunks of an array that is not there"),
              std::string::npos);
    EXPECT_TRUE(files.save(name, std::vector<double>{1, 2})) << "which writes all its elements";
    EXPECT_EQ(files.load(name).value().array(), Array(std::vector<double>{1, 2}));
  }
}

TEST(ZarrFiles, TellWhatIsWrong) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  const auto elements = counted(6);
  files.save("T.zarr", Array(elements), {.options = {{"codecs", "crc32c"}}}).value();
  const Result<void> again = files.save("T.zarr", Array(elements), {.options = plain});
  EXPECT_EQ(code_of(again), Errc::key_exists) << "what others read is not replaced chunk by chunk";
  EXPECT_EQ(code_of(files.load("none.zarr")), Errc::not_found);
  EXPECT_EQ(code_of(files.load_raw("none.zarr")), Errc::not_found);
  EXPECT_EQ(code_of(files.info("none.zarr")), Errc::not_found);
  EXPECT_EQ(code_of(files.proxy<double[]>("none.zarr")), Errc::not_found);
  fs::create_directory(fs::path(folder.path()) / "empty.zarr");
  EXPECT_EQ(code_of(files.load("empty.zarr")), Errc::not_found);
  std::ofstream(fs::path(folder.path()) / "file.zarr") << "text";
  EXPECT_EQ(code_of(files.load("file.zarr")), Errc::invalid_argument);
  fs::create_directory(fs::path(folder.path()) / "group.zarr");
  std::ofstream(fs::path(folder.path()) / "group.zarr" / ".zgroup") << R"({"zarr_format": 2})";
  EXPECT_EQ(code_of(files.load("group.zarr")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.save("text.zarr", "a text", {.options = plain})), Errc::type_mismatch);
  EXPECT_EQ(code_of(files.save("list.zarr", Record::list({1, "a"}), {.options = plain})),
            Errc::type_mismatch);
  EXPECT_EQ(code_of(files.save("list.zarr", Record::members({{"data", 1}, {"more", 2}}),
                               {.options = {{"codecs", ""}, {"attributes", true}}})),
            Errc::type_mismatch);
  EXPECT_EQ(code_of(files.load("T.zarr", {.map = true})), Errc::unsupported);
  for (const Record& options : {Record{{"chunks", {0}}}, Record{{"chunks", "4"}}, Record{{"version", 4}},
                                Record{{"shards", Record::list({1.5})}}, Record{{"dimensions", 3}},
                                Record{{"codecs", 3}}, Record{{"attributes", 3}}, Record{{"unknown", 3}}}) {
    EXPECT_EQ(code_of(files.save("wrong.zarr", Array(elements), {.options = options})),
              Errc::invalid_argument)
        << options;
  }
  EXPECT_FALSE(fs::exists(fs::path(folder.path()) / "wrong.zarr"));
  const fs::path chunk = fs::path(folder.path()) / "T.zarr" / "c" / "0";
  const std::string zeros(52, '\0');
  std::ofstream(chunk, std::ios::binary) << zeros;
  const auto damaged = files.load("T.zarr");
  ASSERT_EQ(code_of(damaged), Errc::corrupt);
  EXPECT_NE(std::string(damaged.error().what()).find("in 'c/0'"), std::string::npos)
      << damaged.error().what();
}

TEST(ZarrFiles, AreTooLargeForMemoryByAnError) {
  if (sanitized) {
    GTEST_SKIP() << "the sanitizer ends a program that asks for so much";
  }
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  fs::create_directory(fs::path(folder.path()) / "T.zarr");
  std::ofstream(fs::path(folder.path()) / "T.zarr" / "zarr.json")
      << R"({"zarr_format": 3, "node_type": "array", "shape": [100000000000000], "data_type": "float64",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1000]}},
            "chunk_key_encoding": {"name": "default"}, "fill_value": 0,
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]})";
  EXPECT_EQ(code_of(files.load("T.zarr")), Errc::out_of_memory);
}

TEST(ZarrFiles, AreNotFollowedInCircles) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  files.save("T.zarr", 1.5, {.options = plain}).value();
  fs::create_directory_symlink(fs::path(folder.path()) / "T.zarr",
                               fs::path(folder.path()) / "T.zarr" / "circle");
  EXPECT_EQ(code_of(files.load("T.zarr")), Errc::unsupported);
}

}  // namespace
}  // namespace locum::tests
