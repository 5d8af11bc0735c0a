#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr_group.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/python_with_zarr.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;
using Kind = ZarrMember::Kind;

ZarrLayout layout_of_doubles(const Extents& shape, const Extents& chunks = {}) {
  return {.type = ElementType::of<double>(), .shape = shape, .chunks = chunks, .codecs = ""};
}

Array counted_array(const Extents& extents) {
  auto draft = ArrayDraft::make(ElementType::of<double>(), extents).value();
  auto* const first = reinterpret_cast<double*>(draft.bytes().data());
  std::iota(first, first + draft.bytes().size() / sizeof(double), 0.0);
  return std::move(draft).finish();
}

void make_run(const Files& files, std::string_view path, int version) {
  const ZarrGroup run =
      ZarrGroup::create(files, path,
                        {.attributes = Record::members({{"title", "run 18"}}), .version = version})
          .value();
  ZarrLayout layout = layout_of_doubles({3, 4}, {2, 2});
  layout.attributes = Record::members({{"levels", Record::list({1, 2.5, nullptr})}});
  run.create_group("fields", Record::members({{"unit", "K"}})).value();
  run.create_array("fields/T", layout).value().write(counted_array({3, 4}).raw()).value();
  run.create_array("step", {.type = ElementType::of<std::int32_t>(), .codecs = ""})
      .value()
      .write(Array::copy_of(
                 ConstRawArray(std::vector<std::int32_t>{40}.data(), ElementType::of<std::int32_t>(), {}))
                 .value()
                 .raw())
      .value();
  run.create_group("a/b/c").value();
}

class ZarrGroups : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Versions, ZarrGroups, ::testing::Values(2, 3));

TEST_P(ZarrGroups, HoldArraysAndGroups) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file:" + folder.path() + "?sync=0"}) {
    const Files files(url);
    make_run(files, "runs/18.zarr", GetParam());
    const ZarrGroup run = ZarrGroup::open(files, "runs/18.zarr").value();
    EXPECT_EQ(run.version(), GetParam());
    EXPECT_EQ(run.path(), "runs/18.zarr");
    EXPECT_FALSE(run.is_consolidated());
    EXPECT_EQ(run.attributes(), Record::members({{"title", "run 18"}}));
    EXPECT_EQ(run.list().value(),
              (std::vector<ZarrMember>{{"a", Kind::group}, {"fields", Kind::group}, {"step", Kind::array}}));
    EXPECT_TRUE(run.exists("fields/T").value());
    EXPECT_TRUE(run.exists("a/b").value()) << "which was made for c";
    EXPECT_FALSE(run.exists("fields/p").value());
    EXPECT_EQ(run.array("fields/T").value().read().value(), counted_array({3, 4}));
    EXPECT_EQ(run.array("fields/T").value().version(), GetParam());
    const ZarrGroup fields = run.group("fields").value();
    EXPECT_EQ(fields.attributes(), Record::members({{"unit", "K"}}));
    EXPECT_EQ(fields.path(), "runs/18.zarr/fields");
    EXPECT_EQ(fields.list().value(), (std::vector<ZarrMember>{{"T", Kind::array}}));
    EXPECT_TRUE(run.group("a/b/c").value().list().value().empty());

    const ZarrGroup copy = run;
    run.set_attributes({{"title", "the last one"}, {"steps", 40}}).value();
    EXPECT_EQ(copy.attributes().get<int>("steps").value(), 40);
    EXPECT_EQ(ZarrGroup::open(files, "runs/18.zarr").value().attributes().get<int>("steps").value(), 40);
    run.set_attributes({}).value();
    EXPECT_EQ(ZarrGroup::open(files, "runs/18.zarr").value().attributes(), Record::members({}));
  }
}

