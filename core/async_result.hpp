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

/// Runs the given function, soon, on a thread of the program, as a thread pool's `submit` does. Called on a
/// library thread; must not throw.
using Executor = std::function<void(std::function<void()>)>;

namespace detail {

/// Shared state of the copies of one AsyncResult.
template <class V>
class AsyncResultState : public SharedState {
 public:
  /// Returns the result, made by the first thread that asks. REQUIRES: ended(). Rethrows an exception of a
  /// continuation or a coroutine.
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

  /// Sets the result; returns false if this has already ended. If the value's type throws when it is stored,
  /// this ends with that exception.
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
/// argument is made in the constructor: run() must not fail for lack of memory.
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

/// AsyncResult<V> as the type that a function template over `T` returns. Spelled out there it would be
/// completed, with all that it contains, in each unit that includes the template; so it is where that is
/// called.
template <class V, class T>
struct LaterOf {
  using Type = AsyncResult<V>;
};
template <class V, class T>
using Later = typename LaterOf<V, T>::Type;

/// Base of the promise types of coroutines that return an AsyncResult: these run eagerly until they first
/// wait.
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
template <class V>
  requires std::is_void_v<V>
class EventualPromise<V> final : public EventualPromiseBase<V> {
 public:
  void return_void() { this->state_->settle({}); }
};

}  // namespace detail

/// The result of an asynchronous call: a `Result<V>`, possibly later. Cheap to copy; copies share one result,
/// and any thread may use it. It ends whether or not a thread waits, within the deadline of the call, or the
/// runtime's timeout; when the runtime is closed, with `closed`. It need not be read: dropping all copies
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
/// It resumes where continuations run. REQUIRES: its parameters are values; the object of a reference may
/// have been destroyed when it resumes.
template <class V>
class AsyncResult {
 public:
  /// The promise type of coroutines that return one. The language prescribes the name.
  using promise_type = detail::EventualPromise<V>;  // NOLINT(readability-identifier-naming)
  using State = detail::AsyncResultState<V>;

  /// Makes a result that has ended, with the error `invalid_argument`.
  AsyncResult()
      : AsyncResult(Error(Errc::invalid_argument,
                          "this result belongs to no operation; take one from an asynchronous call")) {}
  /// Makes a result that has ended, with this error.
  explicit AsyncResult(Error error) : ended_(std::move(error)) {}
  template <std::same_as<Result<V>> R>
  explicit AsyncResult(R ended) : ended_(std::move(ended)) {}
  explicit AsyncResult(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  /// Returns whether get() would not block.
  [[nodiscard]] bool ready() const noexcept { return !state_ || state_->ended(); }
  /// Blocks until the result has ended; returns false if it has not at the deadline (default: the runtime's
  /// timeout).
  [[nodiscard]] bool wait_for(Deadline deadline = {}) const {
    return !state_ || state_->wait(state_->moment(deadline));
  }
  /// Blocks like wait_for(), and returns the result; `timeout` if it has not ended at the deadline, though it
  /// still may. May be called repeatedly. Rethrows an exception of the program's continuation or coroutine.
  [[nodiscard]] Result<V> get(Deadline deadline = {}) const {
    if (!state_) {
      return *ended_;
    }
    return wait_for(deadline) ? state_->value()
                              : Result<V>(Error(Errc::timeout,
                                                "this operation did not end before the deadline, and "
                                                "continues; wait again, or cancel it"));
  }
  /// Ends the result now, with `cancelled`, for all copies. A transfer that cannot be stopped continues, but
  /// its memory on the node is freed once it is complete. No effect if the result has ended. ready() is true
  /// afterwards.
  void cancel() const noexcept {
    if (const auto state = state_) {
      state->cancel();
    }
  }
  /// Returns a copy whose continuations, and coroutines that wait for it, run through `executor` instead of
  /// on the runtime's thread for continuations. They never run within message progress.
  [[nodiscard]] AsyncResult on(Executor executor) const {
    AsyncResult other(*this);
    other.executor_ = std::make_shared<const Executor>(std::move(executor));
    return other;
  }
  /// Calls `function(Result<V>)` when this has ended, and returns an asynchronous result of the function's
  /// result: a value, or a Result. Functions run one after the other on the runtime's thread for
  /// continuations, so long ones should run elsewhere, by on(). Called for errors, too; not if the returned
  /// result is cancelled before.
  template <std::invocable<Result<V>> F>
  auto then(F function) const
      -> AsyncResult<typename detail::Unwrapped<std::invoke_result_t<F, Result<V>>>::Type>;

  /// The awaiter of `co_await`.
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
  /// Returns the state, for when_any(); null if the result had ended when it was made.
  [[nodiscard]] const std::shared_ptr<State>& state() const noexcept { return state_; }
  /// Returns whether when_any() has moved this out; give() marks that.
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
