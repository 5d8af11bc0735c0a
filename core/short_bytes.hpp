#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "message.hpp"

namespace locum {

/// A copy of the body of a message, kept without an allocation. Copying it copies what it holds.
class ShortBytes {
 public:
  ShortBytes() = default;
  /// REQUIRES: no more than max_body_bytes; the rest is left out.
  explicit ShortBytes(std::span<const std::byte> bytes) noexcept { assign(bytes); }
  ShortBytes(const ShortBytes& other) noexcept { assign(other); }
  ShortBytes& operator=(const ShortBytes& other) noexcept {
    if (this != &other) {
      assign(other);
    }
    return *this;
  }
  ~ShortBytes() = default;

  void assign(std::span<const std::byte> bytes) noexcept {
    size_ = std::min(bytes.size(), bytes_.size());
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  [[nodiscard]] const std::byte* begin() const noexcept { return bytes_.data(); }
  [[nodiscard]] const std::byte* end() const noexcept { return bytes_.data() + size_; }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
  std::array<std::byte, max_body_bytes> bytes_;
};

}  // namespace locum
