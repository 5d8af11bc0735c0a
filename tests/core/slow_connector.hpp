#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/now_or_task.hpp"
#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {

/// A connector whose asynchronous gets end when the test says so, by Coming::arrive(). All other calls go to
/// another connector.
class SlowConnector final : public ForwardingConnector {
 public:
  /// A get that has begun.
  class Coming final : public Fetch {
   public:
    [[nodiscard]] bool ended() const noexcept override {
      const MutexLock lock(mutex_);
      return found_.has_value();
    }
    [[nodiscard]] Result<ObjectView> get(Deadline deadline) override {
      const auto until = deadline.moment(std::chrono::seconds(30));
      MutexLock lock(mutex_);
      while (!found_) {
        if (!lock.wait_until(changed_, until)) {
          return Error(Errc::timeout, "the test let it wait");
        }
      }
      return *found_;
    }
    void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
      {
        const MutexLock lock(mutex_);
        if (!found_) {
          listener_ = std::move(observer);
          return;
        }
      }
      observer->ended();
    }
    void expedite() noexcept override {
      const MutexLock lock(mutex_);
      expedited_ = true;
    }
    void forget() noexcept override {
      const MutexLock lock(mutex_);
      forgotten_ = true;
    }

    void arrive(Result<ObjectView> found) {
      std::shared_ptr<CompletionListener> observer;
      {
        const MutexLock lock(mutex_);
        found_ = std::move(found);
        observer.swap(listener_);
        changed_.notify_all();
      }
      if (observer) {
        observer->ended();
      }
    }
    [[nodiscard]] bool forgotten() const {
      const MutexLock lock(mutex_);
      return forgotten_;
    }

    [[nodiscard]] bool expedited() const {
      const MutexLock lock(mutex_);
      return expedited_;
    }

   private:
    mutable Mutex mutex_;
    std::condition_variable changed_;
    std::optional<Result<ObjectView>> found_ LOCUM_GUARDED_BY(mutex_);
    std::shared_ptr<CompletionListener> listener_ LOCUM_GUARDED_BY(mutex_);
    bool expedited_ LOCUM_GUARDED_BY(mutex_) = false;
    bool forgotten_ LOCUM_GUARDED_BY(mutex_) = false;
  };

  using ForwardingConnector::ForwardingConnector;

  /// The n-th get that was begun.
  [[nodiscard]] Coming& coming(std::size_t n) {
    const MutexLock lock(mutex_);
    return *begun_.at(n).first;
  }
  [[nodiscard]] std::size_t begun() {
    const MutexLock lock(mutex_);
    return begun_.size();
  }
  /// Ends the n-th get with its object.
  void arrive(std::size_t n) {
    std::shared_ptr<Coming> coming;
    Key key;
    {
      const MutexLock lock(mutex_);
      std::tie(coming, key) = begun_.at(n);
    }
    coming->arrive(behind().get(Address(key), {}));
  }

  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override {
    if (counts == CountsUntil::never) {
      return {selected(get(address, deadline), selection)};
    }
    auto coming = std::make_shared<Coming>();
    const MutexLock lock(mutex_);
    begun_.emplace_back(coming, address.key);
    return {ObjectView(), std::move(coming)};
  }
  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    report(budget.deadline());
    return ForwardingConnector::get(address, budget);
  }
  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    report(budget.deadline());
    return ForwardingConnector::create(size_bytes, meta, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    report(budget.deadline());
    return ForwardingConnector::seal_or_task(draft, options, counts, budget);
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    report(budget.deadline());
    return ForwardingConnector::evict_or_task(address, counts, budget);
  }

  /// Called with the deadline of each get(), create(), seal() and evict(), if set.
  std::function<void(Deadline)> on_deadline;

 private:
  void report(Deadline deadline) const {
    if (on_deadline) {
      on_deadline(deadline);
    }
  }

  Mutex mutex_;
  std::vector<std::pair<std::shared_ptr<Coming>, Key>> begun_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::tests
