#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/store.hpp>

namespace locum {

/// The result of TakenTask::done(), which may be ignored: a task whose done() has failed is given back.
class TaskDone : public Result<void> {
 public:
  TaskDone(Result<void> result) : Result<void>(std::move(result)) {}
};

namespace detail {

class TaskQueueState;

/// The claim of this rank to a task, without its value. Gives the task back when it is destroyed, unless it
/// is done.
class TaskHold {
 public:
  TaskHold() = default;
  TaskHold(std::shared_ptr<TaskQueueState> queue, std::uint64_t number, std::uint64_t attempt,
           const Key& value) noexcept
      : queue_(std::move(queue)), number_(number), attempt_(attempt), value_(value) {}
  TaskHold(TaskHold&& other) noexcept = default;
  TaskHold& operator=(TaskHold&& other) noexcept {
    std::swap(queue_, other.queue_);
    std::swap(number_, other.number_);
    std::swap(attempt_, other.attempt_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~TaskHold() { give_back(); }

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const Key& value() const noexcept { return value_; }
  [[nodiscard]] Result<void> finish(Deadline deadline);
  void give_back() noexcept;
  /// Handles a value that could not be read: returns the error for take(); success if the task was done, and
  /// another one is to be taken.
  [[nodiscard]] Result<void> unreadable(const Error& error);

 private:
  std::shared_ptr<TaskQueueState> queue_;  ///< null: the task is done, or was given back
  std::uint64_t number_ = 0;
  std::uint64_t attempt_ = 0;
  Key value_{};
};

/// The part of a TaskQueue that does not depend on its type. Any thread may call.
class TaskQueueBase {
 protected:
  TaskQueueBase(const Store& store, std::string_view name);

  /// Returns the store with the values of the tasks.
  [[nodiscard]] const Store& values() const noexcept;
  /// Makes a task of an object. Evicts the object if it certainly did not become a task.
  [[nodiscard]] Result<std::uint64_t> put_value(const Key& value);
  /// The same of what a call of values() has stored.
  [[nodiscard]] Result<std::uint64_t> put_stored(const Result<Key>& value) {
    return value ? put_value(*value) : Result<std::uint64_t>(value.error());
  }
  /// Takes the next task whose value `get(key)` can read, and makes a `Task` of both.
  template <class Task, class Get>
  [[nodiscard]] Result<Task> take_as(Deadline until, Get get) {
    for (;;) {
      auto hold = take_value(until);
      if (!hold) {
        return hold.error();
      }
      auto value = get(hold->value());
      if (value) {
        return Result<Task>(std::in_place, std::move(*hold), std::move(*value));
      }
      if (auto next = hold->unreadable(value.error()); !next) {
        return next.error();
      }
    }
  }
  [[nodiscard]] Result<void> close_queue();

 private:
  [[nodiscard]] Result<TaskHold> take_value(Deadline deadline);

  std::shared_ptr<TaskQueueState> state_;
};

}  // namespace detail

/// A task that this rank alone has taken: made by TaskQueue::take(). `*task` and `task->` access its value,
/// in place if it is on this node. If it is destroyed before done(), or its rank dies, the task is given to
/// another taker. Movable; used by one thread at a time.
template <class T>
class TakenTask {
 public:
  /// Called by TaskQueue.
  TakenTask(detail::TaskHold hold, View<T> value) noexcept
      : hold_(std::move(hold)), value_(std::move(value)) {}

  /// Returns the number that put() returned for the task.
  [[nodiscard]] std::uint64_t number() const noexcept { return hold_.number(); }
  /// Returns a view of the value, which may outlive the task.
  [[nodiscard]] const View<T>& view() const& noexcept { return value_; }
  [[nodiscard]] decltype(auto) operator*() const& noexcept { return *value_; }
  [[nodiscard]] auto operator->() const noexcept { return value_.operator->(); }

