#include "core/base/frame_pool.hpp"

#include <array>
#include <cstdint>
#include <new>
#include <utility>

namespace locum::detail {

namespace {

constexpr std::size_t unit = 64;
constexpr std::size_t sizes = 64;
constexpr std::uint32_t most_kept = 64;  // of each size: one thread may free what another allocated

struct Block {
  Block* next;
};

// Set when a thread ends: it keeps nothing any more, but its destructors may still free blocks.
constinit thread_local bool thread_has_ended = false;

/// The blocks that a thread keeps.
class Kept {
 public:
  constexpr Kept() = default;
  ~Kept() {
    thread_has_ended = true;
    for (Block* first : first_) {
      while (first != nullptr) {
        ::operator delete(std::exchange(first, first->next));
      }
    }
  }

  [[nodiscard]] void* take(std::size_t size) noexcept {
    if (thread_has_ended || first_[size] == nullptr) {
      return nullptr;
    }
    Block* const first = first_[size];
    first_[size] = first->next;
    --count_[size];
    return first;
  }
  [[nodiscard]] bool keep(void* block, std::size_t size) noexcept {
    if (thread_has_ended || count_[size] == most_kept) {
      return false;
    }
    first_[size] = new (block) Block{first_[size]};
    ++count_[size];
    return true;
  }

 private:
  std::array<Block*, sizes> first_{};
  std::array<std::uint32_t, sizes> count_{};
};

constinit thread_local Kept kept;

std::size_t size_of(std::size_t bytes) noexcept {
  return (bytes - 1) / unit;
}

}  // namespace

void* FramePool::take(std::size_t bytes) {
  const std::size_t size = size_of(bytes);
  if (size >= sizes) {
    return ::operator new(bytes);
  }
  void* const block = kept.take(size);
  return block != nullptr ? block : ::operator new((size + 1) * unit);
}

void FramePool::give_back(void* block, std::size_t bytes) noexcept {
  const std::size_t size = size_of(bytes);
  if (size >= sizes || !kept.keep(block, size)) {
    ::operator delete(block);
  }
}

}  // namespace locum::detail
