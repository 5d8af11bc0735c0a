#include "core/client/landing_memory.hpp"

namespace locum {

BulkPlace::Place LandingMemory::place(std::span<const std::byte> /*body*/, std::uint64_t bulk_bytes) {
  if (is_lent() || position_ > memory_.size() || bulk_bytes > memory_.size() - position_) {
    return nullptr;
  }
  const auto lent = std::make_shared<OneShot<bool>>();
  std::shared_ptr<ReceivedBlock> block(new ReceivedBlock(memory_.subspan(position_, bulk_bytes)),
                                       [lent](const ReceivedBlock* received) {
                                         delete received;
                                         lent->tell(true);
                                       });
  lent_ = lent;
  return block;
}

}  // namespace locum
