// Checks of the programs that programs.py makes, for C++.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <future>
#include <locum/core.hpp>
#include <span>
#include <string>
#include <string_view>

inline const char* row = "";
inline int rows = 0;
inline int failures = 0;
inline const locum::Store* store = nullptr;
inline double value = 0;
inline std::int64_t number = 0;
inline bool yes = false;
inline std::string text = {};

inline void check(bool is_right, const std::string& seen) {
  ++rows;
  if (!is_right) {
    ++failures;
    std::printf("FAILED: %s: %s\n", row, seen.c_str());
  }
}
inline void value_is(double expected) {
  check(value == expected, std::to_string(value));
}
inline void number_is(std::int64_t expected) {
  check(number == expected, std::to_string(number));
}
inline void yes_is(bool expected) {
  check(yes == expected, yes ? "true" : "false");
}
inline void size_is(std::uint64_t expected) {
  const auto size = store->size().value();
  check(size == expected, std::to_string(size));
}
inline void named_is(const char* name, double expected) {
  const double seen = *store->get<double>(name).value();
  check(seen == expected, std::to_string(seen));
}
inline void text_has(const char* part) {
  check(text.find(part) != std::string::npos, text);
}

/// A codec of numbers with fewer digits.
struct Narrow {
  static constexpr std::string_view name = "narrow";
  [[nodiscard]] static std::size_t size(double) { return sizeof(float); }
  static std::size_t encode(double wide, std::span<std::byte> bytes) {
    const auto narrow = static_cast<float>(wide);
    std::memcpy(bytes.data(), &narrow, sizeof narrow);
    return sizeof narrow;
  }
  static void decode(std::span<const std::byte> bytes, double& wide) {
    float narrow = 0;
    std::memcpy(&narrow, bytes.data(), bytes.size() == sizeof narrow ? sizeof narrow : 0);
    wide = narrow;
  }
};

inline std::promise<double> noting = {};
inline void note(double seen) {
  noting.set_value(seen);
}
inline double noted() {
  auto seen = noting.get_future();
  return seen.wait_for(std::chrono::seconds(60)) == std::future_status::ready ? seen.get() : -1;
}

inline int finished() {
  std::printf("%d rows, %d failures\n", rows, failures);
  return failures == 0 && rows > 0 ? 0 : 1;
}
