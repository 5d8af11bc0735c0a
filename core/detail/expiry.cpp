#include "core/detail/expiry.hpp"

#include <algorithm>
#include <utility>

#include "core/ports/expiring.hpp"

namespace locum::detail {

namespace {

/// The thread's share of a core is one in this and one, at most.
constexpr int pauses_a_sweep = 4;

Error no_lifetimes() {
  return Error(Errc::unsupported, "this connector has no lifetimes of objects; store without a lifetime");
}

}  // namespace

Expiry::Expiry(Connector& connector) : expiring_(connector.capability<Expiring>()) {}

Expiry::~Expiry() {
  close();
}

Result<void> Expiry::expect(std::uint32_t store, std::chrono::milliseconds lifetime) {
  return expiring_ != nullptr ? sweep_every(expiring_->expect(store, lifetime)) : no_lifetimes();
}

Result<void> Expiry::expect_adopted() {
  return expiring_ != nullptr ? sweep_every(sweep_interval_of(std::chrono::hours(1))) : no_lifetimes();
}

Result<void> Expiry::sweep_every(std::chrono::milliseconds interval) {
  const MutexLock lock(mutex_);
  if (closed_ || (interval_.count() != 0 && interval_ <= interval)) {
    return {};
  }
  if (!thread_.is_started()) {
    if (auto started = thread_.start("locum expiry", [this] { work(); }); !started) {
      return started;
    }
  }
  interval_ = interval;
  changed_.notify_all();
  return {};
}

void Expiry::forget(std::uint32_t store) {
  if (expiring_ != nullptr) {
    expiring_->forget(store);
  }
}

// False: it has been closed.
bool Expiry::wait_until_due(Clock::time_point last, Clock::duration took) {
  MutexLock lock(mutex_);
  for (;;) {
    const Clock::duration pause = std::max<Clock::duration>(interval_, pauses_a_sweep * took);
    if (closed_ || Clock::now() >= last + pause) {
      return !closed_;
    }
    (void)lock.wait_until(changed_, last + pause);
  }
}

void Expiry::work() noexcept {
  auto last = Clock::now();
  Clock::duration took{0};
  while (wait_until_due(last, took)) {
    const auto began = Clock::now();
    expiring_->sweep();
    last = Clock::now();
    took = last - began;
  }
}

void Expiry::close() noexcept {
  if (maker_.in_child()) {
    return;
  }
  BackgroundThread ending;  // waits for it once the lock is released
  const MutexLock lock(mutex_);
  closed_ = true;
  ending = std::move(thread_);
  changed_.notify_all();
}

}  // namespace locum::detail
