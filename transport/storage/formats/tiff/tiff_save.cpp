#include "transport/storage/formats/tiff/tiff_save.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/value/extents_text.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/formats/tiff/tiff_description.hpp"
#include "transport/storage/formats/tiff/tiff_encoder.hpp"
#include "transport/storage/formats/tiff/tiff_output.hpp"

namespace locum::storage {

namespace {

/// What is saved: arrays of pages, and the text that describes the first one.
struct TiffContent {
  std::vector<Array> arrays;
  std::string description;
};

Error not_of_tiff(std::string reason) {
  return Error(Errc::type_mismatch, "a file of TIFF holds images: " + std::move(reason));
}

Result<void> take_tiff_value(const Record& value, TiffContent& content) {
  if (value.kind() == Record::Kind::array) {
    content.arrays.push_back(value.array());
    return {};
  }
  if (value.kind() != Record::Kind::list || value.size() == 0) {
    return not_of_tiff("save an array, a list of arrays, or the members `data` and `description`");
  }
  for (const Record& one : value.list()) {
    if (one.kind() != Record::Kind::array) {
      return not_of_tiff("value " + std::to_string(content.arrays.size()) + " of the list is no array");
    }
    content.arrays.push_back(one.array());
  }
  return {};
}

Result<TiffContent> tiff_content_of(const Record& value, const Record& options) {
  TiffContent content;
  const Record* data = &value;
  if (value.kind() == Record::Kind::members) {
    data = value.members().find("data");
    const Record* const description = value.members().find("description");
    if (data == nullptr || value.size() != (description == nullptr ? 1U : 2U) ||
        (description != nullptr && description->kind() != Record::Kind::text)) {
      return not_of_tiff("of members, it holds `data` and `description` (a text) only");
    }
    content.description = description == nullptr ? "" : description->text();
  }
  if (auto taken = take_tiff_value(*data, content); !taken) {
    return taken.error();
  }
  auto text = FormatOptions(options).text("description", content.description);
  if (!text) {
    return text.error();
  }
  if (text->find('\0') != std::string::npos) {
    return Error(Errc::invalid_argument, "the description has a character 0 inside, which ends it in a file");
  }
  content.description = std::move(*text);
  return content;
}

/// Returns the layout of the pages of an array.
Result<TiffLayout> tiff_layout_of(const Array& array, bool has_samples) {
  TiffLayout layout;
  const Extents& extents = array.extents();
  const std::size_t inner = has_samples ? 3 : 2;
  if (extents.size() < inner) {
    return not_of_tiff(
        "an array of the extents " + extents_text(extents) + " has less than " +
        (has_samples ? "three dimensions (height, width, samples)" : "two dimensions (height, width)"));
  }
  const std::size_t row = extents.size() - inner;
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max() / 2;
  const std::uint64_t samples = has_samples ? extents[row + 2] : 1;
  if (std::ranges::count(extents.span(), std::uint64_t{0}) > 0 || extents[row] > most ||
      extents[row + 1] > most || samples > std::numeric_limits<std::uint16_t>::max()) {
    return not_of_tiff("the extents " + extents_text(extents) +
                       " are 0 or too large for an image (height and width below 2^31, samples below 2^16)");
  }
  layout.height = static_cast<std::uint32_t>(extents[row]);
  layout.width = static_cast<std::uint32_t>(extents[row + 1]);
  layout.samples = static_cast<std::uint16_t>(samples);
  layout.pages = array.size() / (std::uint64_t{layout.height} * layout.width * layout.samples);
  if (!layout.set_element(array.element())) {
    return not_of_tiff("it has no elements of the type '" + array.element().name() +
                       "'; convert them to numbers");
  }
  return layout;
}

Result<TiffEncoding> tiff_encoding_of(const Record& options) {
  const FormatOptions given(options);
  TiffEncoding encoding;
  const auto compression = given.word("compression", {"none", "deflate", "lzw"}, "none");
  const auto predictor = given.flag("predictor", false);
  const auto tile = given.count("tile", 0);
  if (!compression || !predictor || !tile) {
    return !compression ? compression.error() : !predictor ? predictor.error() : tile.error();
  }
  encoding.compression = *compression == "deflate" ? COMPRESSION_ADOBE_DEFLATE
                         : *compression == "lzw"   ? COMPRESSION_LZW
                                                   : COMPRESSION_NONE;
  encoding.has_predictor = *predictor;
  if (*tile % 16 != 0 || *tile > 65536 || (given.has("tile") && *tile == 0)) {
    return wrong_option("tile", "a multiple of 16, of 16 to 65536");
  }
  encoding.tile = static_cast<std::uint32_t>(*tile);
  if (encoding.has_predictor && encoding.compression == COMPRESSION_NONE) {
    return wrong_option("predictor", "false without compression; choose deflate or lzw, or leave it out");
  }
  if (::TIFFIsCODECConfigured(encoding.compression) == 0) {
    return Error(Errc::unsupported, "the libtiff of this machine was built without " + *compression +
                                        "; choose another compression");
  }
  return encoding;
}

/// Returns whether a file needs BigTIFF; also where compression might have made it small enough.
bool is_big_tiff(const std::vector<TiffLayout>& layouts, std::uint64_t tile) noexcept {
  constexpr double most = 4.2e9;
  double bytes = 0;
  for (const TiffLayout& layout : layouts) {
    const std::uint64_t side = std::max<std::uint64_t>(tile, 1);
    const std::uint64_t height = (layout.height + side - 1) / side * side;
    const std::uint64_t width = (layout.width + side - 1) / side * side;
    const double page =
        static_cast<double>(height) * static_cast<double>(width) * layout.samples * layout.bits / 8;
    // Incompressible data grows a little; a directory has less than 512 bytes, and some for each strip.
    bytes += static_cast<double>(layout.pages) * (page * 1.125 + 512);
  }
  return bytes > most;
}

/// Checks that a text does not tell of images that the file will not have.
Result<void> check_tiff_description(const std::string& text, const std::vector<TiffLayout>& layouts) {
  const TiffLayout& first = layouts.front();
  if (layouts.size() > 1 || first.pages > 1) {
    return {};
  }
  const auto images = TiffDescription(text).images(std::uint64_t{first.height} * first.width * first.samples);
  if (!images || *images != 1) {
    return Error(Errc::invalid_argument,
                 "the description is of ImageJ or tifffile and tells of " +
                     (images ? std::to_string(*images) + " images" : std::string("other images")) +
                     ", but one page is saved; save another description");
  }
  return {};
}

}  // namespace

Result<void> save_tiff(const Record& value, FileDraft& draft, const Record& options) {
  const FormatOptions given(options);
  const auto has_samples = given.flag("samples", false);
  const auto encoding = tiff_encoding_of(options);
  const auto content = tiff_content_of(value, options);
  if (!has_samples || !encoding || !content) {
    return !has_samples ? has_samples.error() : !encoding ? encoding.error() : content.error();
  }
  std::vector<TiffLayout> layouts;
  for (const Array& array : content->arrays) {
    auto layout = tiff_layout_of(array, *has_samples);
    if (!layout) {
      return layout.error();
    }
    if (auto good = check_tiff_encoding(*layout, *encoding); !good) {
      return good;
    }
    layouts.push_back(*layout);
  }
  const auto is_big = given.flag("bigtiff", is_big_tiff(layouts, encoding->tile));
  if (!is_big) {
    return is_big.error();
  }
  if (auto good = check_tiff_description(content->description, layouts); !good) {
    return good;
  }
  TiffOutput output(draft);
  if (auto opened = output.open(*is_big); !opened) {
    return opened;
  }
  TiffEncoder encoder(output, *encoding);
  for (std::size_t at = 0; at < layouts.size(); ++at) {
    const auto packed = content->arrays[at].packed();
    if (!packed) {
      return packed.error();
    }
    const std::span<const std::byte> bytes = packed->bytes();
    const std::size_t page_bytes = bytes.size() / static_cast<std::size_t>(layouts[at].pages);
    for (std::uint64_t page = 0; page < layouts[at].pages; ++page) {
      const bool is_first = at == 0 && page == 0;
      const auto first = static_cast<std::size_t>(page) * page_bytes;
      if (auto done = encoder.encode(layouts[at], bytes.subspan(first, page_bytes),
                                     is_first ? content->description : std::string());
          !done) {
        return done;
      }
    }
  }
  return {};
}

}  // namespace locum::storage
