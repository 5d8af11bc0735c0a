#include "core/steps/presence.hpp"

#include "core/async/completion_counter.hpp"
#include "core/detail/session_state.hpp"

namespace locum::detail {

Result<Presence> Presence::make(const Store& store) {
  auto promise = store.promise<std::uint8_t>();
  return promise ? Result<Presence>(Presence(std::move(*promise))) : Result<Presence>(promise.error());
}

// An error means that the runtime is closing, which breaks the promise, or was closed.
void Presence::leave(Deadline deadline) noexcept {
  if (auto promise = std::exchange(promise_, {})) {
    (void)promise.set(std::uint8_t{1}, {.deadline = deadline});
  }
}

void Presence::vanish(const Store& store, Deadline deadline) noexcept {
  const Key key = promise_ ? promise_.proxy().key() : Key();
  leave(deadline);
  if (key.valid()) {
    (void)store.evict(key, {.deadline = deadline});
  }
}

PresenceWatch::PresenceWatch(SessionState& session, const Handle& presence)
    : presence_(origin_of(session, presence)), comes_alone_(!session.completions()->needs_calls()) {
  presence_.prefetch();
}

// The wait for a promise lasts as long as the runtime allows, and then begins again. What had ended before a
// wait began is an error at once, which the prefetch does not keep: so each call asks, which sends nothing
// while the wait is under way. A promise that was removed is that of a rank that has left.
PresenceWatch::State PresenceWatch::state() {
  if (state_ != State::here || (comes_alone_ && presence_.is_coming())) {
    return state_;
  }
  const auto left = presence_.try_get();
  const Errc code = left ? Errc::not_found : left.error().code();
  if (code == Errc::not_found) {
    state_ = State::left;
    presence_.release();
  } else if (code == Errc::timeout || code == Errc::out_of_memory) {
    presence_.prefetch();
  } else {
    state_ = State::lost;
    has_broken_ = code == Errc::broken_promise;
  }
  return state_;
}

}  // namespace locum::detail
