#include "core/proxy.hpp"

#include "core/async/completion_counter.hpp"
#include "core/detail/decoded_cache.hpp"
#include "core/detail/session_state.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum::detail {

namespace {

// What is fetched ahead of use is not waited for as patiently as by who needs it.
bool is_worth_another_try(const Error& error) {
  return error.code() == Errc::timeout || error.code() == Errc::out_of_memory;
}

}  // namespace

void note_proxy() noexcept {
  DecodedCache::note_stand_in();
}

Result<std::shared_ptr<SessionState>> ProxyTarget::session() const {
  if (refusal_) {
    return *refusal_;
  }
  auto session = session_.lock();
  return session ? Result<std::shared_ptr<SessionState>>(std::move(session))
                 : Error(Errc::closed, "the runtime of this proxy was closed; resolve the proxy before")
                       .about(to_string(handle_.key));
}

void ProxyTarget::begin(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, SessionState& session,
                        Deadline deadline) {
  auto listener = BegunFetch::listener(state);
  ObjectView known;
  {
    const MutexLock lock(mutex_);
    known = object_;
  }
  fetch.begin(known                      ? NowOrTask<ObjectView>{std::move(known)}
              : handle_.awaits_promise() ? session.get_or_task(handle_, CountsUntil::it_is_got, deadline)
                                         : session.get_or_task(addressed(handle_), {}, deadline),
              std::move(listener));
}

Result<ProxyTarget::Fetched> ProxyTarget::fetched(Result<ObjectView> found) {
  auto open = session();
  if (!open) {
    return open.error();
  }
  auto object = (*open)->as_said(handle_, std::move(found), {});
  return object ? Result<Fetched>(Fetched{std::move(*open), std::move(*object)}) : object.error();
}

Result<ProxyTarget::Fetched> ProxyTarget::fetch(Deadline deadline) {
  auto open = this->session();
  if (!open) {
    return open.error();
  }
  const auto session = std::move(*open);
  std::shared_ptr<Fetch> coming;
  {
    const MutexLock lock(mutex_);
    if (object_) {
      return Fetched{session, object_};
    }
    coming = coming_;
  }
  const bool had_ended = coming && coming->ended();
  const auto until = coming ? session->completions()->moment(deadline) : Deadline::Clock::time_point();
  auto object = coming ? session->fetch(handle_, *coming, deadline) : session->fetch(handle_, deadline);
  const bool has_time = had_ended || (coming && coming->ended() && session->completions()->now() < until);
  if (!object && has_time && is_worth_another_try(object.error())) {
    object = session->fetch(handle_, had_ended ? deadline : Deadline(until));
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
  return Fetched{session, std::move(*object)};
}

void ProxyTarget::prefetch() {
  const auto session = session_.lock();
  if (refusal_ || !session || is_under_way()) {
    return;
  }
  auto made = session->get_or_task(handle_, CountsUntil::it_is_used);
  if (made.coming) {
    made.coming->begin();
  }
  const MutexLock lock(mutex_);
  if (object_ || coming_) {
    return;  // another thread was faster
  }
  if (made.found) {
    object_ = std::move(*made.found);
  }
  coming_ = std::move(made.coming);
}

bool ProxyTarget::is_under_way() const {
  const MutexLock lock(mutex_);
  return object_ || coming_;
}

bool ProxyTarget::ready() const {
  const MutexLock lock(mutex_);
  return object_ || (coming_ && coming_->ended());
}

bool ProxyTarget::is_coming() const {
  const MutexLock lock(mutex_);
  return coming_ && !coming_->ended();
}

void ProxyTarget::unpin() {
  ObjectView unpinned;
  std::shared_ptr<Fetch> unwanted;
  const MutexLock lock(mutex_);
  std::swap(unpinned, object_);
  std::swap(unwanted, coming_);
}

Error empty_proxy() {
  return Error(Errc::invalid_argument, "this proxy is empty; make it from a handle or by put_proxy");
}

}  // namespace locum::detail
