#include <algorithm>
#include <array>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/metadata_check.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 3> v2_files{".zarray", ".zgroup", ".zattrs"};

Result<void> check_consolidated(const Record& entries, std::string_view member, int version) {
  if (entries.kind() != Record::Kind::members) {
    return wrong_zarr_member(member, "is no object");
  }
  for (const auto& [path, entry] : entries.members()) {
    const std::string place = std::string(member).append("/").append(path, 0, 64);
    if (!is_below_group(path)) {
      return wrong_zarr_member(place,
                               "has a path that does not lead below the group: parts must not be empty, "
                               "\".\" or \"..\"");
    }
    const std::string_view file = std::string_view(path).substr(path.rfind('/') + 1);
    if (version == 2 && std::ranges::find(v2_files, file) == v2_files.end()) {
      return wrong_zarr_member(place, "is no path of a file .zarray, .zgroup or .zattrs");
    }
    if (entry.kind() != Record::Kind::members) {
      return wrong_zarr_member(place, "is no object");
    }
  }
  return {};
}

/// Returns the entries of `.zmetadata`.
Result<Record> read_v2_consolidated(std::string_view zmetadata) {
  const auto json = read_zarr_json(zmetadata, ".zmetadata");
  if (!json) {
    return json.error();
  }
  if (const auto format = (*json)["zarr_consolidated_format"].as<std::int64_t>(); !format || *format != 1) {
    return unsupported_zarr_member(
        "zarr_consolidated_format",
        "is not 1, the only one that can be read; remove .zmetadata, or consolidate "
        "the metadata again");
  }
  auto entries = zarr_member_of(*json, "metadata", "");
  if (entries) {
    if (auto checked = check_consolidated(*entries, "metadata", 2); !checked) {
      return checked.error();
    }
  }
  return entries;
}

Result<ZarrGroupMetadata> read_v2_group(std::string_view zgroup, std::string_view zattrs,
                                        std::string_view zmetadata) {
  ZarrGroupMetadata group;
  group.version = 2;
  auto entries = zmetadata.empty() ? Result<Record>(Record()) : read_v2_consolidated(zmetadata);
  if (!entries) {
    return entries.error();
  }
  const bool is_consolidated = zgroup.empty() && !zmetadata.empty();
  const auto json =
      is_consolidated ? zarr_member_of(*entries, ".zgroup", "metadata") : read_zarr_json(zgroup, ".zgroup");
  const auto said = is_consolidated  ? Result<Record>((*entries)[".zattrs"])
                    : zattrs.empty() ? Result<Record>(Record())
                                     : read_zarr_json(zattrs, ".zattrs");
  if (!json || !said) {
    return json ? said.error() : json.error();
  }
  if (auto right = check_zarr_format(*json, 2); !right) {
    return right.error();
  }
  auto attributes = zarr_attributes_of(*said, ".zattrs");
  if (!attributes) {
    return attributes.error();
  }
  group.attributes = std::move(*attributes);
  if (!zmetadata.empty()) {
    entries->remove(".zgroup");
    entries->remove(".zattrs");
    group.consolidated = std::move(*entries);
  }
  return group;
}

/// Sets what the member `consolidated_metadata` holds, as Zarr for Python writes it.
Result<void> read_v3_consolidated(const Record& said, ZarrGroupMetadata& group) {
  constexpr std::array<std::string_view, 3> known{"kind", "must_understand", "metadata"};
  constexpr std::string_view member = "consolidated_metadata";
  if (said.is_null()) {
    return {};
  }
  if (said["kind"].kind() == Record::Kind::text && said["kind"].text() != "inline") {
    const Record& must = said["must_understand"];
    if (must.kind() == Record::Kind::boolean && !must.as<bool>().value()) {
      return {};
    }
    return unsupported_zarr_member(
        member, "is of kind " + quoted_name(said["kind"].text()) + ", and only \"inline\" can be read");
  }
  if (auto checked = check_zarr_members(said, known, member); !checked) {
    return checked;
  }
  const Record& entries = said["metadata"];
  if (auto checked = check_consolidated(entries, "consolidated_metadata/metadata", 3); !checked) {
    return checked;
  }
  group.consolidated = entries;
  return {};
}

