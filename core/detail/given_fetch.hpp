#pragma once

#include <memory>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/async_result.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum::detail {

/// A fetch that ends with what somebody gives it. Any thread.
class GivenFetch : public Fetch {
 public:
  [[nodiscard]] bool ended() const noexcept override { return outcome_->ended(); }
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override {
    hurry();
    return outcome_->wait(outcome_->completions()->moment(deadline))
               ? outcome_->value()
               : Error(Errc::timeout, "this object is still being read from its file; wait longer");
  }
  void hurry() noexcept override {}
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    outcome_->then(std::make_unique<Tell>(std::move(observer)));
  }
  void end(Result<ObjectView> outcome) noexcept { outcome_->settle(std::move(outcome)); }

 protected:
  explicit GivenFetch(std::shared_ptr<CompletionCounter> completions)
      : outcome_(std::make_shared<SettledState<ObjectView>>(std::move(completions))) {}

 private:
  class Tell final : public Continuation {
   public:
    explicit Tell(std::shared_ptr<CompletionListener> listener) noexcept : listener_(std::move(listener)) {}
    void run() noexcept override { listener_->ended(); }

   private:
    const std::shared_ptr<CompletionListener> listener_;
  };

  const std::shared_ptr<SettledState<ObjectView>> outcome_;
};

}  // namespace locum::detail
