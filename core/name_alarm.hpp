#pragma once

#include <functional>

#include "directory.hpp"
#include "mutex.hpp"
#include "progress.hpp"

namespace locum {

/// Passes what a directory tells on to who drives: a step that looks for the names that are awaited. Any
/// thread may call.
class NameAlarm final : public NameWatcher {
 public:
  /// From now on `look` is run by `progress` whenever there is something to look for.
  void set(Progress& progress, std::function<void()> look) LOCUM_EXCLUDES(mutex_);
  /// Nothing is handed to `progress` any more.
  void clear() noexcept LOCUM_EXCLUDES(mutex_);
  void bound() noexcept override LOCUM_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  Progress* progress_ LOCUM_GUARDED_BY(mutex_) = nullptr;
  std::function<void()> look_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
