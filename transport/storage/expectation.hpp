#pragma once

#include <cstdint>

#include "core/ports/backend.hpp"
#include "transport/storage/errors.hpp"

namespace locum::storage {

/// Whether a record may be stored where one of the revision `there` is, or none (null): `key_exists`,
/// `not_found`, `stale`.
[[nodiscard]] inline Result<void> may_store(const NewRecord& record, const std::uint64_t* there) {
  if (record.expect == Expect::absent && there != nullptr) {
    return record_exists();
  }
  if (record.expect == Expect::revision && there == nullptr) {
    return no_such_object();
  }
  if (record.expect == Expect::revision && *there != record.expected_revision) {
    return other_revision();
  }
  return {};
}

}  // namespace locum::storage
