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
#include "core/ports/observer.hpp"
#include "core/result.hpp"

namespace locum {

class Standby;
class Window;

/// Something that was begun and goes on by itself, in tasks (Task), until it ends: any number of threads may
/// wait for that, or none. Its tasks run in one thread at a time, which is either
///
/// * a *thread that may work*: the one that began it, one that waits for it, or where there is none of these
///   the standby thread. Who waits for it may wait for others, too, as long as its own time lasts; after
///   that, and on the standby, its budget is limited (WaitBudget). Where the standby has closed, too, who
///   drives goes on with it; or
/// * who *drives* (Progress), within a step of the exchange, on the budget of a step: where it asks other
///   ranks, and where it goes on when they answer.
///
/// A task says which of the two it needs (`co_await ToThread()`, `co_await ToDriver()`): that costs nothing
/// where it is so already. What whoever runs it may wait it is told by ToThread(), and by Budget() where it
/// may be either; that holds until it awaits something else. In the driver's hands it waits for answers
/// (Told), which come within steps. In a queue (Queued) it waits in nobody's hands until it is let go on. It
/// is not ended early: whoever does not want to wait for it any more leaves, and it keeps itself alive. What
/// its tasks use lives until Progress::end() has returned: by then it has ended, if all that it may wait for
/// has.
///
/// Invariants (mutex_ held)
///
/// 1. State::thread: one thread runs it or is about to. State::driver: it is posted to who drives, or runs
///    there, or what it waits for is told there.
/// 2. State::queued: nobody runs it, and whoever finds it in its queue first lets it go on.
/// 3. State::wanting: it was given to the first of those who wait (`pending` is done), or to the standby; the
///    one that finds it so first takes it.
///
/// Held by Held only.
class Operation : private ListLink<Operation> {
 public:
  using Clock = Progress::Clock;

  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  [[nodiscard]] static void* operator new(std::size_t bytes) { return detail::FramePool::take(bytes); }
  static void operator delete(void* operation, std::size_t bytes) noexcept {
    detail::FramePool::give_back(operation, bytes);
  }

  /// Begins it, in this thread, and returns when it goes on elsewhere, or has ended. Once, this or run(); not
  /// by who drives.
  void begin(WaitBudget budget = {});
  /// begin(), by who drives, in whose hands it begins.
  void begin_by_driver() noexcept;
  class Host;
  class Wanting;
  /// That one, instead of the standby, has it run where it needs a thread and nobody waits for it. Before it
  /// begins.
  void be_hosted_by(std::shared_ptr<Host> host) noexcept { host_ = std::move(host); }
  /// Runs it in this thread, which may work, if nobody has taken it since it wanted that.
  void run_if_wanting(const WaitBudget& budget) noexcept;
  /// Begins it, and waits as wait() does. Before any other thread knows it.
  [[nodiscard]] bool run(Clock::time_point until);
  /// Waits until it has ended; runs it meanwhile where it needs a thread. False: the moment has passed. Any
  /// thread but who drives.
  [[nodiscard]] bool wait(Clock::time_point until);
  /// Nobody wants to know any more how it ends. Any thread.
  void forget() noexcept { wanted_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  /// Has that one told once, when it has ended; at once if it has. One only. Any thread.
  void observe(std::shared_ptr<Observer> observer) noexcept;
  [[nodiscard]] bool ended() const noexcept { return state_.load(std::memory_order_acquire) == State::ended; }

  /// Goes on in a thread that may work, and what that may wait. For its own tasks.
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
  /// What whoever runs it may wait; goes on there. For its own tasks.
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
  /// Whether somebody still wants to know how it ends: what nobody wants need not begin anything new. For its
  /// own tasks.
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
  /// Something that begins in a step of who drives, and that the operation waits for in that one's hands.
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
    /// Begins it. Whether it is over already; else the operation is told later.
    [[nodiscard]] virtual bool begin(Operation& operation) noexcept = 0;

   private:
    friend class Operation;
  };
  /// A queue in which the operation waits in nobody's hands, until somebody lets it go on.
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
    /// Queues it, after all that it did before; false: it goes on at once. Once it is queued anybody may let
    /// it go on.
    [[nodiscard]] virtual bool queue(Operation& operation) noexcept = 0;

   private:
    friend class Operation;
  };
  /// Has it go on by who drives. Does not run it. REQUIRES: it was queued, and nobody else lets it go on. Any
  /// thread, also within a step.
  void go_on() noexcept;
  /// The same, but that this thread runs it, until it goes on elsewhere or has ended.
  void go_on_here() noexcept;

  /// Goes on in a step of who drives. For its own tasks.
  class ToDriver final : public Begun {
   public:
    void await_resume() const noexcept {}

