#pragma once

#include <cstdint>

namespace locum {

/// How much of each object of a batch is requested.
enum class Wanting : std::uint8_t {
  all,
  facts,  ///< metadata: like Source::get_some() of Facts
};

/// Alignment of small objects of another node in a batched reply. Objects that need more are requested alone.
inline constexpr std::uint64_t batch_alignment = 64;

}  // namespace locum
