#include "transport/storage/formats/tiff/tiff_description.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

/// Returns the line behind `name=`; nothing if no line begins with it.
std::optional<std::string_view> imagej_line(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') {
      return line.substr(name.size() + 1);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace

TiffDescription TiffDescription::of(TIFF* file) {
  const char* text = nullptr;
  if (::TIFFGetField(file, TIFFTAG_IMAGEDESCRIPTION, &text) != 1 || text == nullptr) {
    return {};
  }
  const std::string_view bytes(text);
  return TiffDescription(is_utf8(bytes) ? std::string(bytes) : utf8_of_latin1(bytes));
}

std::optional<std::uint64_t> TiffDescription::imagej_number(std::string_view name) const {
  const auto line = imagej_line(text_, name);
  std::uint64_t number = 0;
  if (!line || std::from_chars(line->data(), line->data() + line->size(), number).ec != std::errc()) {
    return std::nullopt;
  }
  return number;
}

std::string TiffDescription::axes() const {
  if (is_of_imagej()) {
    std::string axes;
    constexpr std::array<std::pair<std::string_view, char>, 3> names{
        {{"frames", 'T'}, {"slices", 'Z'}, {"channels", 'C'}}};
    for (const auto& [name, letter] : names) {
      axes.append(imagej_number(name).value_or(1) > 1 ? 1U : 0U, letter);
    }
    return axes + "YX";
  }
  // OME: DimensionOrder="XYCZT", fastest first.
  constexpr std::string_view order = "DimensionOrder=\"";
  const std::size_t found = text_.find("<OME") == std::string::npos ? std::string::npos : text_.find(order);
  if (found == std::string::npos || text_.size() < found + order.size() + 6 ||
      text_[found + order.size() + 5] != '"') {
    return {};
  }
  std::string axes = text_.substr(found + order.size(), 5);
  std::ranges::reverse(axes);
  return axes.find_first_not_of("TZCYX") == std::string::npos ? axes : std::string();
}

std::optional<std::uint64_t> TiffDescription::tifffile_elements() const {
  constexpr std::string_view shape = "\"shape\": [";
  const std::size_t found = text_.find(shape);
  if (found == std::string::npos) {
    return std::nullopt;
  }
  std::uint64_t product = 1;
  const char* const end = text_.data() + text_.size();
  for (const char* at = text_.data() + found + shape.size(); at < end; ++at) {
    std::uint64_t extent = 0;
    const auto [behind, error] = std::from_chars(at, end, extent);
    if (error != std::errc() || behind == end || __builtin_mul_overflow(product, extent, &product)) {
      return std::nullopt;
    }
    if (*behind == ']') {
      return product;
    }
    at = behind + (*behind == ',' ? 1 : 0);  // a blank follows the comma
  }
  return std::nullopt;
}

Result<std::uint64_t> TiffDescription::images(std::uint64_t elements) const {
  if (is_of_imagej() && imagej_line(text_, "images")) {
    const auto images = imagej_number("images");
    if (!images || *images == 0) {
      return Error(
          Errc::corrupt,
          "the description of ImageJ has no number of images behind \"images=\"; is the file damaged?");
    }
    return *images;
  }
  if (text_.starts_with('{') && text_.find("\"truncated\": true") != std::string::npos) {
    const auto all = tifffile_elements();
    if (!all || *all == 0 || *all % elements != 0) {
      return Error(Errc::corrupt,
                   "the description of tifffile has no extents behind \"shape\" that the image of the file "
                   "divides; is the file damaged?");
    }
    return *all / elements;
  }
  return std::uint64_t{1};
}

}  // namespace locum::storage
