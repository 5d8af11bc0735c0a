#pragma once

/// \file
/// All public headers, included as `<locum/locum.hpp>`, except these: serialisers of the less common
/// containers are in `<locum/containers.hpp>`, the calls for types that are known only at run time in
/// `<locum/raw_store.hpp>` and `<locum/raw_task_queue.hpp>`.

// A compiler set to an older C++ skips the rest: one message instead of hundreds.
#if __cplusplus <= 201703L
#error \
    "locum is written in C++20: compile with -std=c++20 or later (CMake: target_compile_features(your_target PRIVATE cxx_std_20))"
#else

#include <locum/core.hpp>
#ifndef LOCUM_WITHOUT_MPI  // which the target locum::serial defines
#include <locum/runtime.hpp>
#endif

#endif
