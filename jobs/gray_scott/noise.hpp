#pragma once

#include <cstdint>

namespace gray_scott {

/// Noise by counting: a value depends on seed, step and the global place of a cell and on nothing else, so a
/// run gives the same field on any number of ranks, and rows can be computed in any order.
/// Mixers: splitmix64 (Steele, Lea, Flood 2014) for the row, the 32-bit finaliser of MurmurHash3 in the row.
inline std::uint32_t noise_row(std::uint64_t seed, std::uint64_t step, std::uint64_t row) {
  std::uint64_t z = seed + 0x9e3779b97f4a7c15U * (step + 1) + 0xd1b54a32d192ed03U * (row + 1);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>((z ^ (z >> 31U)) >> 32U);
}

/// Uniform in [-1, 1). `row` comes from noise_row, `x` is the global place in that row.
inline double noise_at(std::uint32_t row, std::uint32_t x) {
  std::uint32_t h = row + x * 0x9e3779b9U;
  h = (h ^ (h >> 16U)) * 0x85ebca6bU;
  h = (h ^ (h >> 13U)) * 0xc2b2ae35U;
  h ^= h >> 16U;
  return static_cast<double>(static_cast<std::int32_t>(h)) * 0x1p-31;
}

}  // namespace gray_scott
