#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/ome.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

using ome::Axis;
using ome::Level;
using ome::Multiscale;

constexpr const char* two_axes = R"([{"name": "y", "type": "space", "unit": "micrometer"},
                                     {"name": "x", "type": "space", "unit": "micrometer"}])";

/// Returns what a group of version 2 holds whose attributes are these.
Result<std::vector<Multiscale>> read_v2(const std::string& attributes) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/.zgroup") << R"({"zarr_format": 2})";
  std::ofstream(folder.path() + "/.zattrs") << attributes;
  const auto group = ZarrGroup::open(Files("file:" + folder.path()), "");
  return group ? ome::multiscales(*group) : group.error();
}
Result<std::vector<Multiscale>> read_v3(const std::string& attributes) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/zarr.json")
      << R"({"zarr_format": 3, "node_type": "group", "attributes": )" << attributes << "}";
  const auto group = ZarrGroup::open(Files("file:" + folder.path()), "");
  return group ? ome::multiscales(*group) : group.error();
}
std::string one_image(const std::string& datasets, const std::string& more = "",
                      const std::string& axes = two_axes) {
  return R"({"multiscales": [{"version": "0.4", "axes": )" + axes + R"(, "datasets": )" + datasets + more +
         "}]}";
}
std::string one_level(const std::string& transformations) {
  return one_image(R"([{"path": "0", "coordinateTransformations": )" + transformations + "}]");
}

// The members of the specification's examples, of all kinds.
TEST(Ome, IsReadAsTheSpecificationDescribesIt) {
  const auto read = read_v2(R"({"omero": {"id": 1}, "multiscales": [{
    "version": "0.4", "name": "nucleus", "type": "gaussian", "metadata": {"method": "any", "args": [1]},
    "axes": [{"name": "t", "type": "time", "unit": "millisecond"}, {"name": "c", "type": "channel"},
             {"name": "z", "type": "space", "unit": "micrometer"}, {"name": "y", "type": "space", "unit": "micrometer"},
             {"name": "x", "type": "space", "unit": "micrometer"}],
    "datasets": [
      {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1.0, 0.5, 0.25, 0.25]}]},
      {"path": "half/1", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1, 0.5, 0.5]},
                                            {"type": "translation", "translation": [0, 0, 0, 2, 4]}]}],
    "coordinateTransformations": [{"type": "scale", "scale": [0.1, 1, 1, 2, 1]},
                                  {"type": "translation", "translation": [5, 0, 0, 0, 1]}]}]})");
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 1U);
  const Multiscale& image = read->front();
  EXPECT_EQ(image.name, "nucleus");
  EXPECT_EQ(image.method, "gaussian");
  ASSERT_EQ(image.axes.size(), 5U);
  EXPECT_EQ(image.axes[0].name + image.axes[0].type + image.axes[0].unit, "ttimemillisecond");
  EXPECT_EQ(image.axes[1].name + image.axes[1].type + image.axes[1].unit, "cchannel");
  EXPECT_EQ(image.axes[4].name, "x");
  ASSERT_EQ(image.levels.size(), 2U);
  EXPECT_EQ(image.levels[0].path, "0");
  EXPECT_EQ(image.levels[0].scale, (std::vector<double>{0.1, 1, 0.5, 0.5, 0.25}));
  EXPECT_EQ(image.levels[0].translation, (std::vector<double>{5, 0, 0, 0, 1}));
  EXPECT_EQ(image.levels[1].path, "half/1");
  EXPECT_EQ(image.levels[1].scale, (std::vector<double>{0.1, 1, 1, 1, 0.5}));
  EXPECT_EQ(image.levels[1].translation, (std::vector<double>{5, 0, 0, 4, 5}));

  const auto v3 = read_v3(R"({"ome": {"version": "0.5", "multiscales": [{"name": "example", "axes": )" +
                          std::string(two_axes) +
                          R"(, "datasets": [{"path": "0", "coordinateTransformations":
                                             [{"type": "scale", "scale": [3, 4]}]}]},
                              {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "other",
                               "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}]}]}})");
  ASSERT_TRUE(v3) << v3.error();
  ASSERT_EQ(v3->size(), 2U);
  EXPECT_EQ(v3->front().levels.front().scale, (std::vector<double>{3, 4}));
  EXPECT_EQ(v3->back().levels.front().path, "other");
  EXPECT_EQ(v3->back().name, "");
}

