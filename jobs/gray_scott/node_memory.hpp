#pragma once

#include <cstdint>
#include <optional>

#include "jobs/gray_scott/options.hpp"

namespace gray_scott {

/// How many frames one stream holds: the one that is analysed, and the next one.
constexpr std::uint32_t frames_of_a_stream = 2;

/// What the frames of all streams take of the store's memory at their peak. Each rank that analyses reads a
/// stream of its own.
std::uint64_t frames_bytes(const DemoOptions& options);
/// The memory of a node for checkpoints: of the state that is being written, the next one, and one that was
/// restored, with room for the arenas' own rounding; 0 without checkpoints.
std::uint64_t states_memory_bytes(const DemoOptions& options);
/// What a run takes of the machine's memory at its peak: the solver's fields and the frames.
std::uint64_t needed_bytes(const DemoOptions& options);

/// What the kernel says can be had without swapping (/proc/meminfo); nothing where it does not say.
std::optional<std::uint64_t> available_bytes();

}  // namespace gray_scott
