#include "transport/storage/formats/tiff/tiff_page.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace locum::storage {

namespace {

struct TiffElement {
  std::uint16_t format;
  std::uint16_t bits;
  std::string_view name;   ///< in the file
  std::string_view shown;  ///< of the element type
};
constexpr std::array<TiffElement, 14> tiff_elements{{{SAMPLEFORMAT_UINT, 1, "bit", "bool"},
                                                     {SAMPLEFORMAT_UINT, 8, "u8", "u8"},
                                                     {SAMPLEFORMAT_UINT, 16, "u16", "u16"},
                                                     {SAMPLEFORMAT_UINT, 32, "u32", "u32"},
                                                     {SAMPLEFORMAT_UINT, 64, "u64", "u64"},
                                                     {SAMPLEFORMAT_INT, 8, "i8", "i8"},
                                                     {SAMPLEFORMAT_INT, 16, "i16", "i16"},
                                                     {SAMPLEFORMAT_INT, 32, "i32", "i32"},
                                                     {SAMPLEFORMAT_INT, 64, "i64", "i64"},
                                                     {SAMPLEFORMAT_IEEEFP, 16, "f16", "f32"},
                                                     {SAMPLEFORMAT_IEEEFP, 32, "f32", "f32"},
                                                     {SAMPLEFORMAT_IEEEFP, 64, "f64", "f64"},
                                                     {SAMPLEFORMAT_COMPLEXIEEEFP, 64, "c64", "c64"},
                                                     {SAMPLEFORMAT_COMPLEXIEEEFP, 128, "c128", "c128"}}};

const TiffElement* tiff_element_of(const TiffPage& page) noexcept {
  const auto* found = std::ranges::find_if(tiff_elements, [&page](const TiffElement& one) {
    return one.format == page.sample_format && one.bits == page.bits;
  });
  return found == tiff_elements.end() ? nullptr : found;
}

template <class Value>
Value tiff_field(TIFF* file, std::uint32_t tag) noexcept {
  Value value{};
  return ::TIFFGetFieldDefaulted(file, tag, &value) == 1 ? value : Value{};
}

std::string tiff_place(const TiffPage& page) {
  return "page " + std::to_string(page.number) + " ";
}

std::string_view tiff_unloaded_photometric(const TiffPage& page) noexcept {
  switch (page.photometric) {
    case PHOTOMETRIC_YCBCR:
      return page.compression == COMPRESSION_JPEG ? "" : "YCbCr";
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      return "L*a*b*";
    case PHOTOMETRIC_LOGL:
    case PHOTOMETRIC_LOGLUV:
      return "logarithms of luminance";
    default:
      return "";
  }
}

}  // namespace

ElementType TiffPage::element() const {
  const TiffElement* const known = tiff_element_of(*this);
  return known == nullptr ? ElementType() : ElementType::named(known->shown).value_or(ElementType());
}

Extents TiffPage::extents() const noexcept {
  return samples > 1 ? Extents(height, width, samples) : Extents(height, width);
}

std::string TiffPage::type_name() const {
  if (const TiffElement* const known = tiff_element_of(*this); known != nullptr) {
    return std::string(known->name);
  }
  const std::string_view kind = sample_format == SAMPLEFORMAT_UINT            ? "unsigned integers"
                                : sample_format == SAMPLEFORMAT_INT           ? "signed integers"
                                : sample_format == SAMPLEFORMAT_IEEEFP        ? "floating-point numbers"
                                : sample_format == SAMPLEFORMAT_COMPLEXINT    ? "complex integers"
                                : sample_format == SAMPLEFORMAT_COMPLEXIEEEFP ? "complex numbers"
                                                                              : "values without a type";
  return std::string(kind) + " of " + std::to_string(bits) + " bits";
}

bool TiffPage::is_alike(const TiffPage& other) const noexcept {
  return width == other.width && height == other.height && samples == other.samples && bits == other.bits &&
         sample_format == other.sample_format;
}

