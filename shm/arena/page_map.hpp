#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace locum::shm {

/// A value for every page of an arena, in private memory; grows in pieces that never move. Its owner locks.
template <class T>
class PageMap {
 public:
  /// Makes values, all T{}, for the pages up to `pages`.
  void reach(std::uint64_t pages) {
    while (chunks_.size() * chunk_pages < pages) {
      chunks_.push_back(std::make_unique<Chunk>());
    }
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return chunks_.size() * chunk_pages; }
  /// REQUIRES: page < size().
  [[nodiscard]] T& operator[](std::uint64_t page) noexcept {
    return (*chunks_[page / chunk_pages])[page % chunk_pages];
  }
  [[nodiscard]] const T& operator[](std::uint64_t page) const noexcept {
    return (*chunks_[page / chunk_pages])[page % chunk_pages];
  }

 private:
  static constexpr std::size_t chunk_pages = 512;
  using Chunk = std::array<T, chunk_pages>;
  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace locum::shm
