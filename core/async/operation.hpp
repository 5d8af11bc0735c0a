#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "core/async/progress.hpp"
#include "core/async/task.hpp"
#include "core/base/frame_pool.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/completion_listener.hpp"
#include "core/value/result.hpp"

namespace locum {

class BackgroundWorker;
class Window;

/// An asynchronous operation made of tasks (Task): once begun it runs until it ends; any number of threads
/// may wait for that, or none. Its tasks run on one thread at a time, which is either
///
/// * a *thread that may wait*: the one that began it, one that waits for it, or, if there is none, the
///   background thread (BackgroundWorker). A thread that waits for it may wait for others in its tasks, too,
///   within its own deadline; after that, and on the background thread, its budget is limited (WaitBudget).
///   If the background thread has closed, too, the driver continues it; or
/// * the *driver*: the thread that makes progress (Progress), within a step of the channel, on the budget of
///   a step: there it sends requests to other ranks, and resumes when they reply.
///
/// A task chooses between the two (`co_await ToThread()`, `co_await ToDriver()`), at no cost if it is there
/// already. ToThread() returns the budget of the thread, Budget() that of either; it holds until the next
/// co_await. On the driver it waits for replies (OneShot), which arrive within steps. In a queue (Queued) no
/// thread runs it until it is resumed. It never ends early: a thread that does not want to wait any more
/// leaves, and the operation keeps itself alive. Everything its tasks use lives until Progress::end() has
/// returned: by then it has ended, if all that it waits for has.
///
/// Invariants (mutex_ held)
///
/// 1. State::thread: one thread runs it or is about to. State::driver: it is posted to the driver, or runs
/// there, or the event that it waits for will be reported there.
/// 2. State::queued: no thread runs it, and the thread that takes it out of its queue resumes it.
/// 3. State::wanting: it was offered to the first waiting thread (`pending` is done), or to the background
/// thread; the first to find it so takes it.
///
/// Owned by Held only.
class Operation : private ListLink<Operation> {
 public:
  using Clock = Progress::Clock;

  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  [[nodiscard]] static void* operator new(std::size_t bytes) { return detail::FramePool::take(bytes); }
  static void operator delete(void* operation, std::size_t bytes) noexcept {
    detail::FramePool::give_back(operation, bytes);
  }

  /// Begins it on this thread; returns when it continues elsewhere, or has ended. Call either this or run(),
  /// once; not on the driver.
  void begin(WaitBudget budget = {});
  /// begin() on the driver, where it starts.
  void begin_by_driver() noexcept;
  class Scheduler;
  class Wanting;
  /// Sets a replacement for the background thread, where it runs if it needs a thread and nobody waits for
  /// it. Before it begins.
  void be_scheduled_by(std::shared_ptr<Scheduler> host) noexcept { scheduler_ = std::move(host); }
  /// Runs it on this thread, which may wait, if no other thread has taken it since it wanted one.
  void run_if_wanting(const WaitBudget& budget) noexcept;
  /// Begins it, and waits as wait() does. Before any other thread has access.
  [[nodiscard]] bool run(Clock::time_point until);
  /// Waits until it has ended; runs it meanwhile if it needs a thread. False: the moment has passed. Any
  /// thread but the driver.
  [[nodiscard]] bool wait(Clock::time_point until);
  /// Its result is not wanted any more. Any thread.
  void forget() noexcept { wanted_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  /// Calls the listener once, when it has ended; at once if it has. At most one. Any thread.
  void observe(std::shared_ptr<CompletionListener> observer) noexcept;
  [[nodiscard]] bool ended() const noexcept { return state_.load(std::memory_order_acquire) == State::ended; }

  /// Continues on a thread that may wait; returns its budget. For its own tasks.
  class ToThread {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) noexcept {
      operation_ = &task.promise().operation();
      return operation_->suspends_for_thread(task);
    }
    WaitBudget await_resume() const noexcept { return operation_->budget_; }

   private:
    Operation* operation_ = nullptr;
  };
  /// The budget of the current thread; stays there. For its own tasks.
  class Budget {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) noexcept {
      budget_ = task.promise().operation().budget_;
      return false;
    }
    [[nodiscard]] WaitBudget await_resume() const noexcept { return budget_; }

   private:
    WaitBudget budget_;
  };
  /// Whether the result is still wanted: otherwise nothing new need begin. For its own tasks.
  class IsWanted {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) noexcept {
      wanted_ = task.promise().operation().is_wanted();
      return false;
    }
    [[nodiscard]] bool await_resume() const noexcept { return wanted_; }

