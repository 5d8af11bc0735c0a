#pragma once

#include <cstdint>
#include <optional>

#include "jobs/gray_scott/options.hpp"

namespace gray_scott {

/// What a run takes of the node's memory at its peak: the solver's fields, the frames in flight, the buffers
/// for put.
std::uint64_t needed_bytes(const DemoOptions& options, std::size_t frames_in_flight);

/// What the kernel says can be had without swapping (/proc/meminfo); nothing where it does not say.
std::optional<std::uint64_t> available_bytes();

}  // namespace gray_scott
