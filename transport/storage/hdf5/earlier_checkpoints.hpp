#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/base/mutex.hpp"
#include "transport/storage/hdf5/shared_files.hpp"

namespace locum::storage {

/// What the checkpoints that this runtime has written leave to the next ones. Of the last incremental one of
/// each store, what it has on the disk of the objects of this rank's node: that need not be written again.
/// Only on ranks that write. Any thread; shared with the threads that write in the background.
class EarlierCheckpoints {
 public:
  /// Null: there is none.
  [[nodiscard]] std::shared_ptr<const PartContents> last(const std::string& store) LOCUM_EXCLUDES(mutex_);
  /// Numbers a checkpoint when it is begun.
  [[nodiscard]] std::uint64_t begin() LOCUM_EXCLUDES(mutex_);
  /// A checkpoint is complete. Of two that end in another order, the one that was begun later counts.
  void remember(const std::string& store, std::uint64_t number, PartContents contents) LOCUM_EXCLUDES(mutex_);
  /// The time of a checkpoint that is written to this path now: that of the clock, but later than that of all
  /// others of its series, also where the clock was set back since they were written. What others have
  /// written is looked for when this runtime writes to the series for the first time. Throws only for want of
  /// memory.
  [[nodiscard]] std::uint64_t next_time(const std::string& path) LOCUM_EXCLUDES(mutex_);

 private:
  struct Last {
    std::uint64_t number = 0;
    std::shared_ptr<const PartContents> contents;
  };
  Mutex mutex_;
  std::uint64_t begun_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Last> last_ LOCUM_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> times_ LOCUM_GUARDED_BY(mutex_);  ///< the last one of each series
};

}  // namespace locum::storage
