#pragma once

#include "core/base/mutex.hpp"
#include "core/ports/transport.hpp"

namespace locum {

/// Wakes whoever moves this rank's messages, so that what is due is looked for (Service::next_due()). For
/// threads that must neither wait nor keep a part of the links alive: whoever did might be the last one to
/// let go of it, on a thread that it has to end itself. Needs no memory. Any thread may call.
class Bell {
 public:
  /// From now on that transport is woken, which stays until clear().
  void set(Transport& transport) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    transport_ = &transport;
  }
  /// Nobody is woken any more.
  void clear() noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    transport_ = nullptr;
  }
  void ring() noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (transport_ != nullptr) {
      transport_->wake();
    }
  }

 private:
  Mutex mutex_;
  Transport* transport_ LOCUM_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace locum
