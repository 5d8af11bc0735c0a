#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// The memory of this process, read in place. It is no Backend: nothing can be put over it.
inline constexpr BackendTraits memory{.scheme = "memory",
                                      .pushes = true,
                                      .in_place = true,
                                      .is_durable = false,
                                      .shared_by = SharedBy::process};
/// Keeps nothing: what is stored is gone. For measuring a program without its store.
inline constexpr BackendTraits null{.scheme = "null",
                                    .is_atomic = false,
                                    .loads_ends = true,
                                    .is_durable = false,
                                    .shared_by = SharedBy::process};
/// A map in the memory of this process.
inline constexpr BackendTraits simple{
    .scheme = "simple", .loads_ends = true, .is_durable = false, .shared_by = SharedBy::process};

}  // namespace locum::backends
