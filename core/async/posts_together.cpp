#include "core/async/posts_together.hpp"

#include <utility>

#include "core/async/progress.hpp"

namespace locum {

thread_local PostsTogether* PostsTogether::of_thread_ = nullptr;

PostsTogether::PostsTogether() noexcept : is_outermost_(of_thread_ == nullptr) {
  if (is_outermost_) {
    of_thread_ = this;
  }
}

PostsTogether::~PostsTogether() {
  if (is_outermost_) {
    of_thread_ = nullptr;
    post();
  }
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
