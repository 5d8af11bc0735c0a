#include "core/base/warm_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_poison_memory_region(const volatile void* bytes, std::size_t size);
extern "C" void __asan_unpoison_memory_region(const volatile void* bytes, std::size_t size);
#endif

namespace locum {

namespace {

constexpr std::uint64_t most_warm_alignment = 4096;
constexpr std::uint64_t least_bytes = 256;
constexpr unsigned steps = 4;  // classes per doubling

/// A size class. Its blocks are aligned to the largest power of two in their size, up to 4096.
struct SizeClass {
  std::size_t number;
  std::uint64_t bytes;  ///< size of each block
};

constexpr auto first_doubling = std::bit_width(least_bytes - 1) - 1;

constexpr std::uint64_t bytes_of(std::size_t number) noexcept {
  const std::uint64_t base = std::uint64_t{1} << (first_doubling + number / steps);
  return base + (number % steps + 1) * (base / steps);
}
static_assert(bytes_of(27) == 16384, "the last of the small ones");

SizeClass class_of(std::uint64_t bytes, std::uint64_t alignment) noexcept {
  const std::uint64_t wanted = std::max({bytes, alignment, least_bytes});
  const auto doubling = std::bit_width(wanted - 1) - 1;  // 2^doubling < wanted <= 2^(doubling + 1)
  const std::uint64_t base = std::uint64_t{1} << static_cast<unsigned>(doubling);
  const std::uint64_t step = base / steps;
  const std::uint64_t up = (wanted - base + step - 1) / step;
  return {static_cast<std::size_t>(doubling - first_doubling) * steps + up - 1, base + up * step};
}

// Kept blocks are unused: AddressSanitizer is told, if it is on.
void forbid([[maybe_unused]] const void* block, [[maybe_unused]] std::uint64_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(block, bytes);
#endif
}

void allow([[maybe_unused]] const void* block, [[maybe_unused]] std::uint64_t bytes) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(block, bytes);
#endif
}

std::byte* fresh(std::uint64_t bytes, std::uint64_t alignment) noexcept {
  return static_cast<std::byte*>(std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment));
}

}  // namespace

WarmMemory& WarmMemory::of_process() noexcept {
  alignas(WarmMemory) static std::array<std::byte, sizeof(WarmMemory)> room;
  static WarmMemory* const memory = new (room.data()) WarmMemory;
  return *memory;
}

std::byte* WarmMemory::take(std::uint64_t bytes, std::uint64_t alignment) noexcept {
  if (bytes > most_kept_bytes) {
    return bytes < ~std::uint64_t{0} - most_warm_alignment ? fresh(bytes, alignment) : nullptr;
  }
  const SizeClass size = class_of(bytes, alignment);
  if (maker_.in_child()) {
    return fresh(size.bytes, std::min(std::bit_floor(size.bytes), most_warm_alignment));
  }
  if (size.number < handy_.size()) {
    if (std::byte* const block = handy_[size.number].exchange(nullptr, std::memory_order_acquire)) {
      allow(block, size.bytes);
      return block;
    }
  }
  {
    const MutexLock lock(mutex_);
    if (Kept* const kept = kept_[size.number]) {
      kept_[size.number] = kept->next;
      allow(kept, size.bytes);
      kept_bytes_ -= size.bytes;
      return reinterpret_cast<std::byte*>(kept);
    }
  }
  return fresh(size.bytes, std::min(std::bit_floor(size.bytes), most_warm_alignment));
}

// If there is no room, all others are dropped: their next use is unknown, this one was used just now.
void WarmMemory::give_back(std::byte* block, std::uint64_t bytes, std::uint64_t alignment) noexcept {
  if (bytes > most_kept_bytes || maker_.in_child()) {
    return std::free(block);
  }
  const SizeClass size = class_of(bytes, alignment);
  if (size.number < handy_.size()) {
    forbid(block, size.bytes);
    std::byte* none = nullptr;
    if (handy_[size.number].compare_exchange_strong(none, block, std::memory_order_release)) {
      return;
    }
    allow(block, size.bytes);
  }
  const MutexLock lock(mutex_);
  if (kept_bytes_ + size.bytes > most_kept_bytes) {
    drop_all();
  }
  kept_[size.number] = new (block) Kept{kept_[size.number]};
  kept_bytes_ += size.bytes;
  forbid(block + sizeof(Kept),
         size.bytes - sizeof(Kept));  // the leak check needs to see the pointer to the next one
}

void WarmMemory::drop() noexcept {
  if (maker_.in_child()) {
    return;
  }
  for (std::atomic<std::byte*>& handy : handy_) {
    std::free(handy.exchange(nullptr, std::memory_order_acquire));
  }
  const MutexLock lock(mutex_);
  drop_all();
}

std::uint64_t WarmMemory::kept_bytes() const noexcept {
  if (maker_.in_child()) {
    return 0;
  }
  std::uint64_t handy_bytes = 0;
  for (std::size_t number = 0; number < handy_.size(); ++number) {
    handy_bytes += handy_[number].load(std::memory_order_relaxed) != nullptr ? bytes_of(number) : 0;
  }
  const MutexLock lock(mutex_);
  return kept_bytes_ + handy_bytes;
}

void WarmMemory::drop_all() noexcept {
  for (Kept*& first : kept_) {
    while (Kept* const kept = first) {
      first = kept->next;
      std::free(kept);
    }
  }
  kept_bytes_ = 0;
}

}  // namespace locum
