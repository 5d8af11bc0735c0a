#pragma once

#include <string>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// Whether a record is larger than those traits allow.
[[nodiscard]] inline bool is_too_large_for(const BackendTraits& traits, const NewRecord& record) noexcept {
  return record.bytes.size() > traits.largest_record;
}

[[nodiscard]] inline Error too_large_for(const BackendTraits& traits) {
  return Error(Errc::value_too_large, std::string(traits.scheme) + ": holds " +
                                          std::to_string(traits.largest_record) +
                                          " bytes at most; store it in parts, or elsewhere");
}

}  // namespace locum::storage
