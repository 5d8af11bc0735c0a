#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "shm/segment/layout.hpp"

/// Sizes of small blocks: steps of 16 bytes below 128, of 64 up to 512, then eight steps per doubling (at
/// most an eighth is lost), up to 32 KiB. Larger blocks take whole pages. All sizes are multiples of 64 from
/// 128 on, and all powers of two are among them, so that blocks cut from a page are aligned as the Arena port
/// guarantees.
namespace locum::shm::size_class {

inline constexpr std::uint64_t largest_bytes = 32768;
inline constexpr std::uint32_t count = 62;
/// The most blocks in one slab.
inline constexpr std::uint32_t most_blocks = 1024;

namespace detail {
inline constexpr std::uint32_t fine_steps = 7;      // 16, 32 … 112
inline constexpr std::uint32_t line_steps = 7;      // 128, 192 … 512
inline constexpr std::uint32_t first_doubling = 9;  // 2^9 = 512
inline constexpr std::uint32_t first_geometric = fine_steps + line_steps;
}  // namespace detail

/// The class of the smallest blocks that hold `size_bytes`. REQUIRES: size_bytes <= largest_bytes.
[[nodiscard]] constexpr std::uint32_t of(std::uint64_t size_bytes) noexcept {
  const auto size = static_cast<std::uint32_t>(size_bytes == 0 ? 1 : size_bytes);
  if (size <= 112) {
    return (size - 1) / 16;
  }
  if (size <= 512) {
    return detail::fine_steps + (size - 1) / 64 - 1;
  }
  const auto doubling = static_cast<std::uint32_t>(std::bit_width(size - 1)) - 1;
  return detail::first_geometric + (doubling - detail::first_doubling) * 8 +
         ((size - 1 - (1U << doubling)) >> (doubling - 3));
}

[[nodiscard]] constexpr std::uint32_t block_bytes(std::uint32_t index) noexcept {
  if (index < detail::fine_steps) {
    return (index + 1) * 16;
  }
  if (index < detail::first_geometric) {
    return (index - detail::fine_steps + 2) * 64;
  }
  const std::uint32_t doubling = detail::first_doubling + (index - detail::first_geometric) / 8;
  return (1U << doubling) + (((index - detail::first_geometric) % 8 + 1) << (doubling - 3));
}

/// Pages of a slab of each class: the fewest, from four on, that hold four blocks and lose no more than a
/// 32nd.
inline constexpr std::array<std::uint32_t, count> slab_pages = [] {
  std::array<std::uint32_t, count> pages{};
  for (std::uint32_t index = 0; index < count; ++index) {
    const std::uint32_t block = block_bytes(index);
    auto bytes = static_cast<std::uint32_t>(4 * page_bytes);
    while (bytes / block < 4 || (bytes % block) * 32 > bytes) {
      bytes += static_cast<std::uint32_t>(page_bytes);
    }
    pages[index] = static_cast<std::uint32_t>(bytes / page_bytes);
  }
  return pages;
}();

/// The size to request, so that its class is aligned to `alignment`. REQUIRES: a power of two, at most a
/// page.
[[nodiscard]] constexpr std::uint64_t aligned(std::uint64_t size_bytes, std::uint64_t alignment) noexcept {
  if (alignment <= 16 || size_bytes > largest_bytes) {
    return size_bytes;
  }
  if (alignment <= 64) {
    return size_bytes == 0 ? 64 : (size_bytes + 63) / 64 * 64;
  }
  return std::bit_ceil(size_bytes < alignment ? alignment : size_bytes);
}

static_assert(of(largest_bytes) == count - 1 && block_bytes(count - 1) == largest_bytes);

}  // namespace locum::shm::size_class
