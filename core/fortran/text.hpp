#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// A text of Fortran as one of C, which ends with a 0. Absent: null.
class Text {
 public:
  Text(const char* first, std::size_t length) noexcept : length_(length) {
    if (first == nullptr) {
      return;
    }
    text_ = length < near_.size() ? near_.data() : static_cast<char*>(std::malloc(length + 1));
    is_lost_ = text_ == nullptr;
    if (!is_lost_) {
      std::memcpy(text_, first, length);
      text_[length] = '\0';
    }
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() {
    if (text_ != near_.data()) {
      std::free(text_);
    }
  }
  [[nodiscard]] const char* c_str() const noexcept { return text_; }
  /// Returns LOCUM_OK, or why C cannot be given this text. `name` is that of the argument.
  [[nodiscard]] locum_status check(const char* name) const noexcept {
    if (is_lost_) {
      return refuse(LOCUM_OUT_OF_MEMORY, "no memory for a copy of '%s'", name);
    }
    if (text_ != nullptr && std::memchr(text_, 0, length_) != nullptr) {
      return refuse(LOCUM_INVALID_ARGUMENT, "'%s' contains char(0), which C takes for its end", name);
    }
    return LOCUM_OK;
  }

 private:
  std::array<char, 256> near_;  // not zeroed
  char* text_ = nullptr;
  std::size_t length_;
  bool is_lost_ = false;
};

}  // namespace locum::fortran
