#include "core/proxy.hpp"

namespace locum::detail {

Result<ProxyTarget::Fetched> ProxyTarget::fetch(Deadline deadline) const {
  if (refusal_) {
    return *refusal_;
  }
  auto session = session_.lock();
  if (!session) {
    return Error(Errc::closed, "the runtime of this stand-in has ended; resolve it before")
        .about(to_string(handle_.key));
  }
  {
    const MutexLock lock(mutex_);
    if (object_) {
      return Fetched{std::move(session), object_};
    }
  }
  auto object = session->fetch(handle_, deadline);
  if (!object) {
    return object.error();
  }
  return Fetched{std::move(session), *std::move(object)};
}

Result<void> ProxyTarget::pin(Deadline deadline) {
  auto fetched = fetch(deadline);
  if (!fetched) {
    return fetched.error();
  }
  const MutexLock lock(mutex_);
  if (!object_) {
    object_ = std::move(fetched->object);
  }
  return {};
}

bool ProxyTarget::pinned() const {
  const MutexLock lock(mutex_);
  return static_cast<bool>(object_);
}

void ProxyTarget::unpin() {
  ObjectView unpinned;
  const MutexLock lock(mutex_);
  std::swap(unpinned, object_);
}

Error empty_proxy() {
  return Error(Errc::invalid_argument,
               "this stand-in stands for nothing; make it from a handle or by put_proxy");
}

}  // namespace locum::detail
