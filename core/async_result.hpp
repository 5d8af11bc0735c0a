#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/detail/base/mutex.hpp>
#include <locum/detail/shared_state.hpp>
#include <locum/error.hpp>
#include <locum/result.hpp>

namespace locum {

template <class T>
class View;
template <class V>
class AsyncResult;

/// Runs the function it is given, soon, on a thread of the user's: a thread pool's `submit`, say. Called on a
/// library thread; must not throw.
using Executor = std::function<void(std::function<void()>)>;

namespace detail {

/// Shared state of the copies of one AsyncResult.
template <class V>
class AsyncResultState : public SharedState {
 public:
  /// The result. Made by the first thread that asks. REQUIRES: ended(). Rethrows what a continuation or a
  /// coroutine threw.
  [[nodiscard]] Result<V> value() {
    if (cancelled()) {
      return Error(
          Errc::cancelled,
          "the caller cancelled this operation before it ended; start it again if its result is needed");
    }
    const MutexLock lock(mutex_);
    if (!value_) {
      value_.emplace(make());
    }
    return *value_;
  }

 protected:
  using SharedState::SharedState;

 private:
  [[nodiscard]] virtual Result<V> make() = 0;

  Mutex mutex_;
  std::optional<Result<V>> value_ LOCUM_GUARDED_BY(mutex_);
};

/// A state whose result is set from outside.
template <class V>
class SettledState final : public AsyncResultState<V> {
 public:
  explicit SettledState(std::shared_ptr<CompletionCounter> completions) noexcept
      : AsyncResultState<V>(std::move(completions)) {}

  /// False if it has already ended. If the value's type throws when it is stored, it ends with that
  /// exception.
  bool settle(Result<V> value) noexcept {
    if (!this->claim()) {
      return false;
    }
    try {
      given_.emplace(std::move(value));
    } catch (...) {
      thrown_ = std::current_exception();
    }
    this->publish();
    return true;
  }
  void fail(std::exception_ptr thrown) noexcept {
    if (this->claim()) {
      thrown_ = std::move(thrown);
      this->publish();
    }
  }

 private:
  [[nodiscard]] Result<V> make() override {
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
    return std::move_if_noexcept(*given_);  // after an exception it is read again
  }

  std::optional<Result<V>> given_;
  std::exception_ptr thrown_;
};

template <class R>
struct Unwrapped {
  using Type = R;
};
template <class V>
struct Unwrapped<Result<V>> {
  using Type = V;
};

/// Runs `action` through the executor, or in the thread that calls run() if there is none. The executor's
/// argument is made in the constructor: run() must not fail for want of memory.
template <class Action>
class ContinuationOf final : public Continuation {
 public:
  ContinuationOf(std::shared_ptr<const Executor> executor, Action action)
      : executor_(std::move(executor)), action_(std::make_shared<Action>(std::move(action))) {
    if (executor_) {
      for_executor_ = [action = action_] { (*action)(); };
    }
  }
  void run() noexcept override {
    if (executor_) {
      (*executor_)(std::move(for_executor_));
    } else {
      (*action_)();
    }
  }

 private:
  const std::shared_ptr<const Executor> executor_;
  const std::shared_ptr<Action> action_;  ///< shared because std::function is copyable
  std::function<void()> for_executor_;
};

template <class Action>
[[nodiscard]] std::unique_ptr<Continuation> continuation(std::shared_ptr<const Executor> executor,
                                                         Action action) {
  return std::make_unique<ContinuationOf<Action>>(std::move(executor), std::move(action));
}

/// Base of the coroutine types of all eventuals: the coroutine runs eagerly until it first waits.
template <class V>
class EventualPromiseBase {
 public:
  [[nodiscard]] AsyncResult<V> get_return_object() { return AsyncResult<V>(state_); }
  [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
  [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { state_->fail(std::current_exception()); }

 protected:
  const std::shared_ptr<SettledState<V>> state_ =
      std::make_shared<SettledState<V>>(SharedState::completions_of_process());
};

template <class V>
class EventualPromise final : public EventualPromiseBase<V> {
 public:
  template <class U>
    requires std::constructible_from<Result<V>, U&&>
  void return_value(U&& value) {
    this->state_->settle(Result<V>(std::forward<U>(value)));
  }
};
template <>
class EventualPromise<void> final : public EventualPromiseBase<void> {
 public:
  void return_void() { state_->settle({}); }
};

}  // namespace detail

/// The result of an asynchronous call: a `Result<V>`, possibly later. Cheap to copy; copies share one result,
/// and any thread may use it. It ends whether or not anybody waits, within the deadline of the call, or the
/// runtime's timeout; when the runtime is closed, with `closed`. Nobody has to read it: dropping all copies
/// unread means that the result is not wanted.
///
/// A coroutine may wait for one with `co_await`, which gives the Result<V>, and may itself be a function that
/// returns one:
///
///     AsyncResult<double> mean(Store store) {
///       const auto mesh = co_await store.get_async<Mesh>("mesh");
///       …
///       co_return sum / n;
///     }
///
/// It goes on where continuations run. REQUIRES of its parameters that they are values: what a reference
/// stands for may be gone when the coroutine goes on.
template <class V>
class AsyncResult {
 public:
  /// The promise type of coroutines that return one. The language prescribes the name.
  using promise_type = detail::EventualPromise<V>;  // NOLINT(readability-identifier-naming)
  using State = detail::AsyncResultState<V>;

