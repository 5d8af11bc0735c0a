#include "jobs/gray_scott/png.hpp"

#include <gtest/gtest.h>
#include <mpi.h>
#include <png.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using gray_scott::Canvas;
using gray_scott::Color;

// A folder of this rank's own that goes with the test.
class Folder {
 public:
  Folder() {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    std::string pattern =
        (std::filesystem::temp_directory_path() / "gray_scott_png_").string() + std::string(6, 'X');
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("no folder for the test: " + pattern);
    }
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Png, IsReadBackPixelByPixel) {
  const Folder folder;
  Canvas picture(7, 5, {1, 2, 3});
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) {
      picture.set(x, y, {static_cast<std::uint8_t>(30 * x), static_cast<std::uint8_t>(50 * y), 255});
    }
  }
  const auto path = folder.path() / "picture.png";
  gray_scott::write_png(path, picture);

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(png_image_begin_read_from_file(&image, path.c_str()), 0) << image.message;
  EXPECT_EQ(image.width, 7U);
  EXPECT_EQ(image.height, 5U);
  EXPECT_EQ(image.format, static_cast<png_uint_32>(PNG_FORMAT_RGB));
  std::vector<Color> pixels(35);
  ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0) << image.message;
  EXPECT_EQ(pixels, picture.pixels());
}

TEST(Png, SaysWhereItCouldNotWriteAndWhy) {
  const Folder folder;
  const auto path = folder.path() / "absent" / "picture.png";
  try {
    gray_scott::write_png(path, Canvas(1, 1, {}));
    FAIL() << "wrote into a folder that does not exist";
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
    EXPECT_NE(text.find("No such file"), std::string::npos) << text;
  }
}

}  // namespace
