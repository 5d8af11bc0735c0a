#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "core/base/hash.hpp"
#include "core/ports/backend.hpp"

namespace locum::storage {

/// A value of a server holds a record, and these bytes behind it. A value without them was stored by another
/// program, and is a record as it is: its revision is a hash of all its bytes.
struct ValueEnd {
  static constexpr std::uint64_t magic_number = 0x31304C41564F4C0AU;  // "\nLOVAL01", little-endian

  std::uint64_t size_bytes = 0;  ///< of the record
  std::uint64_t revision = 0;
  std::uint64_t magic = magic_number;

  [[nodiscard]] std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(this), sizeof *this};
  }
};
static_assert(sizeof(ValueEnd) == 24);

/// The end of a value; `magic` is 0 if these last bytes have none.
[[nodiscard]] inline ValueEnd value_end(std::span<const std::byte> last) noexcept {
  ValueEnd end;
  if (last.size() < sizeof end) {
    return {0, 0, 0};
  }
  std::memcpy(&end, last.data() + last.size() - sizeof end, sizeof end);
  return end.magic == ValueEnd::magic_number && end.size_bytes >= last.size() - sizeof end
             ? end
             : ValueEnd{0, 0, 0};
}

/// The record in a whole value.
[[nodiscard]] inline LoadedRecord record_in(std::shared_ptr<const std::byte> value,
                                            std::uint64_t size_bytes) {
  const std::span bytes(value.get(), size_bytes);
  const ValueEnd end = value_end(bytes);
  if (end.magic != 0 && end.size_bytes == size_bytes - sizeof end) {
    return {std::move(value), bytes.first(end.size_bytes), end.size_bytes, end.revision};
  }
  const std::uint64_t hash = hash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {std::move(value), bytes, size_bytes, hash == 0 ? 1 : hash};
}

}  // namespace locum::storage
