#include "core/tier/tier_wait.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace locum {

namespace {

/// Of a thread that waits while the backend is asked.
constexpr std::chrono::milliseconds longest_pause{50};

}  // namespace

/// Neither part keeps the wait: who does not want it any more lets go of it.
class TierWait::Ended final : public CompletionListener {
 public:
  using Step = void (TierWait::*)() noexcept;
  Ended(std::weak_ptr<TierWait> wait, Step step) noexcept : wait_(std::move(wait)), step_(step) {}
  void ended() noexcept override {
    if (const auto wait = wait_.lock()) {
      (wait.get()->*step_)();
    }
  }

 private:
  const std::weak_ptr<TierWait> wait_;
  const Step step_;
};

TierWait::TierWait(std::shared_ptr<Fetch> in_memory, std::shared_ptr<Look> in_back, Moment until) noexcept
    : AwaitedFetch(until), in_memory_(std::move(in_memory)), in_back_(std::move(in_back)) {}

void TierWait::begin() {
  auto memory_ended = std::make_shared<Ended>(weak_from_this(), &TierWait::memory_ended);
  auto looked = std::make_shared<Ended>(weak_from_this(), &TierWait::looked);
  in_memory_->begin();
  in_back_->begin();
  in_memory_->observe(std::move(memory_ended));
  in_back_->observe(std::move(looked));
}

void TierWait::memory_ended() noexcept {
  end_as(in_memory_);
}

void TierWait::looked() noexcept {
  if (auto found = in_back_->get({}); found && *found) {
    end_as(std::move(*found));
    in_memory_->forget();
  }
  has_looked_ = true;
}

Result<ObjectView> TierWait::get(Deadline deadline) {
  const Moment latest = deadline.moment(std::chrono::seconds(0), until());
  for (std::chrono::milliseconds pause(1); !is_decided(); pause = std::min(2 * pause, longest_pause)) {
    const Moment now = Deadline::Clock::now();
    (void)in_memory_->get(has_looked_ ? latest : std::min(latest, now + pause));
    if (in_memory_->ended()) {
      end_as(in_memory_);
    } else if (now >= latest) {
      break;
    }
  }
  return AwaitedFetch::get(latest);
}

void TierWait::hurry() noexcept {
  AwaitedFetch::hurry();
  in_memory_->hurry();
  in_back_->hurry();
}

void TierWait::forget() noexcept {
  AwaitedFetch::forget();
  in_memory_->forget();
  in_back_->forget();
}

Error TierWait::late() const {
  return name_not_put();
}

}  // namespace locum
