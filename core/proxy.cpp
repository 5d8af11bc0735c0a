#include "core/proxy.hpp"

namespace locum::detail {

namespace {

// What is fetched ahead of use is not waited for as patiently as by who needs it.
bool is_worth_another_try(const Error& error) {
  return error.code() == Errc::timeout || error.code() == Errc::out_of_memory;
}

}  // namespace

Result<ProxyTarget::Fetched> ProxyTarget::fetch(Deadline deadline) {
  if (refusal_) {
    return *refusal_;
  }
  auto session = session_.lock();
  if (!session) {
    return Error(Errc::closed, "the runtime of this stand-in has ended; resolve it before")
        .about(to_string(handle_.key));
  }
  std::shared_ptr<Fetch> coming;
  {
    const MutexLock lock(mutex_);
    if (object_) {
      return Fetched{std::move(session), object_};
    }
    coming = coming_;
  }
  const bool had_ended = coming && coming->ended();
  auto object = coming ? session->fetch(handle_, *coming, deadline) : session->fetch(handle_, deadline);
  if (!object && had_ended && is_worth_another_try(object.error())) {
    object = session->fetch(handle_, deadline);
  }
  if (coming && coming->ended()) {
    const MutexLock lock(mutex_);
    if (coming_ == coming) {
      coming_.reset();  // what did not come is asked for again by the next use
    }
  }
  if (!object) {
    return object.error();
  }
  return Fetched{std::move(session), *std::move(object)};
}

void ProxyTarget::prefetch() {
  const auto session = session_.lock();
  if (refusal_ || !session || is_under_way()) {
    return;
  }
  auto begun = session->begin(handle_, CountsUntil::it_is_used);
  const MutexLock lock(mutex_);
  if (object_ || coming_) {
    return;  // another thread was faster
  }
  if (begun.found) {
    object_ = *std::move(begun.found);
  }
  coming_ = std::move(begun.coming);
}

bool ProxyTarget::is_under_way() const {
  const MutexLock lock(mutex_);
  return object_ || coming_;
}

bool ProxyTarget::ready() const {
  const MutexLock lock(mutex_);
  return object_ || (coming_ && coming_->ended());
}

void ProxyTarget::unpin() {
  ObjectView unpinned;
  std::shared_ptr<Fetch> unwanted;
  const MutexLock lock(mutex_);
  std::swap(unpinned, object_);
  std::swap(unwanted, coming_);
}

Error empty_proxy() {
  return Error(Errc::invalid_argument,
               "this stand-in stands for nothing; make it from a handle or by put_proxy");
}

}  // namespace locum::detail
