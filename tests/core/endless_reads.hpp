#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <utility>

#include "core/ports/remote_memory.hpp"

namespace locum::tests {

/// A RemoteMemory whose reads end when the test says so: simulates a network that is stuck, or that lost the
/// completion of a read.
class EndlessReads final : public RemoteMemory {
 public:
  explicit EndlessReads(std::shared_ptr<RemoteMemory> straight) : straight_(std::move(straight)) {}

  [[nodiscard]] Result<Exposure> expose(std::span<const std::byte> memory) override {
    return straight_->expose(memory);
  }
  void withdraw(std::uint64_t number) noexcept override { straight_->withdraw(number); }
  [[nodiscard]] Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                    std::span<std::byte> into, Then then) override {
    if (!stuck) {
      return straight_->get(from, key, offset, into, std::move(then));
    }
    begun_.emplace_back(into, std::move(then));
    return Sending::pending;
  }
  [[nodiscard]] bool reads(int rank) const noexcept override { return straight_->reads(rank); }

  [[nodiscard]] std::size_t under_way() const noexcept { return begun_.size(); }
  /// Reports the end of the first read to its reader, after something else has landed. REQUIRES: there is
  /// one.
  void end_first(const Result<void>& outcome) {
    const auto [into, then] = std::move(begun_.front());
    begun_.pop_front();
    std::ranges::fill(into, std::byte{0xEE});
    then(outcome);
  }

  bool stuck = true;

 private:
  const std::shared_ptr<RemoteMemory> straight_;
  std::deque<std::pair<std::span<std::byte>, Then>> begun_;
};

}  // namespace locum::tests
