#include "transport/storage/pack/disk_wait.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "core/base/mutex.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

Result<void> PackDiskWait::until_on_disk(std::uint64_t change, Deadline deadline) {
  if (!pack_.options.syncs) {
    return {};
  }
  const auto moment = deadline.moment(std::chrono::seconds(30));
  for (;;) {
    std::shared_ptr<PackFile> file;
    std::uint64_t target = 0;
    std::uint64_t end = 0;
    {
      MutexLock lock(pack_.mutex);
      while (pack_.on_disk < change && !pack_.failure && is_syncing_) {
        if (!lock.wait_until(pack_.changed, moment) && is_syncing_) {
          return deadline_passed("the disk did not confirm the record, which it may still store,",
                                 "open the pack with ?sync=0");
        }
      }
      if (pack_.on_disk >= change || pack_.failure) {
        return pack_.on_disk >= change ? Result<void>() : *pack_.failure;
      }
      is_syncing_ = true;
      file = pack_.content.file;
      target = pack_.changes;
      end = pack_.content.end;
    }
    const auto synced = file->sync();
    const MutexLock lock(pack_.mutex);
    is_syncing_ = false;
    pack_.changed.notify_all();
    if (!synced) {
      pack_.failure = synced.error();         // the system may have dropped what it could not write
    } else if (pack_.content.file == file) {  // a compacted one is on the disk already
      pack_.on_disk = std::max(pack_.on_disk, target);
      pack_.content.synced = std::max(pack_.content.synced, end);
    }
  }
}

}  // namespace locum::storage
