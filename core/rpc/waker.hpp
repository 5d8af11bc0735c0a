#pragma once

#include "core/base/mutex.hpp"
#include "core/ports/transport.hpp"

namespace locum {

/// Wakes the thread that makes progress for this rank, so that it runs timers that are due
/// (Service::next_due()). For threads that must neither wait nor own a part of the links: the last owner
/// would destroy it, on a thread that the destructor has to join. Needs no memory. Any thread may call.
class Waker {
 public:
  /// From now on wakes that transport, which must exist until clear().
  void set(Transport& transport) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    transport_ = &transport;
  }
  /// From now on wakes nothing.
  void clear() noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    transport_ = nullptr;
  }
  void wake() noexcept LOCUM_EXCLUDES(mutex_) {
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
