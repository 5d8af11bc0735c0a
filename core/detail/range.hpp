#pragma once

#include <iterator>
#include <utility>

namespace locum::detail {

// The concepts of <ranges> that calls for many objects need, by what <iterator> has: to read that header
// takes a compiler as long as a tenth of locum's own.

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
