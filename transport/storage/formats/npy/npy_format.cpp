#include "transport/storage/formats/npy/npy_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "transport/storage/formats/npy/npy_content.hpp"
#include "transport/storage/formats/npy/npy_header.hpp"
#include "transport/storage/formats/npy/npy_load.hpp"
#include "transport/storage/formats/npy/npy_options.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> npy_endings{".npy"};
constexpr std::array<FormatOption, 3> npy_format_options{
    {{"half", "\"f32\" loads floating-point numbers of 16 bits as f32, which is exact"},
     {"times", "\"i64\" loads datetime64 and timedelta64 as the integers they are, without their unit"},
     {"columns", "true saves members that are arrays of one length as the fields of a structured array"}}};
constexpr FormatTraits npy_traits{
    .name = "npy",
    .endings = npy_endings,
    .holds = "one array of NumPy: numbers, texts, or fields under names",
    .options = npy_format_options,
};

class NpyFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return npy_traits; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    const auto magic = std::as_bytes(std::span(npy_magic));
    return first.size() >= magic.size() && std::ranges::equal(first.first(magic.size()), magic);
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto chosen = npy_options_of(options);
      if (!chosen) {
        return chosen.error();
      }
      auto loaded = load_npy(file, *chosen, make);
      return loaded ? Result<Record>(std::move(loaded->value)) : loaded.error();
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const auto chosen = npy_options_of(options);
      if (!chosen) {
        return chosen.error();
      }
      const auto content = NpyContent::of(value, chosen->columns);
      if (!content) {
        return content.error();
      }
      return content->write([&file](std::span<const std::byte> bytes) { return file.write(bytes); });
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const auto chosen = npy_options_of(options);
      return chosen ? npy_info(file) : chosen.error();
    });
  }
};

}  // namespace

std::shared_ptr<const Format> npy_format() {
  return std::make_shared<const NpyFormat>();
}

}  // namespace locum::storage
