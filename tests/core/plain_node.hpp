#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tests/core/node_process.hpp"

namespace locum::tests {

/// A node without shared memory: simulated processes of this program, whose tables are maps behind one mutex.
/// Slow, and obviously correct: the second implementation of the ports, which shows whether a contract test
/// asks for more than the contract says, and the basis of core's own tests. Its processes may die and be
/// adopted by others, like those of a real node. Any thread may call.
class PlainNode {
 public:
  struct State;

  /// What the node contains, whoever made it.
  struct Levels {
    std::uint64_t objects = 0;  ///< entries of the table, including evicted objects
    std::uint64_t pinned = 0;   ///< of these, those with a view
    std::uint64_t names = 0;    ///< live ones
    std::uint64_t used_bytes = 0;

    friend bool operator==(const Levels&, const Levels&) = default;
  };

  /// \param first_rank runtime's rank of the first process, as it appears in keys
  PlainNode(std::uint32_t processes, std::uint64_t memory_bytes, std::uint32_t first_rank);

  [[nodiscard]] const std::vector<NodeProcess>& processes() const noexcept { return processes_; }
  /// From now on calls of that process change nothing.
  void die(std::uint32_t rank);
  /// `heir` takes over what a dead process has left: its pins are cleared, its blocks without an object are
  /// freed, its objects that were never bound are tombstoned, the others belong to `heir`.
  void adopt(std::uint32_t dead, std::uint32_t heir);
  /// The adopted ranks, whose death the others have noticed.
  [[nodiscard]] std::vector<int> lost() const;
  /// From now on every call of the directory fails with this error, as if a process were stopped while it
  /// holds a lock (`timeout`), or the directory were damaged; none: it works again.
  void fail_directory(const std::optional<Error>& error);
  /// From now on no watcher is notified of names (see Directory::watch()).
  void refuse_watches();
  /// Number of watches of names, by all its processes.
  [[nodiscard]] std::uint64_t watches() const;
  [[nodiscard]] Levels levels() const;

 private:
  std::shared_ptr<State> state_;
  std::vector<NodeProcess> processes_;
};

/// The processes of a new PlainNode. \param first_rank not 0 by default, so that mistaking a rank for a
/// position within the node is detected
[[nodiscard]] std::vector<NodeProcess> plain_node(std::uint32_t processes, std::uint64_t memory_bytes,
                                                  std::uint32_t first_rank = 10);

}  // namespace locum::tests
