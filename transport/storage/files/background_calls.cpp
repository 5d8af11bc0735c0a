#include "transport/storage/files/background_calls.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <new>
#include <utility>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"

namespace locum::storage {

class BackgroundCalls::Queue : public std::enable_shared_from_this<Queue> {
 public:
  /// False: the calling thread is to make it.
  [[nodiscard]] bool take(std::function<void()>& call) {
    const MutexLock lock(mutex_);
    if (is_own_thread()) {
      return false;
    }
    if (idle_ <= calls_.size() && threads_.size() < most_threads) {
      BackgroundThread thread;
      if (thread.start("locum files", [self = shared_from_this()] { self->work(); })) {
        threads_.push_back(std::move(thread));
      }
    }
    if (threads_.empty()) {
      return false;
    }
    calls_.push_back(std::move(call));
    changed_.notify_all();
    return true;
  }

  [[nodiscard]] bool wait(Deadline::Clock::time_point until) {
    MutexLock lock(mutex_);
    while (!is_own_thread() && (!calls_.empty() || running_ > 0)) {
      if (Deadline::Clock::now() >= until) {
        return false;
      }
      (void)lock.wait_until(changed_, until);
    }
    return true;
  }

  void close(bool waits) {
    std::vector<BackgroundThread> threads;
    {
      const MutexLock lock(mutex_);
      closed_ = true;
      waits = waits && !is_own_thread();
      threads.swap(threads_);
      changed_.notify_all();
    }
    for (BackgroundThread& thread : threads) {
      if (waits) {
        thread.join();
      } else {
        thread.detach();
      }
    }
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> call;
      {
        MutexLock lock(mutex_);
        ++idle_;
        while (calls_.empty() && !closed_) {
          (void)lock.wait_until(changed_, Deadline::Clock::time_point::max());
        }
        --idle_;
        if (calls_.empty()) {
          return;
        }
        call = std::move(calls_.front());
        calls_.pop_front();
        ++running_;
      }
      call();
      call = nullptr;  // what it holds ends before wait() returns
      const MutexLock lock(mutex_);
      --running_;
      changed_.notify_all();
    }
  }
  [[nodiscard]] bool is_own_thread() const LOCUM_REQUIRES(mutex_) {
    return std::ranges::any_of(threads_, [](const BackgroundThread& thread) { return thread.is_current(); });
  }

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_ LOCUM_GUARDED_BY(mutex_);
  std::vector<BackgroundThread> threads_ LOCUM_GUARDED_BY(mutex_);
  std::size_t idle_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::size_t running_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
};

BackgroundCalls::BackgroundCalls() : queue_(std::make_shared<Queue>()) {}

// In a forked process threads of the parent still wait for what is in the queue, which cannot end there.
BackgroundCalls::~BackgroundCalls() {
  if (maker_.in_child()) {
    (void)new (std::nothrow) std::shared_ptr<Queue>(std::move(queue_));
    return;
  }
  queue_->close(true);
}

void BackgroundCalls::leave() {
  if (!maker_.in_child()) {
    queue_->close(false);
  }
}

void BackgroundCalls::add(std::function<void()> call) {
  if (maker_.in_child() || !queue_->take(call)) {
    call();
  }
}

bool BackgroundCalls::wait(Deadline deadline) {
  constexpr std::chrono::minutes longest{10};
  return maker_.in_child() || queue_->wait(deadline.moment(longest));
}

}  // namespace locum::storage
