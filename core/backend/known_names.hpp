#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/mutex.hpp"
#include "core/value/key.hpp"

namespace locum {

/// The names of keys of named objects that this process has met, up to some bytes: beyond them it begins
/// anew. Any thread.
class KnownNames {
 public:
  void add(const Key& key, std::string_view name) LOCUM_EXCLUDES(mutex_);
  /// Empty if it is not known.
  [[nodiscard]] std::string find(const Key& key) const LOCUM_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::unordered_map<Key, std::string> names_ LOCUM_GUARDED_BY(mutex_);
  std::size_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum
