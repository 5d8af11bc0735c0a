#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/format_input.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"

namespace locum::tests {

inline const Record no_options = Record::members({});

/// Loads a text, read and mapped.
inline Result<Record> load_text(const Format& format, std::string_view text,
                                const Record& options = no_options) {
  MemoryFile file(text, true);
  return format.load(file, options, make_own);
}

inline Result<std::string> saved_text(const Format& format, const Record& value,
                                      const Record& options = no_options) {
  MemoryDraft draft;
  const auto saved = format.save(value, draft, options);
  return saved ? Result<std::string>(std::string(draft.text())) : saved.error();
}

/// Returns the text of the error of a load; empty if there is none.
inline std::string load_error(const Format& format, std::string_view text, Errc code,
                              const Record& options = no_options) {
  const auto loaded = load_text(format, text, options);
  if (loaded) {
    return {};
  }
  EXPECT_EQ(loaded.error().code(), code) << loaded.error().what();
  return loaded.error().text();
}

/// Returns the elements of an array; none, and a failure, if they have another type.
template <class T>
std::vector<T> elements_of(const Record& value) {
  const Array array = value.array();
  EXPECT_TRUE(array && array.element() == ElementType::of<T>())
      << (array ? array.element().name() : "no array");
  std::vector<T> elements;
  if (array && array.element() == ElementType::of<T>()) {
    const Array packed = array.packed().value();
    elements.resize(packed.size());
    std::memcpy(elements.data(), packed.data(), packed.size_bytes());
  }
  return elements;
}

/// Returns doubles of any bits: normal, subnormal and infinite ones, NaN, integers and short decimals.
inline std::vector<double> any_doubles(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<double> numbers{0.0,
                              -0.0,
                              1.0,
                              -1.0,
                              5e-324,
                              2.2250738585072014e-308,
                              1.7976931348623157e308,
                              1e22,
                              1e23,
                              9007199254740993.0,
                              0.1,
                              1e-5,
                              123456.0,
                              9223372036854775808.0};
  while (numbers.size() < count) {
    const std::uint64_t bits = random();
    const double small = static_cast<double>(static_cast<std::int64_t>(bits % 2000000) - 1000000);
    numbers.push_back(numbers.size() % 4 == 0   ? small
                      : numbers.size() % 4 == 1 ? small / 1000
                                                : std::bit_cast<double>(bits));
  }
  return numbers;
}

/// Returns how many numbers differ in their bits; each NaN is like any other.
inline std::size_t different_doubles(std::span<const double> a, std::span<const double> b) {
  std::size_t count = a.size() == b.size() ? 0 : 1;
  for (std::size_t at = 0; at < a.size() && at < b.size(); ++at) {
    const bool same = std::bit_cast<std::uint64_t>(a[at]) == std::bit_cast<std::uint64_t>(b[at]);
    count += same || (a[at] != a[at] && b[at] != b[at]) ? 0 : 1;
  }
  return count;
}

/// Reads each beginning of a sample, and the sample with each byte changed: nothing may do harm.
inline void read_damaged(const Format& format, std::string_view sample, const Record& options = no_options) {
  const auto bytes = std::as_bytes(std::span(sample));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    read_as_format(format, bytes.first(size), options);
  }
  std::vector<std::byte> damaged(bytes.begin(), bytes.end());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned char flip : "\x01\x02\x10\x20\x80\xFF") {
      damaged[at] = bytes[at] ^ std::byte{flip};
      read_as_format(format, damaged, options);
    }
    damaged[at] = bytes[at];
  }
}

}  // namespace locum::tests
