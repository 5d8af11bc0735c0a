#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace locum {

/// Bytes that are sent in place, and what keeps them there until they have been.
struct Bulk {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep;
  std::uint64_t made_bytes = 0;  ///< memory of this process that was made for them alone
};

}  // namespace locum
