// The files of groups: what describes them, what is below them, and all of that in one file.
#include <algorithm>
#include <map>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/zarr/metadata_member.hpp"
#include "transport/storage/zarr/zarr_group_state.hpp"

namespace locum::storage {

namespace {

/// Groups within groups that are entered: links may lead in a circle.
constexpr std::size_t deepest_group = 64;
constexpr std::size_t most_consolidated = std::size_t{1} << 20U;

Error no_zarr_group() {
  return Error(Errc::not_found,
               "there is no group of Zarr (neither zarr.json nor .zgroup); look at the folder of the "
               "files for the right path, or create the group");
}

/// Returns what a file of version 3 describes.
Result<ZarrMember::Kind> zarr_kind_of(const Record& json) {
  const std::string_view type = json["node_type"].text();
  if (type != "array" && type != "group") {
    return wrong_zarr_member("node_type", "is neither \"array\" nor \"group\"");
  }
  return type == "array" ? ZarrMember::Kind::array : ZarrMember::Kind::group;
}

/// A file of metadata of an array or a group.
struct ReadMetadata {
  std::string name;
  Record json;
};

/// Returns the files of metadata of what is at a place, as they are; none if it is neither array nor group of
/// that version. The first of them tells which.
Result<std::vector<ReadMetadata>> zarr_files(const ZarrPlace& place, int version) {
  std::vector<ReadMetadata> files;
  const auto add = [&](const char* name) -> Result<bool> {
    const auto text = place.text(name);
    if (!text || !*text) {
      return text ? Result<bool>(false) : text.error();
    }
    auto json = read_zarr_json(**text, name);
    if (!json) {
      return json.error().about(place.below(name));
    }
    files.push_back({name, std::move(*json)});
    return true;
  };
  if (version == 3) {
    const auto added = add("zarr.json");
    return added ? Result<std::vector<ReadMetadata>>(std::move(files)) : added.error();
  }
  auto added = add(".zarray");
  added = added && !*added ? add(".zgroup") : added;
  added = added && *added ? add(".zattrs") : added;
  return added ? Result<std::vector<ReadMetadata>>(std::move(files)) : added.error();
}

Result<ZarrMember::Kind> zarr_kind_of(const ReadMetadata& file) {
  return file.name == "zarr.json"
             ? zarr_kind_of(file.json)
             : Result<ZarrMember::Kind>(file.name == ".zarray" ? ZarrMember::Kind::array
                                                               : ZarrMember::Kind::group);
}

/// Adds the metadata of all below a group.
class Consolidation {
 public:
  explicit Consolidation(ZarrGroupMetadata& group) : group_(group) {}

  Result<void> operator()(const ZarrPlace& place, const std::string& prefix, std::size_t depth) {
    const auto entries = place.area->list(place.path);
    if (!entries) {
      return entries.error().about(place.path);
    }
    for (const AreaEntry& entry : *entries) {
      if (entry.is_folder) {
        if (auto added = add({place.area, place.below(entry.name)}, prefix + entry.name, depth); !added) {
          return added;
        }
      }
    }
    return {};
  }

 private:
  Result<void> add(const ZarrPlace& place, const std::string& path, std::size_t depth) {
    auto files = zarr_files(place, group_.version);
    if (!files) {
      return files.error();
    }
    if (files->empty()) {
      return {};
    }
    const auto kind = zarr_kind_of(files->front());
    if (!kind) {
      return kind.error().about(place.path);
    }
    if (depth == deepest_group) {
      return Error(Errc::unsupported, "groups within groups are more than 64 deep").about(place.path);
    }
    if (++added_ > most_consolidated) {
      return Error(Errc::unsupported, "more than 1048576 arrays and groups are not consolidated")
          .about(place.path);
    }
    std::vector<MetadataFile> described;
    for (ReadMetadata& file : *files) {
      file.json.remove("consolidated_metadata");  // all of it is in the one of this group
      described.push_back({file.name, {}, std::move(file.json)});
    }
    if (auto added = add_consolidated(group_, path, described); !added) {
      return added.error().about(place.path);
    }
    return *kind == ZarrMember::Kind::group ? (*this)(place, path + '/', depth + 1) : Result<void>();
  }

