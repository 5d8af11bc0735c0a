#pragma once

#include <memory>
#include <string>

#include "transport/storage/files/area.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Returns the shards of a folder that are archives of tar as WebDataset writes them: `.tar`, `.tar.gz`,
/// `.tgz`. Only read. Where the samples are is found by the headers when a shard is opened. A sample has the
/// member `__key__`, and one for each file: `.json` and `.jsn` become what they hold, `.txt`, `.text` and
/// `.transcript` texts, `.cls`, `.cls2`, `.index` and `.inx` integers, `.npy` arrays, all others bytes.
[[nodiscard]] std::shared_ptr<ShardSource> webdataset_shards(std::shared_ptr<FileArea> area,
                                                             std::string folder);

}  // namespace locum::storage
