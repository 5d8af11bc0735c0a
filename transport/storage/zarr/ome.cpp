#include "transport/storage/zarr/ome.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::ome {

namespace {

constexpr std::string_view version_in_v2 = "0.4";
constexpr std::string_view version_in_v3 = "0.5";
constexpr std::size_t least_axes = 2;
constexpr std::size_t most_axes = 5;

using storage::unsupported_zarr_member;
using storage::wrong_zarr_member;

std::string place_in(const std::string& outer, std::string_view name) {
  return outer + '/' + std::string(name);
}
std::string place_in(const std::string& outer, std::size_t index) {
  return place_in(outer, std::to_string(index));
}

Result<std::string> text_in(const Record& object, const std::string& place, std::string_view name) {
  const Record& value = object[name];
  if (value.is_null()) {
    return std::string();
  }
  auto text = value.as<std::string>();
  return text ? std::move(text) : wrong_zarr_member(place_in(place, name), "is no text");
}

Result<std::vector<Axis>> axes_in(const Record& image, const std::string& place) {
  const std::string of_axes = place_in(place, "axes");
  if (image["axes"].kind() != Record::Kind::list || image["axes"].size() == 0 ||
      image["axes"].size() > max_rank) {
    return wrong_zarr_member(of_axes, "is no list of 1 to 8 axes");
  }
  std::vector<Axis> axes;
  for (const Record& described : image["axes"].list()) {
    const std::string of_axis = place_in(of_axes, axes.size());
    auto name = text_in(described, of_axis, "name");
    auto type = text_in(described, of_axis, "type");
    auto unit = text_in(described, of_axis, "unit");
    if (!name || !type || !unit) {
      return !name ? name.error() : !type ? type.error() : unit.error();
    }
    if (name->empty()) {
      return wrong_zarr_member(of_axis, "has no name");
    }
    axes.push_back({*std::move(name), *std::move(type), *std::move(unit)});
  }
  return axes;
}

/// A scale, and then a translation.
struct Transformation {
  std::vector<double> scale;
  std::vector<double> translation;
};

Result<std::vector<double>> numbers_in(const Record& object, const std::string& place, std::string_view name,
                                       std::size_t rank) {
  auto numbers = object[name].as<std::vector<double>>();
  if (!numbers || numbers->size() != rank ||
      !std::ranges::all_of(*numbers, [](double number) { return std::isfinite(number); })) {
    return wrong_zarr_member(place_in(place, name), "is no list of as many numbers as there are axes");
  }
  return numbers;
}

/// `must_scale`: whether there has to be a scale, as there has for each array.
Result<Transformation> transformation_in(const Record& object, const std::string& place, std::size_t rank,
                                         bool must_scale) {
  constexpr std::string_view member = "coordinateTransformations";
  Transformation all{std::vector<double>(rank, 1), std::vector<double>(rank, 0)};
  const Record& list = object[member];
  const std::string of_list = place_in(place, member);
  if (list.is_null() && !must_scale) {
    return all;
  }
  if (list.kind() != Record::Kind::list) {
    return wrong_zarr_member(of_list, "is no list");
  }
  const auto is_valid = [&] {
    const std::size_t count = list.size();
    return count >= 1 && count <= 2 && list[0]["type"].text() == "scale" &&
           (count == 1 || list[1]["type"].text() == "translation");
  };
  if (!is_valid()) {
    const bool is_other = std::ranges::any_of(list.list(), [](const Record& one) {
      return one["type"].text() != "scale" && one["type"].text() != "translation";
    });
    return is_other
               ? unsupported_zarr_member(of_list, "has another transformation than scale and translation")
               : wrong_zarr_member(of_list, "is not one scale, and maybe one translation behind it");
  }
  for (std::size_t at = 0; at < list.size(); ++at) {
    if (!list[at]["path"].is_null()) {
      return unsupported_zarr_member(place_in(of_list, at), "has its numbers in a file of their own");
    }
    auto numbers = numbers_in(list[at], place_in(of_list, at), at == 0 ? "scale" : "translation", rank);
    if (!numbers) {
      return numbers.error();
    }
    (at == 0 ? all.scale : all.translation) = *std::move(numbers);
  }
  return all;
}

Result<std::vector<Level>> levels_in(const Record& image, const std::string& place, std::size_t rank) {
  const std::string of_levels = place_in(place, "datasets");
  const auto outer = transformation_in(image, place, rank, false);
  if (!outer) {
    return outer.error();
  }
  if (image["datasets"].kind() != Record::Kind::list || image["datasets"].size() == 0) {
    return wrong_zarr_member(of_levels, "is no list of at least one array");
  }
  std::vector<Level> levels;
  for (const Record& described : image["datasets"].list()) {
    const std::string of_level = place_in(of_levels, levels.size());
    auto path = text_in(described, of_level, "path");
    auto own = transformation_in(described, of_level, rank, true);
    if (!path || !own) {
      return path ? own.error() : path.error();
    }
    if (!storage::is_below_group(*path)) {
      return wrong_zarr_member(place_in(of_level, "path"), "leads to no place below the group");
    }
    Level level{*std::move(path), std::move(own->scale), std::move(own->translation)};
    for (std::size_t at = 0; at < rank; ++at) {
      level.scale[at] *= outer->scale[at];
      level.translation[at] = level.translation[at] * outer->scale[at] + outer->translation[at];
    }
    const auto is_finite = [](double number) { return std::isfinite(number); };
    if (!std::ranges::all_of(level.scale, is_finite) || !std::ranges::all_of(level.translation, is_finite)) {
      return wrong_zarr_member(of_level, "has transformations that together are infinite");
    }
    levels.push_back(std::move(level));
  }
  return levels;
}

Result<Multiscale> image_in(const Record& described, const std::string& place) {
  auto name = text_in(described, place, "name");
  auto method = text_in(described, place, "type");
  auto axes = axes_in(described, place);
  if (!name || !method || !axes) {
    return !name ? name.error() : !method ? method.error() : axes.error();
  }
  auto levels = levels_in(described, place, axes->size());
  return levels ? Result<Multiscale>(
                      Multiscale{*std::move(name), *std::move(method), *std::move(axes), *std::move(levels)})
                : levels.error();
}

Result<void> check_version(const Record& version, const std::string& place, std::string_view known) {
  return version.is_null() || version.text() == known
             ? Result<void>()
             : unsupported_zarr_member(
                   place, "is not \"" + std::string(known) + "\", the only one that can be read here");
}

Result<std::vector<Multiscale>> images_in(const ZarrGroup& group) {
  const Record attributes = group.attributes();
  const bool is_v3 = group.version() == 3;
  const Record& described = is_v3 ? attributes["ome"] : attributes;
  const std::string place = is_v3 ? "attributes/ome/multiscales" : "attributes/multiscales";
  const Record& images = described["multiscales"];
  if (images.is_null()) {
    return Error(Errc::not_found, "the attributes of the group describe no image at several resolutions");
  }
  if (images.kind() != Record::Kind::list) {
    return wrong_zarr_member(place, "is no list");
  }
  if (auto right = is_v3 ? check_version(described["version"], "attributes/ome/version", version_in_v3)
                         : Result<void>();
      !right) {
    return right.error();
  }
  std::vector<Multiscale> read;
  for (const Record& one : images.list()) {
    const std::string of_image = place_in(place, read.size());
    if (auto right = is_v3 ? Result<void>()
                           : check_version(one["version"], place_in(of_image, "version"), version_in_v2);
        !right) {
      return right.error();
    }
    auto image = image_in(one, of_image);
    if (!image) {
      return image.error();
    }
    read.push_back(*std::move(image));
  }
  return read;
}

Error wrong_image(const std::string& reason) {
  return Error(Errc::invalid_argument, "this is no image of OME: " + reason);
}

Result<void> check_axes(const std::vector<Axis>& axes) {
  if (axes.size() < least_axes || axes.size() > most_axes) {
    return wrong_image("it has " + std::to_string(axes.size()) + " axes, not 2 to 5");
  }
  std::set<std::string_view> names;
  std::size_t space = 0;
  for (std::size_t at = 0; at < axes.size(); ++at) {
    if (axes[at].name.empty() || !names.insert(axes[at].name).second) {
      return wrong_image("each axis has a name of its own");
    }
    space += axes[at].type == "space" ? 1U : 0U;
    if (space > 0 && axes[at].type != "space") {
      return wrong_image("the axes of space are the last ones; '" + axes[at].name + "' is behind one");
    }
    if (at > 0 && axes[at].type == "time") {
      return wrong_image("an axis of time is the first one; '" + axes[at].name + "' is not");
    }
  }
  if (space != 2 && space != 3) {
    return wrong_image("2 or 3 of its axes are of the type space, not " + std::to_string(space));
  }
  // At most one is of neither space nor time: a channel, or of another type.
  const std::size_t others = axes.size() - space - (axes[0].type == "time" ? 1U : 0U);
  return others <= 1 ? Result<void>() : wrong_image("at most one axis is of neither space nor time");
}

bool are_finite(const std::vector<double>& numbers, double above) {
  return std::ranges::all_of(numbers,
                             [above](double number) { return std::isfinite(number) && number > above; });
}

Result<void> check_level(const ZarrGroup& group, const Multiscale& image, const Level& level,
                         Extents& finer) {
  const std::size_t rank = image.axes.size();
  const std::string name = "the level '" + level.path + "' ";
  if (level.scale.size() != rank || !are_finite(level.scale, 0)) {
    return wrong_image(name + "has not one positive scale for each axis");
  }
  if (!level.translation.empty() &&
      (level.translation.size() != rank || !are_finite(level.translation, -HUGE_VAL))) {
    return wrong_image(name + "has not one translation for each axis, or none");
  }
  const auto array = group.array(level.path);
  if (!array) {
    return array.error();
  }
  const Extents shape = array->shape();
  if (shape.size() != rank) {
    return wrong_image(name + "has " + std::to_string(shape.size()) + " dimensions, the image " +
                       std::to_string(rank) + " axes");
  }
  for (std::size_t at = 0; at < rank && finer.size() != 0; ++at) {
    if (shape[at] > finer[at]) {
      return wrong_image(name + "is larger than one before it; the finest is the first one");
    }
  }
  finer = shape;
  const auto dimensions = array->dimensions();
  if (group.version() == 3 && !std::ranges::equal(dimensions, image.axes, {}, {}, &Axis::name)) {
    return wrong_image(name + "has other names of dimensions than the axes; make it with `.dimensions`");
  }
  return {};
}

Record record_of(const Axis& axis) {
  Record made = Record::members({{"name", axis.name}});
  for (const auto& [name, text] : {std::pair{"type", &axis.type}, std::pair{"unit", &axis.unit}}) {
    if (!text->empty()) {
      made.set(name, *text);
    }
  }
  return made;
}

Record list_of(const std::vector<double>& numbers) {
  Record made = Record::list({});
  for (const double number : numbers) {
    made.append(number);
  }
  return made;
}

Record record_of(const Level& level) {
  Record transformations = Record::list({});
  transformations.append(Record::members({{"type", "scale"}, {"scale", list_of(level.scale)}}));
  if (!level.translation.empty()) {
    transformations.append(
        Record::members({{"type", "translation"}, {"translation", list_of(level.translation)}}));
  }
  return Record::members({{"path", level.path}, {"coordinateTransformations", std::move(transformations)}});
}

Record record_of(const Multiscale& image, bool is_v3) {
  Record axes = Record::list({});
  for (const Axis& axis : image.axes) {
    axes.append(record_of(axis));
  }
  Record levels = Record::list({});
  for (const Level& level : image.levels) {
    levels.append(record_of(level));
  }
  Record made = Record::members({{"axes", std::move(axes)}, {"datasets", std::move(levels)}});
  for (const auto& [name, text] : {std::pair{"name", &image.name}, std::pair{"type", &image.method}}) {
    if (!text->empty()) {
      made.set(name, *text);
    }
  }
  if (!is_v3) {
    made.set("version", version_in_v2);
  }
  return made;
}

}  // namespace

