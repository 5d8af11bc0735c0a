#include "core/name_alarm.hpp"

#include <new>
#include <utility>

namespace locum {

void NameAlarm::set(Progress& progress, std::function<void()> look) {
  const MutexLock lock(mutex_);
  progress_ = &progress;
  look_ = std::move(look);
}

void NameAlarm::clear() noexcept {
  const MutexLock lock(mutex_);
  progress_ = nullptr;
}

void NameAlarm::bound() noexcept {
  const MutexLock lock(mutex_);
  if (progress_ == nullptr) {
    return;
  }
  try {
    progress_->post(look_);
  } catch (const std::bad_alloc&) {
    // Who waits is answered when another name is bound, or gives up at its deadline.
  }
}

}  // namespace locum
