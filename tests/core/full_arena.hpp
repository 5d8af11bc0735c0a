#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "tests/core/forwarding_arena.hpp"

namespace locum::tests {

/// Whether an arena is full: for good, or until other processes of the node return memory.
enum class Full : std::uint8_t { no, for_now, for_good };

/// An arena without memory for calls with a limited budget, as long as `full` says so.
class FullArena final : public ForwardingArena {
 public:
  FullArena(std::shared_ptr<Arena> arena, std::function<Full()> full)
      : ForwardingArena(std::move(arena)), full_(std::move(full)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget budget) override {
    const Full full = budget.is_limited() ? full_() : Full::no;
    if (full != Full::no) {
      const Error error(Errc::out_of_memory, "full");
      return full == Full::for_now ? error.as_transient() : error;
    }
    return ForwardingArena::allocate(size_bytes, alignment, budget);
  }

 private:
  const std::function<Full()> full_;
};

}  // namespace locum::tests
