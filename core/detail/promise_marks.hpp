#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/connector.hpp"
#include "core/value/key.hpp"

namespace locum::detail {

/// The objects that ended promises of a session leave in the node's memory; cleaned up, so that they do not
/// stay for the life of the store. The marks of the last most_broken_promises broken promises are kept. The
/// record of a value's place, which has its own name, is removed with the value, whoever evicts that: each
/// new record, and each eviction by this session, checks a few of them, and a report all. So there are never
/// many more records than there were values at a time. Any thread may call.
class PromiseMarks {
 public:
  /// Adds a mark of a broken promise; the oldest is removed if there are too many.
  void add_broken(Connector& connector, const Key& mark) noexcept LOCUM_EXCLUDES(mutex_);
  /// Adds a record of a value's place, an object of this process.
  void add_kept(Connector& connector, const Key& mark, const Key& value) noexcept LOCUM_EXCLUDES(mutex_);
  /// That many objects have been evicted.
  void evicted(Connector& connector, std::size_t objects) noexcept LOCUM_EXCLUDES(mutex_);
  /// Removes all whose values are gone.
  void collect(Connector& connector) noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Kept {
    Key mark;
    Key value;
  };

  void look_at(Connector& connector, std::size_t most) noexcept LOCUM_EXCLUDES(mutex_);

  Mutex mutex_;
  std::vector<Key> broken_ LOCUM_GUARDED_BY(mutex_);  ///< a ring that starts at oldest_
  std::size_t oldest_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<Kept> kept_ LOCUM_GUARDED_BY(mutex_);
  std::size_t next_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< the next of them to check
  std::atomic<bool> has_kept_{false};
};

}  // namespace locum::detail
