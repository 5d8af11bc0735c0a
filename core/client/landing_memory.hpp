#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/async/operation.hpp"
#include "core/object/received_block.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// Memory of a waiting thread that bulks of replies are received into. The thread may use the memory for
/// something else, or free it, only once no transfer writes to it any more: a task whose request has failed
/// awaits that with returned(). Empty: bulks are received in memory of this process.
///
/// A transfer ends when its bytes have arrived, or when its sender is lost: InboundBulks bounds the time
/// until then.
class LandingMemory final : public BulkPlace {
 public:
  explicit LandingMemory(std::span<std::byte> memory) noexcept : memory_(memory) {}

  /// The next bulk is received at that offset.
  void set_position(std::uint64_t position) noexcept { position_ = position; }
  /// Null if the bulk does not fit, or if another one is being received.
  [[nodiscard]] Place place(std::span<const std::byte> body, std::uint64_t bulk_bytes) override;

  /// Whether a transfer may write to the memory, or a block shows it.
  [[nodiscard]] bool is_lent() const noexcept { return lent_ && !lent_->await_ready(); }
  /// `co_await`: until that is over. REQUIRES: is_lent(); only for the thread that makes progress.
  [[nodiscard]] OneShot<bool>& returned() noexcept { return *lent_; }

 private:
  const std::span<std::byte> memory_;
  std::uint64_t position_ = 0;
  std::shared_ptr<OneShot<bool>> lent_;  ///< told when the block of the last bulk is destroyed
};

}  // namespace locum
