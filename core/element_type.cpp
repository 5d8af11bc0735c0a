#include "core/element_type.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <utility>

namespace locum {

namespace {

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 15> numbers{{{"bool", 1},
                                                                              {"char", 1},
                                                                              {"byte", 1},
                                                                              {"i8", 1},
                                                                              {"u8", 1},
                                                                              {"i16", 2},
                                                                              {"u16", 2},
                                                                              {"i32", 4},
                                                                              {"u32", 4},
                                                                              {"f32", 4},
                                                                              {"i64", 8},
                                                                              {"u64", 8},
                                                                              {"f64", 8},
                                                                              {"c64", 8},
                                                                              {"c128", 16}}};

/// The size in `name{size}`; 0: it is no such name.
std::uint32_t class_bytes(std::string_view name) {
  const std::size_t brace = name.rfind('{');
  if (brace == std::string_view::npos || brace == 0 || name.back() != '}' ||
      name.find('@') != std::string_view::npos) {
    return 0;
  }
  const std::string_view digits = name.substr(brace + 1, name.size() - brace - 2);
  std::uint32_t bytes = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bytes);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole && bytes <= std::uint32_t{std::numeric_limits<std::int32_t>::max()} ? bytes : 0;
}

}  // namespace

Error no_element_type() {
  return Error(Errc::invalid_argument, "the array has no type of elements; give it one");
}

Result<ElementType> ElementType::named(std::string_view name) {
  for (const auto& [number, bytes] : numbers) {
    if (number == name) {
      return ElementType(name, bytes, bytes);
    }
  }
  const std::uint32_t bytes = class_bytes(name);
  if (bytes == 0) {
    return Error(
        Errc::invalid_argument,
        "'" + std::string(name.substr(0, 128)) +
            "' is no type of elements: write f64, i32, u8 … for numbers, c64 or c128 for complex ones, "
            "and name{bytes} for a flat class");
  }
  // An alignment divides the size.
  const std::uint64_t most = bytes & (~bytes + 1);
  ElementType made(name, bytes, std::min<std::uint64_t>(most, detail::largest_alignment));
  made.alignment_is_guess_ = true;
  return made;
}

namespace detail {

[[gnu::hot]] Result<std::uint64_t> array_bytes(const Extents& extents, const ArrayType& type) {
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

}  // namespace detail

}  // namespace locum
