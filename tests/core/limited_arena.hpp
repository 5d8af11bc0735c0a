#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "tests/core/forwarding_arena.hpp"

namespace locum::tests {

/// An arena that refuses blocks of more than that many bytes to callers that must not do long work, like an
/// arena that would have to commit them. Any thread may call.
class LimitedArena final : public ForwardingArena {
 public:
  /// \param on_work called before a larger block is given to a caller that may do long work
  LimitedArena(std::shared_ptr<Arena> arena, std::uint64_t most_bytes, std::function<void()> on_work = {})
      : ForwardingArena(std::move(arena)), most_bytes_(most_bytes), on_work_(std::move(on_work)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget budget) override {
    if (size_bytes > most_bytes_ && !budget.allows_work()) {
      return Error(Errc::out_of_memory, "it may not work");
    }
    if (size_bytes > most_bytes_ && on_work_) {
      on_work_();
    }
    return ForwardingArena::allocate(size_bytes, alignment, budget);
  }

 private:
  const std::uint64_t most_bytes_;
  const std::function<void()> on_work_;
};

}  // namespace locum::tests
