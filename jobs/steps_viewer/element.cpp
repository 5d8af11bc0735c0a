#include "jobs/steps_viewer/element.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace steps_viewer {

ElementName ElementName::parse(std::string_view type) {
  ElementName name;
  if (type.ends_with("[]")) {
    name.is_array = true;
    type.remove_suffix(2);
  }
  // The last bracket is the slowest dimension of std::array<std::array<T, 4>, 3>: `T[4][3]`.
  while (type.ends_with(']')) {
    const auto open = type.rfind('[');
    if (open == std::string_view::npos) {
      break;
    }
    std::uint64_t extent = 0;
    const char* const first = type.data() + open + 1;
    const char* const last = type.data() + type.size() - 1;
    const auto [end, error] = std::from_chars(first, last, extent);
    if (error != std::errc{} || end != last) {
      break;
    }
    name.inner.push_back(extent);
    type = type.substr(0, open);
  }
  name.element = type;
  return name;
}

bool ElementName::can_be_shown() const {
  constexpr std::array<std::string_view, 13> numbers{"f64", "f32", "i64", "u64",  "i32",  "u32", "i16",
                                                     "u16", "i8",  "u8",  "bool", "byte", "char"};
  constexpr std::array<std::uint64_t, 5> lengths{2, 3, 4, 6, 9};
  if (inner.empty()) {
    return std::ranges::find(numbers, element) != numbers.end();
  }
  return (element == "f64" || element == "f32") && inner.size() == 1 &&
         std::ranges::find(lengths, inner.front()) != lengths.end();
}

}  // namespace steps_viewer