  ZarrGroupMetadata& group_;
  std::size_t added_ = 0;
};

}  // namespace

Result<ZarrGroupMetadata> read_zarr_group(const ZarrPlace& place, std::string_view path, bool consolidated) {
  // Over a network, one file says all.
  auto zmetadata = consolidated ? place.text(".zmetadata") : Result<std::optional<std::string>>(std::nullopt);
  if (zmetadata && *zmetadata) {
    auto group = read_zarr_group_v2({}, {}, **zmetadata);
    return group ? std::move(group) : group.error().about(path);
  }
  const auto texts = zmetadata ? zarr_texts(place) : Result<ZarrTexts>(zmetadata.error());
  if (!texts) {
    return texts.error().about(path);
  }
  if (!texts->are_there()) {
    return no_zarr_group().about(path);
  }
  if (texts->array || (texts->v3 && !texts->is_group() && read_zarr_json(*texts->v3, "zarr.json"))) {
    return Error(Errc::invalid_argument, "this is an array of Zarr; open it as a ZarrArray").about(path);
  }
  auto attributes = texts->group ? place.text(".zattrs") : Result<std::optional<std::string>>(std::nullopt);
  if (!attributes) {
    return attributes.error();
  }
  auto group = texts->v3 ? read_zarr_group_v3(*texts->v3)
                         : read_zarr_group_v2(*texts->group, attributes->value_or(std::string()), {});
  return group ? std::move(group) : group.error().about(path);
}

Result<std::vector<ZarrMember>> zarr_members(const ZarrPlace& place, int version) {
  const auto entries = place.area->list(place.path);
  if (!entries) {
    return entries.error().about(place.path);
  }
  std::vector<ZarrMember> members;
  for (const AreaEntry& entry : *entries) {
    if (!entry.is_folder) {
      continue;
    }
    const ZarrPlace below{place.area, place.below(entry.name)};
    const auto files = zarr_files(below, version);
    const auto kind = files && !files->empty() ? zarr_kind_of(files->front())
                                               : Result<ZarrMember::Kind>(ZarrMember::Kind::array);
    if (!files || !kind) {
      return files ? kind.error().about(below.path) : files.error();
    }
    if (!files->empty()) {
      members.push_back({entry.name, *kind});
    }
  }
  return members;
}

std::vector<ZarrMember> zarr_members(const ConsolidatedBelow& all, int version) {
  std::map<std::string, ZarrMember::Kind> found;
  for (const auto& [path, entry] : all.entries->members()) {
    if (!path.starts_with(all.prefix)) {
      continue;
    }
    const std::string_view rest = std::string_view(path).substr(all.prefix.size());
    const std::size_t slash = rest.find('/');
    if (version == 3 && slash == rest.npos) {
      const auto kind = zarr_kind_of(entry);
      found.emplace(rest, kind ? *kind : ZarrMember::Kind::array);  // to open it tells what is wrong
    } else if (version == 2 && slash != rest.npos) {
      const std::string_view file = rest.substr(slash + 1);
      if (file == ".zarray" || file == ".zgroup") {
        found.emplace(rest.substr(0, slash),
                      file == ".zarray" ? ZarrMember::Kind::array : ZarrMember::Kind::group);
      }
    }
  }
  std::vector<ZarrMember> members;
  members.reserve(found.size());
  for (auto& [name, kind] : found) {
    members.push_back({name, kind});
  }
  return members;
}

Result<void> consolidate_zarr(const ZarrPlace& place, ZarrGroupMetadata& group) {
  group.consolidated = Record::members({});
  return Consolidation(group)(place, {}, 0);
}

}  // namespace locum::storage
