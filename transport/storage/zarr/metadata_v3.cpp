#include <array>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/codec_list.hpp"
#include "transport/storage/zarr/fill_value.hpp"
#include "transport/storage/zarr/metadata_check.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view v3_chunk_member = "chunk_grid/configuration/chunk_shape";

Result<Extents> read_v3_chunk(const Record& json) {
  constexpr std::array<std::string_view, 1> known{"chunk_shape"};
  const auto described = zarr_member_of(json, "chunk_grid", "");
  const auto grid = described ? zarr_extension_of(*described, "chunk_grid") : described.error();
  if (!grid) {
    return grid.error();
  }
  if (grid->name != "regular") {
    return unsupported_zarr_member(
        "chunk_grid",
        "is " + quoted_name(grid->name) + "; only the grid 'regular' can be read: store the array with it");
  }
  if (auto checked = check_zarr_members(grid->configuration, known, "chunk_grid/configuration"); !checked) {
    return checked.error();
  }
  return zarr_extents_of(grid->configuration["chunk_shape"], v3_chunk_member, 1);
}

Result<void> read_v3_keys(const Record& json, ZarrMetadata& metadata) {
  constexpr std::array<std::string_view, 1> known{"separator"};
  constexpr std::string_view place = "chunk_key_encoding/configuration";
  const auto described = zarr_member_of(json, "chunk_key_encoding", "");
  const auto keys = described ? zarr_extension_of(*described, "chunk_key_encoding") : described.error();
  if (!keys) {
    return keys.error();
  }
  metadata.has_prefix = keys->name == "default";
  if (!metadata.has_prefix && keys->name != "v2") {
    return unsupported_zarr_member("chunk_key_encoding",
                                   "is " + quoted_name(keys->name) + "; only 'default' and 'v2' can be read");
  }
  if (auto checked = check_zarr_members(keys->configuration, known, place); !checked) {
    return checked;
  }
  metadata.separator = metadata.has_prefix ? '/' : '.';
  if (const Record* const separator = keys->configuration.members().find("separator"); separator != nullptr) {
    if (separator->text() != "/" && separator->text() != ".") {
      return wrong_zarr_member(std::string(place) + "/separator", "is neither \"/\" nor \".\"");
    }
    metadata.separator = separator->text().front();
  }
  return {};
}

Result<void> read_v3_dimension_names(const Record& json, ZarrMetadata& metadata) {
  const Record& names = json["dimension_names"];
  if (names.is_null()) {
    return {};
  }
  if (names.kind() != Record::Kind::list || names.size() != metadata.shape.size()) {
    return wrong_zarr_member("dimension_names", "is no list of as many names as the array has dimensions");
  }
  for (std::size_t at = 0; at < names.size(); ++at) {
    if (!names[at].is_null() && names[at].kind() != Record::Kind::text) {
      return wrong_zarr_member("dimension_names/" + std::to_string(at), "is neither a text nor null");
    }
    metadata.dimension_names.push_back(names[at].is_null() ? std::nullopt
                                                           : std::optional(std::string(names[at].text())));
  }
  return {};
}

Result<void> check_v3_members(const Record& json) {
  constexpr std::array<std::string_view, 11> known{
      "zarr_format",        "node_type",  "shape",  "data_type",  "chunk_grid",
      "chunk_key_encoding", "fill_value", "codecs", "attributes", "storage_transformers",
      "dimension_names"};
  // The version first: another one has other members.
  if (auto right = check_zarr_format(json, 3); !right) {
    return right;
  }
  if (json["node_type"].text() == "group") {
    return wrong_zarr_member("node_type", "is \"group\": this is no array");
  }
  if (json["node_type"].text() != "array") {
    return wrong_zarr_member("node_type", "is not \"array\"");
  }
  const Record& transformers = json["storage_transformers"];
  if (!transformers.is_null() && transformers.kind() != Record::Kind::list) {
    return wrong_zarr_member("storage_transformers", "is no list");
  }
  if (transformers.size() != 0) {
    const auto first = zarr_extension_of(transformers[0], "storage_transformers/0");
    return first ? unsupported_zarr_member("storage_transformers",
                                           "has " + quoted_name(first->name) +
                                               ", and none can be read; store the array without it")
                 : first.error();
  }
  return check_zarr_members(json, known, "", true);
}

