#pragma once

#include <cstdint>
#include <memory>

#include <locum/deadline.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/ports/completion_listener.hpp>
#include <locum/result.hpp>

namespace locum {

/// Whether a call waits for its turn in the window, and until when its object counts towards the memory
/// reserved for the window.
enum class CountsUntil : std::uint8_t {
  /// Never: the calling thread waits for the end, so the call starts at once.
  never,
  it_is_used,  ///< for the first time, or no longer held
  it_is_got,   ///< for the first time from its future, or the future is no longer held
  /// Like `it_is_used`, for a promise: waits until it is set, and counts from then on.
  it_is_used_once_set,
  it_is_got_once_set,  ///< like `it_is_got`, for a promise
};

/// Returns whether the object counts until it is used.
[[nodiscard]] constexpr bool counts_for_use(CountsUntil until) noexcept {
  return until == CountsUntil::it_is_used || until == CountsUntil::it_is_used_once_set;
}
/// Returns whether the call waits until a promise is set.
[[nodiscard]] constexpr bool waits_for_promise(CountsUntil until) noexcept {
  return until == CountsUntil::it_is_used_once_set || until == CountsUntil::it_is_got_once_set;
}

/// The task of a call that needs other processes: once begun, it completes whether or not a thread waits for
/// it. Any thread may call, after begin().
template <class T>
class Coming {
 public:
  Coming() = default;
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;
  virtual ~Coming() = default;

  /// Starts it, or queues it for its turn. Does not wait. Called once, before any other thread has access.
  virtual void begin() {}
  /// Returns whether get() returns without waiting.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
  /// Blocks until the task has ended, and returns its result; `timeout` at the deadline: the task may still
  /// end. Starts it at once if it is queued.
  [[nodiscard]] virtual Result<T> get(Deadline deadline) = 0;
  /// Starts a queued task at once: a thread waits for it.
  virtual void expedite() noexcept = 0;
  /// Calls the observer once when this has ended; at once if it has. At most one observer.
  virtual void observe(std::shared_ptr<CompletionListener> observer) noexcept = 0;
  /// Notifies the task that its result is not wanted.
  virtual void forget() noexcept = 0;
};

/// The result of a call: available now, or by a task that the caller has to begin. If the calling thread
/// waits (CountsUntil::never), the call returns after completion, without a task.
template <class T>
struct NowOrTask {
  Result<T> found;  ///< if there is no task
  std::shared_ptr<Coming<T>> coming = nullptr;
};

/// The task of a get: a pinned object.
using Fetch = Coming<ObjectView>;
/// The task of a look for an object that may be put: a fetch of it, which has begun; null: it does not exist
/// yet.
using Look = Coming<std::shared_ptr<Fetch>>;

}  // namespace locum
