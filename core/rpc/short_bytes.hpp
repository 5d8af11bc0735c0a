#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "core/rpc/message.hpp"

namespace locum {

/// A copy of some bytes, kept without an allocation.
template <std::size_t capacity>
class FewBytes {
 public:
  FewBytes() = default;
  /// REQUIRES: at most `capacity` bytes; the rest is cut off.
  explicit FewBytes(std::span<const std::byte> bytes) noexcept { assign(bytes); }
  FewBytes(const FewBytes& other) noexcept { assign(other); }
  FewBytes& operator=(const FewBytes& other) noexcept {
    if (this != &other) {
      assign(other);
    }
    return *this;
  }
  ~FewBytes() = default;

  void assign(std::span<const std::byte> bytes) noexcept {
    size_ = std::min(bytes.size(), bytes_.size());
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  /// Appends. False, and nothing done, if there is no room.
  [[nodiscard]] bool append(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() > bytes_.size() - size_) {
      return false;
    }
    std::copy_n(bytes.begin(), bytes.size(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
    return true;
  }
  [[nodiscard]] const std::byte* begin() const noexcept { return bytes_.data(); }
  [[nodiscard]] const std::byte* end() const noexcept { return bytes_.data() + size_; }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
  std::array<std::byte, capacity> bytes_;
};

/// The body of a message.
using ShortBytes = FewBytes<max_body_bytes>;

}  // namespace locum
