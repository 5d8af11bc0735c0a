#pragma once

#include <memory>
#include <string>

#include "transport/storage/files/area.hpp"
#include "transport/storage/files/shared_parts.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Returns the shards of an index.json of MosaicML Streaming (MDS, version 2), which is read again when it
/// was replaced. Only read. Files that are compressed as a whole are decompressed when they are opened, once
/// for all ranks of a node. Their sizes are checked; `hashes` are not. \param parts of the node, for what is
/// decompressed; null: each open shard has its own
[[nodiscard]] Result<std::shared_ptr<ShardSource>> mds_shards(std::shared_ptr<FileArea> area,
                                                              std::string folder,
                                                              std::shared_ptr<SharedParts> parts);

}  // namespace locum::storage
