#pragma once

#include <utility>

#include "tests/core/begun.hpp"
#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {

/// A connector whose calls each begin a task of another connector and wait for it, so that tests of blocking
/// calls also test asynchronous ones.
class BegunConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return get_some(address, {}, budget.deadline());
  }
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection,
                                    CountsUntil /*counts*/, Deadline deadline) override {
    return end_of(behind().get_or_task(address, selection, CountsUntil::it_is_got, deadline), deadline);
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) override {
    return end_of(behind().exists_or_task(address, CountsUntil::it_is_got, budget), budget.deadline());
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil /*counts*/,
                                 WaitBudget budget) override {
    return end_of(behind().seal_or_task(draft, options, CountsUntil::it_is_got, budget), budget.deadline());
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) override {
    return end_of(behind().evict_or_task(address, CountsUntil::it_is_got, budget), budget.deadline());
  }

 private:
  template <class T>
  [[nodiscard]] static NowOrTask<T> end_of(NowOrTask<T> made, Deadline deadline) {
    const auto begun = tests::begun(std::move(made));
    return {begun.coming ? begun.coming->get(deadline) : begun.found};
  }
};

}  // namespace locum::tests
