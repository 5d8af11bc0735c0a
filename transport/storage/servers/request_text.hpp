#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace locum::storage {

/// Requests to a server that are made, and not sent yet: text, and between it long bytes of the caller's,
/// which are not copied and have to stay until they are sent. Its memory is used again. One thread.
class RequestText {
 public:
  void add(std::string_view text) { text_ += text; }
  void add_number(std::uint64_t number) {
    std::array<char, 20> digits;
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    add({digits.data(), static_cast<std::size_t>(written.ptr - digits.data())});
  }
  /// Of the caller's: copied only if they are few.
  void add_bytes(std::string_view bytes) {
    constexpr std::size_t shortest_outside = 4096;
    if (bytes.size() < shortest_outside) {
      add(bytes);
    } else {
      outside_.push_back({text_.size(), bytes});
    }
  }

  /// All of it, in order: until the next is added, or it is cleared.
  [[nodiscard]] std::vector<std::string_view> parts() const {
    std::vector<std::string_view> parts;
    parts.reserve(2 * outside_.size() + 1);
    const std::string_view text(text_);
    std::size_t begin = 0;
    for (const Outside& one : outside_) {
      parts.push_back(text.substr(begin, one.behind - begin));
      parts.push_back(one.bytes);
      begin = one.behind;
    }
    if (begin < text.size()) {
      parts.push_back(text.substr(begin));
    }
    return parts;
  }
  void clear() noexcept {
    text_.clear();
    outside_.clear();
  }

 private:
  struct Outside {
    std::size_t behind = 0;  ///< so many bytes of the text
    std::string_view bytes;
  };

  std::string text_;
  std::vector<Outside> outside_;
};

}  // namespace locum::storage
