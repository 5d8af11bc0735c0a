#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Returns the format of TIFF and BigTIFF files: images and stacks of images. Needs libtiff, 4.5 or later.
///
/// Loads an array of {height, width}, of {height, width, samples} where a pixel has several samples, and of
/// {pages, height, width[, samples]} where the file has several pages, all alike; a list of arrays where
/// pages differ. The order is the same for planes, strips and tiles. Elements are integers of 8 to 64 bits,
/// floating-point numbers (those of 16 bits by an option), complex numbers, and `bool` for single bits, whose
/// values are those of the file: also of images where 0 is white. JPEG with YCbCr becomes RGB, as JPEG
/// defines it. Smaller copies of pages (pyramids, thumbnails) and transparency masks are left out; the option
/// `page` reaches them. Stacks of ImageJ and tifffile that have one directory for all images are loaded
/// completely. Of tags, only the description is kept, and returned where an option asks for it. Errors are:
/// other numbers of bits, colours as YCbCr without JPEG or as L*a*b*, and palettes without an option.
///
/// Memory is made only if the bytes of the file can have become so many by their compression: 1 without, 64
/// by PackBits, 1400 by deflate and LZW, 1024 by JPEG, 2^17 by others. What libtiff reports is part of the
/// errors, and printed nowhere; what it warns of while it decodes pixels is an error.
///
/// Saves an array of two or more dimensions: the last two are height and width (before the samples, with the
/// option `samples`), all others become pages; a list of such arrays; and the members `data` and
/// `description`.
[[nodiscard]] std::shared_ptr<const Format> tiff_format();

}  // namespace locum::storage
