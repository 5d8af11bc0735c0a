#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/group.hpp"
#include "mpi/communicator.hpp"
#include "mpi/topology.hpp"

namespace locum::mpi {

/// The ranks of a communicator as core's Group. Owned by the runtime, used by the one thread that may call
/// MPI now. Each call waits for the others at most `timeout` and then throws `timeout`, or `peer_lost` as
/// soon as one of them is known to be dead; from then on the group is unusable, as is its communicator.
class CommunicatorGroup final : public Group {
 public:
  /// Collective. `ranks_per_node` as in RuntimeOptions; `shared` as in share_moment().
  CommunicatorGroup(Communicator communicator, std::chrono::milliseconds timeout, int ranks_per_node,
                    std::optional<Moment> shared = {});

  /// From now on calls without a deadline of their own end at that moment, all of them: they are steps of one
  /// collective call. None: each waits for the timeout. Returns what was set before.
  std::optional<Moment> share_moment(std::optional<Moment> moment) noexcept {
    return std::exchange(shared_, moment);
  }
  /// When a call ends that begins now, without a deadline of its own.
  [[nodiscard]] Moment moment() const { return shared_ ? *shared_ : Deadline().moment(timeout_); }

  /// A group of the ranks of this rank's node. Collective over this group.
  [[nodiscard]] CommunicatorGroup of_node();
  /// How many nodes there are, and which one this rank's is.
  [[nodiscard]] int nodes() const noexcept {
    return 1 + *std::max_element(topology_.node_of_rank.begin(), topology_.node_of_rank.end());
  }
  [[nodiscard]] int node() const noexcept {
    return topology_.node_of_rank[static_cast<std::size_t>(communicator_.rank())];
  }
  /// How many nodes share this rank's machine.
  [[nodiscard]] int nodes_here() const noexcept { return topology_.nodes_here; }
  /// How many ranks of this group share this rank's machine.
  [[nodiscard]] int ranks_here() const noexcept { return topology_.ranks_here; }

  [[nodiscard]] int rank() const noexcept override { return communicator_.rank(); }
  [[nodiscard]] int size() const noexcept override { return communicator_.size(); }
  [[nodiscard]] const std::vector<int>& node_of_rank() const noexcept override {
    return topology_.node_of_rank;
  }
  void barrier() override;
  [[nodiscard]] std::vector<std::byte> all_gather(std::span<const std::byte> mine) override;
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine) override;

  /// agree() for a named step: if ranks are in different steps, all get an error that says which rank is in
  /// which.
  [[nodiscard]] std::optional<Error> agree(const std::optional<Error>& mine, std::string_view step,
                                           Deadline deadline);
  /// The bytes of rank `root`, of any length, on all ranks.
  [[nodiscard]] std::vector<std::byte> broadcast(std::vector<std::byte> bytes, int root,
                                                 std::string_view what);
  /// What each rank has for this one, by rank. `messages`: one for each rank, of any lengths. Throws Error,
  /// the same one on all ranks, if one has no memory for it.
  [[nodiscard]] std::vector<std::vector<std::byte>> exchange(std::vector<std::vector<std::byte>> messages,
                                                             std::string_view what, Deadline deadline);
  /// From now on calls fail when a rank is lost.
  void watch(LostRanks lost) { communicator_.watch(std::move(lost)); }
  /// Whether an earlier call failed or timed out.
  [[nodiscard]] bool broken() const noexcept { return communicator_.broken(); }
  [[nodiscard]] Communicator& communicator() noexcept { return communicator_; }

 private:
  CommunicatorGroup(Communicator communicator, std::chrono::milliseconds timeout, Topology topology,
                    std::optional<Moment> shared)
      : communicator_(std::move(communicator)),
        timeout_(timeout),
        shared_(shared),
        topology_(std::move(topology)) {}

  [[nodiscard]] Moment moment_of(Deadline deadline) const {
    return deadline.is_default() ? moment() : deadline.moment(timeout_);
  }

  Communicator communicator_;
  std::chrono::milliseconds timeout_;
  std::optional<Moment> shared_;
  Topology topology_;
};

/// The steps of one collective call end at one moment while this lives.
class SharedMoment {
 public:
  SharedMoment(CommunicatorGroup& group, Moment moment) noexcept
      : group_(group), before_(group.share_moment(moment)) {}
  SharedMoment(const SharedMoment&) = delete;
  SharedMoment& operator=(const SharedMoment&) = delete;
  ~SharedMoment() { (void)group_.share_moment(before_); }

 private:
  CommunicatorGroup& group_;
  const std::optional<Moment> before_;
};

}  // namespace locum::mpi
