#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/name_waits.hpp"
#include "core/value/errors.hpp"

namespace locum::tests {

/// A connector of promises, one in each store, that the test sets. It counts look-ups, and notifies its
/// watcher. Allocates no memory for that. Any thread.
class AwaitedConnector final : public Connector, public NameWaits {
 public:
  explicit AwaitedConnector(std::size_t promises) : set_(promises) {}

  void set(std::uint32_t store) noexcept { set_.at(store) = true; }
  /// Notifies the watcher that something may have been set.
  void tell() {
    std::shared_ptr<NameWatcher> watcher;
    {
      const MutexLock lock(mutex_);
      watcher = watcher_;
    }
    if (watcher) {
      watcher->bound();
    }
  }
  [[nodiscard]] std::size_t looks() const noexcept { return looks_; }
  /// Waits until there is a watcher; false: there was none within that time.
  [[nodiscard]] bool is_watched_within(Deadline::Clock::duration time) {
    const auto until = Deadline::Clock::now() + time;
    MutexLock lock(mutex_);
    while (!watcher_) {
      if (!lock.wait_until(watched_, until) && !watcher_) {
        return false;
      }
    }
    return true;
  }

  void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& watcher) override {
    const MutexLock lock(mutex_);
    watcher_ = watcher;
    watched_.notify_all();
  }
  Result<ObjectView> wait(const Address& address, Deadline, const Wanted&) override {
    ++looks_;
    return set_.at(address.key.store) ? Result<ObjectView>(ObjectView()) : promise_not_set();
  }

  Result<ObjectView> get(const Address&, WaitBudget) override { return no_such_object(); }
  NowOrTask<bool> exists_or_task(const Address&, CountsUntil, WaitBudget) override { return {false}; }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t, std::string_view, CountsUntil,
                                                   Deadline) override {
    return {std::vector<std::string>()};
  }
  Result<ObjectDraft> create(std::uint64_t, const ObjectMeta&, WaitBudget) override {
    return no_memory_left();
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft&, const SealOptions&, CountsUntil, WaitBudget) override {
    return {no_memory_left()};
  }
  void discard(const ObjectDraft&) noexcept override {}
  NowOrTask<bool> evict_or_task(const Address&, CountsUntil, WaitBudget) override { return {false}; }
  Result<std::uint64_t> drop(std::uint32_t) override { return std::uint64_t{0}; }
  MemoryUsage usage() const override { return {}; }
  Capability* find_capability(const std::type_info& type) noexcept override {
    return one_of<NameWaits>(type, this);
  }

 private:
  std::vector<std::atomic<bool>> set_;  ///< by store
  std::atomic<std::size_t> looks_{0};
  Mutex mutex_;
  std::condition_variable watched_;
  std::shared_ptr<NameWatcher> watcher_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::tests
