#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/formats/text/text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> text_endings{".txt"};
constexpr std::array<FormatOption, 1> text_options{{{"encoding", "utf-8 (the default), or latin-1"}}};

class TextFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override {
    static const FormatTraits known{
        .name = "text", .endings = text_endings, .holds = "one text", .options = text_options};
    return known;
  }
  // Nothing marks a text.
  [[nodiscard]] bool recognises(std::span<const std::byte> /*first*/) const noexcept override {
    return false;
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& /*make*/) const override {
    return format_call([&]() -> Result<Record> {
      const auto is_latin1 = FormatOptions(options).is_latin1();
      if (!is_latin1) {
        return is_latin1.error();
      }
      const auto bytes = file.in_place();
      if (!bytes) {
        return bytes.error();
      }
      const std::string_view in_file(reinterpret_cast<const char*>(bytes->bytes.data()), bytes->bytes.size());
      // Checked in a copy: a mapped file may change meanwhile.
      std::string text = *is_latin1 ? utf8_of_latin1(in_file) : std::string(in_file);
      if (const std::size_t valid = valid_utf8_bytes(text); valid != text.size()) {
        return Error(
            Errc::corrupt,
            "at byte " + std::to_string(valid) + ", in line " +
                std::to_string(
                    std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(valid), '\n') + 1) +
                ": the text is no UTF-8; load it with the option {\"encoding\", "
                "\"latin-1\"}, or as bytes");
      }
      return Record(std::move(text));
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const auto is_latin1 = FormatOptions(options).is_latin1();
      if (!is_latin1) {
        return is_latin1.error();
      }
      if (value.kind() != Record::Kind::text) {
        return Error(Errc::type_mismatch, "a file of text holds a text, and no other value; save it as json");
      }
      const std::string_view text = value.text();
      if (!is_utf8(text)) {
        return Error(Errc::type_mismatch, "the text is no UTF-8 at its byte " +
                                              std::to_string(valid_utf8_bytes(text)) + "; save it as bytes");
      }
      if (!*is_latin1) {
        return file.write(std::as_bytes(std::span(text)));
      }
      const auto converted = latin1_of_utf8(text);
      return converted ? file.write(std::as_bytes(std::span(*converted))) : converted.error();
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& /*options*/) const override {
    return format_call([&]() -> Result<Record> {
      return Record::members({{"kind", "text"}, {"size_bytes", file.size_bytes()}});
    });
  }
};

}  // namespace

std::shared_ptr<const Format> text_format() {
  return std::make_shared<const TextFormat>();
}

}  // namespace locum::storage
