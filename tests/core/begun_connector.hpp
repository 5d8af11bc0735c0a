#pragma once

#include <utility>

#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {

/// A connector each of whose calls that can be begun is, by another connector, and then waited for: so that
/// what is asked of the ones that wait can be asked of those.
class BegunConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectView> get(const Address& address, Deadline deadline) override {
    return get_some(address, {}, deadline);
  }
  Result<ObjectView> get_some(const Address& address, const Selection& selection,
                              Deadline deadline) override {
    return end_of(behind().begin(address, selection, CountsUntil::it_is_got, deadline), deadline);
  }
  Result<bool> exists(const Address& address, Deadline deadline) override {
    return end_of(behind().begin_exists(address, deadline), deadline);
  }
  Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Deadline deadline) override {
    return end_of(behind().begin_seal(draft, options, deadline), deadline);
  }
  Result<bool> evict(const Address& address, Deadline deadline) override {
    return end_of(behind().begin_evict(address, deadline), deadline);
  }

 private:
  template <class T>
  [[nodiscard]] static Result<T> end_of(BegunWith<T> begun, Deadline deadline) {
    return begun.coming ? begun.coming->get(deadline) : std::move(begun.found);
  }
};

}  // namespace locum::tests
