#pragma once

#include <filesystem>

#include "jobs/gray_scott/canvas.hpp"

namespace gray_scott {

/// Writes the picture as an 8-bit RGB PNG. Throws std::runtime_error with the path and the reason; a file
/// that could not be finished is removed.
void write_png(const std::filesystem::path& path, const Canvas& picture);

}  // namespace gray_scott
