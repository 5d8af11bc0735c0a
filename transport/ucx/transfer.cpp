#include "transport/ucx/transfer.hpp"

#include <new>
#include <utility>

namespace locum::ucx {

void TransferQueue::push(Transfer& transfer) noexcept {
  transfer.next = nullptr;
  (empty() ? first_ : last_->next) = &transfer;
  last_ = &transfer;
}

Transfer* TransferQueue::pop() noexcept {
  Transfer* transfer = first_;
  if (transfer != nullptr) {
    first_ = transfer->next;
  }
  return transfer;
}

Transfer& TransferPool::take() noexcept {
  if (free_ == nullptr) {
    // Not make_unique: it would write the rooms, too.
    std::unique_ptr<Transfer[]> block(new Transfer[block_size]);
    blocks_.push_back(std::move(block));
    for (std::size_t at = 0; at < block_size; ++at) {
      give_back(blocks_.back()[at]);
    }
  }
  Transfer* transfer = free_;
  free_ = transfer->next;
  return *transfer;
}

void TransferPool::give_back(Transfer& transfer) noexcept {
  transfer.next = free_;
  free_ = &transfer;
}

}  // namespace locum::ucx
