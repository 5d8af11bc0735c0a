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

bool BlockSpace::retire_slabs() noexcept {
  bool any = false;
  while (const auto slab = slabs_.give_back()) {
    pages_.give(slab->first, slab->count);
    any = true;
  }
  return any;
}

}  // namespace locum::shm
