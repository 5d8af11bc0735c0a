#include "transport/storage/zarr/metadata.hpp"

#include <algorithm>
#include <utility>

#include "core/value/extents_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/zarr/codec_list.hpp"
#include "transport/storage/zarr/metadata_check.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

Error wrong_made_metadata(const std::string& reason) {
  return Error(Errc::invalid_argument, "these metadata of Zarr contradict themselves: " + reason);
}

/// Returns the error of a check of members for metadata that a program made.
Result<void> of_made_metadata(const Result<void>& checked) {
  return checked ? checked : wrong_made_metadata(checked.error().text());
}

/// Returns whether it has each dimension once, or is empty.
bool is_zarr_order(const std::vector<std::size_t>& order, std::size_t rank) {
  std::vector<std::size_t> sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t at = 0; at < sorted.size(); ++at) {
    if (sorted[at] != at) {
      return false;
    }
  }
  return sorted.empty() || sorted.size() == rank;
}

bool has_all_codecs(const ChunkCoding& coding) {
  return std::ranges::all_of(coding.codecs, [](const auto& codec) { return codec != nullptr; });
}

bool is_zarr_rank(const Extents& extents) {
  return extents.rank <= max_rank;
}

}  // namespace

std::string ZarrMetadata::key_of(const Extents& indices) const {
  std::string key = version == 3 && has_prefix ? "c" : "";
  for (const std::uint64_t index : indices.span()) {
    if (!key.empty()) {
      key += separator;
    }
    key += std::to_string(index);
  }
  return key.empty() ? "0" : key;
}

Result<void> check_zarr_extents(const ZarrMetadata& metadata, std::string_view chunks) {
  if (metadata.shape.size() != metadata.chunk.size()) {
    return wrong_zarr_member(chunks, "has " + std::to_string(metadata.chunk.size()) +
                                         " dimensions, and the array " +
                                         std::to_string(metadata.shape.size()));
  }
  // Also in the array's type, where it is larger than in a chunk.
  const std::size_t bytes = std::max<std::size_t>(metadata.stored_bytes(), metadata.element.bytes());
  if (const auto all = zarr_bytes_of(metadata.shape, bytes, "shape"); !all) {
    return all.error();
  }
  const auto one = zarr_bytes_of(metadata.chunk, bytes, chunks);
  return one ? Result<void>() : one.error();
}

Result<void> check_made_metadata(const ZarrMetadata& metadata) {
  if (metadata.version != 2 && metadata.version != 3) {
    return wrong_made_metadata("the version is " + std::to_string(metadata.version) +
                               ", and neither 2 nor 3");
  }
  if (metadata.is_half && metadata.element != ElementType::of<float>()) {
    return wrong_made_metadata("elements of 16 bits are f32 in arrays, and not " + metadata.element.name());
  }
  if (!is_zarr_rank(metadata.shape) || !is_zarr_rank(metadata.chunk) ||
      (metadata.shards && !is_zarr_rank(metadata.shards->inner))) {
    return wrong_made_metadata("there are more than " + std::to_string(max_rank) + " dimensions");
  }
  if (metadata.separator != '/' && metadata.separator != '.') {
    return wrong_made_metadata("the separator of keys is neither '/' nor '.'");
  }
  if (std::ranges::find(metadata.chunk.span(), std::uint64_t{0}) != metadata.chunk.span().end()) {
    return wrong_made_metadata("chunks of " + extents_text(metadata.chunk) + " elements are empty");
  }
  if (auto checked = of_made_metadata(check_zarr_extents(metadata, "chunk")); !checked) {
    return checked;
  }
  if (!is_zarr_order(metadata.coding.order, metadata.shape.size())) {
    return wrong_made_metadata("the order of dimensions does not have each of them once");
  }
  if (!has_all_codecs(metadata.coding) || (metadata.shards && !has_all_codecs(metadata.shards->index))) {
    return wrong_made_metadata("a codec is no object");
  }
  if (!metadata.dimension_names.empty() && metadata.dimension_names.size() != metadata.shape.size()) {
    return wrong_made_metadata("there are " + std::to_string(metadata.dimension_names.size()) +
                               " names of dimensions, and " + std::to_string(metadata.shape.size()) +
                               " dimensions");
  }
  if (!metadata.attributes.is_null() && metadata.attributes.kind() != Record::Kind::members) {
    return wrong_made_metadata("the attributes are no members");
  }
  return metadata.shards ? of_made_metadata(check_shards(metadata, "shards")) : Result<void>();
}

Result<MetadataFile> metadata_file_of(std::string path, Record content) {
  auto text = zarr_json_text_of(content);
  if (!text) {
    return Error(text.error().code(), path + ": " + text.error().text(), text.error().detail());
  }
  return MetadataFile{std::move(path), std::move(*text), std::move(content)};
}

Result<std::vector<MetadataFile>> write_zarr(const ZarrMetadata& metadata) {
  return format_call([&]() -> Result<std::vector<MetadataFile>> {
    if (auto checked = check_made_metadata(metadata); !checked) {
      return checked.error();
    }
    return metadata.version == 2 ? write_zarr_v2(metadata) : write_zarr_v3(metadata);
  });
}

}  // namespace locum::storage
