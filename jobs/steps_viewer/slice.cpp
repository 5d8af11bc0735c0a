#include "jobs/steps_viewer/slice.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

namespace steps_viewer {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The texts between separators.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::invalid_argument wrong(std::string_view part, std::string_view why) {
  return std::invalid_argument("\"" + std::string(part) + "\" in the slice " + std::string(why));
}

std::int64_t parse_number(std::string_view text, std::string_view part) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw wrong(part, "is no part of an array; write 5, 0:10, ::2 or ...");
  }
  return number;
}

}  // namespace

Slice::Slice(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
  }
  for (const std::string_view part : split(text, ',')) {
    parts_.push_back(parse(part));
  }
  if (std::ranges::count_if(parts_, [](const Part& part) { return part.is_ellipsis; }) > 1) {
    throw wrong("...", "occurs twice; write it once at most");
  }
}

Slice::Part Slice::parse(std::string_view text) {
  Part part;
  part.text = text;
  if (text == "...") {
    part.is_ellipsis = true;
    return part;
  }
  const auto numbers = split(text, ':');
  if (numbers.size() > 3) {
    throw wrong(text, "has more than two colons; write start:stop:stride");
  }
  if (numbers.size() == 1) {
    part.is_index = true;
    part.start = parse_number(text, text);
    return part;
  }
  if (!numbers[0].empty()) {
    part.start = parse_number(numbers[0], text);
  }
  if (!numbers[1].empty()) {
    part.stop = parse_number(numbers[1], text);
  }
  if (numbers.size() == 3 && !numbers[2].empty()) {
    const std::int64_t stride = parse_number(numbers[2], text);
    if (stride < 1) {
      throw wrong(text, "has a stride below 1; write a positive one");
    }
    part.stride = static_cast<std::uint64_t>(stride);
  }
  return part;
}

Range Slice::resolve(const Part& part, std::uint64_t extent, std::size_t dimension) {
  const auto size =
      static_cast<std::int64_t>(std::min<std::uint64_t>(extent, std::numeric_limits<std::int64_t>::max()));
  const std::string where =
      "dimension " + std::to_string(dimension) + ", which has " + std::to_string(extent) + " elements";
  const auto from_start = [size](std::int64_t index) { return index < 0 ? index + size : index; };
  if (part.is_index) {
    const std::int64_t index = from_start(*part.start);
    if (index < 0 || index >= size) {
      throw wrong(part.text, "is not in " + where);
    }
    return {static_cast<std::uint64_t>(index), 1, 1, true};
  }
  const std::int64_t first = std::clamp<std::int64_t>(from_start(part.start.value_or(0)), 0, size);
  const std::int64_t last = std::clamp<std::int64_t>(from_start(part.stop.value_or(size)), 0, size);
  if (extent == 0 && !part.start && !part.stop) {
    return {0, 0, part.stride, false};
  }
  if (first >= last) {
    throw wrong(part.text, "takes nothing of " + where);
  }
  const auto elements = static_cast<std::uint64_t>(last - first);
  return {static_cast<std::uint64_t>(first), 1 + (elements - 1) / part.stride, part.stride, false};
}

Box Slice::of(std::span<const std::uint64_t> shape) const {
  const bool has_ellipsis = std::ranges::any_of(parts_, [](const Part& part) { return part.is_ellipsis; });
  const std::size_t given = parts_.size() - (has_ellipsis ? 1 : 0);
  if (given > shape.size()) {
    throw std::invalid_argument("the slice has " + std::to_string(given) + " dimensions, the array has " +
                                std::to_string(shape.size()));
  }
  const Part whole = parse(":");
  Box box;
  for (const Part& part : parts_) {
    const std::size_t times = part.is_ellipsis ? shape.size() - given : 1;
    for (std::size_t n = 0; n < times; ++n) {
      box.push_back(resolve(part.is_ellipsis ? whole : part, shape[box.size()], box.size()));
    }
  }
  while (box.size() < shape.size()) {
    box.push_back(resolve(whole, shape[box.size()], box.size()));
  }
  return box;
}

Box middle_plane(std::span<const std::uint64_t> shape) {
  Box box = Slice().of(shape);
  for (std::size_t at = 0; at + 2 < box.size(); ++at) {
    box[at] = {shape[at] / 2, 1, 1, true};
  }
  return box;
}

std::string to_text(const Box& box, std::span<const std::uint64_t> shape) {
  std::string text;
  for (std::size_t at = 0; at < box.size(); ++at) {
    const Range& range = box[at];
    text += at == 0 ? "" : ",";
    if (range.is_index) {
      text += std::to_string(range.start);
      continue;
    }
    const std::uint64_t stop = range[range.count - 1] + 1;
    text += range.start == 0 ? "" : std::to_string(range.start);
    text += ":";
    text += stop + range.stride > shape[at] ? "" : std::to_string(stop);
    text += range.stride == 1 ? "" : ":" + std::to_string(range.stride);
  }
  return text;
}

}  // namespace steps_viewer
