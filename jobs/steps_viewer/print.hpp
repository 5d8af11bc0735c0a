#pragma once

#include <string>

#include "jobs/steps_viewer/slice.hpp"
#include "jobs/steps_viewer/values.hpp"

namespace steps_viewer {

struct PrintOptions {
  std::size_t width = 80;  ///< most letters of a line
  int digits = 6;          ///< of reals
  bool all = false;        ///< leaves nothing out, and takes the lines that it needs
};

/// The elements of a box, aligned, under the indices that they have in the whole array: planes of the last
/// two dimensions; one dimension alone fills lines. Where there are too many, `…` stands for those in the
/// middle. Each line begins with blanks and is ended. REQUIRES: the values have an extent for each range.
std::string print(const Values& values, const Box& box, const PrintOptions& options = {});

}  // namespace steps_viewer
