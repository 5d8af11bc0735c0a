#pragma once

/// \file
/// Everything public, in one header: users include it as `<locum/locum.hpp>`. Serialisers of the less common
/// containers are in `<locum/containers.hpp>`.

// A compiler that is set to an older C++ reads none of it: it would say in hundreds of lines what one says.
#if __cplusplus <= 201703L
#error \
    "locum is written in C++20: compile with -std=c++20 or later (CMake: target_compile_features(your_target PRIVATE cxx_std_20))"
#else

#include <locum/core.hpp>
#include <locum/runtime.hpp>

#endif
