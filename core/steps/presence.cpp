#include "core/steps/presence.hpp"

#include <utility>

namespace locum::detail {

Result<Presence> Presence::make(const Store& store) {
  auto promise = store.promise<std::uint8_t>();
  if (!promise) {
    return promise.error();
  }
  Presence presence;
  presence.promise_ = std::move(*promise);
  return presence;
}

// An error means that the runtime is closing, which breaks the promise, or was closed.
void Presence::leave(Deadline deadline) noexcept {
  if (auto promise = std::exchange(promise_, {})) {
    try {
      (void)promise.set(std::uint8_t{1}, {.deadline = deadline});
    } catch (...) {  // no memory: its destructor breaks it
    }
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
    : presence_(session.proxy<std::uint8_t>(presence)) {
  presence_.prefetch();
}

// A wait that lasted as long as the runtime allows begins again.
PresenceWatch::State PresenceWatch::state() {
  if (state_ != State::here || !presence_.ready()) {
    return state_;
  }
  const auto left = presence_.try_get();
  if (left) {
    state_ = State::left;
    presence_.release();
  } else if (left.error().code() != Errc::timeout && left.error().code() != Errc::out_of_memory) {
    state_ = State::lost;
  }
  return state_;
}

}  // namespace locum::detail