TEST_P(ZarrGroups, AreFoundInOneFileIfThatIsAskedFor) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  make_run(files, "run.zarr", GetParam());
  EXPECT_FALSE(ZarrGroup::open(files, "run.zarr", {.consolidated = true}).value().is_consolidated());
  ZarrGroup::open(files, "run.zarr").value().consolidate().value();

  const ZarrGroup run = ZarrGroup::open(files, "run.zarr", {.consolidated = true}).value();
  EXPECT_TRUE(run.is_consolidated());
  EXPECT_FALSE(ZarrGroup::open(files, "run.zarr").value().is_consolidated());
  // Without their own metadata nobody finds what is below in another way.
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() + "/run.zarr")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().parent_path() != fs::path(folder.path() + "/run.zarr") &&
        (name == "zarr.json" || name.starts_with(".z"))) {
      fs::remove(entry.path());
    }
  }
  EXPECT_TRUE(ZarrGroup::open(files, "run.zarr").value().list().value().empty());
  EXPECT_EQ(run.attributes(), Record::members({{"title", "run 18"}}));
  EXPECT_EQ(run.list().value(),
            (std::vector<ZarrMember>{{"a", Kind::group}, {"fields", Kind::group}, {"step", Kind::array}}));
  EXPECT_EQ(run.array("fields/T").value().read().value(), counted_array({3, 4}));
  EXPECT_EQ(run.array("fields/T").value().attributes()["levels"], Record::list({1, 2.5, nullptr}));
  const ZarrGroup fields = run.group("fields").value();
  EXPECT_TRUE(fields.is_consolidated());
  EXPECT_EQ(fields.attributes(), Record::members({{"unit", "K"}}));
  EXPECT_EQ(fields.list().value(), (std::vector<ZarrMember>{{"T", Kind::array}}));
  EXPECT_EQ(fields.array("T").value().shape(), Extents(3, 4));
  EXPECT_EQ(run.group("a").value().group("b").value().list().value(),
            (std::vector<ZarrMember>{{"c", Kind::group}}));
  EXPECT_TRUE(run.exists("fields/T").value());
  EXPECT_FALSE(run.exists("fields/p").value());
  EXPECT_EQ(code_of(run.array("fields/p")), Errc::not_found);
  EXPECT_EQ(code_of(run.group("p")), Errc::not_found);
  EXPECT_EQ(code_of(run.array("fields")), Errc::invalid_argument);
  EXPECT_EQ(code_of(run.group("step")), Errc::invalid_argument);

  // They stay when the attributes of the group change, and are told of these.
  ZarrGroup::open(files, "run.zarr").value().set_attributes({{"title", "other"}, {"n", 1}}).value();
  const ZarrGroup again = ZarrGroup::open(files, "run.zarr", {.consolidated = true}).value();
  EXPECT_TRUE(again.exists("fields/T").value());
  EXPECT_EQ(again.attributes()["title"].text(), "other");
}

