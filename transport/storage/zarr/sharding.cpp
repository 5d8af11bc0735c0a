#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "core/value/extents_text.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/zarr/codec_list.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t shard_entry_bytes = 2 * sizeof(std::uint64_t);

/// An index is found by its size: its codecs must not change this by what is in it.
Result<void> check_index_coding(const ChunkCoding& index, const std::string& member) {
  if (!index.order.empty()) {
    return unsupported_zarr_member(member,
                                   "has the codec 'transpose', which this version cannot read in an index; "
                                   "store the array with the codecs 'bytes' and 'crc32c' there");
  }
  for (const auto& codec : index.codecs) {
    if (codec->name() != "crc32c") {
      return unsupported_zarr_member(member,
                                     "has the codec " + quoted_name(codec->name()) +
                                         ", and only 'bytes' and 'crc32c' can be read in an index, whose "
                                         "size is always the same");
    }
  }
  return {};
}

}  // namespace

Result<void> check_shards(const ZarrMetadata& metadata, std::string_view member) {
  const Extents& inner = metadata.shards->inner;
  Extents grid;
  grid.rank = inner.rank;
  bool divides = inner.size() == metadata.chunk.size();
  for (std::size_t at = 0; divides && at < inner.size(); ++at) {
    divides = inner[at] != 0 && metadata.chunk[at] % inner[at] == 0;
    grid.values[at] = divides ? metadata.chunk[at] / inner[at] : 0;
  }
  if (!divides) {
    return wrong_zarr_member(member, "has chunks of " + extents_text(inner) +
                                         " elements, which do not divide shards of " +
                                         extents_text(metadata.chunk));
  }
  const auto index = zarr_bytes_of(grid, shard_entry_bytes, member);
  return index ? Result<void>() : index.error();
}

Result<void> read_sharding(const Record& configuration, std::string_view member, ZarrMetadata& metadata) {
  constexpr std::array<std::string_view, 4> known{"chunk_shape", "codecs", "index_codecs", "index_location"};
  const std::string place(member);
  if (auto checked = check_zarr_members(configuration, known, place); !checked) {
    return checked;
  }
  ShardCoding shards;
  const auto inner = zarr_extents_of(configuration["chunk_shape"], place + "/chunk_shape", 1);
  if (!inner) {
    return inner.error();
  }
  shards.inner = *inner;
  auto codecs =
      read_codec_list(configuration["codecs"], place + "/codecs", inner->size(), metadata.stored_bytes());
  if (!codecs) {
    return codecs.error();
  }
  if (codecs->sharding) {
    return unsupported_zarr_member(place + "/codecs",
                                   "has the codec 'sharding_indexed', shards within shards, "
                                   "which this version cannot read");
  }
  auto index = read_codec_list(configuration["index_codecs"], place + "/index_codecs", inner->size() + 1,
                               sizeof(std::uint64_t));
  if (!index) {
    return index.error();
  }
  if (index->sharding) {
    return wrong_zarr_member(place + "/index_codecs",
                             "has the codec 'sharding_indexed', which is none of an index");
  }
  if (auto checked = check_index_coding(index->coding, place + "/index_codecs"); !checked) {
    return checked;
  }
  shards.index = std::move(index->coding);
  const Record* const location = configuration.members().find("index_location");
  if (location != nullptr && location->text() != "start" && location->text() != "end") {
    return wrong_zarr_member(place + "/index_location", "is neither \"start\" nor \"end\"");
  }
  shards.ends = location == nullptr || location->text() == "end";
  metadata.shards = std::move(shards);
  metadata.coding = std::move(codecs->coding);
  return check_shards(metadata, place + "/chunk_shape");
}

Result<Record> write_sharding(const ZarrMetadata& metadata) {
  const ShardCoding& shards = *metadata.shards;
  if (auto checked = check_index_coding(shards.index, "index_codecs"); !checked) {
    return checked.error();
  }
  auto codecs = write_codec_list(metadata.coding, metadata.stored_bytes());
  auto index = write_codec_list(shards.index, sizeof(std::uint64_t));
  if (!codecs || !index) {
    return codecs ? index : codecs;
  }
  Record configuration = Record::members({{"chunk_shape", zarr_list_of(shards.inner)},
                                          {"codecs", std::move(*codecs)},
                                          {"index_codecs", std::move(*index)},
                                          {"index_location", Record(shards.ends ? "end" : "start")}});
  return Record::list({zarr_extension_record("sharding_indexed", std::move(configuration))});
}

}  // namespace locum::storage
