#include "core/tier/tier_wait.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/back_off.hpp"

namespace locum {

namespace {

/// Of a thread that waits while the backend is asked.
constexpr std::chrono::milliseconds shortest_pause{1};
constexpr std::chrono::milliseconds longest_pause{50};

}  // namespace

TierWait::TierWait(std::shared_ptr<Fetch> in_memory, std::shared_ptr<Look> in_back, Moment until) noexcept
    : AwaitedFetch(until), in_memory_(std::move(in_memory)), in_back_(std::move(in_back)) {}

// Who does not want it any more lets go of it, also before memory's wait ends. The look keeps it: what it has
// begun to fetch then is forgotten if nobody wants it.
void TierWait::begin() {
  auto memory_ended = on_completion([weak = weak_from_this()] {
    if (const auto wait = weak.lock()) {
      wait->memory_ended();
    }
  });
  auto looked = on_completion([wait = shared_from_this()] { wait->looked(); });
  in_memory_->begin();
  in_back_->begin();
  in_memory_->observe(std::move(memory_ended));
  in_back_->observe(std::move(looked));
}

// What memory has lost the backend may have.
void TierWait::memory_ended() noexcept {
  if (!has_looked_) {
    const auto found = in_memory_->get({});
    if (!found && found.error().code() != Errc::timeout) {
      has_failed_in_memory_ = true;
      if (!has_looked_) {
        return;
      }
    }
  }
  end_as(in_memory_);
}

void TierWait::looked() noexcept {
  if (auto found = in_back_->get({}); found && *found) {
    end_as(*found);
    in_memory_->forget();
  }
  has_looked_ = true;
  if (has_failed_in_memory_) {
    end_as(in_memory_);
  }
}

Result<ObjectView> TierWait::get(Deadline deadline) {
  const Moment latest = deadline.moment(std::chrono::seconds(0), until());
  for (BackOff pauses(shortest_pause, longest_pause); !is_decided();) {
    const Moment now = Deadline::Clock::now();
    const auto found = in_memory_->get(has_looked_ ? latest : std::min(latest, now + pauses.next()));
    if (in_memory_->ended()) {
      memory_ended();
      break;
    }
    if (now >= latest || (!found && found.error().code() != Errc::timeout)) {
      break;  // nobody goes on with memory's part
    }
  }
  return AwaitedFetch::get(latest);
}

void TierWait::expedite() noexcept {
  AwaitedFetch::expedite();
  in_memory_->expedite();
  in_back_->expedite();
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