Result<std::vector<Multiscale>> multiscales(const ZarrGroup& group) {
  auto images = storage::format_call([&] { return images_in(group); });
  return images ? std::move(images) : images.error().about(group.path());
}

Result<void> set_multiscale(const ZarrGroup& group, const Multiscale& image) {
  return storage::format_call([&]() -> Result<void> {
    if (auto right = check_axes(image.axes); !right) {
      return right.error().about(group.path());
    }
    if (image.levels.empty()) {
      return wrong_image("it has no level").about(group.path());
    }
    Extents finer;
    for (const Level& level : image.levels) {
      if (auto right = check_level(group, image, level, finer); !right) {
        return right.error().key().empty() ? right.error().about(group.path()) : right.error();
      }
    }
    const bool is_v3 = group.version() == 3;
    Record images = Record::list({});
    images.append(record_of(image, is_v3));
    Record attributes = group.attributes();
    if (!is_v3) {
      attributes.set("multiscales", std::move(images));
      return group.set_attributes(attributes);
    }
    Record ome = attributes["ome"].kind() == Record::Kind::members ? attributes["ome"] : Record::members({});
    ome.set("version", version_in_v3);
    ome.set("multiscales", std::move(images));
    attributes.set("ome", std::move(ome));
    return group.set_attributes(attributes);
  });
}

}  // namespace locum::ome
