#include "transport/storage/zarr/zarr_group.hpp"

#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/metadata_member.hpp"
#include "transport/storage/zarr/zarr_group_state.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum {

namespace {

using GroupState = std::shared_ptr<const detail::ZarrGroupState>;

Error wrong_zarr_name(std::string_view name) {
  return Error(Errc::invalid_argument,
               "this is no name below a group: parts between slashes must not be empty, \".\" or \"..\"")
      .about(name);
}

GroupState group_state(storage::ZarrPlace place, storage::ZarrGroupMetadata metadata, bool consolidated) {
  storage::ConsolidatedBelow below;
  if (consolidated && metadata.consolidated) {
    below.entries = std::make_shared<const Record>(*std::move(metadata.consolidated));
  }
  return std::make_shared<const detail::ZarrGroupState>(std::move(place), metadata.version,
                                                        std::move(metadata.attributes), std::move(below));
}

Result<GroupState> opened_group(storage::ZarrPlace place, std::string_view path, bool consolidated) {
  auto metadata = storage::read_zarr_group(place, path, consolidated);
  return metadata ? Result<GroupState>(group_state(std::move(place), std::move(*metadata), consolidated))
                  : metadata.error();
}

Result<GroupState> created_group(storage::ZarrPlace place, std::string_view path, int version,
                                 const Record& attributes) {
  const auto texts = storage::zarr_texts(place);
  if (!texts) {
    return texts.error().about(path);
  }
  if (texts->are_there()) {
    return Error(Errc::key_exists,
                 "there is an array or a group of Zarr already; open it, or remove its folder")
        .about(path);
  }
  storage::ZarrGroupMetadata metadata;
  metadata.version = version;
  metadata.attributes = attributes.is_null() ? Record::members({}) : attributes;
  const auto files = storage::write_zarr_group(metadata);
  auto written = files ? detail::write_metadata(*place.area, place.path, *files)
                       : Result<void>(files.error().about(path));
  return written ? Result<GroupState>(group_state(std::move(place), std::move(metadata), false))
                 : written.error();
}

/// Makes the groups that a name leads through, where there are none.
Result<void> make_groups_above(const detail::ZarrGroupState& group, std::string_view name) {
  for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const storage::ZarrPlace place = group.below(name.substr(0, slash));
    const auto texts = storage::zarr_texts(place);
    if (!texts) {
      return texts.error().about(place.path);
    }
    if (texts->are_there()) {
      if (!texts->is_group()) {
        return Error(Errc::invalid_argument, "this is an array of Zarr, below which nothing is made")
            .about(place.path);
      }
      continue;
    }
    if (const auto made = created_group(place, place.path, group.version(), {}); !made) {
      return made.error();
    }
  }
  return {};
}

Error not_in_consolidated(const storage::ZarrPlace& place) {
  return Error(Errc::not_found,
               "the consolidated metadata have nothing of that name; consolidate them again, or open the "
               "group without them")
      .about(place.path);
}

/// Returns an array that consolidated metadata describe.
Result<ZarrArray> consolidated_array(const detail::ZarrGroupState& group, const std::string& name) {
  const storage::ZarrPlace place = group.below(name);
  const storage::ConsolidatedBelow& all = group.consolidated();
  const Record& described = all[group.version() == 3 ? name : name + "/.zarray"];
  const bool is_group = group.version() == 3 ? described["node_type"].text() == "group"
                                             : described.is_null() && !all[name + "/.zgroup"].is_null();
  if (is_group) {
    return Error(Errc::invalid_argument, "this is a group of Zarr; open an array in it").about(place.path);
  }
  if (described.is_null()) {
    return not_in_consolidated(place);
  }
  auto metadata = group.version() == 3 ? storage::zarr_metadata_of_v3(described)
                                       : storage::zarr_metadata_of_v2(described, all[name + "/.zattrs"]);
  return metadata
             ? Result<ZarrArray>(ZarrArray(std::make_shared<detail::ZarrState>(place, std::move(*metadata))))
             : metadata.error().about(place.path);
}

/// Returns a group that consolidated metadata describe, whose members they describe, too.
Result<GroupState> consolidated_group(const detail::ZarrGroupState& group, const std::string& name) {
  storage::ZarrPlace place = group.below(name);
  const storage::ConsolidatedBelow& all = group.consolidated();
  const bool is_v3 = group.version() == 3;
  const Record& described = all[is_v3 ? name : name + "/.zgroup"];
  const bool is_array = is_v3 ? described["node_type"].text() == "array"
                              : described.is_null() && !all[name + "/.zarray"].is_null();
  if (is_array) {
    return Error(Errc::invalid_argument, "this is an array of Zarr; open it as a ZarrArray")
        .about(place.path);
  }
  if (described.is_null()) {
    return not_in_consolidated(place);
  }
  const auto format = storage::check_zarr_format(described, group.version());
  if (!format || (is_v3 && described["node_type"].text() != "group")) {
    return (format ? storage::wrong_zarr_member("node_type", "is neither \"array\" nor \"group\"")
                   : format.error())
        .about(place.path);
  }
  auto attributes =
      storage::zarr_attributes_of(is_v3 ? described["attributes"] : all[name + "/.zattrs"], "attributes");
  if (!attributes) {
    return attributes.error().about(place.path);
  }
  return std::make_shared<const detail::ZarrGroupState>(
      std::move(place), group.version(), std::move(*attributes),
      storage::ConsolidatedBelow{all.entries, all.prefix + name + '/'});
}

