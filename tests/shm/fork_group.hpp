#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/ports/group.hpp"
#include "shm/segment/segment.hpp"
#include "tests/shm/child.hpp"

namespace locum::tests {

/// A group of processes that the test itself has forked: no launcher ends the others when one dies. The first
/// one communicates with each of the others over a socket pair. A step fails at once when the
/// process at the other end is gone, and after a time when that hangs; both throw Error `peer_lost`.
class ForkGroup final : public Group {
 public:
  /// `sockets`: for the first process those to ranks 1, 2, …; for the others the one to the first.
  ForkGroup(int rank, int size, std::vector<Descriptor> sockets);

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int size() const noexcept override { return size_; }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override { return node_of_rank_; }
  void barrier() override;
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override;
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override;

 private:
  [[nodiscard]] std::vector<std::vector<std::byte>> exchange(std::span<const std::byte> mine);

  int rank_;
  int size_;
  std::vector<Descriptor> sockets_;
  std::vector<int> node_of_rank_;
};

/// Runs `body` in `size` forked processes; they run when this returns. The element is the rank.
[[nodiscard]] std::vector<Child> start_group(int size, const std::function<std::string(Group&)>& body);

/// The same, and waits for all.
[[nodiscard]] std::vector<Ending> run_group(int size, const std::function<std::string(Group&)>& body);

}  // namespace locum::tests
