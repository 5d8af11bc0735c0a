#pragma once

#include <atomic>
#include <memory>
#include <variant>

#include "core/async/completion.hpp"
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
  void end(Result<ObjectView> outcome) noexcept { decided_.set(std::move(outcome)); }
  /// From now on that fetch is what its caller waits for. It was begun, and has ended or is not observed. One
  /// that comes too late is forgotten.
  void end_as(const std::shared_ptr<Fetch>& fetch) noexcept;
  /// Whether it was told how it ends.
  [[nodiscard]] bool is_decided() const noexcept { return decided_.is_set(); }
  /// Whether nobody has called forget().
  [[nodiscard]] bool is_wanted() const noexcept { return is_wanted_.load(std::memory_order_relaxed); }
  /// Whether a thread waits for it.
  [[nodiscard]] bool is_expedited() const noexcept { return is_expedited_.load(std::memory_order_relaxed); }

  [[nodiscard]] bool ended() const noexcept override;
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override;
  void expedite() noexcept override;
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override;
  void forget() noexcept override;

 protected:
  /// The error of a get() whose deadline has passed before it is decided.
  [[nodiscard]] virtual Error late() const = 0;
  [[nodiscard]] Moment until() const noexcept { return until_; }

 private:
  using Decision = std::variant<Result<ObjectView>, std::shared_ptr<Fetch>>;

  /// What it ends as; null: it is not decided, or has an outcome.
  [[nodiscard]] Fetch* fetch() const noexcept;

  const Moment until_;
  Completion<Decision> decided_;
  std::atomic<bool> is_wanted_{true};
  std::atomic<bool> is_expedited_{false};
};

}  // namespace locum
