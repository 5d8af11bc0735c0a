#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <locum/deadline.hpp>
#include <locum/result.hpp>
#include <locum/view.hpp>

namespace locum::detail {

/// What could be the name of an object, or a value: `string_view` itself is taken for a name.
template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view> && !std::is_same_v<T, std::string_view>;

/// What could be a value, or how long a call may take.
template <class T>
concept TimeLike = std::convertible_to<const T&, Deadline> && !std::is_same_v<T, Deadline>;

/// Explains, while compiling, why a text and a time are not stored.
template <class T>
constexpr void refuse_text_and_time() {
  static_assert(
      !TimeLike<T>,
      "locum cannot tell whether this text is a name and the time its value, or the text a value and the "
      "time a deadline: say (name, value, {}) or (text, locum::Deadline(time))");
}

/// Explains, while compiling, why some of an object is not read by a codec.
template <class T>
[[nodiscard]] Result<View<T>> refuse_part_by_codec() {
  static_assert(!std::is_same_v<T, T>,
                "locum cannot read some elements by a codec, which decodes an object as a whole: get all of "
                "it, or store it without a codec");
  return View<T>();
}

}  // namespace locum::detail
