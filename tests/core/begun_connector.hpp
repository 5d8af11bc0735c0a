#pragma once

#include <utility>

#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {

/// A connector each of whose calls that can be begun is, by another connector, and then waited for: so that
/// what is asked of the ones that wait can be asked of those.
class BegunConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return get_some(address, {}, budget.deadline());
  }
  Result<ObjectView> get_some(const Address& address, const Selection& selection,
                              Deadline deadline) override {
    return end_of(behind().begin(address, selection, CountsUntil::it_is_got, deadline), deadline);
  }
  Result<bool> exists(const Address& address, WaitBudget budget) override {
    return end_of(behind().begin_exists(address, budget.deadline()), budget.deadline());
  }
  Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, WaitBudget budget) override {
    return end_of(behind().begin_seal(draft, options, budget.deadline()), budget.deadline());
  }
  Result<bool> evict(const Address& address, WaitBudget budget) override {
    return end_of(behind().begin_evict(address, budget.deadline()), budget.deadline());
  }

 private:
  template <class T>
  [[nodiscard]] static Result<T> end_of(BegunWith<T> begun, Deadline deadline) {
    return begun.coming ? begun.coming->get(deadline) : std::move(begun.found);
  }
};

}  // namespace locum::tests
