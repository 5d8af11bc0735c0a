#include "jobs/drawing/picture.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using jobs::Color;
using jobs::Picture;

constexpr Color white{255, 255, 255};
constexpr Color black{0, 0, 0};

// A folder of this rank that is removed at the end of the test.
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

/// The first and last column that are not empty.
std::pair<int, int> columns_of(const Picture& picture) {
  const std::vector<Color> pixels = picture.pixels();
  std::pair<int, int> columns{picture.width(), -1};
  for (std::size_t at = 0; at < pixels.size(); ++at) {
    if (pixels[at] != white) {
      const int column = static_cast<int>(at) % picture.width();
      columns = {std::min(columns.first, column), std::max(columns.second, column)};
    }
  }
  return columns;
}

TEST(Picture, CutsOffWhatLiesOutside) {
  Picture picture(4, 3, white);
  picture.fill(-2, -2, 3, 3, black);
  picture.fill(3, 2, 10, 10, black);
  picture.fill(4, 0, 1, 1, black);
  picture.fill(0, 3, 1, 1, black);
  const std::vector<Color> pixels = picture.pixels();
  EXPECT_EQ(pixels.front(), black);
  EXPECT_EQ(pixels.back(), black);
  EXPECT_EQ(std::ranges::count(pixels, black), 2);
}

TEST(Picture, KeepsEachColorExactly) {
  std::vector<Color> colors;
  for (int value = 0; value < 256; ++value) {
    const auto channel = static_cast<std::uint8_t>(value);
    colors.push_back({channel, static_cast<std::uint8_t>(255 - value), static_cast<std::uint8_t>(7 * value)});
  }
  Picture drawn(16, 16, white);
  drawn.draw(0, 0, 16, colors);
  EXPECT_EQ(drawn.pixels(), colors);
  Picture filled(16, 16, white);
  for (int at = 0; at < 256; ++at) {
    filled.fill(at % 16, at / 16, 1, 1, colors[static_cast<std::size_t>(at)]);
  }
  EXPECT_EQ(filled.pixels(), colors);
}

TEST(Picture, DrawsPixelsWhereTheyAreToBe) {
  Picture picture(5, 4, white);
  picture.draw(3, 2, 3, std::vector<Color>(6, black));
  EXPECT_EQ(std::ranges::count(picture.pixels(), black), 4) << "two columns and two rows of them lie outside";
}

TEST(Picture, WritesLinesWithEitherEndAtTheirPlace) {
  const std::string line = "step 42";
  Picture left(300, 40, white);
  const double end = left.text(100, 30, line, black, 16);
  EXPECT_GE(columns_of(left).first, 99);
  EXPECT_LE(columns_of(left).second, static_cast<int>(end) + 1);
  EXPECT_GT(columns_of(left).second, 120) << "nothing was written";
  Picture right(300, 40, white);
  EXPECT_DOUBLE_EQ(right.text(200, 30, line, black, 16, Picture::Align::right), 200);
  EXPECT_LE(columns_of(right).second, 201);
  Picture middle(300, 40, white);
  middle.text(150, 30, line, black, 16, Picture::Align::middle);
  EXPECT_NEAR((columns_of(middle).first + columns_of(middle).second) / 2.0, 150, 3);
}

TEST(Picture, IsReadBackPixelByPixel) {
  const Folder folder;
  Picture picture(7, 5, {1, 2, 3});
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) {
      picture.fill(x, y, 1, 1, {static_cast<std::uint8_t>(30 * x), static_cast<std::uint8_t>(50 * y), 255});
    }
  }
  const auto path = folder.path() / "picture.png";
  picture.write_png(path);

  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  };
  const std::unique_ptr<cairo_surface_t, Destroy> read(cairo_image_surface_create_from_png(path.c_str()));
  ASSERT_EQ(cairo_surface_status(read.get()), CAIRO_STATUS_SUCCESS);
  ASSERT_EQ(cairo_image_surface_get_width(read.get()), 7);
  ASSERT_EQ(cairo_image_surface_get_height(read.get()), 5);
  ASSERT_EQ(cairo_image_surface_get_format(read.get()), CAIRO_FORMAT_RGB24);
  std::vector<Color> pixels;
  for (int y = 0; y < 5; ++y) {
    const auto* row = reinterpret_cast<const std::uint32_t*>(cairo_image_surface_get_data(read.get()) +
                                                             y * cairo_image_surface_get_stride(read.get()));
    for (int x = 0; x < 7; ++x) {
      pixels.push_back({static_cast<std::uint8_t>(row[x] >> 16U), static_cast<std::uint8_t>(row[x] >> 8U),
                        static_cast<std::uint8_t>(row[x])});
    }
  }
  EXPECT_EQ(pixels, picture.pixels());
}

TEST(Picture, SaysWhereItCouldNotBeWrittenAndWhy) {
  const Folder folder;
  const auto path = folder.path() / "absent" / "picture.png";
  try {
    Picture(1, 1, {}).write_png(path);
    FAIL() << "wrote into a nonexistent folder";
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(path.string()), std::string::npos) << text;
    EXPECT_NE(text.find("No such file"), std::string::npos) << text;
  }
}

TEST(Color, IsMixedByShare) {
  EXPECT_EQ(jobs::mix(black, white, 0.0), black);
  EXPECT_EQ(jobs::mix(black, white, 1.0), white);
  EXPECT_EQ(jobs::mix(black, {100, 200, 50}, 0.5), (Color{50, 100, 25}));
}

}  // namespace
