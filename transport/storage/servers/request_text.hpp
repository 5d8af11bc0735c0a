#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace locum::storage {

/// Requests to a server that are made, and not sent yet: text, and between it long bytes of the caller's,
/// which are not copied and have to stay until they are sent. Its memory is used again. One thread.
class RequestText {
 public:
  /// The text of a number.
  class Number {
   public:
    explicit Number(std::uint64_t number) noexcept
        : size_(static_cast<std::size_t>(
              std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr - digits_.data())) {}
    operator std::string_view() const noexcept { return {digits_.data(), size_}; }

   private:
    std::array<char, 20> digits_;
    std::size_t size_;
  };

  void add(std::string_view text) { text_ += text; }
  /// One after the other. Most are short: the memory is made for all at once.
  void add(std::initializer_list<std::string_view> texts) {
    std::size_t more = 0;
    for (const std::string_view text : texts) {
      more += text.size();
    }
    const std::size_t from = text_.size();
    text_.resize(from + more);
    char* at = text_.data() + from;
    for (const std::string_view text : texts) {
      at = std::copy_n(text.data(), text.size(), at);
    }
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

  /// Marks the end of a request, for groups().
  void end_request() { ends_.push_back(text_.size()); }

  /// All of it, in order: until the next is added, or it is cleared.
  [[nodiscard]] std::vector<std::string_view> parts() const { return parts(0, text_.size()); }
  /// The same in groups of whole requests, each of at most `most_bytes`, or one request.
  [[nodiscard]] std::vector<std::vector<std::string_view>> groups(std::size_t most_bytes) const {
    std::vector<std::vector<std::string_view>> groups;
    std::size_t begin = 0;  // of the group
    std::size_t end = 0;    // of the last request in it
    std::size_t bytes = 0;
    auto next_outside = outside_.begin();
    for (const std::size_t request_end : ends_) {
      std::size_t more = request_end - end;
      for (; next_outside != outside_.end() && next_outside->behind <= request_end; ++next_outside) {
        more += next_outside->bytes.size();
      }
      if (bytes > 0 && bytes + more > most_bytes) {
        groups.push_back(parts(begin, end));
        begin = end;
        bytes = 0;
      }
      end = request_end;
      bytes += more;
    }
    if (end > begin) {
      groups.push_back(parts(begin, end));
    }
    return groups;
  }
  void clear() noexcept {
    text_.clear();
    outside_.clear();
    ends_.clear();
  }

 private:
  struct Outside {
    std::size_t behind = 0;  ///< so many bytes of the text
    std::string_view bytes;
  };

  /// Returns the parts between two places of the text.
  [[nodiscard]] std::vector<std::string_view> parts(std::size_t begin, std::size_t end) const {
    std::vector<std::string_view> parts;
    const std::string_view text(text_);
    // Those at a border of two groups belong to the first one.
    auto next =
        begin == 0 ? outside_.begin() : std::ranges::upper_bound(outside_, begin, {}, &Outside::behind);
    for (; next != outside_.end() && next->behind <= end; ++next) {
      parts.push_back(text.substr(begin, next->behind - begin));
      parts.push_back(next->bytes);
      begin = next->behind;
    }
    if (begin < end) {
      parts.push_back(text.substr(begin, end - begin));
    }
    return parts;
  }

  std::string text_;
  std::vector<Outside> outside_;
  std::vector<std::size_t> ends_;  ///< of requests, in the text
};

}  // namespace locum::storage
