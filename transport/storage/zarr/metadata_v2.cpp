#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/codec_list.hpp"
#include "transport/storage/zarr/fill_value.hpp"
#include "transport/storage/zarr/metadata_check.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t most_filters = 32;

Result<void> append_v2_codec(ChunkCoding& coding, const Record& described, const std::string& member,
                             std::size_t element_bytes) {
  if (described["id"].kind() != Record::Kind::text) {
    return wrong_zarr_member(member, "is no object with a member \"id\" that is a text");
  }
  auto codec = bytes_codec_of_v2(described, element_bytes);
  if (!codec) {
    return codec_error_at(member, codec.error());
  }
  coding.codecs.push_back(std::move(*codec));
  return {};
}

Result<void> read_v2_codecs(const Record& zarray, ZarrMetadata& metadata) {
  const auto filters = zarr_member_of(zarray, "filters", "");
  const auto compressor = zarr_member_of(zarray, "compressor", "");
  if (!filters || !compressor) {
    return filters ? compressor.error() : filters.error();
  }
  if (!filters->is_null() && filters->kind() != Record::Kind::list) {
    return wrong_zarr_member("filters", "is neither null nor a list");
  }
  if (filters->size() > most_filters) {
    return unsupported_zarr_member("filters", "has " + std::to_string(filters->size()) +
                                                  " filters; at most " + std::to_string(most_filters) +
                                                  " can be read");
  }
  ChunkCoding& coding = metadata.coding;
  for (std::size_t at = 0; filters->kind() == Record::Kind::list && at < filters->size(); ++at) {
    const std::string member = "filters/" + std::to_string(at);
    if (auto added = append_v2_codec(coding, (*filters)[at], member, metadata.stored_bytes()); !added) {
      return added;
    }
  }
  coding.has_compressor = !compressor->is_null() || coding.codecs.empty();
  return compressor->is_null() ? Result<void>()
                               : append_v2_codec(coding, *compressor, "compressor", metadata.stored_bytes());
}

/// Returns the dimensions from the last one to the first one.
std::vector<std::size_t> v2_reversed_order(std::size_t rank) {
  std::vector<std::size_t> order(rank);
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  return order;
}

Result<void> read_v2_layout(const Record& zarray, ZarrMetadata& metadata) {
  const auto order = zarr_member_of(zarray, "order", "");
  if (!order) {
    return order.error();
  }
  if (order->text() != "C" && order->text() != "F") {
    return wrong_zarr_member("order", "is neither \"C\" nor \"F\"");
  }
  if (order->text() == "F" && metadata.shape.size() > 1) {
    metadata.coding.order = v2_reversed_order(metadata.shape.size());
  }
  metadata.has_prefix = false;
  metadata.separator = '.';
  if (const Record* const separator = zarray.members().find("dimension_separator"); separator != nullptr) {
    if (separator->text() != "." && separator->text() != "/") {
      return wrong_zarr_member("dimension_separator", "is neither \".\" nor \"/\"");
    }
    metadata.separator = separator->text().front();
  }
  return {};
}

Result<void> read_v2_extents(const Record& zarray, ZarrMetadata& metadata) {
  const auto shape = zarr_member_of(zarray, "shape", "");
  const auto chunks = zarr_member_of(zarray, "chunks", "");
  if (!shape || !chunks) {
    return shape ? chunks.error() : shape.error();
  }
  const auto extents = zarr_extents_of(*shape, "shape", 0);
  const auto chunk = zarr_extents_of(*chunks, "chunks", 1);
  if (!extents || !chunk) {
    return extents ? chunk.error() : extents.error();
  }
  metadata.shape = *extents;
  metadata.chunk = *chunk;
  return check_zarr_extents(metadata, "chunks");
}

