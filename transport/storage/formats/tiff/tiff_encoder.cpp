#include "transport/storage/formats/tiff/tiff_encoder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace locum::storage {

namespace {

struct TiffSavedElement {
  std::string_view name;
  std::uint16_t format;
  std::uint16_t bits;
};
constexpr std::array<TiffSavedElement, 13> tiff_saved_elements{{{"bool", SAMPLEFORMAT_UINT, 1},
                                                                {"u8", SAMPLEFORMAT_UINT, 8},
                                                                {"u16", SAMPLEFORMAT_UINT, 16},
                                                                {"u32", SAMPLEFORMAT_UINT, 32},
                                                                {"u64", SAMPLEFORMAT_UINT, 64},
                                                                {"i8", SAMPLEFORMAT_INT, 8},
                                                                {"i16", SAMPLEFORMAT_INT, 16},
                                                                {"i32", SAMPLEFORMAT_INT, 32},
                                                                {"i64", SAMPLEFORMAT_INT, 64},
                                                                {"f32", SAMPLEFORMAT_IEEEFP, 32},
                                                                {"f64", SAMPLEFORMAT_IEEEFP, 64},
                                                                {"c64", SAMPLEFORMAT_COMPLEXIEEEFP, 64},
                                                                {"c128", SAMPLEFORMAT_COMPLEXIEEEFP, 128}}};

constexpr std::uint64_t tiff_strip_bytes = std::uint64_t{1} << 20U;

/// Copies samples of a row; those of `bool` become bits, the first one the highest.
void pack_tiff_samples(const TiffLayout& layout, const std::byte* from, std::byte* to,
                       std::uint64_t count) noexcept {
  if (layout.bits != 1) {
    std::memcpy(to, from, count * layout.bits / 8);
    return;
  }
  std::fill_n(to, (count + 7) / 8, std::byte{0});
  for (std::uint64_t at = 0; at < count; ++at) {
    to[at / 8] |= static_cast<std::byte>((from[at] == std::byte{0} ? 0U : 0x80U) >> at % 8);
  }
}

}  // namespace

bool TiffLayout::set_element(const ElementType& element) noexcept {
  const auto* const known =
      std::ranges::find(tiff_saved_elements, std::string_view(element.name()), &TiffSavedElement::name);
  if (known == tiff_saved_elements.end()) {
    return false;
  }
  bits = known->bits;
  sample_format = known->format;
  return true;
}

Result<void> check_tiff_encoding(const TiffLayout& layout, const TiffEncoding& encoding) {
  if (encoding.has_predictor && (layout.bits == 1 || layout.is_complex())) {
    return Error(Errc::invalid_argument,
                 "the option predictor is for integers and floating-point numbers; leave it out for bool and "
                 "complex numbers");
  }
  return {};
}

Result<void> TiffEncoder::set_fields(const TiffLayout& layout, const std::string& description) {
  TIFF* const file = output_.handle();
  const bool has_colours = (layout.samples == 3 || layout.samples == 4) && layout.bits <= 16 &&
                           layout.bits >= 8 && layout.sample_format == SAMPLEFORMAT_UINT;
  const int photometric = has_colours ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
  bool is_set = ::TIFFSetField(file, TIFFTAG_IMAGEWIDTH, layout.width) == 1 &&
                ::TIFFSetField(file, TIFFTAG_IMAGELENGTH, layout.height) == 1 &&
                ::TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, int{layout.samples}) == 1 &&
                ::TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, int{layout.bits}) == 1 &&
                ::TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, int{layout.sample_format}) == 1 &&
                ::TIFFSetField(file, TIFFTAG_PHOTOMETRIC, photometric) == 1 &&
                ::TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == 1 &&
                ::TIFFSetField(file, TIFFTAG_COMPRESSION, int{encoding_.compression}) == 1;
  const int extra = layout.samples - (has_colours ? 3 : 1);
  if (is_set && extra > 0) {
    std::vector<std::uint16_t> kinds(static_cast<std::size_t>(extra), EXTRASAMPLE_UNSPECIFIED);
    if (has_colours) {
      kinds[0] = EXTRASAMPLE_UNASSALPHA;
    }
    is_set = ::TIFFSetField(file, TIFFTAG_EXTRASAMPLES, extra, kinds.data()) == 1;
  }
  if (is_set && encoding_.has_predictor) {
    is_set = ::TIFFSetField(file, TIFFTAG_PREDICTOR,
                            layout.sample_format == SAMPLEFORMAT_IEEEFP ? PREDICTOR_FLOATINGPOINT
                                                                        : PREDICTOR_HORIZONTAL) == 1;
  }
  if (is_set && encoding_.tile > 0) {
    is_set = ::TIFFSetField(file, TIFFTAG_TILEWIDTH, encoding_.tile) == 1 &&
             ::TIFFSetField(file, TIFFTAG_TILELENGTH, encoding_.tile) == 1;
  } else if (is_set) {
    const std::uint64_t row_bytes = (std::uint64_t{layout.width} * layout.samples * layout.bits + 7) / 8;
    strip_rows_ =
        static_cast<std::uint32_t>(std::clamp<std::uint64_t>(tiff_strip_bytes / row_bytes, 1, layout.height));
    is_set = ::TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, strip_rows_) == 1;
  }
  if (is_set && !description.empty()) {
    is_set = ::TIFFSetField(file, TIFFTAG_IMAGEDESCRIPTION, description.c_str()) == 1;
  }
  if (!is_set) {
    return output_.error(Errc::unsupported, "libtiff cannot write pages of this kind");
  }
  return {};
}

