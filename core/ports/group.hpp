#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/value/result.hpp"

namespace locum {

/// The processes that share a runtime, and collective steps among them. Implemented over MPI, over forked
/// processes, and for one process alone. Every function but the first three is collective over the group and
/// is called by one thread at a time, in the same order on all ranks.
class Group {
 public:
  Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  virtual ~Group() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int size() const noexcept = 0;
  /// Returns the node number of each rank: nodes are numbered from 0 in the order of their lowest rank.
  [[nodiscard]] virtual const std::vector<int>& node_of_rank() const noexcept = 0;

  virtual void barrier() = 0;
  /// Gathers the bytes of each rank, in rank order. `mine.size()` must be the same on all ranks.
  [[nodiscard]] virtual std::vector<std::byte> all_gather(std::span<const std::byte> mine) = 0;
  /// Returns whether any rank failed: each rank passes its own error or none; all get the error of the lowest
  /// failed rank, including that rank, or none. Called before a collective step throws, so that all ranks
  /// throw together.
  [[nodiscard]] virtual std::optional<Error> agree(const std::optional<Error>& mine) = 0;
};

/// A group of one process, for programs without MPI.
class SoloGroup final : public Group {
 public:
  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return 1; }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override { return node_of_rank_; }
  void barrier() override {}
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override {
    return {mine.begin(), mine.end()};
  }
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override {
    return mine ? std::optional(mine->at_rank(0)) : std::nullopt;
  }

 private:
  std::vector<int> node_of_rank_{0};
};

}  // namespace locum
