#include "transport/ucx/transfer.hpp"

namespace locum::ucx {

Transfer& TransferPool::take() noexcept {
  if (free_.empty()) {
    blocks_.push_back(std::make_unique_for_overwrite<Transfer[]>(block_size));  // their rooms are not written
    for (std::size_t at = 0; at < block_size; ++at) {
      give_back(blocks_.back()[at]);
    }
  }
  return *free_.pop();
}

// LIFO: the last one used is still in the cache.
void TransferPool::give_back(Transfer& transfer) noexcept {
  free_.push_front(transfer);
}

}  // namespace locum::ucx
