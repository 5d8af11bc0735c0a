#include "jobs/steps_viewer/values.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <type_traits>
#include <utility>

namespace steps_viewer {
namespace {

std::string hexadecimal(unsigned value) {
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", value & 0xffU);
  return text;
}

std::string printable(char letter) {
  const auto code = static_cast<unsigned char>(letter);
  return code >= 0x20 && code < 0x7f ? std::string(1, letter) : hexadecimal(code);
}

template <class T>
std::string element_text(T value, int digits) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    return "'" + printable(value) + "'";
  } else if constexpr (std::is_same_v<T, std::byte>) {
    return hexadecimal(std::to_integer<unsigned>(value)).substr(2);
  } else if constexpr (std::is_floating_point_v<T>) {
    return to_text(static_cast<double>(value), digits);
  } else {
    return std::to_string(value);
  }
}

template <class T>
double element_number(T value) {
  if constexpr (std::is_same_v<T, std::byte>) {
    return std::to_integer<int>(value);
  } else if constexpr (std::is_same_v<T, char>) {
    return static_cast<unsigned char>(value);
  } else {
    return static_cast<double>(value);
  }
}

}  // namespace

Values::Values(std::vector<std::uint64_t> extents, Elements elements)
    : extents_(std::move(extents)), elements_(std::move(elements)) {
  for (const std::uint64_t extent : extents_) {
    size_ *= static_cast<std::size_t>(extent);
  }
}

std::string Values::text(std::size_t at, int digits) const {
  return std::visit(
      [&](const auto& array) { return element_text(array[static_cast<std::ptrdiff_t>(at)], digits); },
      elements_);
}

double Values::number(std::size_t at) const {
  return std::visit([&](const auto& array) { return element_number(array[static_cast<std::ptrdiff_t>(at)]); },
                    elements_);
}

std::string Values::quoted() const {
  const auto* const letters = std::get_if<Array<char>>(&elements_);
  if (letters == nullptr) {
    return {};
  }
  std::string text = "\"";
  for (std::size_t at = 0; at < size_; ++at) {
    text += printable((*letters)[static_cast<std::ptrdiff_t>(at)]);
  }
  return text + '"';
}

Values Values::selected(std::uint64_t start, std::uint64_t count, std::uint64_t stride) const {
  const std::size_t row = extents_.back();
  const std::size_t rows = size_ / row;
  std::vector<std::uint64_t> extents = extents_;
  extents.back() = count;
  return std::visit(
      [&]<class T>(const Array<T>& from) {
        const auto to = std::make_shared<T[]>(rows * count);
        for (std::size_t n = 0; n < rows * count; ++n) {
          to[static_cast<std::ptrdiff_t>(n)] =
              from[static_cast<std::ptrdiff_t>(n / count * row + start + n % count * stride)];
        }
        return Values(std::move(extents), Array<T>(to));
      },
      elements_);
}

void Statistics::add(const Values& values) {
  double sum = mean * static_cast<double>(finite);
  std::visit(
      [&](const auto& array) {
        for (std::size_t at = 0; at < values.size(); ++at) {
          const double number = element_number(array[static_cast<std::ptrdiff_t>(at)]);
          if (!std::isfinite(number)) {
            ++others;
            continue;
          }
          minimum = finite == 0 ? number : std::min(minimum, number);
          maximum = finite == 0 ? number : std::max(maximum, number);
          sum += number;
          ++finite;
        }
      },
      values.elements());
  mean = finite == 0 ? 0.0 : sum / static_cast<double>(finite);
}

std::string to_text(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*g", digits, number);
  return text;
}

}  // namespace steps_viewer
