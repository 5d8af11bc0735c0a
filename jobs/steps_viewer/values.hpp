#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace steps_viewer {

/// Elements of a type that is known only at run time, row-major. A value; copies share the elements.
class Values {
 public:
  template <class T>
  using Array = std::shared_ptr<const T[]>;
  using Elements =
      std::variant<Array<double>, Array<float>, Array<std::int64_t>, Array<std::uint64_t>,
                   Array<std::int32_t>, Array<std::uint32_t>, Array<std::int16_t>, Array<std::uint16_t>,
                   Array<std::int8_t>, Array<std::uint8_t>, Array<std::byte>, Array<bool>, Array<char>>;

  /// REQUIRES: as many elements as these extents make; one without extents.
  Values(std::vector<std::uint64_t> extents, Elements elements);

  const std::vector<std::uint64_t>& extents() const { return extents_; }
  std::size_t size() const { return size_; }
  const Elements& elements() const { return elements_; }

  /// An element as it is printed: reals with that many significant digits, and no trailing zeros.
  std::string text(std::size_t at, int digits) const;
  /// An element as a number: of a `bool` 0 or 1, of a `char` its code.
  double number(std::size_t at) const;
  /// All elements as one text, if they are `char`: quoted, with the other than printable ones as `\x0a`. Else
  /// empty.
  std::string quoted() const;

  /// Those elements whose last index is `start`, `start` + `stride`, …; `count` of them.
  Values selected(std::uint64_t start, std::uint64_t count, std::uint64_t stride) const;

 private:
  std::vector<std::uint64_t> extents_;
  Elements elements_;
  std::size_t size_ = 1;
};

/// What a variable holds, in numbers.
struct Statistics {
  double minimum = 0.0;
  double mean = 0.0;
  double maximum = 0.0;
  std::size_t finite = 0;  ///< elements that are numbers; if 0, the others are 0
  std::size_t others = 0;  ///< elements that are infinite or not numbers

  /// With all elements of these.
  void add(const Values& values);
};

/// A number with that many significant digits, without trailing zeros.
std::string to_text(double number, int digits);

}  // namespace steps_viewer
