#include "transport/storage/formats/tiff/tiff_format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/formats/tiff/tiff_contents.hpp"
#include "transport/storage/formats/tiff/tiff_decoder.hpp"
#include "transport/storage/formats/tiff/tiff_save.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 2> tiff_endings{".tif", ".tiff"};
constexpr std::array<FormatOption, 9> tiff_format_options{
    {{"page", "the number of the only page that is loaded, from 0 on; smaller copies count too"},
     {"description", "loading: true returns the members `data` and `description`; saving: a text"},
     {"half", "\"f32\" loads floating-point numbers of 16 bits as f32, which is exact"},
     {"palette", "\"indices\" loads images with a palette as their indices, without the palette"},
     {"samples", "true saves the last dimension as the samples of a pixel (its colours)"},
     {"compression", "\"none\" (default), \"deflate\" or \"lzw\""},
     {"predictor", "true saves differences of neighbours, which deflate and lzw compress better"},
     {"tile", "saves square tiles of so many pixels, a multiple of 16, instead of strips"},
     {"bigtiff", "true or false; otherwise files of more than 4 GiB become BigTIFF"}}};
constexpr FormatTraits tiff_traits{
    .name = "tiff",
    .endings = tiff_endings,
    .holds = "images and stacks of images: numbers of 8 to 64 bits, complex numbers, bits",
    .options = tiff_format_options,
};

Result<Array> tiff_array_of(TiffInput& input, const TiffContents& contents, std::size_t first,
                            std::size_t pages, const Extents& extents, const MakeArray& make) {
  const TiffPage& page = contents.pages[first];
  auto draft = make(page.element(), extents);
  if (!draft) {
    return draft.error();
  }
  TiffDecoder decoder(input);
  if (contents.stacked > 1) {
    if (auto done = decoder.decode_stack(page, contents.stacked, draft->bytes()); !done) {
      return done.error();
    }
    return std::move(*draft).finish();
  }
  for (std::size_t at = 0; at < pages; ++at) {
    const std::span<std::byte> bytes = draft->bytes().subspan(static_cast<std::size_t>(page.bytes) * at,
                                                              static_cast<std::size_t>(page.bytes));
    if (auto done = decoder.decode(contents.pages[first + at], bytes); !done) {
      return done.error();
    }
  }
  return std::move(*draft).finish();
}

Result<Record> tiff_value_of(TiffInput& input, const TiffContents& contents, const MakeArray& make) {
  if (contents.is_uniform()) {
    auto array = tiff_array_of(input, contents, 0, contents.pages.size(), contents.extents(), make);
    return array ? Result<Record>(Record(std::move(*array))) : array.error();
  }
  Record::List list;
  for (std::size_t at = 0; at < contents.pages.size(); ++at) {
    auto array = tiff_array_of(input, contents, at, 1, contents.pages[at].extents(), make);
    if (!array) {
      return array.error();
    }
    list.emplace_back(std::move(*array));
  }
  return Record::list(std::move(list));
}

class TiffFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return tiff_traits; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    using namespace std::string_view_literals;
    constexpr std::array<std::string_view, 4> magics{"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv};
    const std::string_view begin(reinterpret_cast<const char*>(first.data()), first.size());
    return std::ranges::any_of(magics, [begin](std::string_view magic) { return begin.starts_with(magic); });
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto with_description = FormatOptions(options).flag("description", false);
      if (!with_description) {
        return with_description.error();
      }
      TiffInput input(file);
      if (auto opened = input.open(); !opened) {
        return opened.error();
      }
      auto contents = read_tiff_contents(input, options);
      if (!contents) {
        return contents.error();
      }
      auto value = tiff_value_of(input, *contents, make);
      if (!value || !*with_description) {
        return value;
      }
      return Record::members({{"data", std::move(*value)}, {"description", contents->description.text()}});
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&] { return save_tiff(value, file, options); });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      TiffInput input(file);
      if (auto opened = input.open(); !opened) {
        return opened.error();
      }
      const auto contents = read_tiff_contents(input, options);
      return contents ? Result<Record>(describe_tiff(*contents)) : contents.error();
    });
  }
};

}  // namespace

std::shared_ptr<const Format> tiff_format() {
  return std::make_shared<const TiffFormat>();
}

}  // namespace locum::storage
