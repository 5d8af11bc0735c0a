#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/arena.hpp"
#include "core/haste.hpp"

namespace locum::tests {

/// An arena that gives a thread in haste no block of more than so many bytes, as one does that would have to
/// commit them. Any thread may call.
class HastyArena final : public Arena {
 public:
  /// \param unhurried called before a block of more is given to a thread that is not in haste
  HastyArena(std::shared_ptr<Arena> arena, std::uint64_t most_bytes, std::function<void()> unhurried = {})
      : arena_(std::move(arena)), most_bytes_(most_bytes), unhurried_(std::move(unhurried)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment) override {
    if (size_bytes > most_bytes_ && Haste::is_on()) {
      return Error(Errc::out_of_memory, "in haste");
    }
    if (size_bytes > most_bytes_ && unhurried_) {
      unhurried_();
    }
    return arena_->allocate(size_bytes, alignment);
  }
  void free(const Block& block) noexcept override { arena_->free(block); }
  std::byte* data(std::uint64_t offset) const noexcept override { return arena_->data(offset); }
  bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
    return arena_->contains(offset, size_bytes);
  }
  ArenaUsage usage() const override { return arena_->usage(); }

 private:
  const std::shared_ptr<Arena> arena_;
  const std::uint64_t most_bytes_;
  const std::function<void()> unhurried_;
};

}  // namespace locum::tests
