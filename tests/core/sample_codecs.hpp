#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/codec.hpp"

namespace locum::tests {

/// Stores doubles as floats: half the bytes, a size known in advance, written in place. Accepts only objects
/// of doubles. Counts its calls.
struct Narrow {
  static constexpr std::string_view name = "f32";
  template <class T>
  static constexpr bool takes = std::convertible_to<const T&, std::span<const double>>;

  std::uint64_t size(std::span<const double> values) const {
    ++sizes;
    return values.size() * sizeof(float);
  }
  std::size_t encode(std::span<const double> values, std::span<std::byte> memory) const {
    ++encodings;
    wrote_to = memory.data();
    for (std::size_t at = 0; at < values.size(); ++at) {
      const auto narrowed = static_cast<float>(values[at]);
      std::memcpy(memory.data() + at * sizeof narrowed, &narrowed, sizeof narrowed);
    }
    return values.size() * sizeof(float);
  }
  static void decode(std::span<const std::byte> bytes, std::vector<double>& values) {
    ++decodings;
    read_from = bytes.data();
    if (bytes.size() % sizeof(float) != 0) {
      throw Error(Errc::corrupt, "floats take four bytes each");
    }
    values.resize(bytes.size() / sizeof(float));
    for (std::size_t at = 0; at < values.size(); ++at) {
      float narrowed = 0;
      std::memcpy(&narrowed, bytes.data() + at * sizeof narrowed, sizeof narrowed);
      values[at] = static_cast<double>(narrowed);
    }
  }

  static void start_counting() { sizes = encodings = decodings = 0; }

  static inline int sizes = 0;
  static inline int encodings = 0;
  static inline int decodings = 0;
  static inline const std::byte* wrote_to = nullptr;
  static inline const std::byte* read_from = nullptr;
};

/// Stores ascending numbers as their differences, seven bits a byte: the size is known only when it is done.
struct Differences {
  static constexpr std::string_view name = "steps";
  template <class T>
  static constexpr bool takes = std::same_as<T, std::vector<std::uint64_t>>;

  std::uint64_t size_at_most(const std::vector<std::uint64_t>& numbers) const { return 10 * numbers.size(); }
  std::size_t encode(const std::vector<std::uint64_t>& numbers, std::span<std::byte> memory) const {
    wrote_to = memory.data();
    std::size_t at = 0;
    std::uint64_t before = 0;
    for (const std::uint64_t number : numbers) {
      std::uint64_t step = number - before;
      before = number;
      for (; step >= 128; step >>= 7U) {
        memory[at++] = static_cast<std::byte>(step | 128U);
      }
      memory[at++] = static_cast<std::byte>(step);
    }
    return at;
  }
  static void decode(std::span<const std::byte> bytes, std::vector<std::uint64_t>& numbers) {
    std::uint64_t step = 0;
    unsigned shift = 0;
    for (const std::byte byte : bytes) {
      if (shift > 63) {
        throw Error(Errc::corrupt, "a step has more than 64 bits");
      }
      step |= static_cast<std::uint64_t>(byte & std::byte{127}) << shift;
      shift += 7;
      if ((byte & std::byte{128}) == std::byte{0}) {
        numbers.push_back((numbers.empty() ? 0 : numbers.back()) + step);
        step = 0;
        shift = 0;
      }
    }
    if (shift != 0) {
      throw Error(Errc::corrupt, "the bytes end within a step");
    }
  }

  static inline const std::byte* wrote_to = nullptr;
};

/// A class of another library that locum alone cannot store: neither flat nor with a `serialize`.
class Foreign {
 public:
  Foreign() = default;
  explicit Foreign(std::string text) : text_(std::move(text)) {}
  Foreign(const Foreign& other) : text_(other.text_) {}
  Foreign& operator=(const Foreign&) = delete;
  ~Foreign() = default;
  [[nodiscard]] const std::string& text() const { return text_; }
  void assign(std::string text) { text_ = std::move(text); }

 private:
  std::string text_;
};

/// Uses locum's archives, which also work inside a codec. Fails where a test wants it to.
struct ForForeign {
  static constexpr std::string_view name = "foreign-1.0";

  std::uint64_t size(const Foreign& value) const {
    SizeArchive out;
    out(value.text());
    return out.position();
  }
  std::size_t encode(const Foreign& value, std::span<std::byte> memory) const {
    WriteArchive out(memory);
    out(value.text());
    return out.position();
  }
  static void decode(std::span<const std::byte> bytes, Foreign& value) {
    ReadArchive in(bytes, {});
    std::string text;
    in(text);
    if (in.left() != 0) {
      throw Error(Errc::corrupt, "the bytes go on after the text");
    }
    value.assign(std::move(text));
  }
};

}  // namespace locum::tests