   private:
    bool wanted_ = true;
  };
  /// Something that begins within a step of the driver, and that the operation waits for there.
  class Begun {
   public:
    Begun() = default;
    Begun(const Begun&) = delete;
    Begun& operator=(const Begun&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) noexcept {
      return task.promise().operation().suspends(task, *this);
    }

   protected:
    ~Begun() = default;
    /// Begins it. True if it is already over; otherwise the operation is told later.
    [[nodiscard]] virtual bool begin(Operation& operation) noexcept = 0;

   private:
    friend class Operation;
  };
  /// A queue in which the operation waits without a thread, until somebody resumes it.
  class Queued {
   public:
    Queued() = default;
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> task) noexcept {
      task.promise().operation().suspends(task, *this);
    }

   protected:
    ~Queued() = default;
    /// Queues it, after everything it did before; false: it continues at once. Once it is queued any thread
    /// may resume it.
    [[nodiscard]] virtual bool queue(Operation& operation) noexcept = 0;

   private:
    friend class Operation;
  };
  /// Posts it to the driver, without running it. REQUIRES: it was queued, and no other thread resumes it. Any
  /// thread, also within a step.
  void go_on() noexcept;
  /// Resumes it on this thread, until it continues elsewhere or has ended.
  void go_on_here() noexcept;

  /// Continues in a step of the driver. For its own tasks.
  class ToDriver final : public Begun {
   public:
    void await_resume() const noexcept {}

   private:
    [[nodiscard]] bool begin(Operation& /*operation*/) noexcept override { return true; }
  };

 protected:
  Operation(Progress& progress, BackgroundWorker& worker) noexcept : progress_(progress), worker_(worker) {}
  virtual ~Operation() = default;

  /// Its first task. Set before it begins; belong() of that task has to name this operation.
  void start_at(std::coroutine_handle<> first) noexcept { next_ = first; }
  /// Whether its first task has ended. Called until it returns true, and not again.
  [[nodiscard]] virtual bool is_over() noexcept = 0;

 private:
  template <class T>
  friend class OneShot;
  template <class O>
  friend class Held;
  friend class BackgroundWorker;
  friend class Window;
  friend class IntrusiveList<Operation>;

  enum class State : std::uint8_t { thread, driver, wanting, queued, ended };
  enum class Place : std::uint8_t { thread, driver };
  /// Where it was suspended.
  enum class Left : std::uint8_t { over, elsewhere, queued };
  struct Waiter : ListLink<Waiter> {
    Pending pending;
    /// Woken to take the operation, and not, or not only, because it ended.
    std::atomic<bool> called{false};
  };

  void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept {
    // The only owner: no other thread can get access meanwhile.
    if (holders_.load(std::memory_order_acquire) == 1 ||
        holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }

  [[nodiscard]] bool suspends_for_thread(std::coroutine_handle<> task) noexcept {
    next_ = task;
    needs_thread_ = place_ == Place::driver;
    return needs_thread_;
  }
  [[nodiscard]] bool suspends(std::coroutine_handle<> task, Begun& begun) noexcept {
    next_ = task;
    needs_thread_ = false;
    begun_ = place_ == Place::driver ? nullptr : &begun;
    return begun_ != nullptr || !begun.begin(*this);
  }
  void suspends(std::coroutine_handle<> task, Queued& queue) noexcept {
    await(task);
    queue_ = &queue;
  }
  void await(std::coroutine_handle<> task) noexcept {
    next_ = task;
    needs_thread_ = false;
  }

  [[nodiscard]] bool wait(Waiter& self, Clock::time_point until, bool mine);
  void give_to_driver(Waiter& self, Clock::time_point until);
  void wait_for(Waiter& self, Clock::time_point until);
  void leave(Waiter& self) noexcept;
  [[nodiscard]] Left resume(Place place, const WaitBudget& budget) noexcept;
  void drive() noexcept;
  [[nodiscard]] bool give_to_thread() noexcept;
  void wake(Waiter& waiter, Place from) noexcept;
  void run_in_thread(const WaitBudget& budget) noexcept;
  void end(Place from) noexcept;
  [[nodiscard]] bool take() noexcept LOCUM_REQUIRES(mutex_);
  void link_alone(Waiter& waiter) noexcept LOCUM_ALONE;

  Progress& progress_;
  BackgroundWorker& worker_;
  // For the thread that runs it.
  std::coroutine_handle<> next_;
  Place place_ = Place::thread;
  WaitBudget budget_;
  bool needs_thread_ = false;
  Begun* begun_ = nullptr;   ///< started first by the driver, if it continues there
  Queued* queue_ = nullptr;  ///< the queue it is about to enter

  std::atomic<std::uint32_t> holders_{1};  ///< its maker, and itself from beginning to end
  std::atomic<bool> wanted_{true};
  std::atomic<State> state_{State::thread};
  Mutex mutex_;
  IntrusiveList<Waiter> waiters_ LOCUM_GUARDED_BY(mutex_);  ///< until it ends; last in, first out
  std::shared_ptr<CompletionListener> listener_ LOCUM_GUARDED_BY(mutex_);

  Queued* in_queue_ = nullptr;  ///< of a window, which guards it
  bool expedited_ = false;      ///< the same

  bool is_listed_ = false;  ///< in a Wanting list, which guards this
  std::shared_ptr<Scheduler> scheduler_;
};

