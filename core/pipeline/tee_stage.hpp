#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/detail/base/mutex.hpp>
#include <locum/detail/pipeline/pipeline_log.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum::detail::stages {

/// The pipeline behind the consumers of a tee(), and the elements that some of them have not read. It has no
/// thread: the consumer that needs an element which nobody has pulled pulls it.
template <class S>
class TeeBuffer {
 public:
  using One = PulledFrom<S>;

  TeeBuffer(S upstream, std::size_t consumers, std::size_t most)
      : upstream_(std::move(upstream)), most_(most), consumers_(consumers) {}

  [[nodiscard]] One pull(std::size_t consumer, Moment moment) {
    for (;;) {
      if (auto one = await(consumer, moment)) {
        return std::move(*one);
      }
      One from;
      try {
        from = upstream_.pull(moment);
      } catch (...) {
        from = pulled_failure<typename S::Value>(error_of_exception(), Place<typename S::Position>());
      }
      const MutexLock lock(mutex_);
      is_pulling_ = false;
      changed_.notify_all();
      if (from.kind == Pull::late || from.kind == Pull::skipped) {
        return from;
      }
      // An element that cannot be kept would be missing for the others: for them it is an error, too.
      try {
        if (from.kind == Pull::element) {
          buffer_.push_back(std::move(from));
        } else {
          last_ = std::move(from);
        }
      } catch (...) {
        last_ = pulled_failure<typename S::Value>(error_of_exception(), Place<typename S::Position>());
      }
    }
  }
  void cancel(std::size_t consumer) noexcept {
    bool is_last = true;
    {
      const MutexLock lock(mutex_);
      consumers_[consumer].is_cancelled = true;
      trim();
      for (const Consumer& one : consumers_) {
        is_last = is_last && one.is_cancelled;
      }
      changed_.notify_all();
    }
    if (is_last) {
      upstream_.cancel();
    }
  }
  void close(std::size_t consumer) noexcept {
    bool is_last = true;
    {
      const MutexLock lock(mutex_);
      consumers_[consumer].is_open = false;
      for (const Consumer& one : consumers_) {
        is_last = is_last && !one.is_open;
      }
      trim();
    }
    if (is_last) {
      upstream_.close();
    }
  }

 private:
  struct Consumer {
    std::uint64_t next = 0;
    std::thread::id reader;  ///< the thread that called last
    bool is_open = true;
    bool is_cancelled = false;

    [[nodiscard]] bool reads() const noexcept { return is_open && !is_cancelled; }
  };

  /// Returns the consumer's next element, or that there is none; nothing if the caller is to pull one.
  [[nodiscard]] std::optional<One> await(std::size_t number, Moment moment) {
    MutexLock lock(mutex_);
    Consumer& consumer = consumers_[number];
    consumer.reader = std::this_thread::get_id();
    for (bool in_time = true;; in_time = lock.wait_until(changed_, moment)) {
      if (consumer.is_cancelled) {
        return One();
      }
      if (consumer.next < base_ + buffer_.size()) {
        One one = buffer_[static_cast<std::size_t>(consumer.next - base_)];
        ++consumer.next;
        trim();
        return one;
      }
      if (last_) {
        return last_;
      }
      if (buffer_.size() >= most_) {
        const std::size_t slowest = find_slowest();
        if (!in_time || consumers_[slowest].reader == consumer.reader) {
          One none;
          none.error = consumer_lags(slowest, most_);
          return none;
        }
      } else if (!is_pulling_) {
        is_pulling_ = true;
        return std::nullopt;
      }
      if (!in_time) {
        return One();
      }
    }
  }
  [[nodiscard]] std::size_t find_slowest() const LOCUM_REQUIRES(mutex_) {
    std::size_t at = 0;
    while (!consumers_[at].reads() || consumers_[at].next != base_) {
      ++at;
    }
    return at;
  }
  /// Drops what all open consumers have read.
  void trim() LOCUM_REQUIRES(mutex_) {
    std::uint64_t least = base_ + buffer_.size();
    for (const Consumer& one : consumers_) {
      least = one.reads() && one.next < least ? one.next : least;
    }
    for (; base_ < least; ++base_) {
      buffer_.pop_front();
      changed_.notify_all();
    }
  }

  S upstream_;  ///< of the thread that has set is_pulling_
  const std::size_t most_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Consumer> consumers_ LOCUM_GUARDED_BY(mutex_);
  std::deque<One> buffer_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t base_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< number of the first one in the buffer
  std::optional<One> last_ LOCUM_GUARDED_BY(mutex_);
  bool is_pulling_ LOCUM_GUARDED_BY(mutex_) = false;
};

/// One consumer of a tee().
template <class S>
class TeeStage {
 public:
  using Value = typename S::Value;
  using Position = typename S::Position;
  static_assert(std::is_copy_constructible_v<Value>,
                "locum: tee() gives each consumer a copy, and needs elements that can be copied");

  TeeStage(std::shared_ptr<TeeBuffer<S>> buffer, std::size_t consumer)
      : buffer_(std::move(buffer)), consumer_(consumer) {}

  [[nodiscard]] PulledFrom<S> pull(Moment moment) { return buffer_->pull(consumer_, moment); }
  void cancel() noexcept { buffer_->cancel(consumer_); }
  void close() noexcept { buffer_->close(consumer_); }
  [[nodiscard]] Result<void> rewind() { return cannot_rewind(); }

 private:
  std::shared_ptr<TeeBuffer<S>> buffer_;
  std::size_t consumer_;
};

}  // namespace locum::detail::stages