Result<void> read_v3_codecs(const Record& json, ZarrMetadata& metadata) {
  const auto described = zarr_member_of(json, "codecs", "");
  auto codecs = described
                    ? read_codec_list(*described, "codecs", metadata.shape.size(), metadata.stored_bytes())
                    : described.error();
  if (!codecs) {
    return codecs.error();
  }
  if (codecs->sharding) {
    return read_sharding(*codecs->sharding, codecs->sharding_member, metadata);
  }
  metadata.coding = std::move(codecs->coding);
  return {};
}

Result<ZarrMetadata> read_v3_array(const Record& json) {
  ZarrMetadata metadata;
  if (auto checked = check_v3_members(json); !checked) {
    return checked.error();
  }
  const auto shape = zarr_member_of(json, "shape", "");
  const auto extents = shape ? zarr_extents_of(*shape, "shape", 0) : shape.error();
  const auto data_type = zarr_member_of(json, "data_type", "");
  const auto type = data_type ? zarr_type_of_v3(*data_type) : data_type.error();
  const auto chunk = read_v3_chunk(json);
  if (!extents || !type || !chunk) {
    return !extents ? extents.error() : !type ? type.error() : chunk.error();
  }
  metadata.shape = *extents;
  metadata.element = type->element;
  metadata.is_half = type->is_half;
  metadata.chunk = *chunk;
  if (auto checked = check_zarr_extents(metadata, v3_chunk_member); !checked) {
    return checked.error();
  }
  for (auto* const read : {read_v3_keys, read_v3_codecs, read_v3_dimension_names}) {
    if (auto done = read(json, metadata); !done) {
      return done.error();
    }
  }
  const auto said = zarr_member_of(json, "fill_value", "");
  auto fill = said ? zarr_fill_of(*said, *type, 3) : said.error();
  auto attributes = zarr_attributes_of(json["attributes"], "attributes");
  if (!fill || !attributes) {
    return fill ? attributes.error() : fill.error();
  }
  metadata.fill = std::move(*fill);
  metadata.attributes = std::move(*attributes);
  return metadata;
}

Record v3_dimension_names(const ZarrMetadata& metadata) {
  Record::List names;
  for (const auto& name : metadata.dimension_names) {
    names.push_back(name ? Record(*name) : Record());
  }
  return Record::list(std::move(names));
}

}  // namespace

Result<ZarrMetadata> zarr_metadata_of_v3(const Record& json) {
  return format_call([&] { return read_v3_array(json); });
}

Result<ZarrMetadata> read_zarr_v3(std::string_view json) {
  return format_call([&]() -> Result<ZarrMetadata> {
    const auto value = read_zarr_json(json, "zarr.json");
    return value ? read_v3_array(*value) : value.error();
  });
}

Result<std::vector<MetadataFile>> write_zarr_v3(const ZarrMetadata& metadata) {
  if (!metadata.has_fill) {
    return Error(Errc::invalid_argument, "Zarr, version 3, needs a fill value; give one, 0 for example");
  }
  const ZarrType type = zarr_type_of(metadata);
  auto data_type = zarr_v3_name_of(type);
  if (!data_type) {
    return data_type.error();
  }
  auto fill = zarr_fill_record(metadata.fill, type, 3);
  auto codecs =
      metadata.shards ? write_sharding(metadata) : write_codec_list(metadata.coding, type.stored_bytes());
  auto attributes = zarr_attributes_of(metadata.attributes, "attributes");
  if (!fill || !codecs || !attributes) {
    return !fill ? fill.error() : !codecs ? codecs.error() : attributes.error();
  }
  const Record separator = Record::members({{"separator", std::string(1, metadata.separator)}});
  Record json = Record::members(
      {{"zarr_format", 3},
       {"node_type", "array"},
       {"shape", zarr_list_of(metadata.shape)},
       {"data_type", std::move(*data_type)},
       {"chunk_grid",
        zarr_extension_record("regular", Record::members({{"chunk_shape", zarr_list_of(metadata.chunk)}}))},
       {"chunk_key_encoding", zarr_extension_record(metadata.has_prefix ? "default" : "v2", separator)},
       {"fill_value", std::move(*fill)},
       {"codecs", std::move(*codecs)},
       {"attributes", std::move(*attributes)}});
  if (!metadata.dimension_names.empty()) {
    json.set("dimension_names", v3_dimension_names(metadata));
  }
  auto file = metadata_file_of("zarr.json", std::move(json));
  return file ? Result<std::vector<MetadataFile>>(std::vector{std::move(*file)}) : file.error();
}

}  // namespace locum::storage
