#pragma once

#include <memory>
#include <utility>

#include "core/async/completion.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

/// A fetch that ends with what somebody gives it. Any thread.
class GivenFetch : public Fetch {
 public:
  [[nodiscard]] bool ended() const noexcept override { return given_.is_set(); }
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override {
    expedite();
    const auto* const given = given_.wait(completions_->moment(deadline));
    return given != nullptr ? *given : deadline_passed("the file of this object was not read");
  }
  void expedite() noexcept override {}
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    if (!given_.observe(observer)) {
      observer->ended();
    }
  }
  void end(Result<ObjectView> outcome) noexcept { given_.set(std::move(outcome)); }

 protected:
  explicit GivenFetch(const std::shared_ptr<CompletionCounter>& completions)
      : completions_(completions), given_(completions) {}

 private:
  const std::shared_ptr<CompletionCounter> completions_;
  Completion<Result<ObjectView>> given_;
};

}  // namespace locum::detail
