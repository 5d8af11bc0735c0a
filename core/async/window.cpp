#include "core/async/window.hpp"

#include <utility>

#include "core/value/errors.hpp"

namespace locum {

Result<Window::Way> Window::Entering::await_resume() const {
  if (verdict_ == Verdict::closed) {
    return runtime_closed();
  }
  if (verdict_ == Verdict::withdrawn) {
    return result_unwanted(Errc::timeout);
  }
  return Way(window_.shared_from_this(), bytes_);
}

bool Window::has_room(std::uint64_t bytes) const noexcept {
  return bytes == 0 || bytes_ == 0 || (bytes_ <= limit_bytes_ && bytes <= limit_bytes_ - bytes_);
}

bool Window::fits(std::uint64_t bytes) const noexcept {
  return has_room(bytes) && under_way_ < most_under_way_;
}

void Window::count_in(std::uint64_t bytes) noexcept {
  bytes_ += bytes;
  ++under_way_;
}

// A new one queues behind its kind; a small one does not queue for a large one that it may still pass.
bool Window::decides_at_once(Entering& one) noexcept {
  if (closed_) {
    one.verdict_ = Verdict::closed;
    return true;
  }
  const bool is_small = one.bytes_ > 0 && one.bytes_ <= small_bytes;
  if (!queue_for(one.bytes_).empty() || (is_small && !may_pass()) || !fits(one.bytes_)) {
    return false;
  }
  if (is_small && !large_.empty()) {
    ++passed_;
  }
  count_in(one.bytes_);
  one.verdict_ = Verdict::entered;
  return true;
}

bool Window::enters_at_once(Entering& one) noexcept {
  const MutexLock lock(mutex_);
  return decides_at_once(one);
}

// An operation may have left since the caller's first check; and the one that began it may have released it,
// and looked for it here in vain.
bool Window::queue(Entering& one, Operation& operation) noexcept {
  const MutexLock lock(mutex_);
  if (decides_at_once(one)) {
    return false;
  }
  if (!operation.is_wanted()) {
    one.verdict_ = Verdict::withdrawn;
    return false;
  }
  if (operation.expedited_) {
    count_in(one.bytes_);
    one.verdict_ = Verdict::entered;
    return false;
  }
  one.operation_ = &operation;
  operation.in_queue_ = &one;
  queue_for(one.bytes_).push(one);
  ++queued_;
  return true;
}

Window::Entering* Window::next() noexcept {
  Entering* const one = !small_.empty() && may_pass() ? small_.first() : large_.first();
  const bool passes = one == nullptr || !has_room(one->bytes_) || empty_in_a_row_ < most_passing;
  return !empty_.empty() && passes ? empty_.first() : one;
}

void Window::take_out(Entering& one, Verdict verdict) noexcept {
  if (&one == large_.first()) {
    passed_ = 0;
  }
  queue_for(one.bytes_).remove(one);
  --queued_;
  one.operation_->in_queue_ = nullptr;
  one.verdict_ = verdict;
}

// All that fit now. They continue once the mutex is released.
Window::Queue Window::let_in() noexcept {
  Queue admitted;
  for (Entering* one = next(); one != nullptr && fits(one->bytes_); one = next()) {
    const bool passes = one == small_.first() && !large_.empty();
    empty_in_a_row_ = one == empty_.first() ? empty_in_a_row_ + 1 : 0;
    take_out(*one, Verdict::entered);
    passed_ += passes ? 1 : 0;
    count_in(one->bytes_);
    admitted.push(*one);
  }
  return admitted;
}

// Each of them may end as soon as it is resumed.
void Window::have_go_on(Queue admitted) noexcept {
  while (Entering* const one = admitted.pop()) {
    one->operation_->go_on();
  }
}

void Window::arrive(std::uint64_t bytes, std::uint64_t real_bytes) noexcept {
  Queue admitted;
  {
    const MutexLock lock(mutex_);
    bytes_ += real_bytes - bytes;
    --under_way_;
    admitted = let_in();
  }
  have_go_on(std::move(admitted));
}

void Window::leave(std::uint64_t bytes, bool under_way) noexcept {
  if (maker_.in_child()) {
    return;
  }
  Queue admitted;
  {
    const MutexLock lock(mutex_);
    bytes_ -= bytes;
    under_way_ -= under_way ? 1 : 0;
    admitted = let_in();
  }
  have_go_on(std::move(admitted));
}

Window::Entering* Window::find(const Operation& operation) noexcept {
  return static_cast<Entering*>(operation.in_queue_);
}

// Nothing that did not fit before fits beside it.
void Window::expedite(Operation& operation) noexcept {
  {
    const MutexLock lock(mutex_);
    operation.expedited_ = true;
    Entering* const one = find(operation);
    if (one == nullptr) {
      return;
    }
    take_out(*one, Verdict::entered);
    count_in(one->bytes_);
  }
  operation.go_on();
}

// Those behind it may fit once it is gone.
void Window::withdraw(Operation& operation) noexcept {
  if (maker_.in_child()) {
    return;
  }
  Queue admitted;
  {
    const MutexLock lock(mutex_);
    Entering* const one = find(operation);
    if (one == nullptr) {
      return;
    }
    take_out(*one, Verdict::withdrawn);
    admitted = let_in();
  }
  operation.go_on_here();
  have_go_on(std::move(admitted));
}

void Window::close() noexcept {
  for (;;) {
    Operation* operation = nullptr;
    {
      const MutexLock lock(mutex_);
      closed_ = true;
      Entering* const one = !empty_.empty()   ? empty_.first()
                            : !small_.empty() ? small_.first()
                                              : large_.first();
      if (one == nullptr) {
        return;
      }
      take_out(*one, Verdict::closed);
      operation = one->operation_;
    }
    operation->go_on_here();
  }
}

bool Window::has_long_queue() const noexcept {
  const MutexLock lock(mutex_);
  return queued_ >= longest_queue;
}

Window::Levels Window::levels() const noexcept {
  const MutexLock lock(mutex_);
  return {.bytes = bytes_, .under_way = under_way_, .queued = queued_};
}

}  // namespace locum