   private:
    [[nodiscard]] bool begin(Operation& /*operation*/) noexcept override { return true; }
  };

 protected:
  Operation(Progress& progress, Standby& standby) noexcept : progress_(progress), standby_(standby) {}
  virtual ~Operation() = default;

  /// Where its first task begins. Set before it begins, which belong() of that task has to name.
  void start_at(std::coroutine_handle<> first) noexcept { next_ = first; }
  /// Whether its first task has ended; false as long as that has not. Asked until it says so, and not again.
  [[nodiscard]] virtual bool is_over() noexcept = 0;

 private:
  template <class T>
  friend class Told;
  template <class O>
  friend class Held;
  friend class Standby;
  friend class Window;
  friend class IntrusiveList<Operation>;

  enum class State : std::uint8_t { thread, driver, wanting, queued, ended };
  enum class Place : std::uint8_t { thread, driver };
  /// Where it was left.
  enum class Left : std::uint8_t { over, elsewhere, queued };
  struct Waiter : ListLink<Waiter> {
    Pending pending;
    /// It was made done to take the operation, and not, or not only, by its end.
    std::atomic<bool> called{false};
  };

  void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept {
    // Who alone holds it is not joined by another one meanwhile.
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
  Standby& standby_;
  // Of who runs it.
  std::coroutine_handle<> next_;
  Place place_ = Place::thread;
  WaitBudget budget_;
  bool needs_thread_ = false;
  Begun* begun_ = nullptr;   ///< what its next place, the driver, begins first
  Queued* queue_ = nullptr;  ///< where it is to wait

  std::atomic<std::uint32_t> holders_{1};  ///< who made it, and itself from its beginning to its end
  std::atomic<bool> wanted_{true};
  std::atomic<State> state_{State::thread};
  Mutex mutex_;
  IntrusiveList<Waiter> waiters_
      LOCUM_GUARDED_BY(mutex_);  ///< until it ends; the last that came is the first
  std::shared_ptr<Observer> observer_ LOCUM_GUARDED_BY(mutex_);

  Queued* in_queue_ = nullptr;  ///< of a window, which guards it
  bool hurried_ = false;        ///< the same

  bool is_listed_ = false;  ///< in a Wanting, which guards this
  std::shared_ptr<Host> host_;
};

/// Who runs operations that need a thread, and for which nobody waits, in place of the standby.
class Operation::Host {
 public:
  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  virtual ~Host() = default;

  /// Notes one that wants a thread; it is locked meanwhile. Any thread; must not fail.
  virtual void take(Operation& operation) noexcept = 0;
  /// After that, and it is not locked any more: has what was noted run, unless somebody else takes it before.
  virtual void call() noexcept = 0;
};

/// Holds an operation, or none.
template <class O>
class Held {
 public:
  Held() = default;
  /// Takes over one hold that is counted already.
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

/// Operations that want a thread, in the order in which they came to do so; each once, and held. Guarded by
/// who has it.
class Operation::Wanting {
 public:
  void push(Operation& operation) noexcept {
    if (!operation.is_listed_) {
      operation.is_listed_ = true;
      operation.hold();
      all_.push(operation);
    }
  }
  /// None: there is none.
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

/// An operation that ends with a value.
template <class T>
class OperationOf final : public Operation {
 public:
  /// Made, and not begun yet.
  [[nodiscard]] static Held<OperationOf> make(Progress& progress, Standby& standby, Task<T> first) {
    return Held<OperationOf>(new OperationOf(progress, standby, std::move(first)));
  }
  /// What it ended with, or throws what its task passed on. REQUIRES: ended(). Once.
  [[nodiscard]] T take() {
    if (thrown_) {
      std::rethrow_exception(thrown_);
    }
    return *std::move(value_);
  }

 private:
  OperationOf(Progress& progress, Standby& standby, Task<T> first) noexcept
      : Operation(progress, standby), first_(std::move(first)) {
    first_->frame_.promise().belong(*this, nullptr);
    start_at(first_->frame_);
  }
  // What its tasks held ends with them, however long somebody keeps the value.
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

/// What an operation waits for while who drives has it. Told once, within a step, before or after the
/// operation waits for it.
template <class T>
class Told {
 public:
  Told() = default;
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

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
  [[nodiscard]] T await_resume() { return *std::move(value_); }
  /// The same for what has begun (Begun::begin()): true if it was told already, else `operation` goes on
  /// then.
  [[nodiscard]] bool is_told(Operation& operation) noexcept {
    waiting_ = value_ ? nullptr : &operation;
    return waiting_ == nullptr;
  }

 private:
  std::optional<T> value_;
  Operation* waiting_ = nullptr;
};

}  // namespace locum
