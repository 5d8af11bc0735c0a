#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Memory that is used again for the next chunk: the system clears each page that it gives to a process,
/// which takes longer than to compress what it holds. For one thread at a time.
class ReusedBytes {
 public:
  /// Returns that many bytes, of any values, in place of those that were returned before. `out_of_memory`.
  [[nodiscard]] Result<std::span<std::byte>> of_size(std::size_t size_bytes) {
    return guarded([&]() -> Result<std::span<std::byte>> {
      if (size_bytes > size_bytes_) {
        size_bytes_ = 0;
        memory_.reset();  // not both at a time
        memory_ = std::make_unique_for_overwrite<std::byte[]>(size_bytes);
        size_bytes_ = size_bytes;
      }
      return std::span(memory_.get(), size_bytes);
    });
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_bytes_ = 0;
};

}  // namespace locum::storage
