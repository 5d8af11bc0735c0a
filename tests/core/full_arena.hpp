#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/async/haste.hpp"
#include "tests/core/forwarding_arena.hpp"

namespace locum::tests {

/// An arena that has no memory for a thread in haste when `refuses` says so, which may put it off.
class FullArena final : public ForwardingArena {
 public:
  FullArena(std::shared_ptr<Arena> arena, std::function<bool()> refuses)
      : ForwardingArena(std::move(arena)), refuses_(std::move(refuses)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment) override {
    if (Haste::is_on() && refuses_()) {
      return Error(Errc::out_of_memory, "full");
    }
    return ForwardingArena::allocate(size_bytes, alignment);
  }

 private:
  const std::function<bool()> refuses_;
};

}  // namespace locum::tests