  /// Ended, with the error `invalid_argument`.
  AsyncResult()
      : AsyncResult(Error(Errc::invalid_argument,
                          "this result belongs to no operation; take one from an asynchronous call")) {}
  /// Ended, with that error.
  explicit AsyncResult(Error error) : ended_(std::move(error)) {}
  template <std::same_as<Result<V>> R>
  explicit AsyncResult(R ended) : ended_(std::move(ended)) {}
  explicit AsyncResult(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  /// Whether get() does not wait.
  [[nodiscard]] bool ready() const noexcept { return !state_ || state_->ended(); }
  /// Waits until it has ended; false if it has not at the deadline (default: the runtime's timeout).
  [[nodiscard]] bool wait_for(Deadline deadline = {}) const {
    return !state_ || state_->wait(state_->moment(deadline));
  }
  /// Waits and returns the result; `timeout` if it has not ended at the deadline: it still may. May be called
  /// repeatedly. Rethrows what a continuation or a coroutine of the user's threw.
  [[nodiscard]] Result<V> get(Deadline deadline = {}) const {
    if (!state_) {
      return *ended_;
    }
    return wait_for(deadline) ? state_->value()
                              : Result<V>(Error(Errc::timeout,
                                                "this operation did not end before the deadline, and "
                                                "continues; wait again, or cancel it"));
  }
  /// Ends it now, with `cancelled`, for all copies. A transfer that cannot be stopped continues, but its
  /// memory on the node is freed once it is complete. No effect if it has ended. ready() is true afterwards.
  void cancel() const noexcept {
    if (const auto state = state_) {
      state->cancel();
    }
  }
  /// The same result, but its continuations, and coroutines that wait for it, run through `executor`
  /// instead of on the runtime's thread for continuations. They never run within message progress.
  [[nodiscard]] AsyncResult on(Executor executor) const {
    AsyncResult other(*this);
    other.executor_ = std::make_shared<const Executor>(std::move(executor));
    return other;
  }
  /// Calls `function(Result<V>)` when this has ended, and returns an asynchronous result of the function's
  /// result: a value, or a Result. The function runs on the runtime's thread for continuations, or where on()
  /// says; one after the other, so that long ones had better run elsewhere. It is called for errors, too; not
  /// if the returned result is cancelled before.
  template <std::invocable<Result<V>> F>
  auto then(F function) const
      -> AsyncResult<typename detail::Unwrapped<std::invoke_result_t<F, Result<V>>>::Type>;

  /// What `co_await` waits on.
  class Awaiting {
   public:
    explicit Awaiting(AsyncResult awaited) noexcept : awaited_(std::move(awaited)) {}
    [[nodiscard]] bool await_ready() const noexcept { return awaited_.ready(); }
    // The coroutine may resume, and end, before this returns.
    void await_suspend(std::coroutine_handle<> task) const {
      const auto state = awaited_.state_;
      state->then(detail::continuation(awaited_.executor_, [task] { task.resume(); }));
    }
    [[nodiscard]] Result<V> await_resume() const {
      return awaited_.state_ ? awaited_.state_->value() : *awaited_.ended_;
    }

   private:
    const AsyncResult awaited_;
  };
  [[nodiscard]] Awaiting operator co_await() const noexcept { return Awaiting(*this); }

  /// \cond library
  /// For when_any(): none if it never had to be waited for.
  [[nodiscard]] const std::shared_ptr<State>& state() const noexcept { return state_; }
  /// Whether when_any() has moved it out; marks it so.
  [[nodiscard]] bool given() const noexcept { return given_; }
  void give() noexcept { given_ = true; }
  /// \endcond

 private:
  template <class W>
  friend class AsyncResult;

  std::shared_ptr<State> state_;
  std::optional<Result<V>> ended_;  ///< instead of a state
  std::shared_ptr<const Executor> executor_;
  bool given_ = false;
};

template <class V>
template <std::invocable<Result<V>> F>
auto AsyncResult<V>::then(F function) const
    -> AsyncResult<typename detail::Unwrapped<std::invoke_result_t<F, Result<V>>>::Type> {
  using W = typename detail::Unwrapped<std::invoke_result_t<F, Result<V>>>::Type;
  auto next = std::make_shared<detail::SettledState<W>>(state_ ? state_->completions()
                                                               : SharedState::completions_of_process());
  AsyncResult<W> result(next);
  result.executor_ = executor_;
  auto action = [ended = *this, next, function = std::move(function)]() mutable noexcept {
    if (next->ended()) {
      return;
    }
    try {
      auto value = ended.state_ ? ended.state_->value() : *ended.ended_;
      if constexpr (std::is_void_v<std::invoke_result_t<F, Result<V>>>) {
        std::invoke(function, std::move(value));
        next->settle({});
      } else {
        next->settle(std::invoke(function, std::move(value)));
      }
    } catch (...) {
      next->fail(std::current_exception());
    }
  };
  auto continuation = detail::continuation(executor_, std::move(action));
  if (const auto state = state_) {
    state->then(std::move(continuation));
  } else {
    next->schedule(std::move(continuation));
  }
  return result;
}

/// An object being fetched: get() returns its view, as Store::get() does. The first thread that asks decodes
/// it.
template <class T>
using Future = AsyncResult<View<T>>;

}  // namespace locum
