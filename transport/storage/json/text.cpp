#include "transport/storage/json/text.hpp"

#include <algorithm>

#include "core/format.hpp"
#include "transport/storage/formats/json/json_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A text that is collected in memory.
class TextInMemory final : public FileDraft {
 public:
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    text.replace(static_cast<std::size_t>(offset), bytes.size(), reinterpret_cast<const char*>(bytes.data()),
                 bytes.size());
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return text.size(); }

  std::string text;
};

}  // namespace

Result<Record> read_json(std::string_view text, const JsonOptions& options) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  text.remove_prefix(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  return format_call([&] { return json_read(text, options); });
}

Result<std::string> json_text_of(const Record& value, bool is_in_one_line) {
  JsonOptions options;
  options.indent = is_in_one_line ? 0 : options.indent;
  return json_text_of(value, options);
}

Result<std::string> json_text_of(const Record& value, const JsonOptions& options) {
  return format_call([&]() -> Result<std::string> {
    TextInMemory draft;
    const auto written = json_write(value, draft, options);
    return written ? Result<std::string>(std::move(draft.text)) : written.error();
  });
}

std::string base64_of(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t group = 0;
    for (std::size_t next = 0; next < 3; ++next) {
      group = group << 8U | (next < count ? std::to_integer<std::uint32_t>(bytes[at + next]) : 0);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text += digit > count ? '=' : base64_digits[group >> (18 - 6 * digit) & 0x3FU];
    }
  }
  return text;
}

Result<std::vector<std::byte>> bytes_of_base64(std::string_view text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  const auto wrong = [](std::size_t at) {
    return Error(Errc::corrupt, "character " + std::to_string(at) +
                                    " (counted from 0) of a text of base64 is none of its digits, or the "
                                    "text ends too early; store the object again");
  };
  std::uint32_t group = 0;
  std::size_t digits = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '='; ++at) {
    const std::size_t digit = base64_digits.find(text[at]);
    if (digit == std::string_view::npos) {
      return wrong(at);
    }
    group = group << 6U | static_cast<std::uint32_t>(digit);
    if (++digits % 4 == 0) {
      for (const unsigned shift : {16U, 8U, 0U}) {
        bytes.push_back(static_cast<std::byte>(group >> shift));
      }
      group = 0;
    }
  }
  const std::size_t rest = digits % 4;
  const std::size_t padding = text.size() - at;
  if (rest == 1 || padding != (4 - rest) % 4 || text.find_first_not_of('=', at) != std::string_view::npos) {
    return wrong(at);
  }
  if (rest > 1) {
    group <<= 6 * (4 - rest);
    bytes.push_back(static_cast<std::byte>(group >> 16U));
    if (rest == 3) {
      bytes.push_back(static_cast<std::byte>(group >> 8U));
    }
  }
  return bytes;
}

}  // namespace locum::storage
