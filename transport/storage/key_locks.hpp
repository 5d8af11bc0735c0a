#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <span>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

/// Makes a look and a change of a record one step, among the threads of this process: who holds the lock of a
/// record changes it alone. Records share locks. Who waits for one looks at its deadline. Any thread.
class KeyLocks {
 public:
  /// Locks that are held, until it is destroyed.
  class Held {
   public:
    Held() = default;
    Held(Held&& other) noexcept { std::swap(locks_, other.locks_); }
    Held& operator=(Held&&) = delete;
    ~Held() {
      for (Lock* const lock : locks_) {
        const MutexLock guard(lock->mutex);
        lock->is_held = false;
        lock->released.notify_one();
      }
    }

   private:
    friend class KeyLocks;
    struct Lock {
      Mutex mutex;
      std::condition_variable released;
      bool is_held LOCUM_GUARDED_BY(mutex) = false;
    };
    std::vector<Lock*> locks_;
  };

  /// Those of all these records, taken in an order that all keep to. `timeout`.
  [[nodiscard]] Result<Held> take(std::span<const RecordKey> keys, Deadline deadline) {
    std::vector<Held::Lock*> wanted;
    wanted.reserve(keys.size());
    for (const RecordKey& key : keys) {
      wanted.push_back(&locks_[hash64(key.name, hash64(key.space, 0)) % locks_.size()]);
    }
    std::ranges::sort(wanted);
    const auto repeated = std::ranges::unique(wanted);
    wanted.erase(repeated.begin(), repeated.end());
    const auto moment = deadline.moment(std::chrono::seconds(30));
    Held held;
    held.locks_.reserve(wanted.size());
    for (Held::Lock* const lock : wanted) {
      MutexLock guard(lock->mutex);
      while (lock->is_held) {
        if (!guard.wait_until(lock->released, moment) && lock->is_held) {
          return deadline_passed("another thread did not release the record", "let fewer threads change it");
        }
      }
      lock->is_held = true;
      held.locks_.push_back(lock);
    }
    return held;
  }

 private:
  std::array<Held::Lock, 64> locks_;
};

}  // namespace locum::storage
