#pragma once

#include <cstdint>
#include <utility>

#include "core/promise.hpp"
#include "core/store.hpp"
#include "core/value/handle.hpp"

namespace locum::detail {

/// That this rank takes part in a stream of steps, or takes tasks of a queue: a promise, which it sets when
/// it leaves. So others learn of its death as fast as of that of any maker of a promise.
class Presence {
 public:
  Presence() = default;
  /// Fails with the errors of Store::promise.
  [[nodiscard]] static Result<Presence> make(const Store& store);

  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(promise_); }
  [[nodiscard]] Handle handle() const { return promise_.proxy().handle(); }
  /// May be called repeatedly.
  void leave(Deadline deadline) noexcept;
  /// leave() for a rank whose end nobody has to tell from its death: removes the promise, too.
  void vanish(const Store& store, Deadline deadline) noexcept;
  /// Leaves by an error that this rank cannot tell otherwise: see PresenceWatch::has_broken().
  void break_off() noexcept { promise_ = {}; }

 private:
  explicit Presence(Promise<std::uint8_t> promise) noexcept : promise_(std::move(promise)) {}

  Promise<std::uint8_t> promise_;
};

/// What is known of the Presence of another rank. One thread at a time.
class PresenceWatch {
 public:
  enum class State : std::uint8_t { here, left, lost };

  PresenceWatch() = default;
  /// Begins to look.
  PresenceWatch(SessionState& session, const Handle& presence);

  /// As far as known: within the time in which waiters for a promise learn of its end. Does not wait.
  [[nodiscard]] State state();
  [[nodiscard]] bool is_here() { return state() == State::here; }
  /// Of one that is lost: whether the rank lived then, and has broken off, or closed the runtime.
  [[nodiscard]] bool has_broken() const noexcept { return has_broken_; }
  /// Whether this is the Presence of anybody.
  [[nodiscard]] bool is_begun() const noexcept { return static_cast<bool>(presence_); }
  /// The rank, in the runtime.
  [[nodiscard]] int rank() const noexcept { return static_cast<int>(presence_.key().creator); }

 private:
  Proxy<std::uint8_t> presence_;
  bool comes_alone_ = false;  ///< what is told of it arrives while no thread waits
  State state_ = State::here;
  bool has_broken_ = false;
};

}  // namespace locum::detail
