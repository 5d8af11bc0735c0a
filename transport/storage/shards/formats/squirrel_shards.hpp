#pragma once

#include <memory>
#include <string>

#include "transport/storage/files/area.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// What files hold one behind the other.
enum class SampleStream : std::uint8_t {
  recognised,  ///< files `.gz` are one or the other; those that begin with `{` or `[` are lines of JSON
  msgpack,     ///< values of MessagePack, in `{key}.gz`, as Squirrel stores them
  jsonl,       ///< lines of JSON, in `{key}.jsonl`, `{key}.jsonl.gz`, or `{key}.gz` as Squirrel stores them
};

/// Returns shards that are files of one sample behind the other, without an index: whoever opens one reads it
/// to its end, and keeps where each sample begins. Writes MessagePack, unless they are lines of JSON: arrays
/// as maps of the package msgpack-numpy, and gzip of level 9.
[[nodiscard]] std::shared_ptr<ShardSource> squirrel_shards(std::shared_ptr<FileArea> area, std::string folder,
                                                           SampleStream stream);

}  // namespace locum::storage
