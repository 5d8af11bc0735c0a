#include "transport/storage/formats/tiff/tiff_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "transport/storage/formats/npy/half_number.hpp"

namespace locum::storage {

namespace {

std::string tiff_block_place(const TiffPage& page, std::uint64_t block) {
  return "page " + std::to_string(page.number) + ", " + (page.is_tiled ? "tile " : "strip ") +
         std::to_string(block);
}

/// Copies samples that lie together in a row. \param step how many elements further each one goes
void place_tiff_samples(const TiffPage& page, const std::byte* from, std::byte* to, std::uint64_t count,
                        std::uint64_t step) noexcept {
  if (page.bits == 1) {
    for (std::uint64_t at = 0; at < count; ++at) {
      to[at * step] = from[at / 8] >> (7 - at % 8) & std::byte{1};
    }
  } else if (page.is_half()) {
    for (std::uint64_t at = 0; at < count; ++at) {
      std::uint16_t half;
      std::memcpy(&half, from + at * sizeof half, sizeof half);
      const std::uint32_t bits = float_bits_of_half(half);
      std::memcpy(to + at * step * sizeof bits, &bits, sizeof bits);
    }
  } else {
    const std::uint64_t bytes = page.bits / 8U;
    if (step == 1) {
      std::memcpy(to, from, count * bytes);
      return;
    }
    for (std::uint64_t at = 0; at < count; ++at) {
      std::memcpy(to + at * step * bytes, from + at * bytes, bytes);
    }
  }
}

void swap_tiff_bytes(std::span<std::byte> elements, std::size_t part) noexcept {
  for (std::size_t at = 0; at + part <= elements.size(); at += part) {
    std::ranges::reverse(elements.subspan(at, part));
  }
}

}  // namespace

/// Where a strip or tile lies in its page.
struct TiffDecoder::Block {
  std::uint32_t number;  ///< in the file
  std::uint32_t plane;
  std::uint64_t row;
  std::uint64_t column;
  std::uint64_t rows;     ///< of the page; those of a tile may be more
  std::uint64_t columns;  ///< of the page
};

Result<void> TiffDecoder::select(const TiffPage& page) {
  input_.messages().clear();
  if (::TIFFCurrentDirOffset(input_.handle()) != page.offset &&
      ::TIFFSetSubDirectory(input_.handle(), page.offset) != 1) {
    return input_.error(Errc::corrupt, "the directory of page " + std::to_string(page.number) + ", at byte " +
                                           std::to_string(page.offset) + ", cannot be read again");
  }
  if (page.compression == COMPRESSION_JPEG && page.photometric == PHOTOMETRIC_YCBCR) {
    ::TIFFSetField(input_.handle(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  return {};
}

Result<void> TiffDecoder::read(const TiffPage& page, std::uint32_t block, std::span<std::byte> into) {
  input_.messages().clear();
  const auto wanted = static_cast<tmsize_t>(into.size());
  const tmsize_t got = page.is_tiled ? ::TIFFReadEncodedTile(input_.handle(), block, into.data(), wanted)
                                     : ::TIFFReadEncodedStrip(input_.handle(), block, into.data(), wanted);
  if (got != wanted || input_.messages().has_error() || input_.messages().has_warning()) {
    return input_.error(
        Errc::corrupt, tiff_block_place(page, block) + " cannot be decoded completely; is the file damaged?");
  }
  return {};
}

Result<void> TiffDecoder::decode(const TiffPage& page, std::span<std::byte> into) {
  if (auto selected = select(page); !selected) {
    return selected;
  }
  const std::uint64_t together = page.samples_together();
  const std::uint64_t block_row_bytes = (page.block_width * together * page.bits + 7) / 8;
  std::uint64_t block_bytes = 0;
  if (__builtin_mul_overflow(block_row_bytes, std::uint64_t{page.block_height}, &block_bytes) ||
      block_bytes / tiff_ratio(page) > input_.file().size_bytes()) {
    return Error(Errc::corrupt, tiff_block_place(page, 0) + " has " + std::to_string(block_bytes) +
                                    " bytes, which the file cannot hold by its compression");
  }
  const tmsize_t size_of_libtiff =
      page.is_tiled ? ::TIFFTileSize(input_.handle()) : ::TIFFStripSize(input_.handle());
  if (size_of_libtiff < 0 || static_cast<std::uint64_t>(size_of_libtiff) != block_bytes) {
    return input_.error(Errc::unsupported, "page " + std::to_string(page.number) +
                                               " packs its pixels in another way than its directory tells; "
                                               "save it without subsampling");
  }
  const std::uint64_t element_bytes = page.bytes / (std::uint64_t{page.width} * page.height * page.samples);
  const std::uint64_t pixel_bytes = element_bytes * page.samples;
  const bool is_in_place = !page.is_tiled && !page.is_separate && page.bits >= 8 && !page.is_half();
  if (!is_in_place) {
    block_.resize(static_cast<std::size_t>(block_bytes));
  }
  Block block{};
  for (; block.plane < page.planes(); ++block.plane) {
    for (block.row = 0; block.row < page.height; block.row += page.block_height) {
      block.rows = std::min<std::uint64_t>(page.block_height, page.height - block.row);
      for (block.column = 0; block.column < page.width; block.column += page.block_width, ++block.number) {
        block.columns = std::min<std::uint64_t>(page.block_width, page.width - block.column);
        const std::uint64_t bytes = page.is_tiled ? block_bytes : block_row_bytes * block.rows;
        std::byte* const first = into.data() + (block.row * page.width + block.column) * pixel_bytes;
        const std::span<std::byte> target =
            is_in_place ? std::span<std::byte>(first, static_cast<std::size_t>(bytes))
                        : std::span<std::byte>(block_).first(static_cast<std::size_t>(bytes));
        if (auto done = read(page, block.number, target); !done) {
          return done;
        }
        for (std::uint64_t row = 0; row < block.rows && !is_in_place; ++row) {
          place_tiff_samples(page, target.data() + row * block_row_bytes,
                             first + row * page.width * pixel_bytes + block.plane * element_bytes,
                             block.columns * together, page.planes());
        }
      }
    }
  }
  return {};
}

Result<void> TiffDecoder::decode_stack(const TiffPage& page, std::uint64_t images,
                                       std::span<std::byte> into) {
  if (auto selected = select(page); !selected) {
    return selected;
  }
  const std::uint64_t at = ::TIFFGetStrileOffset(input_.handle(), 0);
  const std::uint64_t file_bytes = input_.file().size_bytes();
  const std::uint64_t bytes = page.is_half() ? into.size() / 2 : into.size();
  if (at < 8 || at > file_bytes || bytes > file_bytes - at) {
    return Error(Errc::corrupt, std::to_string(images) + " images lie from byte " + std::to_string(at) +
                                    " on, but the file ends at byte " + std::to_string(file_bytes) +
                                    "; is it complete?");
  }
  // Numbers of 16 bits go to the end of the memory first, and grow towards its beginning.
  const std::span<std::byte> raw = into.last(static_cast<std::size_t>(bytes));
  if (auto read = input_.file().read(at, raw); !read) {
    return read;
  }
  const bool is_complex = page.sample_format == SAMPLEFORMAT_COMPLEXIEEEFP;
  const std::size_t part = page.bits / (is_complex ? 16U : 8U);
  if ((::TIFFIsBigEndian(input_.handle()) != 0) != (std::endian::native == std::endian::big) && part > 1) {
    swap_tiff_bytes(raw, part);
  }
  if (page.is_half()) {
    place_tiff_samples(page, raw.data(), into.data(), bytes / 2, 1);
  }
  return {};
}

}  // namespace locum::storage
