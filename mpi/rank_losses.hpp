#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/client/links.hpp"
#include "core/deadline.hpp"
#include "core/node/losses.hpp"

namespace locum::mpi {

/// Who is lost, in the runtime's ranks: node-mates by the node's watch, others by the links to them. Blocks
/// nowhere. watch(), stop_watching_links() and ranks_while_waiting() are for the thread that may call
/// MPI, the mates() is for any thread at any time, the rest for any while that one is in none of these.
class RankLosses {
 public:
  /// \param of_node  what the node's watch has noted, by ranks within the node
  /// \param mates    the runtime's ranks of the node, ascending
  /// \param size     of the runtime
  /// \param closed_alone ranks within the node that closed the runtime without waiting for the others
  RankLosses(std::shared_ptr<const Losses> of_node, std::vector<std::uint32_t> mates, int size,
             std::function<std::vector<std::uint32_t>()> closed_alone);

  /// Counts what `links` say, too, and calls the roll over them four times per `patience` while this rank
  /// waits. Once.
  void watch(const std::shared_ptr<Links>& links, std::chrono::milliseconds patience);
  /// From now on what the links say of others does not count: a rank that closes its own ends looks like a
  /// dead one. If nobody is lost by then, the ranks of this node that have closed alone are.
  void stop_watching_links();

  [[nodiscard]] bool any() const;
  /// Those of this node that died, ascending.
  [[nodiscard]] std::vector<int> mates() const;
  /// All, ascending.
  [[nodiscard]] std::vector<int> ranks() const;
  /// The same while this rank waits for all others: asks the other nodes now and then who is lost there. If
  /// nobody is within the time in which a death is noticed, the ranks of this node that have closed the
  /// runtime alone, which come to no collective call.
  [[nodiscard]] std::vector<int> ranks_while_waiting();
  /// "rank 1 (adopted by rank 0), rank 3", or nothing.
  [[nodiscard]] std::string describe() const;

 private:
  [[nodiscard]] int rank_of(std::uint32_t in_node) const { return static_cast<int>(mates_.at(in_node)); }
  [[nodiscard]] std::vector<int> beyond_node() const;
  [[nodiscard]] std::vector<int> closed_alone() const;

  const std::shared_ptr<const Losses> of_node_;
  const std::vector<std::uint32_t> mates_;
  const int size_;
  std::weak_ptr<Links> links_;
  Deadline::Clock::duration roll_interval_{};
  Deadline::Clock::time_point roll_called_;
  std::function<std::vector<std::uint32_t>()> closed_alone_;
  std::optional<Deadline::Clock::time_point> seen_closed_alone_;  ///< while ranks_while_waiting() has
  std::vector<int> beyond_node_;                                  ///< once the links do not count any more
};

}  // namespace locum::mpi
