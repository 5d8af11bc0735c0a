#pragma once

#include <condition_variable>
#include <memory>
#include <optional>

#include "core/base/mutex.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// The fetch of a wait: ends with an outcome, or as another fetch does; the first of these that it is told
/// counts. Any thread.
class AwaitedFetch : public Fetch {
 public:
  using Moment = Deadline::Clock::time_point;

  /// \param until of get() without a deadline
  explicit AwaitedFetch(Moment until) noexcept : until_(until) {}

  /// Ends it. Neither waits nor needs memory.
  void end(Result<ObjectView> outcome) noexcept LOCUM_EXCLUDES(mutex_);
  /// From now on that fetch is what its caller waits for. It was begun, and has ended or is not observed. One
  /// that comes too late is forgotten.
  void end_as(const std::shared_ptr<Fetch>& fetch) noexcept LOCUM_EXCLUDES(mutex_);
  /// Whether it was told how it ends.
  [[nodiscard]] bool is_decided() const noexcept LOCUM_EXCLUDES(mutex_);
  /// Whether nobody has called forget().
  [[nodiscard]] bool is_wanted() const noexcept LOCUM_EXCLUDES(mutex_);
  /// Whether a thread waits for it.
  [[nodiscard]] bool is_hurried() const noexcept LOCUM_EXCLUDES(mutex_);

  [[nodiscard]] bool ended() const noexcept override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override LOCUM_EXCLUDES(mutex_);
  void hurry() noexcept override LOCUM_EXCLUDES(mutex_);
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override LOCUM_EXCLUDES(mutex_);
  void forget() noexcept override LOCUM_EXCLUDES(mutex_);

 protected:
  /// The error of a get() whose deadline has passed before it is decided.
  [[nodiscard]] virtual Error late() const = 0;
  [[nodiscard]] Moment until() const noexcept { return until_; }

 private:
  [[nodiscard]] std::shared_ptr<Fetch> fetch() const noexcept LOCUM_EXCLUDES(mutex_);

  const Moment until_;
  mutable Mutex mutex_;
  std::condition_variable decided_;
  bool is_wanted_ LOCUM_GUARDED_BY(mutex_) = true;
  bool is_hurried_ LOCUM_GUARDED_BY(mutex_) = false;
  std::optional<Result<ObjectView>> outcome_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<Fetch> fetch_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<CompletionListener> observer_ LOCUM_GUARDED_BY(mutex_);  ///< until it is decided
};

}  // namespace locum
