#pragma once

#include <cstdio>
#include <locum/locum.hpp>

#include "jobs/steps_viewer/options.hpp"

namespace steps_viewer {

/// Shows the steps of a stream as they come, until it ends or as many as wanted were shown; one rank alone.
/// What is shown goes to `out`, what went wrong to stderr. Each step is released before it is printed or
/// drawn. Returns whether all that was wanted could be shown. Throws nothing but std::bad_alloc.
bool view(locum::Runtime& runtime, const ViewerOptions& options, std::FILE* out);

}  // namespace steps_viewer
