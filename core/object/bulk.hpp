#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace locum {

/// Bytes that are sent in place, and the owner that keeps them alive until then.
struct Bulk {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keep;
  std::uint64_t made_bytes = 0;  ///< private memory allocated only for them
};

}  // namespace locum
