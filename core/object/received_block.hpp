#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/object/counted_board.hpp"
#include "core/object/object_wire.hpp"
#include "core/value/result.hpp"

namespace locum {

/// An object of another node, in this process: its received block, in private memory, or inside an object of
/// this node's memory that contains it. Lives as long as views of it. Filled by one thread, then read by
/// any.
class ReceivedBlock final : public CountedBoard {
 public:
  /// Memory for a block to be received, aligned as an object of `size_bytes` may need; null: this process has
  /// no memory for it.
  [[nodiscard]] static std::shared_ptr<ReceivedBlock> make(std::uint64_t block_bytes,
                                                           std::uint64_t size_bytes);
  /// A block inside `holder`'s bytes.
  ReceivedBlock(ObjectView holder, std::span<const std::byte> block) noexcept;

  /// A block to be received into `memory`, which must outlive this.
  explicit ReceivedBlock(std::span<std::byte> memory) noexcept;

  /// The alignment that an object of that size may need, whatever its type: 64 to 4096.
  [[nodiscard]] static std::uint64_t alignment_of(std::uint64_t size_bytes) noexcept;

  /// Memory to fill. REQUIRES: made by make(), or with `memory`.
  [[nodiscard]] std::span<std::byte> memory() noexcept { return memory_; }

  [[nodiscard]] std::span<const std::byte> block() const noexcept { return block_; }

  /// `corrupt` if the block cannot be that of the object that `wire` describes. \param summed its checksum,
  /// if it has one, is known to be right
  [[nodiscard]] static Result<void> check(std::span<const std::byte> block, const ObjectWire& wire,
                                          bool summed = false);
  /// The first view of the object that `wire` describes and that arrived by `path`, if check() passes. Called
  /// once.
  [[nodiscard]] static Result<ObjectView> view(std::shared_ptr<ReceivedBlock> held, const ObjectWire& wire,
                                               Path path, bool summed = false);

  [[nodiscard]] ObjectFacts describe(std::uint64_t pin) const override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin) const noexcept override;

 private:
  /// Frees a block.
  struct Free {
    std::uint64_t bytes;
    std::uint64_t alignment;
    void operator()(std::byte* block) const noexcept;
  };

  std::unique_ptr<std::byte, Free> own_{nullptr, {0, 0}};
  std::span<std::byte> memory_;
  ObjectView holder_;
  std::span<const std::byte> block_;
  ObjectWire wire_;
};

}  // namespace locum
