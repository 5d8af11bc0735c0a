#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/ports/arena.hpp"

namespace locum::tests {

/// Forwards all calls to another arena; tests override some functions.
class ForwardingArena : public Arena {
 public:
  explicit ForwardingArena(std::shared_ptr<Arena> arena) : arena_(std::move(arena)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget budget) override {
    return arena_->allocate(size_bytes, alignment, budget);
  }
  void free(const Block& block) noexcept override { arena_->free(block); }
  std::byte* data(std::uint64_t offset) const noexcept override { return arena_->data(offset); }
  bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
    return arena_->contains(offset, size_bytes);
  }
  ArenaUsage usage() const override { return arena_->usage(); }

 private:
  const std::shared_ptr<Arena> arena_;
};

}  // namespace locum::tests