Result<ZarrGroup> group_of(Result<GroupState>&& state) {
  return state ? Result<ZarrGroup>(ZarrGroup(*std::move(state))) : state.error();
}

}  // namespace

Result<ZarrGroup> ZarrGroup::open(const Files& files, std::string_view path, const ZarrGroupOpen& options) {
  auto place = storage::zarr_place(files, path, {options.backend});
  return place ? group_of(opened_group(std::move(*place), path, options.consolidated))
               : place.error().about(path);
}

Result<ZarrGroup> ZarrGroup::create(const Files& files, std::string_view path,
                                    const ZarrGroupLayout& layout) {
  auto place = storage::zarr_place(files, path, {layout.backend});
  const auto free = place ? storage::check_above_zarr(*place, path) : Result<void>(place.error().about(path));
  return free ? group_of(created_group(std::move(*place), path, layout.version, layout.attributes))
              : free.error();
}

int ZarrGroup::version() const noexcept {
  return state_->version();
}

const std::string& ZarrGroup::path() const noexcept {
  return state_->place().path;
}

bool ZarrGroup::is_consolidated() const noexcept {
  return static_cast<bool>(state_->consolidated());
}

Record ZarrGroup::attributes() const {
  return state_->attributes();
}

// What else the file says, as consolidated metadata, stays.
Result<void> ZarrGroup::set_attributes(const Record& attributes) const {
  const storage::ZarrPlace& place = state_->place();
  auto metadata = storage::read_zarr_group(place, place.path, false);
  if (!metadata) {
    return metadata.error();
  }
  if (const auto zmetadata = place.text(".zmetadata"); !zmetadata) {
    return zmetadata.error();
  } else if (metadata->version == 2 && *zmetadata) {
    auto all = storage::read_zarr_group_v2({}, {}, **zmetadata);
    if (!all) {
      return all.error().about(place.path);
    }
    metadata->consolidated = std::move(all->consolidated);
  }
  metadata->attributes = attributes.is_null() ? Record::members({}) : attributes;
  const auto files = storage::write_zarr_group(*metadata);
  auto written = files ? detail::write_metadata(*place.area, place.path, *files)
                       : Result<void>(files.error().about(place.path));
  if (written) {
    state_->set_attributes(metadata->attributes);
  }
  return written;
}

Result<std::vector<ZarrMember>> ZarrGroup::list() const {
  return state_->consolidated() ? storage::zarr_members(state_->consolidated(), state_->version())
                                : storage::zarr_members(state_->place(), state_->version());
}

Result<bool> ZarrGroup::exists(std::string_view name) const {
  if (!storage::is_below_group(name)) {
    return wrong_zarr_name(name);
  }
  if (const storage::ConsolidatedBelow& all = state_->consolidated()) {
    const std::string of(name);
    return version() == 3 ? !all[of].is_null()
                          : !all[of + "/.zarray"].is_null() || !all[of + "/.zgroup"].is_null();
  }
  const storage::ZarrPlace place = state_->below(name);
  const auto texts = storage::zarr_texts(place);
  return texts ? Result<bool>(texts->are_there()) : texts.error().about(place.path);
}

Result<ZarrArray> ZarrGroup::array(std::string_view name) const {
  if (!storage::is_below_group(name)) {
    return wrong_zarr_name(name);
  }
  const storage::ZarrPlace place = state_->below(name);
  return state_->consolidated() ? consolidated_array(*state_, std::string(name))
                                : detail::open_zarr(place, place.path);
}

Result<ZarrGroup> ZarrGroup::group(std::string_view name) const {
  if (!storage::is_below_group(name)) {
    return wrong_zarr_name(name);
  }
  const storage::ZarrPlace place = state_->below(name);
  return group_of(state_->consolidated() ? consolidated_group(*state_, std::string(name))
                                         : opened_group(place, place.path, false));
}

Result<ZarrArray> ZarrGroup::create_array(std::string_view name, ZarrLayout layout) const {
  if (!storage::is_below_group(name)) {
    return wrong_zarr_name(name);
  }
  layout.version = version();
  const storage::ZarrPlace place = state_->below(name);
  auto made = make_groups_above(*state_, name);
  return made ? detail::create_zarr(place, place.path, layout) : made.error();
}

Result<ZarrGroup> ZarrGroup::create_group(std::string_view name, const Record& attributes) const {
  if (!storage::is_below_group(name)) {
    return wrong_zarr_name(name);
  }
  const storage::ZarrPlace place = state_->below(name);
  auto made = make_groups_above(*state_, name);
  return made ? group_of(created_group(place, place.path, version(), attributes)) : made.error();
}

Result<void> ZarrGroup::consolidate() const {
  return storage::format_call([&]() -> Result<void> {
    const storage::ZarrPlace& place = state_->place();
    auto metadata = storage::read_zarr_group(place, place.path, false);
    auto all = metadata ? storage::consolidate_zarr(place, *metadata) : Result<void>(metadata.error());
    if (!all) {
      return all;
    }
    const auto files = storage::write_zarr_group(*metadata);
    return files ? detail::write_metadata(*place.area, place.path, *files) : files.error().about(place.path);
  });
}

}  // namespace locum
