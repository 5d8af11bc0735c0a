// What the fields of samples become.

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "transport/storage/formats/npy/npy_load.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/json/text.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"

namespace locum::storage {

namespace {

/// Bytes of a field, as a format of files reads them.
class FieldBytes final : public FileBytes {
 public:
  explicit FieldBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return bytes_.size(); }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > bytes_.size() || into.size() > bytes_.size() - offset) {
      return Error(Errc::corrupt, "it ends at byte " + std::to_string(bytes_.size()) +
                                      ", within what is expected; it is incomplete");
    }
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), into.size()), into.begin());
    return {};
  }
  [[nodiscard]] Result<InPlace> in_place() override { return InPlace{nullptr, bytes_}; }
  [[nodiscard]] bool is_mapped() const noexcept override { return false; }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }

 private:
  const std::span<const std::byte> bytes_;
  const std::string path_;  ///< empty: it is none of the operating system
};

}  // namespace

Result<ArrayDraft> make_sample_array(const ElementType& element, const Extents& extents) {
  return ArrayDraft::make(element, extents);
}

Result<Record> record_of_text(std::span<const std::byte> bytes) {
  const std::string_view text = text_of_bytes(bytes);
  if (const std::size_t valid = valid_utf8_bytes(text); valid != text.size()) {
    return Error(Errc::corrupt, "byte " + std::to_string(valid) + " of the text is no UTF-8");
  }
  return Record(text);
}

Result<Record> record_of_json(std::span<const std::byte> bytes) {
  JsonOptions options;
  options.nan = JsonOptions::Nan::literal;
  options.has_options = false;
  return read_json(text_of_bytes(bytes), options);
}

Result<Record> record_of_digits(std::span<const std::byte> bytes) {
  std::string_view text = text_of_bytes(bytes);
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  text.remove_prefix(text.starts_with('+') && !text.starts_with("+-") ? 1 : 0);
  const auto parsed = [&](auto number) -> Result<Record> {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return read.ptr != text.data() + text.size() || read.ec == std::errc::invalid_argument
               ? Error(Errc::corrupt, "it is no integer in decimal digits")
           : read.ec == std::errc() ? Result<Record>(Record(number))
                                    : Error(Errc::unsupported, "the integer needs more than 64 bits");
  };
  const auto number = parsed(std::int64_t{});
  return !number && number.error().code() == Errc::unsupported ? parsed(std::uint64_t{}) : number;
}

Result<Record> record_of_npy(std::span<const std::byte> bytes) {
  return format_call([&]() -> Result<Record> {
    FieldBytes file(bytes);
    auto loaded = load_npy(file, {.half_as_f32 = true}, make_sample_array);
    return loaded ? Result<Record>(std::move(loaded->value)) : loaded.error();
  });
}

Record record_of_bytes(std::span<const std::byte> bytes) {
  return Record::Bytes(bytes.begin(), bytes.end());
}

}  // namespace locum::storage
