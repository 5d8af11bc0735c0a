#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "core/async/haste.hpp"
#include "tests/core/forwarding_arena.hpp"

namespace locum::tests {

/// An arena that gives no block of more than so many bytes to who must not work, as one does that would have
/// to commit them. Any thread may call.
class HastyArena final : public ForwardingArena {
 public:
  /// \param unhurried called before a block of more is given to a thread that may work
  HastyArena(std::shared_ptr<Arena> arena, std::uint64_t most_bytes, std::function<void()> unhurried = {})
      : ForwardingArena(std::move(arena)), most_bytes_(most_bytes), unhurried_(std::move(unhurried)) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment) override {
    if (size_bytes > most_bytes_ && !Haste::allows_work()) {
      return Error(Errc::out_of_memory, "in haste");
    }
    if (size_bytes > most_bytes_ && unhurried_) {
      unhurried_();
    }
    return ForwardingArena::allocate(size_bytes, alignment);
  }

 private:
  const std::uint64_t most_bytes_;
  const std::function<void()> unhurried_;
};

}  // namespace locum::tests
