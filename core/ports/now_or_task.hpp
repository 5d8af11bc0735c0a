#pragma once

#include <cstdint>
#include <memory>

#include <locum/deadline.hpp>
#include <locum/object/object.hpp>
#include <locum/ports/observer.hpp>
#include <locum/result.hpp>

namespace locum {

/// Whether a call has to wait for its turn, and how long what it brings counts among that for which memory is
/// set aside.
enum class CountsUntil : std::uint8_t {
  /// Not at all: the calling thread waits for the end, which therefore has its turn at once.
  never,
  it_is_used,  ///< for the first time, or nobody has it any more
  it_is_got,   ///< for the first time from its future, or nobody has that any more
  /// The same as `it_is_used`, of what is promised: it is waited for until it is set, and counts from then.
  it_is_used_once_set,
  it_is_got_once_set,  ///< the same of `it_is_got`
};

/// Whether it counts until it is used.
[[nodiscard]] constexpr bool counts_for_use(CountsUntil until) noexcept {
  return until == CountsUntil::it_is_used || until == CountsUntil::it_is_used_once_set;
}
/// Whether it is promised, and waited for until it is set.
[[nodiscard]] constexpr bool waits_for_promise(CountsUntil until) noexcept {
  return until == CountsUntil::it_is_used_once_set || until == CountsUntil::it_is_got_once_set;
}

/// What a call brings that needs other processes: a task that goes on whether or not anybody waits for it,
/// once its maker has begun it. Any thread, from then on.
template <class T>
class Coming {
 public:
  Coming() = default;
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;
  virtual ~Coming() = default;

  /// Lets it on its way, or has it wait for its turn. Does not wait. Once, before any other thread knows it.
  virtual void begin() {}
  /// Whether get() does not wait.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
  /// What came, or why it did not; `timeout` if it has not until then, and may still. Who waits for what is
  /// not on its way yet has it let on at once.
  [[nodiscard]] virtual Result<T> get(Deadline deadline) = 0;
  /// Somebody waits for it: if it is not on its way yet, it is let on at once.
  virtual void hurry() noexcept = 0;
  /// Has that one told once, when this has ended; at once if it has. One only.
  virtual void observe(std::shared_ptr<Observer> observer) noexcept = 0;
  /// Nobody wants it any more.
  virtual void forget() noexcept = 0;
};

/// What a call brings: what it has found, or a task that brings it once it is begun. To a thread that waits
/// for the end (CountsUntil::never) a call returns when it has ended, without a task.
template <class T>
struct NowOrTask {
  Result<T> found;  ///< if there is no task
  std::shared_ptr<Coming<T>> coming = nullptr;
};

/// An object that comes pinned.
using Fetch = Coming<ObjectView>;

}  // namespace locum
