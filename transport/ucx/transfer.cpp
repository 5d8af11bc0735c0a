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
    blocks_.push_back(std::make_unique_for_overwrite<Transfer[]>(block_size));  // their rooms are not written
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
