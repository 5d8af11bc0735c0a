#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/value/result.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/shards/shard_block.hpp"
#include "transport/storage/shards/shard_index.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// How the shards of a set are written.
struct ShardForm {
  std::string type;                         ///< name of the samples' type
  std::uint32_t alignment = 16;             ///< of a sample: a power of 2, at most 64
  std::uint64_t sample_bytes = 0;           ///< of each sample; 0: they differ
  std::string codec_text;                   ///< as in ShardLayout
  std::shared_ptr<const BytesCodec> codec;  ///< null: none
  std::uint64_t block_bytes = 0;            ///< a block is closed before it gets larger
};

/// A shard that is being written to a file: each block goes there when it is full.
class FileShardDraft final : public ShardDraft {
 public:
  /// Called by publish(), with its deadline, when the shard is there.
  using Published = std::function<void(const ShardFacts& facts, Deadline deadline)>;
  FileShardDraft(std::unique_ptr<AreaDraft> file, std::shared_ptr<const ShardForm> form, std::string key,
                 Published published);

  [[nodiscard]] Result<void> add(const StoredSample& sample) override;
  [[nodiscard]] Result<void> publish(Deadline deadline) override;

 private:
  /// Codes the samples so far, and writes them.
  [[nodiscard]] Result<void> close_block();

  const std::unique_ptr<AreaDraft> file_;
  const std::shared_ptr<const ShardForm> form_;
  const std::string key_;
  const Published published_;
  ShardIndex index_;
  BlockDraft block_;
  ReusedBytes memory_;
  bool has_header_ = false;
  std::optional<Error> failed_;  ///< the draft has ended by it
};

}  // namespace locum::storage
