#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/group.hpp"
#include "mpi/communicator.hpp"
#include "mpi/topology.hpp"

namespace locum::mpi {

/// The ranks of a communicator as core's Group. Owned by the runtime, used in the one thread that may call
/// MPI now. Each call waits for the others no longer than `timeout` and then throws `timeout`, or `peer_lost`
/// as soon as one of them is known to be dead; the group is unusable from then on, as its communicator is.
class CommunicatorGroup final : public Group {
 public:
  /// Collective. `ranks_per_node` as in RuntimeOptions.
  CommunicatorGroup(Communicator communicator, std::chrono::milliseconds timeout, int ranks_per_node);

  /// The ranks of this rank's node as a group of their own, of one node. Collective over this group.
  [[nodiscard]] CommunicatorGroup of_node();
  /// How many nodes share this rank's machine.
  [[nodiscard]] int nodes_here() const noexcept { return topology_.nodes_here; }
  /// How many ranks of this group do.
  [[nodiscard]] int ranks_here() const noexcept { return topology_.ranks_here; }

  [[nodiscard]] int rank() const noexcept override { return communicator_.rank(); }
  [[nodiscard]] int size() const noexcept override { return communicator_.size(); }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override {
    return topology_.node_of_rank;
  }
  void barrier() override;
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override;
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override;

  /// agree() for a step with a name: ranks that are in different steps all get an error that says who is in
  /// which.
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine, std::string_view step,
                                           Deadline deadline);
  /// The bytes of rank `root`, of whatever length there, everywhere.
  [[nodiscard]] std::vector<std::byte> broadcast(std::vector<std::byte> bytes, int root,
                                                 std::string_view what);
  /// From now on calls end when a rank is lost.
  void watch(LostRanks lost) { communicator_.watch(std::move(lost)); }
  /// Whether an earlier call was given up.
  [[nodiscard]] bool broken() const noexcept { return communicator_.broken(); }
  [[nodiscard]] Communicator& communicator() noexcept { return communicator_; }

 private:
  CommunicatorGroup(Communicator communicator, std::chrono::milliseconds timeout, Topology topology)
      : communicator_(std::move(communicator)), timeout_(timeout), topology_(std::move(topology)) {}

  [[nodiscard]] Moment moment() const { return Deadline().moment(timeout_); }

  Communicator communicator_;
  std::chrono::milliseconds timeout_;
  Topology topology_;
};

}  // namespace locum::mpi
