#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "transport/storage/backend_by_batches.hpp"

namespace locum::storage {

/// One pack that is open, as a PackFolder uses it.
class Pack : public BackendByBatches {
 public:
  using Backend::load;
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
  /// One after the other: they are in place.
  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<Record>> loaded,
            Deadline deadline) final {
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = load(keys[at], last_bytes, deadline);
    }
  }
  /// Removes each record that has that revision, or any if it is 0.
  void remove_revisions(std::span<const RecordKey> keys, std::span<const std::uint64_t> revisions,
                        std::span<Result<bool>> removed, Deadline deadline) override = 0;
};

}  // namespace locum::storage
