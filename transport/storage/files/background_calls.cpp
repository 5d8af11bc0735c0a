#include "transport/storage/files/background_calls.hpp"

#include <utility>

#include "core/value/deadline.hpp"

namespace locum::storage {

BackgroundCalls::~BackgroundCalls() {
  if (maker_.in_child()) {
    return;
  }
  std::vector<BackgroundThread> threads;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (BackgroundThread& thread : threads) {
    thread.join();
  }
}

void BackgroundCalls::add(std::function<void()> call) {
  if (!maker_.in_child()) {
    const MutexLock lock(mutex_);
    if (idle_ <= calls_.size() && threads_.size() < most_threads) {
      BackgroundThread thread;
      if (thread.start("locum files", [this] { work(); })) {
        threads_.push_back(std::move(thread));
      }
    }
    if (!threads_.empty()) {
      calls_.push_back(std::move(call));
      changed_.notify_one();
      return;
    }
  }
  call();
}

void BackgroundCalls::work() {
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
    }
    call();
  }
}

}  // namespace locum::storage
