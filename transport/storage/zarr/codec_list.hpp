#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/metadata.hpp"

namespace locum::storage {

/// What the member `codecs` of version 3 says.
struct CodecList {
  ChunkCoding coding;
  std::optional<Record> sharding;  ///< the configuration of `sharding_indexed`; then there is no coding
  std::string sharding_member;     ///< its path
};

/// Reads a list of codecs: any number of `transpose`, then `bytes` or `sharding_indexed`, then codecs of
/// bytes. `corrupt` for another order, or for codecs that are described wrongly; `unsupported` names one that
/// is not known, and what cannot be beside shards.
[[nodiscard]] Result<CodecList> read_codec_list(const Record& list, std::string_view member, std::size_t rank,
                                                std::size_t element_bytes);
/// Inverts it, for what is not sharded. REQUIRES: a right order.
[[nodiscard]] Result<Record> write_codec_list(const ChunkCoding& coding, std::size_t element_bytes);

/// Reads the configuration of `sharding_indexed`: sets `shards` and `coding`. REQUIRES: the other members are
/// set and checked.
[[nodiscard]] Result<void> read_sharding(const Record& configuration, std::string_view member,
                                         ZarrMetadata& metadata);
/// Returns the list of codecs with `sharding_indexed` alone. REQUIRES: shards, which check_shards() accepted.
[[nodiscard]] Result<Record> write_sharding(const ZarrMetadata& metadata);
/// `corrupt` unless the chunks in a shard divide it; `unsupported` if its index needs 2^63 bytes or more.
[[nodiscard]] Result<void> check_shards(const ZarrMetadata& metadata, std::string_view member);

/// Returns the error of a codec with the place of its description. What is wrong there, is in the metadata.
[[nodiscard]] Error codec_error_at(std::string_view member, const Error& error);

}  // namespace locum::storage