TEST_P(ZarrGroups, TellWhatIsWrong) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  make_run(files, "run.zarr", GetParam());
  const ZarrGroup run = ZarrGroup::open(files, "run.zarr").value();
  EXPECT_EQ(code_of(ZarrGroup::open(files, "none.zarr")), Errc::not_found);
  EXPECT_EQ(code_of(ZarrGroup::open(files, "../run.zarr")), Errc::invalid_argument);
  EXPECT_EQ(code_of(ZarrGroup::open(files, "run.zarr", {.backend = "none"})), Errc::not_found);
  EXPECT_EQ(code_of(ZarrGroup::open(files, "run.zarr/step")), Errc::invalid_argument) << "it is an array";
  EXPECT_EQ(code_of(ZarrArray::open(files, "run.zarr")), Errc::invalid_argument) << "it is a group";
  EXPECT_EQ(code_of(ZarrGroup::create(files, "run.zarr", {.version = GetParam()})), Errc::key_exists);
  EXPECT_EQ(code_of(ZarrGroup::create(files, "other.zarr", {.version = 4})), Errc::invalid_argument);
  EXPECT_EQ(code_of(ZarrGroup::create(files, "other.zarr", {.attributes = 3, .version = GetParam()})),
            Errc::invalid_argument);
  EXPECT_FALSE(files.exists("other.zarr").value());
  for (const std::string_view name : {"", "/step", "step/", "a//b", ".", "a/../step", "a/./b"}) {
    EXPECT_EQ(code_of(run.array(name)), Errc::invalid_argument) << name;
    EXPECT_EQ(code_of(run.group(name)), Errc::invalid_argument) << name;
    EXPECT_EQ(code_of(run.exists(name)), Errc::invalid_argument) << name;
    EXPECT_EQ(code_of(run.create_group(name)), Errc::invalid_argument) << name;
    EXPECT_EQ(code_of(run.create_array(name, layout_of_doubles({2}))), Errc::invalid_argument) << name;
  }
  EXPECT_EQ(code_of(run.array("p")), Errc::not_found);
  EXPECT_EQ(code_of(run.array("fields")), Errc::invalid_argument);
  EXPECT_EQ(code_of(run.group("step")), Errc::invalid_argument);
  EXPECT_EQ(code_of(run.create_array("step", layout_of_doubles({2}))), Errc::key_exists);
  EXPECT_EQ(code_of(run.create_group("fields")), Errc::key_exists);
  EXPECT_EQ(code_of(run.create_array("step/below", layout_of_doubles({2}))), Errc::invalid_argument)
      << "an array is above it";
  EXPECT_EQ(code_of(run.set_attributes(Record::list({1, 2}))), Errc::invalid_argument);
  EXPECT_EQ(run.attributes()["title"].text(), "run 18");

  const std::string own = GetParam() == 3 ? "zarr.json" : ".zgroup";
  std::ofstream(folder.path() + "/run.zarr/fields/" + own) << "{";
  EXPECT_EQ(code_of(run.group("fields")), Errc::corrupt);
  EXPECT_EQ(code_of(run.list()), Errc::corrupt);
  EXPECT_EQ(code_of(run.consolidate()), Errc::corrupt);
  std::ofstream(folder.path() + "/run.zarr/fields/" + own) << R"({"zarr_format": 5, "node_type": "group"})";
  EXPECT_FALSE(run.group("fields"));
}

TEST_P(ZarrGroups, AreNotFollowedInCircles) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  const ZarrGroup run = ZarrGroup::create(files, "run.zarr", {.version = GetParam()}).value();
  fs::create_directory_symlink(folder.path() + "/run.zarr", folder.path() + "/run.zarr/circle");
  EXPECT_EQ(run.list().value(), (std::vector<ZarrMember>{{"circle", Kind::group}}));
  EXPECT_FALSE(run.consolidate());
}

TEST(ZarrGroupFiles, AttributesThatAreRemovedAreGone) {
  const Files files("memory:");
  ZarrLayout layout = layout_of_doubles({2});
  layout.version = 2;
  layout.attributes = Record::members({{"unit", "K"}});
  const ZarrArray array = ZarrArray::create(files, "T.zarr", layout).value();
  array.set_attributes(Record::members({})).value();
  EXPECT_EQ(ZarrArray::open(files, "T.zarr").value().attributes(), Record::members({}));
}

TEST(ZarrGroupFiles, ConsolidatedEntriesAreNotTrusted) {
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  const auto write = [&](const std::string& metadata) {
    fs::create_directories(folder.path() + "/run.zarr");
    std::ofstream(folder.path() + "/run.zarr/zarr.json", std::ios::trunc)
        << R"({"zarr_format": 3, "node_type": "group", "consolidated_metadata":)"
        << R"({"kind": "inline", "must_understand": false, "metadata": )" << metadata << "}}";
  };
  write(R"({"../other": {"zarr_format": 3, "node_type": "group"}})");
  EXPECT_EQ(code_of(ZarrGroup::open(files, "run.zarr", {.consolidated = true})), Errc::corrupt);
  write(R"({"a": {"zarr_format": 3, "node_type": "array"}, "b": {"node_type": 5}, "c/d": {}, "e": {}})");
  const ZarrGroup run = ZarrGroup::open(files, "run.zarr", {.consolidated = true}).value();
  EXPECT_EQ(run.list().value().size(), 3U);
  EXPECT_EQ(code_of(run.array("a")), Errc::corrupt);
  EXPECT_EQ(code_of(run.array("b")), Errc::corrupt);
  EXPECT_EQ(code_of(run.group("b")), Errc::corrupt);
  EXPECT_EQ(code_of(run.group("e")), Errc::corrupt);
}

