#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/key.hpp"
#include "core/ports/connector.hpp"

namespace locum::detail {

/// What the promises of a session leave in the node's memory when they end, so that none of it stays for the
/// life of its store. Of the marks of broken promises the last most_broken_promises are kept. The record that
/// says where a value is, which stands under a name of its own, goes with the value, whoever evicts that:
/// each promise that is kept so, and each eviction by this session, looks at a few of them, and a report at
/// all. So there are never many more records than there were values at a time. Any thread may call.
class PromiseMarks {
 public:
  /// A mark of a broken promise; the oldest goes if there are too many.
  void add_broken(Connector& connector, const Key& mark) noexcept LOCUM_EXCLUDES(mutex_);
  /// A record that says where the value is, an object of this process.
  void add_kept(Connector& connector, const Key& mark, const Key& value) noexcept LOCUM_EXCLUDES(mutex_);
  /// So many objects have been evicted.
  void evicted(Connector& connector, std::size_t objects) noexcept LOCUM_EXCLUDES(mutex_);
  /// Takes away all whose values are gone.
  void collect(Connector& connector) noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Kept {
    Key mark;
    Key value;
  };

  void look_at(Connector& connector, std::size_t most) noexcept LOCUM_EXCLUDES(mutex_);

  Mutex mutex_;
  std::vector<Key> broken_ LOCUM_GUARDED_BY(mutex_);  ///< from oldest_ on, around its end
  std::size_t oldest_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<Kept> kept_ LOCUM_GUARDED_BY(mutex_);
  std::size_t next_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< of them to be looked at
  std::atomic<bool> has_kept_{false};
};

}  // namespace locum::detail
