#include "shm/arena/slabs.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace locum::shm {

[[gnu::hot]] std::optional<std::uint64_t> Slabs::allocate(std::uint32_t index) noexcept {
  Slab* const slab = with_room_[index].first();
  if (slab == nullptr) {
    return std::nullopt;
  }
  std::uint32_t word = slab->first_word;
  while (slab->free_blocks[word] == 0) {
    ++word;
  }
  const auto bit = static_cast<std::uint32_t>(std::countr_zero(slab->free_blocks[word]));
  slab->free_blocks[word] &= slab->free_blocks[word] - 1;
  slab->first_word = word;
  if (--slab->free == 0) {
    with_room_[index].remove(*slab);
  }
  return slab->first_page * page_bytes + std::uint64_t{word * 64 + bit} * size_class::block_bytes(index);
}

std::optional<PageRun> Slabs::free(std::uint64_t begin) noexcept {
  Slab& slab = *slab_of_page_[begin / page_bytes];
  const auto within = static_cast<std::uint32_t>(begin - slab.first_page * page_bytes);
  const std::uint32_t block = within / size_class::block_bytes(slab.index);
  const std::uint64_t bit = std::uint64_t{1} << (block % 64);
  assert(within % size_class::block_bytes(slab.index) == 0 && "not the begin of a block");
  assert((slab.free_blocks[block / 64] & bit) == 0 && "freed twice");
  slab.free_blocks[block / 64] |= bit;
  slab.first_word = std::min(slab.first_word, block / 64);
  IntrusiveList<Slab>& with_room = with_room_[slab.index];
  if (++slab.free == 1) {
    with_room.push_front(slab);
  }
  const bool others_have_room = with_room.first() != with_room.last();
  if (slab.free == slab.capacity && others_have_room) {
    return retire(slab);
  }
  return std::nullopt;
}

void Slabs::add(std::uint32_t index, std::uint64_t first_page) {
  const std::uint32_t pages = size_class::slab_pages[index];
  slab_of_page_.reach(first_page + pages);
  Slab* const unused = unused_.pop();
  Slab& slab = unused != nullptr ? *unused : slabs_.emplace_back();
  slab = Slab();
  slab.first_page = first_page;
  slab.index = index;
  slab.capacity = static_cast<std::uint32_t>(pages * page_bytes / size_class::block_bytes(index));
  slab.free = slab.capacity;
  for (std::uint32_t word = 0; word * 64 < slab.capacity; ++word) {
    const std::uint32_t bits = std::min(64U, slab.capacity - word * 64);
    slab.free_blocks[word] = ~std::uint64_t{0} >> (64 - bits);
  }
  for (std::uint32_t page = 0; page < pages; ++page) {
    slab_of_page_[first_page + page] = &slab;
  }
  with_room_[index].push_front(slab);
}

std::optional<PageRun> Slabs::give_back() noexcept {
  for (const IntrusiveList<Slab>& with_room : with_room_) {
    for (Slab& slab : with_room) {
      if (slab.free == slab.capacity) {
        return retire(slab);
      }
    }
  }
  return std::nullopt;
}

std::uint64_t Slabs::largest() const noexcept {
  for (std::uint32_t index = size_class::count; index-- > 0;) {
    if (!with_room_[index].empty()) {
      return size_class::block_bytes(index);
    }
  }
  return 0;
}

PageRun Slabs::retire(Slab& slab) noexcept {
  with_room_[slab.index].remove(slab);
  unused_.push_front(slab);
  return {slab.first_page, size_class::slab_pages[slab.index]};
}

}  // namespace locum::shm
