#include "core/base/blocking_wait.hpp"

#include <utility>

namespace locum {
namespace {

constinit thread_local BlockingWait::Listener* listener_of_thread = nullptr;

}  // namespace

BlockingWait::BlockingWait() noexcept : listener_(std::exchange(listener_of_thread, nullptr)) {
  if (listener_ != nullptr) {
    listener_->begin_wait();
  }
}

BlockingWait::~BlockingWait() {
  if (listener_ != nullptr) {
    listener_->end_wait();
    listener_of_thread = listener_;
  }
}

void BlockingWait::listen(Listener& listener) noexcept {
  listener_of_thread = &listener;
}

}  // namespace locum
