#include <gtest/gtest.h>

#include <string>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::read_zarr_group_v2;
using storage::read_zarr_group_v3;
using storage::read_zarr_v3;
using storage::write_zarr;
using storage::zarr_metadata_of_v2;
using storage::zarr_metadata_of_v3;
using storage::ZarrGroupMetadata;

TEST(ZarrGroup, OfVersion3) {
  const auto plain = read_zarr_group_v3(
      R"({"zarr_format": 3, "node_type": "group", "attributes": {"spam": "ham", "eggs": 42}})");
  ASSERT_TRUE(plain) << plain.error().text();
  EXPECT_EQ(plain->attributes["eggs"], Record(42));
  EXPECT_FALSE(plain->consolidated);
  // As Zarr for Python 3 writes it.
  const std::string text = R"({
    "attributes": {},
    "zarr_format": 3,
    "consolidated_metadata": {
      "kind": "inline",
      "must_understand": false,
      "metadata": {
        "a": )" + std::string(v3_example) +
                           R"(,
        "b": {"attributes": {}, "zarr_format": 3, "consolidated_metadata":
              {"kind": "inline", "must_understand": false, "metadata": {}}, "node_type": "group"},
        "b/c": )" + std::string(v3_sharded) +
                           R"(
      }
    },
    "node_type": "group"
  })";
  const auto group = read_zarr_group_v3(text);
  ASSERT_TRUE(group) << group.error().text();
  ASSERT_TRUE(group->consolidated);
  EXPECT_EQ(group->consolidated->size(), 3U);
  EXPECT_EQ(zarr_metadata_of_v3((*group->consolidated)["a"]).value().chunk, Extents(1000, 100));
  EXPECT_EQ(zarr_metadata_of_v3((*group->consolidated)["b/c"]).value().shards->inner, Extents(32, 32, 8));

  ZarrGroupMetadata made;
  made.attributes = {{"k", 1}, {"l", 2}};
  ASSERT_TRUE(storage::add_consolidated(made, "a", write_zarr(read_zarr_v3(v3_example).value()).value()));
  ASSERT_TRUE(storage::add_consolidated(made, "b", storage::write_zarr_group({}).value()));
  const auto files = storage::write_zarr_group(made);
  ASSERT_TRUE(files) << files.error().text();
  ASSERT_EQ(files->size(), 1U);
  const auto again = read_zarr_group_v3(files->back().text);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->attributes, made.attributes);
  EXPECT_EQ(again->consolidated, made.consolidated);

  expect_zarr_error(storage::add_consolidated(made, "a/../b", {}), Errc::invalid_argument, "'a/../b'");
  for (const char* path : {"/a", "", "..", "a/../b", "a//b", "a/", "./a", "a\\u0000b"}) {
    expect_zarr_error(read_zarr_group_v3(replaced(text, "\"b/c\"", "\"" + std::string(path) + "\"")),
                      Errc::corrupt, "path");
  }
  EXPECT_FALSE(
      read_zarr_group_v3(R"({"zarr_format": 3, "node_type": "group", "consolidated_metadata": null})")
          .value()
          .consolidated);
  expect_zarr_error(read_zarr_group_v3(replaced(std::string(v3_example), "\"dimension_names\"", "\"x\"")),
                    Errc::corrupt, "node_type");
  expect_zarr_error(read_zarr_group_v3(R"({"zarr_format": 3, "node_type": "group", "links": {}})"),
                    Errc::unsupported, "links");
  EXPECT_TRUE(
      read_zarr_group_v3(R"({"zarr_format": 3, "node_type": "group", "links": {"must_understand": false}})"));
  expect_zarr_error(read_zarr_group_v3(
                        R"({"zarr_format": 3, "node_type": "group",
            "consolidated_metadata": {"kind": "x", "metadata": {}}})"),
                    Errc::unsupported, "'x'");
  expect_zarr_error(
      read_zarr_group_v3(
          R"({"zarr_format": 3, "node_type": "group", "consolidated_metadata": {"kind": "inline"}})"),
      Errc::corrupt, "metadata");
  expect_zarr_error(read_zarr_group_v3(R"({"zarr_format": 3, "node_type": "group", "attributes": []})"),
                    Errc::corrupt, "attributes");
}

TEST(ZarrGroup, OfVersion2) {
  const std::string zmetadata =
      R"({"metadata": {".zattrs": {"g": 1}, ".zgroup": {"zarr_format": 2}, "a/.zarray": )" +
      std::string(v2_example) + R"(, "a/.zattrs": {"u": "K"}, "b/.zgroup": {"zarr_format": 2}},
                                "zarr_consolidated_format": 1})";
  const auto group = read_zarr_group_v2(R"({"zarr_format": 2})", R"({"g": 1})", zmetadata);
  const auto alone = read_zarr_group_v2("", "", zmetadata);
  for (const auto& one : {group, alone}) {
    ASSERT_TRUE(one) << one.error().text();
    EXPECT_EQ(one->attributes, Record::members({{"g", 1}}));
    ASSERT_TRUE(one->consolidated);
    EXPECT_EQ(one->consolidated->size(), 3U);
    const Record& all = *one->consolidated;
    EXPECT_EQ(zarr_metadata_of_v2(all["a/.zarray"], all["a/.zattrs"]).value().attributes["u"], Record("K"));
  }
  const auto files = storage::write_zarr_group(*group);
  ASSERT_TRUE(files) << files.error().text();
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[2].path, ".zmetadata");
  const auto again = read_zarr_group_v2((*files)[1].text, (*files)[0].text, (*files)[2].text);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->consolidated, group->consolidated);
  EXPECT_FALSE(read_zarr_group_v2(R"({"zarr_format": 2})", "", "").value().consolidated);
  expect_zarr_error(read_zarr_group_v2("", "", ""), Errc::corrupt, ".zgroup");
  expect_zarr_error(read_zarr_group_v2(R"({"zarr_format": 3})", "", ""), Errc::corrupt, "zarr_format");
  expect_zarr_error(
      read_zarr_group_v2("", "",
                         replaced(zmetadata, "_consolidated_format\": 1", "_consolidated_format\": 2")),
      Errc::unsupported, "zarr_consolidated_format");
  for (const char* path : {"../.zgroup", "b//.zgroup", "/.zgroup", "b/.zother", "b"}) {
    expect_zarr_error(read_zarr_group_v2("", "", replaced(zmetadata, "b/.zgroup", path)), Errc::corrupt,
                      "path");
  }
}

}  // namespace
}  // namespace locum::tests::of_zarr
