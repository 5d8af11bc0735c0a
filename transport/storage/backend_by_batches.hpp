#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// A backend whose changes are batches, each single one a batch of one.
class BackendByBatches : public Backend, public RecordBatches {
 public:
  using RecordBatches::store;

  RecordBatches* batches() noexcept final { return this; }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) final {
    Result<void> stored;
    store({&key, 1}, {&record, 1}, {&stored, 1}, deadline);
    return stored;
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) final {
    Result<bool> removed(false);
    remove_revisions({&key, 1}, {&revision, 1}, {&removed, 1}, deadline);
    return removed;
  }
  void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) final {
    const std::vector<std::uint64_t> any(keys.size(), 0);
    remove_revisions(keys, any, removed, deadline);
  }

 private:
  /// Removes each record that has that revision, or any if it is 0.
  virtual void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                                std::span<Result<bool>> removed, Deadline deadline) = 0;
};

}  // namespace locum::storage
