#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <locum/error.hpp>
#include <locum/record.hpp>

#include "core/detail/representation.hpp"

namespace locum::tests {

/// Returns the stored form: two values have the same if they are the same bit by bit, NaN included.
inline std::vector<std::byte> stored_form(const Record& value) {
  std::vector<std::byte> stored(detail::stored_bytes(value).value());
  detail::store_value(value, std::span(stored)).value();
  return stored;
}

/// A value of each kind, small.
inline Record every_kind() {
  Record all;
  all.set("null", Record());
  all.set("true", true);
  all.set("small", -3);
  all.set("large", std::numeric_limits<std::uint64_t>::max());
  all.set("real", 0.1);
  all.set("whole", 1.0);
  all.set("minus zero", -0.0);
  all.set("nan", -std::numeric_limits<double>::quiet_NaN());
  all.set("infinite", std::numeric_limits<double>::infinity());
  all.set("complex", std::complex<double>(1, -2));
  all.set("text", "Grüße, \"T\"\n");
  all.set("no UTF-8", std::string("\xff\xfe\0x", 4));
  all.set("bytes", Record::Bytes{std::byte{0}, std::byte{255}});
  all.set("array", std::vector<float>{1, 2.5F, -3});
  const std::vector<std::int16_t> numbers{1, 2, 3, 4, 5, 6};
  all.set("plane", Array(locum::array(numbers.data(), {2, 3})));
  all.set("one", Array::copy_of(ConstRawArray(std::as_bytes(std::span(numbers).first(1)),
                                              ElementType::of<std::int16_t>(), Extents()))
                     .value());
  all.set("empty", std::vector<double>());
  all.set("stand-in", RawProxy());
  all.set("list", Record::list({1, "two", Record::list({}), Record::members({{"a", 1}})}));
  all.set("none", Record::members({}));
  all.set("tagged", Record::members({{"@record", "00"}, {"x", 1}}));
  all.set("odd name", Record::members({{std::string("\xff", 1), 1}}));
  return all;
}

/// Returns the code of the error that a call throws; `Errc{}` if it throws none.
template <class Call>
[[nodiscard]] Errc code_thrown(const Call& call) {
  try {
    call();
    return Errc{};
  } catch (const Error& error) {
    return error.code();
  }
}

/// A value of the stored size of an array of that many doubles.
inline Record large_value(std::size_t count, double first = 0) {
  std::vector<double> numbers(count);
  for (std::size_t at = 0; at < count; ++at) {
    numbers[at] = first + static_cast<double>(at);
  }
  return numbers;
}

}  // namespace locum::tests
