#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "transport/storage/files/area.hpp"
#include "transport/storage/files/shared_parts.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Opens shards that other programs wrote into a folder. Samples are Records.
/// \param format `msgpack` (Squirrel; also written), `jsonl`, `mds` (MosaicML Streaming) or `webdataset`;
/// empty: what is in the folder tells. `not_found` if nothing there does, and what was looked for;
/// `invalid_argument` if there are files of several formats, or for another name
/// \param parts of the node, for files that are decompressed as a whole; null: each process has its own
[[nodiscard]] Result<std::shared_ptr<ShardSource>> open_foreign_shards(
    std::shared_ptr<FileArea> area, std::string folder, std::string_view format,
    std::shared_ptr<SharedParts> parts = {});

}  // namespace locum::storage