TEST(Ome, RefusesWhatIsWrongByItsPlace) {
  const std::string scale = R"({"type": "scale", "scale": [1, 2]})";
  const std::string right = R"([{"path": "0", "coordinateTransformations": [)" + scale + "]}]";
  ASSERT_TRUE(read_v2(one_image(right)));
  EXPECT_EQ(code_of(read_v2("{}")), Errc::not_found);
  EXPECT_EQ(code_of(read_v3(R"({"multiscales": []})")), Errc::not_found) << "version 0.5 has them in 'ome'";
  for (const std::string& text :
       {std::string(R"({"multiscales": 3})"),
        std::string(R"({"multiscales": [3]})"),
        one_image("[]"),
        one_image("3"),
        one_image(R"([{"path": "0"}])"),
        one_image(R"([{"path": "../0", "coordinateTransformations": [)" + scale + "]}]"),
        one_image(R"([{"coordinateTransformations": [)" + scale + "]}]"),
        one_image(R"([{"path": 3, "coordinateTransformations": [)" + scale + "]}]"),
        one_level("[]"),
        one_level("3"),
        one_level("[" + scale + "," + scale + "]"),
        one_level("[" + scale + "," + scale + "," + scale + "]"),
        one_level(R"([{"type": "translation", "translation": [1, 2]}])"),
        one_level(R"([{"type": "scale", "scale": [1]}])"),
        one_level(R"([{"type": "scale", "scale": [1, "a"]}])"),
        one_level(R"([{"type": "scale", "scale": [1, NaN]}])"),
        one_image(right, R"(, "coordinateTransformations": [{"type": "scale", "scale": [1]}])"),
        one_image(R"([{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1e300, 1]}]}])",
                  R"(, "coordinateTransformations": [{"type": "scale", "scale": [1e300, 1]}])"),
        one_image(right, "", "[]"),
        one_image(right, "", "3"),
        one_image(right, "", R"([{}, {"name": "x"}])"),
        one_image(right, "", R"(["y", "x"])"),
        one_image(right, "", R"([{"name": "y", "unit": 3}, {"name": "x"}])"),
        one_image(right, R"(, "name": 3)")}) {
    const auto read = read_v2(text);
    EXPECT_EQ(code_of(read), Errc::corrupt) << text;
    EXPECT_NE(std::string(read ? "" : read.error().what()).find("attributes/multiscales"), std::string::npos)
        << text;
  }
  EXPECT_EQ(code_of(read_v2(R"({"multiscales": [{"version": "0.3", "axes": ["y", "x"], "datasets": []}]})")),
            Errc::unsupported);
  EXPECT_EQ(code_of(read_v3(R"({"ome": {"version": "0.6", "multiscales": []}})")), Errc::unsupported);
  EXPECT_EQ(code_of(read_v2(one_level(R"([{"type": "affine", "affine": [[1, 0], [0, 1]]}])"))),
            Errc::unsupported);
  EXPECT_EQ(code_of(read_v2(one_level(R"([{"type": "scale", "path": "scales"}])"))), Errc::unsupported);
}

class OmeWritten : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Versions, OmeWritten, ::testing::Values(2, 3));

ZarrLayout plane(const Extents& shape, std::vector<std::string> dimensions, int version) {
  return {.type = ElementType::of<std::uint16_t>(),
          .shape = shape,
          .codecs = "",
          .dimensions = version == 3 ? std::move(dimensions) : std::vector<std::string>()};
}

const Multiscale right_image{
    .name = "cells",
    .method = "mean",
    .axes = {{"c", "channel"}, {"y", "space", "micrometer"}, {"x", "space", "micrometer"}},
    .levels = {{"0", {1, 0.5, 0.5}}, {"1", {1, 1, 1}, {0, 0.25, 0.25}}}};

ZarrGroup image_group(const Files& files, int version) {
  const ZarrGroup group =
      ZarrGroup::create(
          files, "image.zarr",
          {.attributes =
               version == 3
                   ? Record::members({{"ome", Record::members({{"omero", Record::members({{"id", 1}})}})}})
                   : Record::members({{"omero", Record::members({{"id", 1}})}}),
           .version = version})
          .value();
  group.create_array("0", plane({2, 8, 6}, {"c", "y", "x"}, version)).value();
  group.create_array("1", plane({2, 4, 3}, {"c", "y", "x"}, version)).value();
  return group;
}

TEST_P(OmeWritten, IsReadAgainBesideOtherAttributes) {
  const Files files("memory:");
  ome::set_multiscale(image_group(files, GetParam()), right_image).value();
  const ZarrGroup group = ZarrGroup::open(files, "image.zarr").value();
  const auto read = ome::multiscales(group);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front().name, "cells");
  EXPECT_EQ(read->front().method, "mean");
  EXPECT_EQ(read->front().axes[1].unit, "micrometer");
  EXPECT_EQ(read->front().axes[0].unit, "");
  EXPECT_EQ(read->front().levels[0].scale, (std::vector<double>{1, 0.5, 0.5}));
  EXPECT_EQ(read->front().levels[0].translation, (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(read->front().levels[1].translation, (std::vector<double>{0, 0.25, 0.25}));
  const Record attributes = group.attributes();
  const Record& all = GetParam() == 3 ? attributes["ome"] : attributes;
  EXPECT_EQ(all["omero"].get<int>("id").value(), 1) << "which stays";
  EXPECT_EQ(GetParam() == 3 ? all["version"].text() : all["multiscales"][0]["version"].text(),
            GetParam() == 3 ? "0.5" : "0.4");
  EXPECT_EQ(all["multiscales"][0]["datasets"][1]["coordinateTransformations"][0]["type"].text(), "scale");
}

TEST_P(OmeWritten, HoldsTheRulesOfTheSpecification) {
  const Files files("memory:");
  const ZarrGroup group = image_group(files, GetParam());
  const auto wrong = [&](auto change) {
    Multiscale image = right_image;
    change(image);
    return code_of(ome::set_multiscale(group, image));
  };
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes.clear(); }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes[1].name = "x"; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes[1].name.clear(); }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes[1].type = "time"; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes[2].type = "channel"; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.axes.resize(6, {"a", "space"}); }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) {
              image.axes.insert(image.axes.begin(), {"d", "other"});
            }),
            Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels.clear(); }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels[0].scale = {1, 1}; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels[0].scale[1] = 0; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels[1].translation = {1}; }), Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { std::swap(image.levels[0], image.levels[1]); }),
            Errc::invalid_argument);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels[1].path = "2"; }), Errc::not_found);
  EXPECT_EQ(wrong([](Multiscale& image) { image.levels[1].path = "../1"; }), Errc::invalid_argument);
  if (GetParam() == 3) {
    EXPECT_EQ(wrong([](Multiscale& image) { image.axes[0].name = "channel"; }), Errc::invalid_argument);
  }
  EXPECT_EQ(code_of(ome::multiscales(group)), Errc::not_found) << "nothing was written";
  EXPECT_EQ(wrong([](Multiscale& /*image*/) {}), Errc{});
}

}  // namespace
}  // namespace locum::tests
