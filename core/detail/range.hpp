#pragma once

#include <iterator>
#include <utility>

namespace locum::detail {

// The concepts of <ranges> that batch calls need, made from those of <iterator>: compiling <ranges> takes a
// tenth of the time of locum's own headers.

template <class R>
using IteratorOf = decltype(std::ranges::begin(std::declval<R&>()));

/// std::ranges::input_range
template <class R>
concept InputRange = requires(R& range) {
  std::ranges::begin(range);
  std::ranges::end(range);
} && std::input_iterator<IteratorOf<R>>;

/// std::ranges::forward_range
template <class R>
concept ForwardRange = InputRange<R> && std::forward_iterator<IteratorOf<R>>;

/// std::ranges::sized_range
template <class R>
concept SizedRange = InputRange<R> && requires(R& range) { std::ranges::size(range); };

template <class R>
using RangeReference = std::iter_reference_t<IteratorOf<R>>;
template <class R>
using RangeValue = std::iter_value_t<IteratorOf<R>>;

}  // namespace locum::detail
