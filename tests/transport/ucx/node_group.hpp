#pragma once

#include <cstddef>
#include <vector>

#include "core/ports/group.hpp"

namespace locum::tests {

/// The ranks of one node, as a group of their own within a group of all: nodes of equally many ranks, all of
/// which call each collective function at the same time.
class NodeGroup final : public Group {
 public:
  NodeGroup(Group& all, int ranks_per_node)
      : all_(all), first_(all.rank() / ranks_per_node * ranks_per_node), size_(ranks_per_node) {}

  [[nodiscard]] int rank() const noexcept override { return all_.rank() - first_; }
  [[nodiscard]] int size() const noexcept override { return size_; }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override { return node_of_rank_; }
  void barrier() override { all_.barrier(); }
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override {
    const auto everything = all_.all_gather(mine);
    const auto own = std::span(everything)
                         .subspan(static_cast<std::size_t>(first_) * mine.size(),
                                  static_cast<std::size_t>(size_) * mine.size());
    return {own.begin(), own.end()};
  }
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override {
    return all_.agree(mine);
  }

 private:
  Group& all_;
  const int first_;
  const int size_;
  const std::vector<int> node_of_rank_ = std::vector<int>(static_cast<std::size_t>(size_));
};

}  // namespace locum::tests
