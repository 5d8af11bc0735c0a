#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/result.hpp"
#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/shared_parts.hpp"
#include "transport/storage/shards/shard_block.hpp"
#include "transport/storage/shards/shard_index.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// A shard in a file that is open: its index is in memory, its samples are read when they are asked for.
class ShardFile final : public OpenShard {
 public:
  /// Reads the index: one read, or two of a shard with very many blocks. The errors of ShardSource::open().
  /// \param name which errors tell
  /// \param content what tells the file from all other files that `parts` knows
  /// \param parts for what keep() decodes, once for the ranks of a node; null: for this shard alone
  [[nodiscard]] static Result<std::shared_ptr<ShardFile>> open(std::unique_ptr<AreaFile> file,
                                                               std::string name, std::string content,
                                                               std::shared_ptr<SharedParts> parts);
  /// Reads what a trailer says: one read.
  [[nodiscard]] static Result<ShardTrailer> trailer_of(AreaFile& file);

  [[nodiscard]] const ShardIndex& index() const noexcept { return index_; }
  [[nodiscard]] std::uint64_t count() const noexcept override { return index_.samples(); }
  [[nodiscard]] Result<StoredSample> sample(std::uint64_t number, Deadline deadline) const override
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> keep(std::uint64_t first, std::uint64_t count, double turn) const override
      LOCUM_EXCLUDES(mutex_);

 private:
  /// Consecutive blocks that keep() reads and decodes together.
  struct Segment {
    std::size_t first_block;
    std::size_t behind;  ///< its last block
    std::uint64_t plain_bytes;
  };
  using Block = std::shared_ptr<const PlainBlock>;

  ShardFile(std::unique_ptr<AreaFile> file, std::string name, ShardIndex index,
            std::shared_ptr<const BytesCodec> codec, std::string content, std::shared_ptr<SharedParts> parts);

  [[nodiscard]] std::shared_ptr<AreaFile> file() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return file_;
  }
  [[nodiscard]] FileBytes::InPlace in_memory() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return in_memory_;
  }
  [[nodiscard]] Result<Block> block(std::size_t number) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> keep_segments(std::uint64_t first, std::uint64_t count, double turn) const
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> read_file(std::uint64_t offset, std::span<std::byte> into) const;
  /// Decodes one block alone.
  [[nodiscard]] Result<Block> read_block(std::size_t number) const;
  /// Returns bytes of the file: those in memory, or read to `memory`.
  [[nodiscard]] Result<std::span<const std::byte>> coded(std::uint64_t offset, std::uint64_t bytes,
                                                         std::unique_ptr<std::byte[]>& memory) const;
  /// Decodes all blocks of a segment, and keeps them as long as this.
  [[nodiscard]] Result<void> keep_segment(std::size_t number) const LOCUM_EXCLUDES(mutex_);
  /// Reads and decodes the blocks of a segment to memory, side by side, each at a multiple of 64.
  [[nodiscard]] Result<void> read_segment(const Segment& segment, std::span<std::byte> into) const;
  /// Checks coded bytes, and decodes them.
  [[nodiscard]] Result<void> decode(std::size_t number, std::span<const std::byte> coded,
                                    std::span<std::byte> plain) const;
  /// Returns the error of a damaged block: `stale` if the file was changed since it was opened.
  [[nodiscard]] Error damaged(std::size_t number, const std::string& reason) const;

  const std::string name_;
  const ShardIndex index_;
  const std::shared_ptr<const BytesCodec> codec_;  ///< null: blocks are not coded
  const std::string content_;
  const std::shared_ptr<SharedParts> parts_;
  std::vector<Segment> segments_;
  std::vector<std::uint32_t> segment_of_;  ///< of each block
  mutable Mutex mutex_;
  mutable std::shared_ptr<AreaFile> file_ LOCUM_GUARDED_BY(mutex_);  ///< null: all blocks are kept
  /// Where the file is in memory: of files that no system has, when keep() was called.
  mutable FileBytes::InPlace in_memory_ LOCUM_GUARDED_BY(mutex_);
  /// Blocks that were decoded last.
  struct Kept {
    std::size_t number;
    Block block;
  };
  mutable std::array<Kept, 4> latest_ LOCUM_GUARDED_BY(mutex_){};
  mutable std::size_t next_ LOCUM_GUARDED_BY(mutex_) = 0;
  mutable std::vector<Block> all_ LOCUM_GUARDED_BY(mutex_);  ///< that keep() has read; null: not yet
};

}  // namespace locum::storage
