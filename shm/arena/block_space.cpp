#include "shm/arena/block_space.hpp"

namespace locum::shm {

std::uint64_t BlockSpace::cut(const BlockRequest& request, std::uint64_t first_page) {
  std::uint64_t begin = first_page * page_bytes;
  if (request.small) {
    slabs_.add(request.index, first_page);
    begin = slabs_.allocate(request.index).value_or(begin);
  }
  used_bytes_ += request.rounded_bytes;
  return begin;
}

void BlockSpace::free_left(std::uint64_t begin, std::uint64_t size_bytes, std::uint64_t left_bytes) {
  const BlockRequest request{.size_bytes = size_bytes};
  used_bytes_ -= request.rounded_bytes - left_bytes;
  pages_.vacate({begin / page_bytes, request.pages}, request.pages - left_bytes / page_bytes);
}

bool BlockSpace::retire_slabs() noexcept {
  bool any = false;
  while (const auto slab = slabs_.give_back()) {
    pages_.give(slab->first, slab->count);
    any = true;
  }
  return any;
}

}  // namespace locum::shm