/// Runs operations that need a thread, and for which nobody waits, in place of the background thread.
class Operation::Scheduler {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  virtual ~Scheduler() = default;

  /// Records one that wants a thread; it is locked meanwhile. Any thread; must not fail.
  virtual void take(Operation& operation) noexcept = 0;
  /// Called afterwards, without the lock: has the recorded ones run, unless other threads take them before.
  virtual void call() noexcept = 0;
};

/// Owns an operation, or none.
template <class O>
class Held {
 public:
  Held() = default;
  /// Adopts a reference that is already counted.
  explicit Held(O* operation) noexcept : operation_(operation) {}
  Held(const Held& other) noexcept : operation_(other.operation_) {
    if (operation_ != nullptr) {
      operation_->hold();
    }
  }
  Held(Held&& other) noexcept : operation_(std::exchange(other.operation_, nullptr)) {}
  Held& operator=(Held other) noexcept {
    std::swap(operation_, other.operation_);
    return *this;
  }
  ~Held() {
    if (operation_ != nullptr) {
      operation_->let_go();
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return operation_ != nullptr; }
  [[nodiscard]] O& operator*() const noexcept { return *operation_; }
  [[nodiscard]] O* operator->() const noexcept { return operation_; }

 private:
  O* operation_ = nullptr;
};

/// Operations that want a thread, in FIFO order; each once, and owned. Guarded by the owner of the list.
class Operation::Wanting {
 public:
  void push(Operation& operation) noexcept {
    if (!operation.is_listed_) {
      operation.is_listed_ = true;
      operation.hold();
      all_.push(operation);
    }
  }
  /// Empty if there is none.
  [[nodiscard]] Held<Operation> pop() noexcept {
    Operation* const first = all_.pop();
    if (first != nullptr) {
      first->is_listed_ = false;
    }
    return Held<Operation>(first);
  }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

 private:
  IntrusiveList<Operation> all_;
};

/// An operation with a result.
template <class T>
class OperationOf final : public Operation {
 public:
  /// Creates it, without beginning it.
  [[nodiscard]] static Held<OperationOf> make(Progress& progress, BackgroundWorker& worker, Task<T> first) {
    return Held<OperationOf>(new OperationOf(progress, worker, std::move(first)));
  }
  /// Its result; rethrows its task's exception. REQUIRES: ended(). Once.
  [[nodiscard]] T take() {
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
    return std::move(*value_);
  }

 private:
  OperationOf(Progress& progress, BackgroundWorker& worker, Task<T> first) noexcept
      : Operation(progress, worker), first_(std::move(first)) {
    first_->frame_.promise().belong(*this, nullptr);
    start_at(first_->frame_);
  }
  // Destroys the task's state at its end, however long the result is kept.
  [[nodiscard]] bool is_over() noexcept override {
    if (!first_->frame_.done()) {
      return false;
    }
    try {
      value_.emplace(first_->frame_.promise().take());
    } catch (...) {
      thrown_ = std::current_exception();
    }
    first_.reset();
    return true;
  }

  std::optional<Task<T>> first_;  ///< until it has ended
  std::optional<T> value_;
  std::exception_ptr thrown_;
};

/// An event that an operation waits for on the driver. Reported once, within a step, before or after the
/// operation waits for it.
template <class T>
class OneShot {
 public:
  OneShot() = default;
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  void tell(T value) noexcept {
    value_.emplace(std::move(value));
    if (Operation* const waiting = std::exchange(waiting_, nullptr)) {
      waiting->drive();
    }
  }

  [[nodiscard]] bool await_ready() const noexcept { return value_.has_value(); }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    waiting_ = &task.promise().operation();
    waiting_->await(task);
  }
  [[nodiscard]] T await_resume() { return std::move(*value_); }
  /// The same for one that was begun (Begun::begin()): true if it was already reported; otherwise `operation`
  /// resumes then.
  [[nodiscard]] bool is_told(Operation& operation) noexcept {
    waiting_ = value_ ? nullptr : &operation;
    return waiting_ == nullptr;
  }

 private:
  std::optional<T> value_;
  Operation* waiting_ = nullptr;
};

}  // namespace locum
