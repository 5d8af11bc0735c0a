#pragma once

#include <cstdint>

#include "core/object/object_record.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// The bytes of an object that leave memory when it goes to disk: the whole pages of its payload. The page
/// with its tail, and with the end of the payload, stays; so there always is a page of the block behind them.
struct DiskRange {
  std::uint64_t offset = 0;  ///< of the segment; the position in the spill file, too
  std::uint64_t size_bytes = 0;

  [[nodiscard]] std::uint64_t end() const noexcept { return offset + size_bytes; }
};

/// REQUIRES: the record is whole.
[[nodiscard]] constexpr DiskRange disk_range(const ObjectRecord& record) noexcept {
  const std::uint64_t begin = (record.offset + page_bytes - 1) / page_bytes * page_bytes;
  const std::uint64_t end = (record.offset + record.size_bytes) / page_bytes * page_bytes;
  return {begin, end > begin ? end - begin : 0};
}

}  // namespace locum::shm
