#pragma once

#include "core/ports/backend.hpp"
#include "transport/storage/errors.hpp"

namespace locum::storage {

/// Whether a record is larger than those traits allow.
[[nodiscard]] inline bool is_too_large_for(const BackendTraits& traits, const NewRecord& record) noexcept {
  return record.bytes.size() > traits.largest_record;
}

[[nodiscard]] inline Error too_large_for(const BackendTraits& traits, const NewRecord& record) {
  return record_too_large(traits.scheme, record.bytes.size(), traits.largest_record);
}

}  // namespace locum::storage
