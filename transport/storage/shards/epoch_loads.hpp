#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/background_calls.hpp"
#include "transport/storage/shards/epoch_order.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Reads the samples of blocks of an epoch in threads, some shards at a time, and keeps them until they are
/// dropped. One thread calls.
class EpochLoads {
 public:
  /// \param turn as in OpenShard::keep()
  EpochLoads(std::shared_ptr<ShardSource> source, std::vector<ShardFacts> shards, double turn);
  EpochLoads(const EpochLoads&) = delete;
  EpochLoads& operator=(const EpochLoads&) = delete;
  /// Leaves out what was not begun, and waits for the rest, but for no more than two seconds.
  ~EpochLoads();

  /// Begins to read the samples of a block, if that was not begun yet.
  void begin(std::uint64_t block, const std::vector<ShardRange>& ranges);
  /// Drops what no block from `block` on has; all if there is none.
  void drop_before(std::uint64_t block);
  void drop_all() { loads_.clear(); }
  [[nodiscard]] const std::string& key(std::size_t shard) const noexcept {
    return shared_->shards[shard].key;
  }
  /// Waits until a shard's samples of the block are read, and returns it. Another call tries again what has
  /// failed. REQUIRES: begin() of the block, whose ranges have the shard.
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> shard(std::uint64_t block, std::size_t shard,
                                                               Deadline deadline);

 private:
  /// A shard, which the loads of several blocks share.
  class Opened;
  struct Load {
    ShardRange range;
    std::shared_ptr<Opened> opened;
    bool is_done = false;
    std::optional<Error> failed;
  };
  /// What the threads share with this.
  struct Shared {
    std::shared_ptr<ShardSource> source;
    std::vector<ShardFacts> shards;
    double turn = 0;
    std::atomic<bool> is_cancelled{false};
    Mutex mutex;
    std::condition_variable changed;
  };

  /// Begins all again in a forked process, where the threads are not that were at it.
  void begin_again();
  void start(const std::shared_ptr<Load>& load);
  static void make(Shared& shared, Load& load);

  ForkMark maker_;
  std::shared_ptr<Shared> shared_;
  std::map<std::uint64_t, std::map<std::size_t, std::shared_ptr<Load>>> loads_;  ///< of blocks, by shard
  BackgroundCalls calls_;                                                        // ends before the others
};

}  // namespace locum::storage
