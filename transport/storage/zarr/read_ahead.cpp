#include "transport/storage/zarr/read_ahead.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <utility>

#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"

namespace locum::storage {

/// The box, and the thread that reads it.
class ReadAhead::Reader {
 public:
  Result<void> begin(const std::shared_ptr<Reader>& self, const Box& box, Read read) LOCUM_EXCLUDES(mutex_) {
    auto job = std::make_shared<Job>();
    job->box = box;
    job->read = std::move(read);
    const MutexLock lock(mutex_);
    drop_job();
    if (!thread_.is_started()) {
      auto started = thread_.start("locum ahead", [self] { self->run(); });
      if (!started) {
        return started;
      }
    }
    job_ = std::move(job);
    changed_.notify_all();
    return {};
  }

  std::optional<Array> take(const Box& box, Deadline deadline) LOCUM_EXCLUDES(mutex_) {
    const auto moment = deadline.moment(std::chrono::minutes(10));
    MutexLock lock(mutex_);
    const std::shared_ptr<Job> job = job_;
    if (!job || !(job->box == box)) {
      return std::nullopt;
    }
    while (job_ == job && job->state == State::reading && lock.wait_until(changed_, moment)) {
    }
    if (job_ != job) {
      return std::nullopt;  // another thread has taken it, or dropped it
    }
    std::optional<Array> taken = std::move(job->array);
    drop_job();
    return taken;
  }

  void drop() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    drop_job();
  }

  /// Ends the thread, and waits for that.
  void end() LOCUM_EXCLUDES(mutex_) {
    BackgroundThread ended;
    {
      const MutexLock lock(mutex_);
      drop_job();
      is_ending_ = true;
      changed_.notify_all();
      ended = std::move(thread_);
    }
    ended.join();
  }

 private:
  enum class State : std::uint8_t { waiting, reading, done };
  struct Job {
    Box box;
    Read read;
    State state = State::waiting;
    std::atomic<bool> is_unwanted{false};
    std::optional<Array> array{};  ///< done, and it was read
  };

  void drop_job() LOCUM_REQUIRES(mutex_) {
    if (job_) {
      job_->is_unwanted = true;
      job_.reset();
      changed_.notify_all();
    }
  }

  void run() LOCUM_EXCLUDES(mutex_) {
    for (;;) {
      std::shared_ptr<Job> job;
      {
        MutexLock lock(mutex_);
        while (!is_ending_ && (!job_ || job_->state != State::waiting)) {
          (void)lock.wait_until(changed_, Deadline::Clock::time_point::max());
        }
        if (is_ending_) {
          return;
        }
        job = job_;
        job->state = State::reading;
      }
      auto read = guarded([&] { return job->read(job->is_unwanted); });
      const MutexLock lock(mutex_);
      job->read = nullptr;
      job->state = State::done;
      if (read && job_ == job) {
        job->array = std::move(*read);
      }
      changed_.notify_all();
    }
  }

  Mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Job> job_ LOCUM_GUARDED_BY(mutex_);
  bool is_ending_ LOCUM_GUARDED_BY(mutex_) = false;
  BackgroundThread thread_ LOCUM_GUARDED_BY(mutex_);
};

ReadAhead::ReadAhead() : reader_(std::make_shared<Reader>()) {}

ReadAhead::~ReadAhead() {
  if (!maker_.in_child()) {
    reader_->end();
  }
}

Result<void> ReadAhead::begin(const Box& box, Read read) {
  return maker_.in_child() ? Result<void>() : reader_->begin(reader_, box, std::move(read));
}

std::optional<Array> ReadAhead::take(const Box& box, Deadline deadline) {
  return maker_.in_child() ? std::nullopt : reader_->take(box, deadline);
}

void ReadAhead::drop() {
  if (!maker_.in_child()) {
    reader_->drop();
  }
}

}  // namespace locum::storage
