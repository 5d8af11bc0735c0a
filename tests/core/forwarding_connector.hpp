#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/ports/store_numbers.hpp"

namespace locum::tests {

/// Forwards calls to another connector; tests override some functions. All calls complete at once, and
/// batches are made of the overridden calls.
class ForwardingConnector : public Connector {
 public:
  explicit ForwardingConnector(std::shared_ptr<Connector> behind) : behind_(std::move(behind)) {}

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return behind_->get(address, budget);
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) override {
    return {behind_->exists(address, budget)};
  }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil /*counts*/, Deadline deadline) override {
    return {behind_->list(store, prefix, deadline)};
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override {
    return behind_->wait(address, deadline, wanted);
  }
  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    return behind_->create(size_bytes, meta, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil /*counts*/,
                                 WaitBudget budget) override {
    return {behind_->seal(draft, options, budget)};
  }
  void discard(const ObjectDraft& draft) noexcept override { behind_->discard(draft); }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) override {
    return {behind_->evict(address, budget)};
  }
  Result<std::uint64_t> drop(std::uint32_t store) override { return behind_->drop(store); }
  MemoryUsage usage() const override { return behind_->usage(); }
  Capability* find_capability(const std::type_info& type) noexcept override {
    const bool is_forwarded =
        type == typeid(StoreAccounts) || type == typeid(StoreNumbers) || type == typeid(NameWaits);
    return is_forwarded ? behind_->find_capability(type) : nullptr;
  }

 protected:
  [[nodiscard]] Connector& behind() noexcept { return *behind_; }

 private:
  const std::shared_ptr<Connector> behind_;
};

}  // namespace locum::tests