Result<TiffPage> tiff_page_of(TIFF* file, std::uint64_t number) {
  TiffPage page;
  page.number = number;
  page.offset = ::TIFFCurrentDirOffset(file);
  const std::string place = "at byte " + std::to_string(page.offset) + ": the directory ";
  page.width = tiff_field<std::uint32_t>(file, TIFFTAG_IMAGEWIDTH);
  page.height = tiff_field<std::uint32_t>(file, TIFFTAG_IMAGELENGTH);
  page.samples = tiff_field<std::uint16_t>(file, TIFFTAG_SAMPLESPERPIXEL);
  page.bits = tiff_field<std::uint16_t>(file, TIFFTAG_BITSPERSAMPLE);
  page.sample_format = tiff_field<std::uint16_t>(file, TIFFTAG_SAMPLEFORMAT);
  page.compression = tiff_field<std::uint16_t>(file, TIFFTAG_COMPRESSION);
  page.photometric = tiff_field<std::uint16_t>(file, TIFFTAG_PHOTOMETRIC);
  page.is_separate =
      tiff_field<std::uint16_t>(file, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE && page.samples > 1;
  page.is_tiled = ::TIFFIsTiled(file) != 0;
  page.is_reduced =
      (tiff_field<std::uint32_t>(file, TIFFTAG_SUBFILETYPE) & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) != 0;
  if (page.width == 0 || page.height == 0 || page.samples == 0 || page.bits == 0) {
    return Error(Errc::corrupt, place + "describes an image without pixels; the file is damaged");
  }
  if (page.is_tiled) {
    page.block_width = tiff_field<std::uint32_t>(file, TIFFTAG_TILEWIDTH);
    page.block_height = tiff_field<std::uint32_t>(file, TIFFTAG_TILELENGTH);
  } else {
    page.block_width = page.width;
    page.block_height = std::min(tiff_field<std::uint32_t>(file, TIFFTAG_ROWSPERSTRIP), page.height);
  }
  if (page.block_width == 0 || page.block_height == 0) {
    return Error(Errc::corrupt, place + "describes strips or tiles without pixels; the file is damaged");
  }
  const std::uint64_t across = (std::uint64_t{page.width} + page.block_width - 1) / page.block_width;
  const std::uint64_t down = (std::uint64_t{page.height} + page.block_height - 1) / page.block_height;
  // A byte for each bit, and four for a number of 16 bits.
  const std::uint64_t sample_bytes =
      page.is_half() ? 4 : std::max<std::uint64_t>((std::uint64_t{page.bits} + 7) / 8, 1);
  std::uint64_t pixels = 0;
  if (__builtin_mul_overflow(std::uint64_t{page.width}, std::uint64_t{page.height}, &pixels) ||
      __builtin_mul_overflow(pixels, sample_bytes * page.samples, &page.bytes) ||
      __builtin_mul_overflow(across * down, std::uint64_t{page.planes()}, &page.blocks) ||
      page.bytes > std::uint64_t{1} << 62U) {
    return Error(Errc::corrupt, place + "describes " + std::to_string(page.width) + " x " +
                                    std::to_string(page.height) + " pixels, which no memory holds");
  }
  return page;
}

Result<void> check_tiff_page(const TiffPage& page, const TiffChoices& choices) {
  if (const std::string_view photometric = tiff_unloaded_photometric(page); !photometric.empty()) {
    return Error(Errc::unsupported, tiff_place(page) + "holds colours as " + std::string(photometric) +
                                        ", whose values would have to be changed; convert the file to RGB");
  }
  if (page.photometric == PHOTOMETRIC_PALETTE && !choices.palette_as_indices) {
    return Error(Errc::unsupported,
                 tiff_place(page) +
                     "holds indices of a palette, which an array does not keep; the option palette = "
                     "\"indices\" loads them without it");
  }
  if (tiff_element_of(page) == nullptr) {
    return Error(Errc::unsupported, tiff_place(page) + "holds " + page.type_name() +
                                        ", which no type of elements is; convert the file to 8, 16 or 32 "
                                        "bits");
  }
  if (page.is_half() && !choices.half_as_f32) {
    return Error(Errc::unsupported,
                 tiff_place(page) +
                     "holds floating-point numbers of 16 bits (f16), which no type of elements is; the "
                     "option half = \"f32\" loads them as f32, which is exact");
  }
  if (page.compression == COMPRESSION_SGILOG || page.compression == COMPRESSION_SGILOG24 ||
      page.compression == COMPRESSION_OJPEG || ::TIFFIsCODECConfigured(page.compression) == 0) {
    return Error(Errc::unsupported, tiff_place(page) + "is compressed by " +
                                        tiff_compression_name(page.compression) +
                                        ", which the libtiff of this machine, or this library, does not "
                                        "read; save the file with deflate");
  }
  return {};
}

std::uint64_t tiff_ratio(const TiffPage& page) noexcept {
  const std::uint64_t growth = page.bits == 1 ? 8 : page.is_half() ? 2 : 1;  // after decompression
  switch (page.compression) {
    case COMPRESSION_NONE:
      return growth;
    case COMPRESSION_PACKBITS:
      return 64 * growth;
    case COMPRESSION_LZW:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
      return 1400 * growth;  // deflate: 1032; LZW: 1320
    case COMPRESSION_JPEG:
      return 1024;  // 512, where colours have half the resolution
    default:
      return std::uint64_t{1} << 17U;  // Zstandard, LZMA, fax: a few bytes are left of an empty page
  }
}

std::string tiff_compression_name(std::uint16_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
      return "none";
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_DEFLATE:
      return "deflate";
    case COMPRESSION_LZW:
      return "lzw";
    default:
      break;
  }
  const TIFFCodec* const codec = ::TIFFFindCODEC(compression);
  if (codec == nullptr || codec->name == nullptr) {
    return "method " + std::to_string(compression);
  }
  std::string name(codec->name);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

}  // namespace locum::storage
