#include "core/async/continuation.hpp"

namespace locum {

void ContinuationQueue::clear() noexcept {
  while (take()) {
  }
}

void ContinuationQueue::add(std::unique_ptr<Continuation> continuation) noexcept {
  all_.push(*continuation.release());
}

std::unique_ptr<Continuation> ContinuationQueue::take() noexcept {
  return std::unique_ptr<Continuation>(all_.pop());
}

}  // namespace locum
