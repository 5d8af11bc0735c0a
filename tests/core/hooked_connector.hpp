#pragma once

#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {

/// Calls a test's functions at chosen calls of named objects, by any thread: so that a test decides what
/// other ranks do between two lines of the library, and what there is no memory for.
class HookedConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  /// Called with the name before an object is made; true: there is no memory for it.
  void on_create(std::function<bool(std::string_view)> hook) { set(create_, std::move(hook)); }
  /// Called with the name before it is evicted.
  void on_evict(std::function<void(std::string_view)> hook) { set(evict_, std::move(hook)); }
  /// Called with the name before a get; true: its deadline comes before the answer.
  void on_get(std::function<bool(std::string_view)> hook) { set(get_, std::move(hook)); }
  /// Called after a get, with the name and whether the object was there.
  void on_got(std::function<void(std::string_view, bool)> hook) { set(got_, std::move(hook)); }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    const auto hook = copy(create_);
    if (hook && hook(std::string_view(meta.name))) {
      return Error(Errc::out_of_memory, "the test leaves no memory for this object");
    }
    return ForwardingConnector::create(size_bytes, meta, budget);
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (const auto hook = copy(evict_)) {
      hook(std::string_view(address.name));
    }
    return ForwardingConnector::evict_or_task(address, counts, budget);
  }
  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    if (const auto late = copy(get_); late && late(std::string_view(address.name))) {
      return Error(Errc::timeout, "the test lets no answer come by the deadline");
    }
    auto view = ForwardingConnector::get(address, budget);
    if (const auto hook = copy(got_)) {
      hook(std::string_view(address.name), view.has_value());
    }
    return view;
  }

 private:
  template <class Hook>
  void set(Hook& hook, Hook value) {
    const std::lock_guard lock(mutex_);
    hook = std::move(value);
  }
  template <class Hook>
  Hook copy(const Hook& hook) const {
    const std::lock_guard lock(mutex_);
    return hook;
  }

  mutable std::mutex mutex_;
  std::function<bool(std::string_view)> create_;
  std::function<void(std::string_view)> evict_;
  std::function<bool(std::string_view)> get_;
  std::function<void(std::string_view, bool)> got_;
};

}  // namespace locum::tests
