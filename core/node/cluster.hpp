#pragma once

#include <chrono>
#include <memory>

#include "core/node/promised.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/object_spill.hpp"

namespace locum {

/// The parts of a cluster: the memory, the table and the directory of this node.
struct ClusterParts {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::chrono::milliseconds timeout{30'000};  ///< for calls without a deadline
  LostMates lost_mates{};
  std::shared_ptr<MemoryMonitor> monitor = nullptr;  ///< null: no call can wait for memory
  std::shared_ptr<ObjectSpill> spill = nullptr;      ///< null: objects do not leave memory
  /// Whether create() has objects leave memory before it fails; otherwise the caller does that
  /// (create_by_spilling()), after it has tried what else there is, except for calls that may do little work.
  bool spills_to_create = true;
  /// Whether a put takes the name of an object that has expired; otherwise the caller does that.
  bool replaces_expired = true;
};

/// The connector over the memory of one node: behind every store if there are no other nodes, and behind
/// `distributed` for this node's own objects. It has the protocols, its parts the state; it lives until the
/// last view of its objects is gone.
[[nodiscard]] std::shared_ptr<Connector> open_cluster(ClusterParts parts);

/// Repeats `create`, which was `refused` for lack of memory, while objects leave memory for it; as long as
/// `may_help` says that it lacks memory, and not the budget of a store.
template <class Create, class MayHelp>
[[nodiscard]] Result<ObjectDraft> create_by_spilling(ObjectSpill& spill, Result<ObjectDraft> refused,
                                                     std::uint64_t size_bytes, WaitBudget budget,
                                                     Deadline::Clock::time_point until, Create create,
                                                     MayHelp may_help) {
  constexpr int most_rounds = 16;  // others may have been faster
  auto draft = std::move(refused);
  for (int round = 0; !draft && draft.error().code() == Errc::out_of_memory && round < most_rounds &&
                      (round == 0 || Deadline::Clock::now() < until) && may_help();
       ++round) {
    const auto room = spill.make_room(size_bytes, budget);
    if (!room) {
      return Error(Errc::out_of_memory,
                   draft.error().text() + ". Objects could not leave memory: " + room.error().text(),
                   room.error().detail());
    }
    if (*room == 0) {  // what became free may have been counted for another's request
      return budget.is_limited() ? draft.error().as_transient() : create();
    }
    draft = create();
  }
  return draft;
}

}  // namespace locum
