#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/shared_slot.hpp"
#include "core/client/links.hpp"
#include "core/job_report.hpp"
#include "core/session.hpp"
#include "core/value/metrics.hpp"
#include "mpi/checkpoint/background.hpp"
#include "mpi/communicator.hpp"
#include "mpi/group.hpp"
#include "mpi/lost_rank_monitor.hpp"
#include "mpi/runtime/agreed_options.hpp"
#include "mpi/runtime/files.hpp"
#include "mpi/runtime/runtime.hpp"
#include "mpi/runtime/sessions.hpp"
#include "shm/death/closed_alone.hpp"
#include "shm/death/exits_while_closing.hpp"
#include "shm/death/warning_signal.hpp"
#include "transport/storage/fork_guard.hpp"

namespace locum {

/// What the group of a runtime is made of.
struct GroupParts {
  mpi::Communicator communicator;
  mpi::AskedOptions asked;
  mpi::Moment until;  ///< when the last step of opening ends
};

/// The ranks of this rank's node, ascending.
[[nodiscard]] std::vector<std::uint32_t> ranks_of_node(const mpi::CommunicatorGroup& group);

/// All parts of a runtime. Members are destroyed in reverse: the communicator last. Any thread may use those
/// that are atomic, slots, or not changed after the runtime was opened, also while another one closes the
/// runtime; the rest is for the thread that makes collective calls.
struct Runtime::State {
  explicit State(GroupParts parts);

  mpi::CommunicatorGroup group;
  RuntimeOptions options;
  const std::string name;          ///< what options.name refers to
  const std::string spill_folder;  ///< what options.spill_folder refers to
  const std::string stores;        ///< what options.stores refers to
  int exceptions_at_start;
  std::uint64_t incarnation = 0;
  std::shared_ptr<mpi::LostRankMonitor> losses;
  std::vector<shm::ProcessIdentity> node_peers;  ///< the processes of this node
  std::shared_ptr<const shm::ClosedAlone> closed_alone;
  SharedSlot<Links> links;                ///< to other nodes, if there are any
  std::function<void()> close_transport;  ///< RuntimeLinks::close_transport
  JobFacts transport;                     ///< what is known of them
  std::function<void(bool)> prepare;      ///< memory ahead of use: whether
  std::uint64_t memory_bytes = 0;         ///< of this node
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::optional<storage::ForkGuard> fork_guard;  // once there is a session
  std::optional<shm::WarningSignal> signal;
  std::shared_ptr<BackendSessions> backends;  ///< of stores that are not in the nodes' memory
  std::shared_ptr<CheckpointFiles> checkpoint_files = open_checkpoint_files();  ///< null without HDF5
  std::unique_ptr<BackgroundCheckpoints> checkpoints;                           ///< once one was begun
  std::atomic<bool> open = false;
  std::uint32_t step_sides = 0;  ///< numbered by this rank
  RankReport last_report;        ///< once there is no session
  SharedSlot<Session> session;   ///< until the runtime is closed
};

}  // namespace locum
