#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/async/progress.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"

namespace locum {

/// CompletionCounter whose waiting threads make progress on messages. Does not own the Progress: after its
/// end they only sleep.
class ProgressCompletionCounter final : public CompletionCounter {
 public:
  ProgressCompletionCounter(std::weak_ptr<Progress> progress, std::chrono::milliseconds timeout,
                            std::shared_ptr<TransferTimes> times)
      : CompletionCounter(timeout, std::move(times)), progress_(std::move(progress)) {}

  [[nodiscard]] Clock::time_point now() const noexcept override;
  [[nodiscard]] bool needs_calls() const noexcept override;

 private:
  class Sleeper;

  void wake() noexcept override;
  void sleep(std::uint64_t seen, Clock::time_point until) override;

  const std::weak_ptr<Progress> progress_;
  Mutex mutex_;
  IntrusiveList<Sleeper> sleepers_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
