#pragma once

#include <cairo.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/drawing/color.hpp"

namespace jobs {

/// A picture in memory, drawn by cairo: eight bits a channel, origin at the top left, lengths in pixels. What
/// is drawn outside of it is cut off. Movable; one thread at a time. Throws std::runtime_error where cairo
/// has no memory.
class Picture {
 public:
  Picture(int width, int height, Color background);

  int width() const { return cairo_image_surface_get_width(surface_.get()); }
  int height() const { return cairo_image_surface_get_height(surface_.get()); }

  void fill(double x, double y, double width, double height, Color color);
  /// A pixel of the picture for each of these, which are row-major, `width` a row.
  void draw(int x, int y, int width, std::span<const Color> pixels);
  /// Which end of a line stands at its x.
  enum class Align { left, middle, right };
  /// Writes UTF-8 on the base line y, letters `size` high from line to line. Returns the x behind it.
  double text(double x, double y, const std::string& line, Color color, double size,
              Align align = Align::left);

  /// How far such a line reaches.
  double text_width(const std::string& line, double size) const;

  /// Row-major.
  std::vector<Color> pixels() const;
  /// Writes it as an 8-bit RGB PNG. Throws std::runtime_error with the path and the reason; a file that could
  /// not be finished is removed.
  void write_png(const std::filesystem::path& path) const;

 private:
  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_t* context) const { cairo_destroy(context); }
  };
  void use(Color color);

  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  std::unique_ptr<cairo_t, Destroy> context_;
};

}  // namespace jobs
