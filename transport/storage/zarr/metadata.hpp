#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/element_type.hpp"
#include "core/record.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"

namespace locum::storage {

/// How the elements of one chunk become bytes.
struct ChunkCoding {
  /// Order of dimensions in the bytes: the slowest first. Empty: as they are.
  std::vector<std::size_t> order;
  bool is_big_endian = false;  ///< false for elements of one byte
  /// In the order of encoding.
  std::vector<std::shared_ptr<const BytesCodec>> codecs;
  /// Version 2: the last of the codecs is its `compressor`; false: all of them are `filters`.
  bool has_compressor = true;
};

/// How the chunks of a shard are found in it.
struct ShardCoding {
  Extents inner;      ///< extents of the chunks in a shard; each divides that of the shard
  ChunkCoding index;  ///< of the index: an array of u64 with the extents of the grid in a shard, and 2
  bool ends = true;   ///< the index is at the end of the shard; else at its start
};

/// What the metadata of an array of Zarr say.
struct ZarrMetadata {
  int version = 3;  ///< 2 or 3
  ElementType element;
  /// Elements are stored in 16 bits (`float16`), which arrays here do not have: `element` is f32.
  bool is_half = false;
  Extents shape;
  Extents chunk;                      ///< of what one file holds: a chunk, or a shard; at least 1 each
  std::optional<ShardCoding> shards;  ///< set: each file holds several chunks
  ChunkCoding coding;                 ///< of a chunk (within a shard, if there are shards)
  std::vector<std::byte> fill;        ///< one `element`, in the order of bytes of this machine
  bool has_fill = true;               ///< false: version 2 says `null`, elements never written have any value
  /// Keys of chunks: `c/0/1` (version 3), or `0.1`, `0/1` (`v2` of version 3). Version 2 has no prefix.
  bool has_prefix = true;
  char separator = '/';
  std::vector<std::optional<std::string>> dimension_names;  ///< empty: none are given; version 3 only
  Record attributes = Record::members({});                  ///< a Record of members

  /// Returns the size of one element in a chunk, before codecs of bytes.
  [[nodiscard]] std::size_t stored_bytes() const noexcept { return is_half ? 2 : element.bytes(); }
  /// Returns the path of a chunk's file below the array. REQUIRES: as many indices as dimensions.
  [[nodiscard]] std::string key_of(const Extents& indices) const;
};

/// Reads `.zarray`. `zattrs`: what `.zattrs` holds; empty: no such file. Texts are not trusted: `corrupt`
/// names the member and what is wrong with it; `unsupported` names a type, filter or codec that is not known.
/// The bytes of one chunk, and those of the whole array, are fewer than 2^63. Unknown members are ignored, as
/// version 2 demands.
[[nodiscard]] Result<ZarrMetadata> read_zarr_v2(std::string_view zarray, std::string_view zattrs);
/// Reads `zarr.json` of an array. `unsupported` names an extension that must be understood; those that need
/// not be are ignored, and not kept.
[[nodiscard]] Result<ZarrMetadata> read_zarr_v3(std::string_view json);
/// The same of what consolidated metadata hold; `zattrs` is null if there are none.
[[nodiscard]] Result<ZarrMetadata> zarr_metadata_of_v2(const Record& zarray, const Record& zattrs);
[[nodiscard]] Result<ZarrMetadata> zarr_metadata_of_v3(const Record& json);

/// A file of metadata: its path below the array or group, and what it holds.
struct MetadataFile {
  std::string path;
  std::string text;
  Record content;  ///< what the text says, for consolidated metadata
};
/// Returns the files that describe an array, the one that makes it an array last. `invalid_argument` for
/// metadata that contradict themselves; `unsupported` for what the version does not hold. Version 2 has one
/// NaN: others become it.
[[nodiscard]] Result<std::vector<MetadataFile>> write_zarr(const ZarrMetadata& metadata);

/// A group of arrays and groups.
struct ZarrGroupMetadata {
  int version = 3;
  Record attributes = Record::members({});
  /// Consolidated metadata: what `zarr.json` of each array and group below holds, by the path of these; or
  /// what `.zarray`, `.zgroup` and `.zattrs` hold, by the paths of these files. Paths have no empty parts,
  /// and neither "." nor "..". None: metadata are not consolidated.
  std::optional<Record> consolidated;
};
/// Returns whether a path leads to a place below its group: nothing of it is empty, "." or "..".
[[nodiscard]] bool is_below_group(std::string_view path);
/// Reads `.zgroup`, and `.zattrs` and `.zmetadata` where they are not empty. An empty `zgroup`: `zmetadata`
/// describes the group, too.
[[nodiscard]] Result<ZarrGroupMetadata> read_zarr_group_v2(std::string_view zgroup, std::string_view zattrs,
                                                           std::string_view zmetadata);
[[nodiscard]] Result<ZarrGroupMetadata> read_zarr_group_v3(std::string_view json);
/// Returns the files that describe a group, the one that makes it a group last, but for `.zmetadata`.
[[nodiscard]] Result<std::vector<MetadataFile>> write_zarr_group(const ZarrGroupMetadata& metadata);
/// Adds the files of an array or a group below a group to its consolidated metadata. `path`: from the group.
/// `invalid_argument` if the path does not lead below it, or attributes nest too deep for one file.
[[nodiscard]] Result<void> add_consolidated(ZarrGroupMetadata& group, std::string_view path,
                                            const std::vector<MetadataFile>& files);

}  // namespace locum::storage
