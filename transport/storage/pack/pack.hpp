#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "transport/storage/backend_by_batches.hpp"

namespace locum::storage {

/// One pack that is open, as a PackFolder uses it.
class Pack : public BackendByBatches {
 public:
  using BackendByBatches::store;
  struct Name {
    std::string space;
    std::string name;
  };
  /// The name of one of its records, whichever; none: it has no record.
  [[nodiscard]] virtual std::optional<Name> any_record() = 0;
  /// Whether it is not to be closed for another one: its disk has failed, which who opens it again would not
  /// know; or it is being compacted, which would begin anew.
  [[nodiscard]] virtual bool stays_open() { return false; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) final {
    Result<LoadedRecord> loaded(no_such_object());
    load({&key, 1}, last_bytes, {&loaded, 1}, deadline);
    return loaded;
  }
  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override = 0;
  /// Removes each record that has that revision, or any if it is 0.
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override = 0;
};

}  // namespace locum::storage
