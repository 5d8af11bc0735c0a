#include "core/value/hyperslab.hpp"

#include <limits>
#include <string>

namespace locum {

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 62U;

}  // namespace

Result<ByteRange> range_of(const Part& part, std::uint64_t element_bytes) {
  if (part.count.value > most_bytes / element_bytes || part.offset.value > most_bytes / element_bytes) {
    return Error(Errc::invalid_argument, "no object is large enough for this part; check offset and count");
  }
  return ByteRange{part.offset.value * element_bytes, part.count.value * element_bytes};
}

Result<void> check_range(const ByteRange& range, std::uint64_t size_bytes) {
  if (range.offset > size_bytes || range.bytes > size_bytes - range.offset) {
    return Error(Errc::invalid_argument,
                 "the part exceeds the object, which has " + std::to_string(size_bytes) +
                     " bytes: it begins at byte " + std::to_string(range.offset) + " and has " +
                     std::to_string(range.bytes) + " bytes; check its offset and count");
  }
  return {};
}

}  // namespace locum
