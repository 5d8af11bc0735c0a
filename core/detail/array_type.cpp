#include "core/detail/array_type.hpp"

#include <string>

namespace locum::detail {

Result<std::uint64_t> array_bytes(const Extents& extents, const ArrayType& type) {
  const std::size_t inner_rank = type.inner.size();
  if ((extents.rank == 0 && !type.is_value) || extents.rank > max_rank - inner_rank) {
    return Error(Errc::invalid_argument,
                 "an array has 1 to " + std::to_string(max_rank) + " dimensions; this one has " +
                     (extents.rank == 0 ? "none, or another number of strides than of extents"
                                        : std::to_string(extents.rank + inner_rank)));
  }
  std::uint64_t size_bytes = type.element_bytes;
  for (const std::uint64_t extent : extents.span()) {
    // A negative number that became an extent is a number of 64 bits with the first one set.
    if (extent > std::uint64_t{1} << 63U) {
      return Error(Errc::invalid_argument,
                   "an extent is negative; give the number of elements in each dimension");
    }
    if (__builtin_mul_overflow(size_bytes, extent, &size_bytes)) {
      return Error(Errc::invalid_argument, "these extents need more than 2^64 bytes; check their product");
    }
  }
  return size_bytes;
}

}  // namespace locum::detail
