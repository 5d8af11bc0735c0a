#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/base/mutex.hpp"
#include "transport/storage/hdf5/shared_files.hpp"

namespace locum {

/// What the last incremental checkpoint of each store has on the disk, of the objects of this rank's node:
/// the next one need not write it again. Only on ranks that write. Any thread; shared with the threads that
/// write in the background.
class EarlierCheckpoints {
 public:
  /// Null: there is none.
  [[nodiscard]] std::shared_ptr<const storage::PartContents> last(const std::string& store)
      LOCUM_EXCLUDES(mutex_);
  /// Numbers a checkpoint when it is begun.
  [[nodiscard]] std::uint64_t begin() LOCUM_EXCLUDES(mutex_);
  /// A checkpoint is complete. Of two that end in another order, the one that was begun later counts.
  void remember(const std::string& store, std::uint64_t number, storage::PartContents contents)
      LOCUM_EXCLUDES(mutex_);

 private:
  struct Last {
    std::uint64_t number = 0;
    std::shared_ptr<const storage::PartContents> contents;
  };
  Mutex mutex_;
  std::uint64_t begun_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Last> last_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
