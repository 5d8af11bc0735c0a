#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tests/core/node_process.hpp"

namespace locum::tests {

/// A node without shared memory: processes played in this program, whose tables are maps behind one mutex.
/// Slow and plainly right: the second implementation of the ports, which says whether a contract asks for
/// more than its words do, and what core's own tests stand on. Its processes may die, and be adopted by
/// others, as those of a real node do. Any thread may call.
class PlainNode {
 public:
  struct State;

  /// What is there, whoever made it.
  struct Levels {
    std::uint64_t objects = 0;  ///< entries of the table, of evicted objects too
    std::uint64_t pinned = 0;   ///< of these, viewed by somebody
    std::uint64_t names = 0;    ///< that are live
    std::uint64_t used_bytes = 0;

    friend bool operator==(const Levels&, const Levels&) = default;
  };

  /// \param first_rank of the runtime's ranks: what the first process calls itself in the keys that it makes
  PlainNode(std::uint32_t processes, std::uint64_t memory_bytes, std::uint32_t first_rank);

  [[nodiscard]] const std::vector<NodeProcess>& processes() const noexcept { return processes_; }
  /// From now on that process changes nothing any more, whatever it still does.
  void die(std::uint32_t rank);
  /// A process takes over what a dead one has left: its pins are gone, its blocks that are no objects are
  /// free, its objects that were to get a name and have none are out of sight, the others are the heir's.
  void adopt(std::uint32_t dead, std::uint32_t heir);
  /// Those whose death the others have noticed: the adopted ones.
  [[nodiscard]] std::vector<int> lost() const;
  /// From now on whatever is asked of the directory fails with this error, as where a process is stopped
  /// within a change of it (`timeout`), or where it is damaged; none: as ever.
  void bar_directory(const std::optional<Error>& error);
  /// From now on nobody can be told of names (see Directory::watch()).
  void tell_nobody();
  /// How often names were watched, by all its processes.
  [[nodiscard]] std::uint64_t watches() const;
  [[nodiscard]] Levels levels() const;

 private:
  std::shared_ptr<State> state_;
  std::vector<NodeProcess> processes_;
};

/// The processes of such a node alone. \param first_rank not 0 unless asked for, so that nobody takes ranks
/// for positions within the node
[[nodiscard]] std::vector<NodeProcess> plain_node(std::uint32_t processes, std::uint64_t memory_bytes,
                                                  std::uint32_t first_rank = 10);

}  // namespace locum::tests
