#pragma once

/// \file
/// All public headers that do not need MPI, except these: serialisers of the less common containers are in
/// `<locum/containers.hpp>`, the calls for types that are known only at run time in `<locum/raw_store.hpp>`
/// and
/// `<locum/raw_task_queue.hpp>`.

/// \namespace locum
/// Everything that programs use. `locum::detail` is the library's own.

#if __cplusplus <= 201703L
#error \
    "locum is written in C++20: compile with -std=c++20 or later (CMake: target_compile_features(your_target PRIVATE cxx_std_20))"
#else

#include <locum/backend_registry.hpp>
#include <locum/coded_store.hpp>
#include <locum/configuration.hpp>
#include <locum/open.hpp>
#include <locum/promise.hpp>
#include <locum/serializers.hpp>
#include <locum/session.hpp>
#include <locum/step_reader.hpp>
#include <locum/step_writer.hpp>
#include <locum/store.hpp>
#include <locum/task_queue.hpp>
#include <locum/version.hpp>

#endif
