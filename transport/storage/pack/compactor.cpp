#include "transport/storage/pack/compactor.hpp"

#include <chrono>
#include <memory>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/pack/compaction.hpp"

namespace locum::storage {

namespace {

/// What the last step of compacting may have to copy while everybody waits for it.
constexpr std::uint64_t copied_at_last = std::uint64_t{8} << 20U;
constexpr int most_attempts = 5;

}  // namespace

// Most of it while others append. Whoever views records of the old file keeps it.
Result<void> PackCompactor::compact() {
  auto begun = PackCompaction::begin(pack_.path, pack_.options.locks, pack_.options.repairs);
  if (!begun) {
    return begun.error();
  }
  std::shared_ptr<PackFile> file;
  for (int round = 0; round < most_attempts; ++round) {
    std::vector<PackCompaction::Old> missing;
    {
      const MutexLock lock(pack_.mutex);
      missing = begun->missing(pack_.content.index);
      file = pack_.content.file;
    }
    std::uint64_t bytes = 0;
    for (const PackCompaction::Old& old : missing) {
      {
        const MutexLock lock(pack_.mutex);
        if (pack_.is_closing) {
          return {};
        }
      }
      if (auto copied = begun->copy(*file, old); !copied) {
        return copied;
      }
      bytes += old.entry.stored_bytes();
    }
    if (bytes < copied_at_last) {
      break;
    }
  }
  if (auto synced = begun->sync(); !synced) {
    return synced;
  }
  const MutexLock lock(pack_.mutex);
  if (pack_.failure) {
    return *pack_.failure;
  }
  for (const PackCompaction::Old& old : begun->missing(pack_.content.index)) {
    if (auto copied = begun->copy(*file, old); !copied) {
      return copied;
    }
  }
  auto published = begun->publish(pack_.content.index);
  if (!published) {
    return published.error();
  }
  // The old file has no name any more: whatever follows, nothing may be stored in it.
  pack_.content = std::move(published->content);
  pack_.on_disk = pack_.changes;
  if (!published->is_on_disk && pack_.options.syncs) {
    pack_.failure = published->is_on_disk.error();
  }
  pack_.changed.notify_all();
  return pack_.failure ? Result<void>(*pack_.failure) : Result<void>();
}

// A process that gets no more threads goes on without.
void PackCompactor::compact_later() {
  const MutexLock lock(pack_.mutex);
  if (pack_.is_closing) {
    return;
  }
  if (!thread_.is_started()) {
    (void)thread_.start("locum pack", [this] { compact_again_and_again(); });
  }
  pack_.changed.notify_all();
}

void PackCompactor::compact_again_and_again() {
  std::uint64_t refused_at = 0;
  for (;;) {
    {
      MutexLock lock(pack_.mutex);
      // After a failure (no room, damage) not before the file has grown by half.
      while (!pack_.is_closing &&
             (!pack_.is_worth_compacting() || pack_.content.end < refused_at + refused_at / 2)) {
        lock.wait_until(pack_.changed, Deadline::Clock::now() + std::chrono::hours(1));
      }
      if (pack_.is_closing) {
        return;
      }
      refused_at = pack_.content.end;
      pack_.is_compacting = true;
    }
    if (compact()) {
      refused_at = 0;
    }
    const MutexLock lock(pack_.mutex);
    pack_.is_compacting = false;
  }
}

}  // namespace locum::storage
