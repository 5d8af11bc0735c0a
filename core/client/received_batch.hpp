#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/object/counted_board.hpp"
#include "core/object/received_block.hpp"
#include "core/rpc/batch_wire.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Small objects of another node, in this process: the reply to one batched request, as received. Lives
/// as long as views of any of them. Filled by one thread, then read by any.
class ReceivedBatch final : public CountedBoard {
 public:
  /// \param bytes rows, and the blocks that they describe
  /// \param facts whether these are tails only. REQUIRES: that many rows fit.
  ReceivedBatch(std::shared_ptr<ReceivedBlock> bytes, std::uint64_t size, std::size_t rows, bool facts,
                Path path);

  [[nodiscard]] BatchRow row(std::size_t at) const noexcept;
  /// How many bytes of such an object's block are included.
  [[nodiscard]] std::uint64_t bytes_of(const ObjectRecord& record) const noexcept {
    return record.block_bytes() - (facts_ ? record.size_bytes : 0);
  }
  /// The object of a row, if it is included: `corrupt` if the bytes cannot be that. REQUIRES: its status says
  /// that it was found; the thread that fills this makes all calls, before another thread has a view.
  [[nodiscard]] static Result<ObjectView> view(const std::shared_ptr<ReceivedBatch>& held, std::size_t at);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin) const noexcept override;

 private:
  [[nodiscard]] Result<void> check(std::span<const std::byte> bytes, const ObjectWire& wire) const;

  const std::shared_ptr<ReceivedBlock> bytes_;
  const std::span<std::byte> all_;
  const std::size_t rows_;
  const bool facts_;
};

}  // namespace locum
