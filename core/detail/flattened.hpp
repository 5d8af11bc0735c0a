#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <locum/extents.hpp>

namespace locum::detail {

/// How an array of `E` is stored: an array of arrays becomes one of more dimensions; `double[4][5]` and
/// `std::vector<std::array<double, 3>>` become arrays of `double`. Dimensions beyond `max_rank` stay in the
/// element.
template <class E, std::size_t Left = max_rank - 1>
struct Flattened {
  using Element = E;
  static constexpr std::array<std::uint64_t, 0> inner{};  ///< extents of one `E`
};
template <class E, std::size_t N, std::size_t Left>
  requires(Left > 0 && N > 0)
struct Flattened<E[N], Left> {
 private:
  using Rest = Flattened<E, Left - 1>;

 public:
  using Element = typename Rest::Element;
  static constexpr auto inner = [] {
    std::array<std::uint64_t, Rest::inner.size() + 1> extents{N};
    std::copy(Rest::inner.begin(), Rest::inner.end(), extents.begin() + 1);
    return extents;
  }();
};
template <class E, std::size_t N, std::size_t Left>
  requires(Left > 0 && N > 0)
struct Flattened<std::array<E, N>, Left> : Flattened<E[N], Left> {};

template <class E>
using FlattenedElement = typename Flattened<E>::Element;

/// Returns the extents, in flattened elements, of an array with these extents in `E`. REQUIRES: together at
/// most `max_rank`.
template <class E>
[[nodiscard]] constexpr Extents with_inner(Extents extents) noexcept {
  for (const std::uint64_t extent : Flattened<E>::inner) {
    extents.values[extents.rank++] = extent;
  }
  return extents;
}
/// Inverts with_inner(); returns no extents if these are at most those of one `E`.
template <class E>
[[nodiscard]] constexpr Extents without_inner(Extents extents) noexcept {
  constexpr std::size_t inner = Flattened<E>::inner.size();
  extents.rank = static_cast<std::uint8_t>(extents.rank > inner ? extents.rank - inner : 0);
  return extents;
}

}  // namespace locum::detail