TEST(ZarrGroupFiles, AreReadAndWrittenByZarrPython) {
  const std::string python = python_with_zarr2();
  if (python.empty()) {
    GTEST_SKIP() << no_zarr2;
  }
  const TemporaryFolder folder;
  const Files files("file:" + folder.path() + "?sync=0");
  ASSERT_TRUE(run_script(python, "zarr_groups_check.py", "write " + folder.path()));
  for (const bool consolidated : {false, true}) {
    const ZarrGroup run = ZarrGroup::open(files, "theirs.zarr", {.consolidated = consolidated}).value();
    EXPECT_EQ(run.is_consolidated(), consolidated);
    EXPECT_EQ(run.attributes(), Record::members({{"title", "run 17"}}));
    EXPECT_EQ(run.list().value(),
              (std::vector<ZarrMember>{{"a", Kind::group}, {"fields", Kind::group}, {"step", Kind::array}}));
    const auto read = run.array("fields/T");
    if (!read && read.error().code() == Errc::unsupported) {
      GTEST_SKIP() << "this build lacks a codec: " << read.error().what();
    }
    EXPECT_EQ(read.value().read().value(), counted_array({3, 4}));
    EXPECT_EQ(read.value().attributes()["levels"], Record::list({1, 2.5, nullptr}));
    EXPECT_EQ(run.group("fields").value().attributes()["unit"].text(), "K");
    EXPECT_TRUE(run.group("a/b/c").value().list().value().empty());
  }
  make_run(files, "ours.zarr", 2);
  ZarrGroup::open(files, "ours.zarr").value().consolidate().value();
  EXPECT_TRUE(run_script(python, "zarr_groups_check.py", "read " + folder.path()));
}

TEST_P(ZarrGroups, AreNotMadeInArraysNorAreArrays) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file:" + folder.path() + "?sync=0"}) {
    const Files files(url);
    ZarrLayout layout = layout_of_doubles({4});
    layout.version = GetParam();
    (void)ZarrArray::create(files, "a/T.zarr", layout).value();
    const auto error_of = [](const auto& made) { return made ? Error(Errc{}, "it was made") : made.error(); };
    for (const std::string& path : {std::string("a/T.zarr/U"), std::string("a/T.zarr/c/0/U")}) {
      for (const Error& error : {error_of(ZarrArray::create(files, path, layout)),
                                 error_of(ZarrGroup::create(files, path, {.version = GetParam()})),
                                 error_of(files.save(path + ".zarr", std::vector<double>{1}))}) {
        EXPECT_EQ(error.code(), Errc::invalid_argument) << error.what();
        EXPECT_NE(error.text().find("'a/T.zarr' above is an array"), std::string::npos) << error.what();
      }
    }
    const ZarrGroup run = ZarrGroup::create(files, "run.zarr", {.version = GetParam()}).value();
    (void)run.create_array("p/T", layout).value();
    EXPECT_TRUE(ZarrArray::create(files, "run.zarr/p/U", layout)) << "in a group";
    EXPECT_TRUE(ZarrArray::create(files, "run.zarr/no/group/U", layout)) << "in folders that are neither";
    EXPECT_EQ(code_of(run.create_array("p/T/V", layout)), Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace locum::tests
