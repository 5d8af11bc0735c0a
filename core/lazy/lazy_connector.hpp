#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/batches.hpp"
#include "core/ports/connector.hpp"

namespace locum::detail {

class SessionState;

/// A connector around that of a session in which stores were restored lazily. What is found there under a
/// name may be a record that leads to part of a file (see FileParts): it is read, and the object is the
/// result. All else passes through. Any thread may call.
class LazyConnector final : public Connector, public Batches {
 public:
  /// \param session the owner
  explicit LazyConnector(SessionState& session);

  Result<ObjectView> get(const Address& address, WaitBudget budget) override;
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override;
  Result<ObjectView> get_into(const Address& address, const Selection& selection, std::span<std::byte> memory,
                              Deadline deadline) override;
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override;

  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return inner_.exists_or_task(address, counts, budget);
  }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override {
    return inner_.list_or_task(store, prefix, counts, deadline);
  }
  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    return inner_.create(size_bytes, meta, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    return inner_.seal_or_task(draft, options, counts, budget);
  }
  void discard(const ObjectDraft& draft) noexcept override { inner_.discard(draft); }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return inner_.evict_or_task(address, counts, budget);
  }
  Result<std::uint64_t> drop(std::uint32_t store) override { return inner_.drop(store); }
  MemoryUsage usage() const override { return inner_.usage(); }
  Path path_of_writes(Path in_memory) const noexcept override { return inner_.path_of_writes(in_memory); }
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override {
    inner_.seal_batch(drafts, sealed, deadline);
  }
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override {
    inner_.evict_batch(addresses, evicted, deadline);
  }
  Capability* find_capability(const std::type_info& type) noexcept override {
    return type == typeid(Batches) ? static_cast<Batches*>(this) : inner_.find_capability(type);
  }

 private:
  [[nodiscard]] Result<ObjectView> read(const Address& name, const Selection& selection,
                                        Result<ObjectView> found, Deadline deadline);

  SessionState& session_;
  Connector& inner_;
};

}  // namespace locum::detail