Result<ZarrGroupMetadata> read_v3_group(std::string_view text) {
  constexpr std::array<std::string_view, 4> known{"zarr_format", "node_type", "attributes",
                                                  "consolidated_metadata"};
  const auto json = read_zarr_json(text, "zarr.json");
  if (!json) {
    return json.error();
  }
  if (auto right = check_zarr_format(*json, 3); !right) {
    return right.error();
  }
  if ((*json)["node_type"].text() != "group") {
    return wrong_zarr_member("node_type", "is not \"group\"");
  }
  if (auto checked = check_zarr_members(*json, known, "", true); !checked) {
    return checked.error();
  }
  ZarrGroupMetadata group;
  auto attributes = zarr_attributes_of((*json)["attributes"], "attributes");
  if (!attributes) {
    return attributes.error();
  }
  group.attributes = std::move(*attributes);
  if (auto read = read_v3_consolidated((*json)["consolidated_metadata"], group); !read) {
    return read.error();
  }
  return group;
}

Result<std::vector<MetadataFile>> made_group_files(
    const std::vector<std::pair<std::string, Record>>& contents) {
  std::vector<MetadataFile> files;
  for (const auto& [path, content] : contents) {
    auto file = metadata_file_of(path, content);
    if (!file) {
      return file.error();
    }
    files.push_back(std::move(*file));
  }
  return files;
}

Result<std::vector<MetadataFile>> write_v2_group(const ZarrGroupMetadata& group, const Record& attributes) {
  const Record zgroup = Record::members({{"zarr_format", 2}});
  std::vector<std::pair<std::string, Record>> contents;
  if (attributes.size() != 0) {
    contents.emplace_back(".zattrs", attributes);
  }
  contents.emplace_back(".zgroup", zgroup);
  if (group.consolidated) {
    Record entries = *group.consolidated;
    entries.set(".zgroup", zgroup);
    if (attributes.size() != 0) {
      entries.set(".zattrs", attributes);
    }
    contents.emplace_back(
        ".zmetadata", Record::members({{"metadata", std::move(entries)}, {"zarr_consolidated_format", 1}}));
  }
  return made_group_files(contents);
}

Result<std::vector<MetadataFile>> write_v3_group(const ZarrGroupMetadata& group, const Record& attributes) {
  Record json = Record::members({{"zarr_format", 3}, {"node_type", "group"}, {"attributes", attributes}});
  if (group.consolidated) {
    json.set(
        "consolidated_metadata",
        Record::members({{"kind", "inline"}, {"must_understand", false}, {"metadata", *group.consolidated}}));
  }
  return made_group_files({{"zarr.json", std::move(json)}});
}

}  // namespace

bool is_below_group(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

Result<ZarrGroupMetadata> read_zarr_group_v2(std::string_view zgroup, std::string_view zattrs,
                                             std::string_view zmetadata) {
  return format_call([&] { return read_v2_group(zgroup, zattrs, zmetadata); });
}

Result<ZarrGroupMetadata> read_zarr_group_v3(std::string_view json) {
  return format_call([&] { return read_v3_group(json); });
}

Result<std::vector<MetadataFile>> write_zarr_group(const ZarrGroupMetadata& metadata) {
  return format_call([&]() -> Result<std::vector<MetadataFile>> {
    if (metadata.version != 2 && metadata.version != 3) {
      return Error(Errc::invalid_argument,
                   "Zarr has no version " + std::to_string(metadata.version) + " here; write version 2 or 3");
    }
    if (metadata.consolidated) {
      if (auto checked = check_consolidated(*metadata.consolidated, "consolidated", metadata.version);
          !checked) {
        return Error(Errc::invalid_argument, checked.error().text());
      }
    }
    const auto attributes = zarr_attributes_of(metadata.attributes, "attributes");
    if (!attributes) {
      return Error(Errc::invalid_argument, attributes.error().text());
    }
    return metadata.version == 2 ? write_v2_group(metadata, *attributes)
                                 : write_v3_group(metadata, *attributes);
  });
}

Result<void> add_consolidated(ZarrGroupMetadata& group, std::string_view path,
                              const std::vector<MetadataFile>& files) {
  return format_call([&]() -> Result<void> {
    if (!is_below_group(path)) {
      return Error(Errc::invalid_argument,
                   quoted_name(path) + " is no path below a group: parts must not be empty, \".\" or \"..\"");
    }
    if (!group.consolidated) {
      group.consolidated = Record::members({});
    }
    for (const MetadataFile& file : files) {
      if (group.version == 3) {
        group.consolidated->set(path, file.content);
      } else if (file.path != ".zmetadata") {
        group.consolidated->set(std::string(path) + "/" + file.path, file.content);
      }
    }
    return {};
  });
}

}  // namespace locum::storage
