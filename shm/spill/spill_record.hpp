#pragma once

#include <cstdint>
#include <span>

#include "core/base/checksum.hpp"
#include "core/value/key.hpp"
#include "shm/table/disk_range.hpp"

namespace locum::shm {

/// Says in the spill file what the bytes before it are: lies right behind an object's payload, where the page
/// with its tail, which is never written, would be.
struct SpillRecord {
  static constexpr std::uint64_t right_magic = 0x314C50534D554C00U;  // "\0LUMSPL1", little-endian

  std::uint64_t magic = right_magic;
  std::uint64_t incarnation = 0;  ///< of the runtime
  std::uint64_t offset = 0;       ///< of the bytes
  std::uint64_t size_bytes = 0;
  Key key;                    ///< of the object
  std::uint32_t sum = 0;      ///< CRC-32C of the bytes
  std::uint32_t own_sum = 0;  ///< of this record, with 0 here

  /// Whether this is the record of these bytes.
  [[nodiscard]] bool is_of(std::uint64_t runtime, const Key& object, const DiskRange& range) const noexcept {
    return magic == right_magic && incarnation == runtime && offset == range.offset &&
           size_bytes == range.size_bytes && key == object && own_sum == sum_of_record();
  }
  void seal() noexcept { own_sum = sum_of_record(); }

 private:
  [[nodiscard]] std::uint32_t sum_of_record() const noexcept {
    SpillRecord plain = *this;
    plain.own_sum = 0;
    return checksum(std::as_bytes(std::span(&plain, 1)));
  }
};
static_assert(sizeof(SpillRecord) == 56);

}  // namespace locum::shm