Result<void> TiffEncoder::write_block(std::uint32_t number, std::span<const std::byte> bytes) {
  // libtiff does not change the bytes: it has nothing to swap, and predicts in memory of its own.
  auto* const data = const_cast<std::byte*>(bytes.data());
  const auto count = static_cast<tmsize_t>(bytes.size());
  const tmsize_t written = encoding_.tile > 0
                               ? ::TIFFWriteEncodedTile(output_.handle(), number, data, count)
                               : ::TIFFWriteEncodedStrip(output_.handle(), number, data, count);
  if (written < 0) {
    return output_.error(Errc::system, "libtiff cannot write " + std::to_string(bytes.size()) +
                                           " bytes of a page; above 4 GiB, files need the option bigtiff = "
                                           "true");
  }
  return {};
}

Result<void> TiffEncoder::write_strips(const TiffLayout& layout, std::span<const std::byte> elements) {
  const std::uint64_t in_row = std::uint64_t{layout.width} * layout.samples;
  const std::uint64_t row_bytes = (in_row * layout.bits + 7) / 8;
  const auto from_bytes = elements.size() / layout.height;  // of a row in memory
  std::uint32_t number = 0;
  for (std::uint32_t row = 0; row < layout.height; row += strip_rows_, ++number) {
    const std::uint32_t rows = std::min(strip_rows_, layout.height - row);
    std::span<const std::byte> strip = elements.subspan(row * from_bytes, rows * from_bytes);
    if (layout.bits == 1) {
      block_.resize(static_cast<std::size_t>(rows * row_bytes));
      for (std::uint32_t at = 0; at < rows; ++at) {
        pack_tiff_samples(layout, strip.data() + at * from_bytes, block_.data() + at * row_bytes, in_row);
      }
      strip = block_;
    }
    if (auto done = write_block(number, strip); !done) {
      return done;
    }
  }
  return {};
}

Result<void> TiffEncoder::write_tiles(const TiffLayout& layout, std::span<const std::byte> elements) {
  const std::uint64_t side = encoding_.tile;
  const std::uint64_t tile_row_bytes = (side * layout.samples * layout.bits + 7) / 8;
  const std::uint64_t from_bytes = elements.size() / layout.height;
  const std::uint64_t pixel_bytes = from_bytes / layout.width;
  std::uint64_t tile_bytes = 0;
  if (__builtin_mul_overflow(tile_row_bytes, side, &tile_bytes) || tile_bytes > std::uint64_t{1} << 31U) {
    return Error(Errc::invalid_argument, "tiles of " + std::to_string(side) + " x " + std::to_string(side) +
                                             " pixels have more than 2 GiB; choose smaller ones");
  }
  std::uint32_t number = 0;
  for (std::uint64_t row = 0; row < layout.height; row += side) {
    for (std::uint64_t column = 0; column < layout.width; column += side, ++number) {
      const std::uint64_t rows = std::min(side, layout.height - row);
      const std::uint64_t columns = std::min(side, layout.width - column);
      block_.assign(static_cast<std::size_t>(tile_bytes), std::byte{0});
      for (std::uint64_t at = 0; at < rows; ++at) {
        pack_tiff_samples(layout, elements.data() + (row + at) * from_bytes + column * pixel_bytes,
                          block_.data() + at * tile_row_bytes, columns * layout.samples);
      }
      if (auto done = write_block(number, block_); !done) {
        return done;
      }
    }
  }
  return {};
}

Result<void> TiffEncoder::encode(const TiffLayout& layout, std::span<const std::byte> elements,
                                 const std::string& description) {
  if (auto set = set_fields(layout, description); !set) {
    return set;
  }
  auto written = encoding_.tile > 0 ? write_tiles(layout, elements) : write_strips(layout, elements);
  return written ? output_.write_directory() : written;
}

}  // namespace locum::storage