Result<ZarrMetadata> read_v2_array(const Record& zarray, const Record& zattrs) {
  ZarrMetadata metadata;
  metadata.version = 2;
  if (auto right = check_zarr_format(zarray, 2); !right) {
    return right.error();
  }
  const auto dtype = zarr_member_of(zarray, "dtype", "");
  const auto type = dtype ? zarr_type_of_v2(*dtype) : dtype.error();
  if (!type) {
    return type.error();
  }
  metadata.element = type->element;
  metadata.is_half = type->is_half;
  metadata.coding.is_big_endian = type->is_big_endian;
  for (auto* const read : {read_v2_extents, read_v2_layout, read_v2_codecs}) {
    if (auto done = read(zarray, metadata); !done) {
      return done.error();
    }
  }
  const auto said = zarr_member_of(zarray, "fill_value", "");
  if (!said) {
    return said.error();
  }
  metadata.has_fill = !said->is_null();
  auto fill = metadata.has_fill ? zarr_fill_of(*said, *type, 2)
                                : std::vector<std::byte>(metadata.element.bytes(), std::byte{});
  auto attributes = zarr_attributes_of(zattrs, ".zattrs");
  if (!fill || !attributes) {
    return fill ? attributes.error() : fill.error();
  }
  metadata.fill = std::move(*fill);
  metadata.attributes = std::move(*attributes);
  return metadata;
}

Error not_in_v2(const std::string& reason) {
  return Error(Errc::unsupported, "Zarr, version 2, " + reason + "; write version 3");
}

/// Returns the members `compressor` and `filters`.
Result<std::pair<Record, Record>> write_v2_codecs(const ChunkCoding& coding) {
  Record::List filters;
  for (const auto& codec : coding.codecs) {
    auto described = codec->described(2);
    if (!described) {
      return described.error();
    }
    filters.push_back(std::move(*described));
  }
  Record compressor;
  if (coding.has_compressor && !filters.empty()) {
    compressor = std::move(filters.back());
    filters.pop_back();
  }
  return std::pair(std::move(compressor), filters.empty() ? Record() : Record::list(std::move(filters)));
}

}  // namespace

Result<ZarrMetadata> zarr_metadata_of_v2(const Record& zarray, const Record& zattrs) {
  return format_call([&] { return read_v2_array(zarray, zattrs); });
}

Result<ZarrMetadata> read_zarr_v2(std::string_view zarray, std::string_view zattrs) {
  return format_call([&]() -> Result<ZarrMetadata> {
    const auto array = read_zarr_json(zarray, ".zarray");
    const auto attributes = zattrs.empty() ? Result<Record>(Record()) : read_zarr_json(zattrs, ".zattrs");
    if (!array || !attributes) {
      return array ? attributes.error() : array.error();
    }
    return read_v2_array(*array, *attributes);
  });
}

Result<std::vector<MetadataFile>> write_zarr_v2(const ZarrMetadata& metadata) {
  if (metadata.shards) {
    return not_in_v2("has no shards");
  }
  if (!metadata.dimension_names.empty()) {
    return not_in_v2("has no names of dimensions, or put them into the attribute \"_ARRAY_DIMENSIONS\"");
  }
  const std::vector<std::size_t>& order = metadata.coding.order;
  const bool is_reversed = order.size() > 1 && order == v2_reversed_order(order.size());
  if (!is_reversed && !std::ranges::is_sorted(order)) {
    return not_in_v2("stores the last dimension or the first one as the fastest, and no other order");
  }
  const ZarrType type = zarr_type_of(metadata);
  auto dtype = zarr_v2_name_of(type);
  if (!dtype) {
    return dtype.error();
  }
  auto fill = metadata.has_fill ? zarr_fill_record(metadata.fill, type, 2) : Record();
  auto codecs = write_v2_codecs(metadata.coding);
  auto attributes = zarr_attributes_of(metadata.attributes, "attributes");
  if (!fill || !codecs || !attributes) {
    return !fill ? fill.error() : !codecs ? codecs.error() : attributes.error();
  }
  std::vector<MetadataFile> files;
  if (attributes->size() != 0) {
    auto zattrs = metadata_file_of(".zattrs", std::move(*attributes));
    if (!zattrs) {
      return zattrs.error();
    }
    files.push_back(std::move(*zattrs));
  }
  auto zarray = metadata_file_of(".zarray",
                                 Record::members({{"chunks", zarr_list_of(metadata.chunk)},
                                                  {"compressor", std::move(codecs->first)},
                                                  {"dimension_separator", std::string(1, metadata.separator)},
                                                  {"dtype", std::move(*dtype)},
                                                  {"fill_value", std::move(*fill)},
                                                  {"filters", std::move(codecs->second)},
                                                  {"order", is_reversed ? "F" : "C"},
                                                  {"shape", zarr_list_of(metadata.shape)},
                                                  {"zarr_format", 2}}));
  if (!zarray) {
    return zarray.error();
  }
  files.push_back(std::move(*zarray));
  return files;
}

}  // namespace locum::storage
