#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transport/storage/formats/json/json.hpp"
#include "transport/storage/formats/json/json_options.hpp"
#include "transport/storage/formats/json/json_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> json_endings{".json"};

std::string_view json_text_of(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  text.remove_prefix(text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  return text;
}

char json_first_letter(std::string_view text, std::size_t from = 0) {
  const std::size_t at = text.find_first_not_of(" \t\r\n", from);
  return at == std::string_view::npos ? '\0' : text[at];
}

class JsonFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override {
    static const FormatTraits known{
        .name = "json",
        .endings = json_endings,
        .holds =
            "nested values: null, truth values, integers, reals, texts, lists, members; arrays become lists",
        .options = json_option_list()};
    return known;
  }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    const std::string_view text = json_text_of(first);
    const char opening = json_first_letter(text);
    if (opening != '{' && opening != '[') {
      return false;
    }
    const char next = json_first_letter(text, text.find(opening) + 1);
    return opening == '{' ? next == '"' || next == '}'
                          : std::string_view("[]{\"-0123456789tfnNI").find(next) != std::string_view::npos;
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto read = json_options(options);
      if (!read) {
        return read.error();
      }
      const auto bytes = file.in_place();
      if (!bytes) {
        return bytes.error();
      }
      auto value = json_read(json_text_of(bytes->bytes), *read);
      return value && read->arrays ? json_with_arrays(*value, make) : value;
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const auto read = json_options(options);
      return read ? json_write(value, file, *read) : read.error();
    });
  }
  /// Looks at the first letter only.
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& /*options*/) const override {
    return format_call([&]() -> Result<Record> {
      constexpr std::uint64_t most = 512;
      std::string begin(static_cast<std::size_t>(std::min(most, file.size_bytes())), '\0');
      if (auto read = file.read(0, std::as_writable_bytes(std::span(begin))); !read) {
        return read.error();
      }
      const char letter = json_first_letter(json_text_of(std::as_bytes(std::span(begin))));
      const std::string_view kind = letter == '{'                    ? "members"
                                    : letter == '['                  ? "list"
                                    : letter == '"'                  ? "text"
                                    : letter == 't' || letter == 'f' ? "boolean"
                                    : letter == 'n'                  ? "null"
                                                                     : "number";
      return Record::members({{"kind", kind}, {"size_bytes", file.size_bytes()}});
    });
  }
};

}  // namespace

std::shared_ptr<const Format> json_format() {
  return std::make_shared<const JsonFormat>();
}

}  // namespace locum::storage
