#pragma once

#include <atomic>
#include <memory>

#include "core/async/awaited_fetch.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum {

/// A wait for a name that goes on by itself in the memory of the job, and that the backend may have already:
/// ends as the one that has it first; as memory's wait if its time is over, or if neither has it. What cannot
/// be found out about the backend counts as absent. Any thread.
class TierWait final : public AwaitedFetch, public std::enable_shared_from_this<TierWait> {
 public:
  /// \param in_memory waits for somebody who puts it; not begun, as `in_back`
  TierWait(std::shared_ptr<Fetch> in_memory, std::shared_ptr<Look> in_back, Moment until) noexcept;

  void begin() override;
  /// Memory may have nobody but this thread to go on with its part.
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override;
  void expedite() noexcept override;
  void forget() noexcept override;

 protected:
  [[nodiscard]] Error late() const override;

 private:
  void memory_ended() noexcept;
  void looked() noexcept;

  const std::shared_ptr<Fetch> in_memory_;
  const std::shared_ptr<Look> in_back_;
  std::atomic<bool> has_looked_{false};
  std::atomic<bool> has_failed_in_memory_{false};
};

}  // namespace locum
