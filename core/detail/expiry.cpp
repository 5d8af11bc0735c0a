#include "core/detail/expiry.hpp"

#include <algorithm>
#include <new>
#include <system_error>
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

Expiry::Expiry(Connector& connector, ThreadStart on_start)
    : expiring_(connector.expiring()), on_start_(std::move(on_start)) {}

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
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error& failure) {
      return Error(Errc::system,
                   "no thread can be started that evicts objects at the end of their lifetime; raise the "
                   "limit of processes (ulimit -u)",
                   failure.what());
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
  if (on_start_) {
    on_start_("locum expiry");
  }
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
  if (disowned_) {
    return;
  }
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    thread.swap(thread_);
    changed_.notify_all();
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void Expiry::disown() noexcept {
  disowned_ = true;
  // Never destroyed: it is joinable for ever.
  static_cast<void>(new (std::nothrow) std::thread(std::move(thread_)));
}

}  // namespace locum::detail
