#pragma once

#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "core/base/frame_pool.hpp"

namespace locum {

class Operation;
template <class T>
class OperationOf;

namespace detail {

/// Base of the promises of all tasks.
class TaskPromise {
 public:
  /// Returns to the awaiting task.
  class Final {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const std::coroutine_handle<> outer = ended.promise().outer_;
      return outer ? outer : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] static void* operator new(std::size_t bytes) { return FramePool::take(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FramePool::give_back(frame, bytes); }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Final final_suspend() const noexcept { return {}; }
  /// A task that finds no memory ends the process, like any other failing allocation. An exception of a
  /// simulated clock, which ends a waiting thread, is passed on to the awaiting task.
  void unhandled_exception() noexcept {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      std::terminate();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  [[nodiscard]] Operation& operation() const noexcept { return *operation_; }
  /// The operation that it is a part of, and the awaiting task, if any.
  void belong(Operation& operation, std::coroutine_handle<> outer) noexcept {
    operation_ = &operation;
    outer_ = outer;
  }
  void rethrow() const {
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
  }

 private:
  Operation* operation_ = nullptr;
  std::coroutine_handle<> outer_;
  std::exception_ptr thrown_;
};

}  // namespace detail

/// A coroutine within an Operation: begins when another task awaits it, or as the operation's first one, and
/// ends with a value. Destroyed only before it begins or after it has ended. Objects it refers to must live
/// until it has ended.
template <class T>
class [[nodiscard]] Task {
 public:
  class promise_type : public detail::TaskPromise {  // NOLINT(readability-identifier-naming): C++ asks for it
   public:
    [[nodiscard]] Task get_return_object() noexcept {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    template <class U>
    void return_value(U&& value) {
      value_.emplace(std::forward<U>(value));
    }
    /// REQUIRES: it has ended. Once.
    [[nodiscard]] T take() {
      rethrow();
      return std::move(*value_);
    }

   private:
    std::optional<T> value_;
  };

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) {
      frame_.destroy();
    }
  }

  class Awaiting {
   public:
    explicit Awaiting(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> outer) const noexcept {
      frame_.promise().belong(outer.promise().operation(), outer);
      return frame_;
    }
    [[nodiscard]] T await_resume() const { return frame_.promise().take(); }

   private:
    const std::coroutine_handle<promise_type> frame_;
  };
  /// Begins it; resumes when it has ended.
  [[nodiscard]] Awaiting operator co_await() const&& noexcept { return Awaiting(frame_); }

 private:
  template <class U>
  friend class OperationOf;
  explicit Task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

}  // namespace locum
