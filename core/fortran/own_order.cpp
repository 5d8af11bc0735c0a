// The forms are those of core/value/extents_text.hpp. No std::string: this library is linked without that of
// C++.
#include "core/fortran/own_order.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/c/locum.h"

namespace locum::fortran {

namespace {

bool is_digit(char each) noexcept {
  return each >= '0' && each <= '9';
}

bool is_of_word(char each) noexcept {
  return is_digit(each) || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') || each == '_';
}

bool begins_with(const char* text, const char* form) noexcept {
  return std::strncmp(text, form, std::strlen(form)) == 0;
}

// Numbers with `between` between them; `end` is null if there are none, or more than an array has dimensions.
struct Numbers {
  std::array<const char*, LOCUM_MAX_RANK> first{};
  std::size_t count = 0;
  const char* end = nullptr;

  Numbers(const char* at, const char* between) noexcept {
    while (is_digit(*at)) {
      if (count == first.size()) {
        return;
      }
      first[count++] = at;
      while (is_digit(*at)) {
        ++at;
      }
      end = at;
      if (!begins_with(at, between) || !is_digit(at[std::strlen(between)])) {
        return;
      }
      at += std::strlen(between);
      end = nullptr;
    }
  }
};

class Copy {
 public:
  Copy(char* into, std::size_t capacity) noexcept : into_(into), capacity_(capacity) {}
  void add(const char* text, std::size_t length) noexcept {
    const std::size_t fits = length_ < capacity_ ? std::min(length, capacity_ - length_) : 0;
    if (fits > 0) {
      std::memcpy(into_ + length_, text, fits);
    }
    length_ += length;
  }
  void add(const char* text) noexcept { add(text, std::strlen(text)); }
  /// Adds the numbers in the other order, each with `more` added to it.
  void add_reversed(const Numbers& numbers, const char* between, unsigned more) noexcept {
    for (std::size_t at = numbers.count; at-- > 0;) {
      std::array<char, 24> digits{};
      std::snprintf(digits.data(), digits.size(), "%llu",
                    std::strtoull(numbers.first[at], nullptr, 10) + more);
      add(digits.data());
      add(at == 0 ? "" : between);
    }
  }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }

 private:
  char* into_;
  std::size_t capacity_;
  std::size_t length_ = 0;
};

}  // namespace

std::size_t in_own_order(const char* text, char* into, std::size_t capacity) noexcept {
  constexpr const char* counted = "] (counted from 0)";
  Copy copy(into, capacity);
  char before = ' ';
  const char* at = text;
  while (*at != '\0' && !begins_with(at, " [key ")) {
    if (*at == '[') {
      const Numbers indices(at + 1, ", ");
      if (indices.end != nullptr && begins_with(indices.end, counted)) {
        copy.add("(");
        copy.add_reversed(indices, ", ", 1);
        copy.add(")");
        at = indices.end + std::strlen(counted);
        before = ')';
        continue;
      }
    } else if (is_digit(*at) && !is_of_word(before)) {
      const Numbers extents(at, " x ");
      if (extents.end != nullptr && extents.count > 1 && !is_of_word(*extents.end)) {
        copy.add_reversed(extents, " x ", 0);
        at = extents.end;
        before = '0';
        continue;
      }
    }
    before = *at;
    copy.add(at++, 1);
  }
  copy.add(at);
  return copy.length();
}

}  // namespace locum::fortran
