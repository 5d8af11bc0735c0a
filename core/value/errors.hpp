#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/value/error.hpp"

namespace locum {

// Errors that several rooms return, by cause.

/// Returns `invalid_argument`: `noun` ("a name") may not have `size` bytes.
[[nodiscard]] Error wrong_length(std::string_view noun, std::size_t size);
[[nodiscard]] Error draft_ended();
/// Return what a seal finds under a name: `key_exists`, `not_found`, `stale`.
[[nodiscard]] Error name_taken();
[[nodiscard]] Error name_not_bound();
[[nodiscard]] Error other_generation(std::uint64_t expected);
/// Returns `stale`: a newer generation of its name replaced the object.
[[nodiscard]] Error object_replaced();
/// Returns `timeout`. \param finding whom or what the call waited for, as in "the backend did not reply"
/// \param advice what helps besides more time, if anything
[[nodiscard]] Error deadline_passed(std::string_view finding, std::string_view advice = {},
                                    std::string detail = {});
/// Returns `timeout`. Created once and shared: waiters poll it.
[[nodiscard]] Error promise_not_set();
/// Returns `out_of_memory`: this process may have no more memory.
[[nodiscard]] Error process_memory_used_up();
/// Return `closed`: before the call, or during it.
[[nodiscard]] Error runtime_closed();
[[nodiscard]] Error closed_before_end();
/// Returns `cancelled` or `timeout` (`code`): every caller stopped waiting before the operation began.
[[nodiscard]] Error result_unwanted(Errc code);
/// Returns `out_of_memory`: the objects of `store` use `used` bytes of its `budget`, and `wanted` do not fit.
[[nodiscard]] Error over_budget(std::string_view store, std::uint64_t wanted, std::uint64_t budget,
                                std::uint64_t used);
/// Returns `unsupported`: `purpose` ("read parts of files") needs HDF5.
[[nodiscard]] Error no_hdf5(std::string_view purpose);
/// Return `corrupt`. \param finding the damage in the node's memory \param part of what is stored behind a
/// payload
[[nodiscard]] Error memory_damaged(std::string finding);
[[nodiscard]] Error end_overwritten(std::string_view part);
[[nodiscard]] Error other_object_received();

}  // namespace locum
