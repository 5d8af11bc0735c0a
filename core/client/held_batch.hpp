#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/object/counted_board.hpp"
#include "core/result.hpp"
#include "core/rpc/batch_wire.hpp"
#include "core/rpc/held_object.hpp"

namespace locum {

/// Small objects of another node, in this process: what one answer brought of many, as it came. Lives as long
/// as views of any of them. Filled by one thread, then read by any.
class HeldBatch final : public CountedBoard {
 public:
  /// \param bytes rows, and the blocks that they tell of; \param facts these are what stands behind payloads.
  /// REQUIRES: as many rows fit.
  HeldBatch(std::shared_ptr<HeldObject> bytes, std::uint64_t size, std::size_t rows, bool facts, Path path);

  [[nodiscard]] BatchRow row(std::size_t at) const noexcept;
  /// Of such an object's block comes so much.
  [[nodiscard]] std::uint64_t bytes_of(const ObjectRecord& record) const noexcept {
    return record.block_bytes() - (facts_ ? record.size_bytes : 0);
  }
  /// The object of a row, if it came: `corrupt` if what came cannot be that. REQUIRES: it is said to be
  /// there; all of these are called by who fills this, before another thread has a view.
  [[nodiscard]] static Result<ObjectView> view(const std::shared_ptr<HeldBatch>& held, std::size_t at);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;

 private:
  [[nodiscard]] Result<void> check(std::span<const std::byte> bytes, const ObjectWire& wire) const;

  const std::shared_ptr<HeldObject> bytes_;
  const std::span<std::byte> all_;
  const std::size_t rows_;
  const bool facts_;
};

}  // namespace locum
