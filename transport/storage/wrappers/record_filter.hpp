#pragma once

#include <span>

#include "transport/storage/wrappers/wrapper.hpp"

namespace locum::storage {

/// A wrapper that changes or refuses records, one by one: what it does is written once, for single calls and
/// for batches.
class RecordFilter : public Wrapper {
 public:
  using Wrapper::Wrapper;

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) final;
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) final;

 protected:
  /// What is stored in place of that record.
  virtual Result<NewRecord> to_store(const RecordKey& key, const NewRecord& record, Deadline deadline) = 0;
  /// Whether from_store() needs all of a record.
  [[nodiscard]] virtual bool loads_whole() const noexcept { return false; }
  /// The record that was stored as this one.
  virtual Result<LoadedRecord> from_store(const RecordKey& /*key*/, LoadedRecord stored,
                                          Deadline /*deadline*/) {
    return stored;
  }

 private:
  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) final;
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) final;
};

}  // namespace locum::storage
