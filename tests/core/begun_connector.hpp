#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/connector.hpp"

namespace locum::tests {

/// A connector each of whose calls that can be begun is, by another connector, and then waited for: so that
/// what is asked of the ones that wait can be asked of those.
class BegunConnector final : public Connector {
 public:
  explicit BegunConnector(std::shared_ptr<Connector> behind) : behind_(std::move(behind)) {}

  Result<ObjectView> get(const Address& address, Deadline deadline) override {
    return get_some(address, {}, deadline);
  }
  Result<ObjectView> get_some(const Address& address, const Selection& selection,
                              Deadline deadline) override {
    return end_of(behind_->begin(address, selection, CountsUntil::it_comes, deadline), deadline);
  }
  Result<bool> exists(const Address& address, Deadline deadline) override {
    return end_of(behind_->begin_exists(address, deadline), deadline);
  }
  Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Deadline deadline) override {
    return end_of(behind_->begin_seal(draft, options, deadline), deadline);
  }
  Result<bool> evict(const Address& address, Deadline deadline) override {
    return end_of(behind_->begin_evict(address, deadline), deadline);
  }
  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, Deadline deadline) override {
    return behind_->create(size_bytes, meta, deadline);
  }
  Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                        Deadline deadline) override {
    return behind_->list(store, prefix, deadline);
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override {
    return behind_->wait(address, deadline, wanted);
  }
  void discard(const ObjectDraft& draft) noexcept override { behind_->discard(draft); }
  Result<std::uint64_t> drop(std::uint32_t store) override { return behind_->drop(store); }
  MemoryUsage usage() const override { return behind_->usage(); }

 private:
  template <class T>
  [[nodiscard]] static Result<T> end_of(BegunWith<T> begun, Deadline deadline) {
    return begun.coming ? begun.coming->get(deadline) : std::move(begun.found);
  }

  const std::shared_ptr<Connector> behind_;
};

}  // namespace locum::tests
