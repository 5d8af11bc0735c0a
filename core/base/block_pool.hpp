#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <new>

namespace locum {

/// Memory for the nodes of containers; keeps freed blocks of up to 1 KiB by size: allocates only when more
/// are in use than ever before. A failed allocation changes nothing (GCC 12's standard pools do not survive
/// one). One thread at a time.
class BlockPool final : public std::pmr::memory_resource {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool() override {
    for (Free* first : free_) {
      while (first != nullptr) {
        Free* const next = first->next;
        ::operator delete(first);
        first = next;
      }
    }
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t unit = 64;
  static constexpr std::size_t sizes = 16;

  [[nodiscard]] static bool pools(std::size_t bytes, std::size_t alignment) noexcept {
    return bytes > 0 && bytes <= unit * sizes && alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  }
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (!pools(bytes, alignment)) {
      return ::operator new(bytes, std::align_val_t(alignment));
    }
    const std::size_t size = (bytes - 1) / unit;
    if (Free* const first = free_[size]) {
      free_[size] = first->next;
      return first;
    }
    return ::operator new((size + 1) * unit);
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    if (!pools(bytes, alignment)) {
      return ::operator delete(block, std::align_val_t(alignment));
    }
    Free*& first = free_[(bytes - 1) / unit];
    first = new (block) Free{first};
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  std::array<Free*, sizes> free_{};  ///< by size
};

}  // namespace locum
