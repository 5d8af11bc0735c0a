#include "core/async/posts_together.hpp"

#include <utility>

#include "core/async/progress.hpp"

namespace locum {

namespace {

thread_local PostsTogether* outermost = nullptr;

}  // namespace

PostsTogether::PostsTogether() noexcept : is_outermost_(outermost == nullptr) {
  if (is_outermost_) {
    outermost = this;
  }
}

PostsTogether::~PostsTogether() {
  if (is_outermost_) {
    outermost = nullptr;
    post();
  }
}

PostsTogether* PostsTogether::of_thread() noexcept {
  return outermost;
}

void PostsTogether::keep(Progress& progress, std::function<void()> step) {
  if (progress_ != &progress) {
    post();
    progress_ = &progress;
  }
  steps_.push_back(std::move(step));
}

void PostsTogether::post() noexcept {
  if (!steps_.empty()) {
    progress_->post_all(std::exchange(steps_, {}));
  }
}

}  // namespace locum
