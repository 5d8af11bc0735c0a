#include "jobs/gray_scott/png.hpp"

#include <png.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace gray_scott {

void write_png(const std::filesystem::path& path, const Canvas& picture) {
  // libpng's simplified API reports errors by its return value, so no longjmp crosses a destructor.
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width());
  image.height = static_cast<png_uint_32>(picture.height());
  image.format = PNG_FORMAT_RGB;
  image.flags = PNG_IMAGE_FLAG_FAST;  // a quarter of the time for a third more bytes
  static_assert(sizeof(Color) == 3, "a row of colours is a row of RGB bytes");

  errno = 0;
  if (png_image_write_to_file(&image, path.c_str(), 0, picture.pixels().data(), 0, nullptr) == 0) {
    const std::string reason = errno != 0 ? std::strerror(errno) : image.message;
    png_image_free(&image);
    throw std::runtime_error("cannot write the picture " + path.string() + ": " + reason);
  }
}

}  // namespace gray_scott