  /// Marks the task as done: once this has succeeded, no rank takes it again. Sends a message if the value is
  /// on another node. After `timeout` it may be done or not: call done() again. The value stays readable.
  TaskDone done(const CallOptions& options = {}) { return hold_.finish(options.deadline); }

 private:
  detail::TaskHold hold_;
  View<T> value_;
};

/// A queue of tasks, by which ranks share work: any rank puts tasks, any rank takes them. Each task is taken
/// by one rank, which calls done() on it. All ranks that make a queue of the same name over the same store
/// share it. Ranks that wait for a task get tasks in the order in which they began to wait.
///
/// `TaskQueue<Tile> tiles(store, "tiles"); while (auto tile = tiles.take(30s)) { render(**tile);
/// tile->done(); }`
///
/// *Deaths.* Once put() has returned, a task is not lost while the node of its producer lives: if its taker
/// dies before done(), another rank takes it, within the time in which deaths are noticed (see
/// docs/failure.md) and 0.2 s. If the node with the value is lost, one take() returns `peer_lost` for the
/// task, which is then removed. The queue is lost with the node of the rank that opened it first.
///
/// *Memory.* The value of a task is in the memory of its producer's node until the task is done; a few small
/// records of it stay there a little longer. A queue that was closed and is empty leaves two small objects,
/// and perhaps one more if a rank has died; its name cannot be used for another queue.
///
/// T is any type that a store takes, also an array: `TaskQueue<double[]>` takes vectors and spans. Cheap to
/// copy; copies are the same queue on this rank. Any thread may call.
template <class T>
class TaskQueue : private detail::TaskQueueBase {
 public:
  /// Opens the queue, or creates it with its records on this node. Not collective. Sends messages if the job
  /// has several nodes. The store's options are those of the queue. Throws Error: `invalid_argument` without
  /// a name, and those of Session::open().
  TaskQueue(const Store& store, std::string_view name) : TaskQueueBase(store, name) {}

  /// Puts a task; returns its number: tasks are numbered from 0, in the order in which they are taken, with
  /// gaps. Stores the value as Store::put() does. Does not wait for takers; sends messages if the queue is on
  /// another node. `end_of_stream` after close(); after `timeout` or `peer_lost` the task may have been put.
  [[nodiscard]] Result<std::uint64_t> put(const T& task)
    requires(!std::is_unbounded_array_v<T>)
  {
    return put<T>(task, {});
  }
  /// Overload with options, for any value that is stored as a T.
  template <class V>
    requires std::is_same_v<detail::Stored<V>, detail::Stored<T>>
  [[nodiscard]] Result<std::uint64_t> put(const V& task, const PutOptions<V>& options = {}) {
    return put_stored(values().put(task, options));
  }

  /// Takes the next task; blocks until there is one or the deadline passes. `timeout` if none came; no task
  /// is lost then. `end_of_stream` after close(), once all tasks are done: until then a taker waits, since it
  /// may get the task of a rank that dies. Errors of reading the value are those of Store::get(); the task is
  /// then given back, except for `peer_lost` (see *Deaths*). If the queue is on another node, the call lasts
  /// up to two round trips longer than the deadline, or the five that taking an available task needs; it
  /// looks for one at least once, even after the deadline. This cost does not depend on how many tasks others
  /// have taken.
  [[nodiscard]] Result<TakenTask<T>> take(const ReadOptions<T>& options = {}) {
    return take_as<TakenTask<T>>(options.deadline, [&](const Key& value) {
      return values().template get<T>(value, {.codec = options.codec, .deadline = {}});
    });
  }
  /// Overload with a deadline: `take(10s)`.
  template <std::convertible_to<Deadline> D>
  [[nodiscard]] Result<TakenTask<T>> take(const D& limit) {
    return take(ReadOptions<T>{.codec = {}, .deadline = Deadline(limit)});
  }

  /// Closes the queue on all ranks: put() returns `end_of_stream` from now on, and take() once all tasks are
  /// done. Any rank may call it, any number of times.
  [[nodiscard]] Result<void> close() { return close_queue(); }
};

}  // namespace locum
