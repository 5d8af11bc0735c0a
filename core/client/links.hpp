#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/async/node_client.hpp"
#include "core/async/windows.hpp"
#include "core/copies/copies.hpp"
#include "core/copies/read_leases.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/promised.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"
#include "core/rpc/waker.hpp"
#include "core/value/metrics.hpp"

namespace locum {

class NameChangeNotifier;
class NodeService;
class RemoteWaits;
class BindRecovery;

/// The parts that link a rank to the other nodes.
struct LinkParts {
  std::shared_ptr<Transport> transport;
  /// For one-sided reads by and from ranks of other nodes; null: there are none.
  std::shared_ptr<RemoteMemory> remote{};
  NodeMemory memory;  ///< of this node, with the directory of the names at home here
  std::vector<int> node_of_rank;
  int rank = 0;
  std::uint64_t incarnation = 0;
  std::shared_ptr<Metrics> metrics;
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds patience{5'000};  ///< with a rank that owes a reply and is silent
  std::uint64_t inline_bytes = 4096;  ///< blocks up to this size are also kept at the home of their name
  /// Bytes of objects that may be in transfer ahead of use, or have arrived and wait for it.
  std::uint64_t window_bytes = std::uint64_t{256} << 20U;
  LostNodePeers lost_node_peers;
  Progress::Options progress;
};

/// This rank's links to the other nodes: sends requests to them, and serves theirs for its own node, from
/// construction to close().
class Links {
 public:
  explicit Links(LinkParts parts);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;
  ~Links();

  [[nodiscard]] const std::shared_ptr<const NodeClient>& client() const noexcept { return client_; }
  /// Valid until close().
  [[nodiscard]] const Copies& copies() const noexcept { return copies_; }
  /// Finds out the outcome of binds without a reply.
  [[nodiscard]] const std::shared_ptr<BindRecovery>& bind_recovery() const noexcept { return bind_recovery_; }
  /// Lets operations wait for promises. Valid until close().
  [[nodiscard]] const std::shared_ptr<RemoteWaits>& waits() const noexcept { return waits_; }
  [[nodiscard]] std::uint64_t inline_bytes() const noexcept { return inline_bytes_; }
  /// For fetches ahead of use; close() ends the operations queued for them.
  [[nodiscard]] const Windows& windows() const noexcept { return windows_; }
  [[nodiscard]] const std::shared_ptr<Window>& window(CountsUntil until) const noexcept {
    return windows_.of(until);
  }
  /// This node's own objects, and the names at home here.
  [[nodiscard]] const std::shared_ptr<Connector>& objects() const noexcept { return objects_; }
  [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  [[nodiscard]] Progress& progress() noexcept { return *progress_; }
  /// Where threads wait for the client's operations.
  [[nodiscard]] const std::shared_ptr<CompletionCounter>& completions() const noexcept {
    return completions_;
  }
  /// Without a helper: does the work that it and the background thread would do now (see Progress::poll()).
  Progress::Clock::time_point poll();
  /// Keeps objects that operations of the client use alive until these have ended: they may continue after
  /// nobody waits for them.
  void keep(std::shared_ptr<const void> parts) { kept_.push_back(std::move(parts)); }
  /// Reports that this rank is gone.
  void lose(int rank, const Error& cause);
  /// Asks every other node soon which of its ranks are lost, and records the replies. Does not wait.
  void call_roll();
  /// Probes one rank of each other node soon, also after close(): ranks that do not reply within the patience
  /// are lost. Does not wait.
  void look_who_lives();
  /// Ranks of other nodes known to be unreachable or closed, ascending.
  [[nodiscard]] std::vector<int> lost_elsewhere() const;
  /// This thread may have bound the name of a promise (SealOptions::caller_tells): replies to the ranks of
  /// other nodes that asked this rank for it, and notifies the waiters here, at once if no other thread
  /// drives. Does not wait.
  void look_for_awaited(const Key& promised, std::uint64_t name_hash) noexcept;
  /// This thread may have bound names (SealOptions::caller_tells): the same for those that somebody waits
  /// for. Nothing if nobody does. Does not wait.
  void look_for_bound() noexcept;
  /// The same of a name that somebody probably asks for in this moment: receives what has come first, unless
  /// another thread does or would be woken.
  void look_for_bound_soon_asked_for() noexcept;
  /// This process has adopted a dead one of its node: asks the homes of names that were about to be bound,
  /// and invalidates possible copies of evicted objects, soon. Does not wait. Any thread.
  void settle_dead_binds();
  /// Waits of other ranks, for names at home here, that this rank holds. For tests; while no thread drives.
  [[nodiscard]] std::size_t awaited() const noexcept;
  /// Requests of that rank that use memory here. For tests; while no thread drives.
  [[nodiscard]] std::uint32_t requests_of(int rank) const noexcept { return channel_->requests_of(rank); }
  /// Whether large objects of other nodes are read one-sidedly if their owner supports it.
  [[nodiscard]] bool reads_one_sidedly() const noexcept { return reads_one_sidedly_; }
  /// Memory that other ranks may read here one-sidedly. For tests; while no thread drives.
  [[nodiscard]] const ReadLeases& read_leases() const noexcept { return *read_leases_; }
  /// Whether that rank is known to be unreachable or closed.
  [[nodiscard]] bool is_lost(int rank) const noexcept { return channel_->is_lost(rank); }
  /// No requests are sent or served any more, except liveness probes; open calls end with `closed`. Releases
  /// the node's memory. Waits for bulks in transfer, until they have arrived or their rank is lost, and at
  /// most the timeout. May be called repeatedly.
  void close() noexcept;
  /// Runs `step` on the driver, where it may use the transport, and waits for its end. After close().
  void run_last(const std::function<void()>& step) noexcept;

 private:
  [[nodiscard]] bool close_channel();
  /// Asks that node which of its ranks are lost.
  [[nodiscard]] Task<std::monostate> call_roll_of(int node);

  const std::uint64_t inline_bytes_;
  const Windows windows_;
  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<RpcChannel> channel_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<ReadLeases> read_leases_;
  const bool reads_one_sidedly_;
  std::shared_ptr<Connector> objects_;  ///< until close()
  Copies copies_;                       ///< the same
  std::shared_ptr<BindRecovery> bind_recovery_;
  std::shared_ptr<NameChangeNotifier> notifier_;
  std::shared_ptr<RemoteWaits> waits_;    ///< until close()
  std::shared_ptr<NodeService> service_;  ///< until close()
  std::weak_ptr<NodeService> open_;       ///< the same, for threads that do not close
  std::vector<std::shared_ptr<const void>> kept_;
  std::shared_ptr<BackgroundWorker> worker_;
  std::shared_ptr<Progress> progress_;
  std::shared_ptr<CompletionCounter> completions_;
  std::shared_ptr<const NodeClient> client_;
};

}  // namespace locum
