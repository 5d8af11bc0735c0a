#pragma once

#include <memory>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"

namespace locum::c {

/// What a function of the program uses until it returns, by a handle. Calls with the handle are made one at a
/// time; the end waits for the one that is being made. Later ones are refused.
template <class Object>
class Lent {
 public:
  explicit Lent(Object object) : object_(std::move(object)) {}

  /// Calls `body` with the object; none if it was taken back.
  template <class Body>
  locum_status use(const char* kind, Body body) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return is_over_ ? no_handle(kind) : body(object_);
  }
  /// Takes the object back.
  [[nodiscard]] Object end() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    is_over_ = true;
    return std::move(object_);
  }

 private:
  Mutex mutex_;
  Object object_ LOCUM_GUARDED_BY(mutex_);
  bool is_over_ LOCUM_GUARDED_BY(mutex_) = false;
};

/// Calls `call` with a handle of the object, and returns the object, as the call has left it, or the error of
/// the call. `Handle`: the type of the handle in C.
template <class Handle, class Shared, class Object, class Call>
[[nodiscard]] Result<Object> lend(Handles<std::shared_ptr<Shared>>& all, Object object, Call call) {
  const auto lent = std::make_shared<Shared>(std::move(object));
  void* const handle = all.add(lent);
  if (handle == nullptr) {
    return Error(Errc::out_of_memory, "this process has as many handles as there may be; release some");
  }
  class Ended {
   public:
    Ended(Handles<std::shared_ptr<Shared>>& all, const void* handle) : all_(all), handle_(handle) {}
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;
    ~Ended() { (void)all_.remove(handle_); }

   private:
    Handles<std::shared_ptr<Shared>>& all_;
    const void* handle_;
  };
  Result<void> outcome;
  {
    const Ended ended(all, handle);
    try {
      outcome = outcome_of_function([&] { return call(static_cast<Handle>(handle)); });
    } catch (...) {
      (void)lent->end();
      throw;
    }
  }
  Object left = lent->end();
  return outcome ? Result<Object>(std::move(left)) : outcome.error();
}

}  // namespace locum::c
