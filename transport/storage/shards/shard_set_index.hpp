#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// The facts of shards, by key.
using ShardFactsByKey = std::map<std::string, ShardFacts, std::less<>>;

/// The file beside the shards of a folder that has their facts, so that nobody needs to open each shard for
/// these. It may lack shards, and name some that are gone: shards are what is in the folder. Any thread.
class ShardSetIndex {
 public:
  ShardSetIndex(std::shared_ptr<FileArea> area, std::string folder)
      : area_(std::move(area)), folder_(std::move(folder)) {}

  /// Returns what the file says; nothing if there is none, or it cannot be read: it can be made again.
  /// Nothing, too, if it has more than so many bytes.
  [[nodiscard]] Result<ShardFactsByKey> read(
      std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max()) const;
  /// Adds and replaces facts, and removes those of `gone`, as one step. An area that cannot change files in
  /// one step, or only reads, has no such file, which is no error.
  [[nodiscard]] Result<void> update(const ShardFactsByKey& added, std::span<const std::string> gone,
                                    Deadline deadline) const;

 private:
  const std::shared_ptr<FileArea> area_;
  const std::string folder_;
};

/// Returns the text of the file: a line `locum shards 1`, one with samples, bytes and key for each shard, and
/// one with the checksum of those before it.
[[nodiscard]] std::string shard_set_index_text(const ShardFactsByKey& facts);
/// Inverts it; nothing if the text is damaged.
[[nodiscard]] ShardFactsByKey read_shard_set_index(std::string_view text);

}  // namespace locum::storage
