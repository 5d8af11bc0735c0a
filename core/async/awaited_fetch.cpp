#include "core/async/awaited_fetch.hpp"

#include <chrono>
#include <utility>

namespace locum {

void AwaitedFetch::end_as(const std::shared_ptr<Fetch>& fetch) noexcept {
  std::shared_ptr<CompletionListener> observer;
  const bool is_late = !decided_.set(fetch, observer);
  if (fetch->ended()) {
    // There is nothing to expedite or to stop; and this may be called as it ends.
  } else if (is_late || !is_wanted()) {
    fetch->forget();
  } else if (is_expedited()) {
    fetch->expedite();
  }
  if (observer) {
    fetch->observe(std::move(observer));
  }
}

Fetch* AwaitedFetch::fetch() const noexcept {
  const Decision* const decision = decided_.value();
  const auto* const fetch = decision != nullptr ? std::get_if<std::shared_ptr<Fetch>>(decision) : nullptr;
  return fetch != nullptr ? fetch->get() : nullptr;
}

bool AwaitedFetch::ended() const noexcept {
  const Fetch* const other = fetch();
  return other != nullptr ? other->ended() : is_decided();
}

Result<ObjectView> AwaitedFetch::get(Deadline deadline) {
  const Decision* const decision = decided_.wait(deadline.moment(std::chrono::seconds(0), until_));
  if (decision == nullptr) {
    return late();
  }
  const auto* const outcome = std::get_if<Result<ObjectView>>(decision);
  return outcome != nullptr ? *outcome : fetch()->get(deadline);
}

// Said first, and then passed on: end_as() does it the other way round.
void AwaitedFetch::expedite() noexcept {
  is_expedited_.store(true, std::memory_order_relaxed);
  if (Fetch* const other = fetch()) {
    other->expedite();
  }
}

void AwaitedFetch::forget() noexcept {
  is_wanted_.store(false, std::memory_order_relaxed);
  if (Fetch* const other = fetch()) {
    other->forget();
  }
}

void AwaitedFetch::observe(std::shared_ptr<CompletionListener> observer) noexcept {
  if (decided_.observe(observer)) {
    return;
  }
  if (Fetch* const other = fetch()) {
    other->observe(std::move(observer));
  } else {
    observer->ended();
  }
}

}  // namespace locum
