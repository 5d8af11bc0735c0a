#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/async/arrivals.hpp"
#include "core/async/node_client.hpp"
#include "core/async/windows.hpp"
#include "core/base/mutex.hpp"
#include "core/copies/copies.hpp"
#include "core/copies/read_leases.hpp"
#include "core/metrics.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/promised.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"
#include "core/rpc/bell.hpp"

namespace locum {

class NodeService;
class PromiseWaits;
class BindRecovery;

/// What links a rank to the other nodes is put together from.
struct LinkParts {
  std::shared_ptr<Transport> transport;
  /// By which other nodes' ranks read this one's memory, and this one theirs; null: they do not.
  std::shared_ptr<RemoteMemory> remote{};
  NodeMemory memory;  ///< of this node, with the directory of the names at home here
  std::vector<int> node_of_rank;
  int rank = 0;
  std::uint64_t incarnation = 0;
  std::shared_ptr<Metrics> metrics;
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds patience{5'000};  ///< with a rank that owes an answer and is silent
  std::uint64_t inline_bytes = 4096;  ///< blocks up to this size are kept at the home of their name, too
  /// Of objects that are fetched ahead of use, so many bytes are on their way, or have come and wait for
  /// that.
  std::uint64_t window_bytes = std::uint64_t{256} << 20U;
  LostMates lost_mates;
  Progress::Options progress;
};

/// This rank's links to the other nodes: it asks them, and answers them for its own node, from construction
/// to close().
class Links {
 public:
  explicit Links(LinkParts parts);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;
  ~Links();

  [[nodiscard]] const std::shared_ptr<const NodeClient>& client() const noexcept { return client_; }
  /// Until close().
  [[nodiscard]] const Copies& copies() const noexcept { return copies_; }
  /// What finds out what became of binds without an answer.
  [[nodiscard]] const std::shared_ptr<BindRecovery>& bind_recovery() const noexcept { return bind_recovery_; }
  /// By which operations wait for promises. Until close().
  [[nodiscard]] const std::shared_ptr<PromiseWaits>& promise_waits() const noexcept { return promise_waits_; }
  [[nodiscard]] std::uint64_t inline_bytes() const noexcept { return inline_bytes_; }
  /// For what is fetched ahead of use; close() ends all that waits to enter them.
  [[nodiscard]] const Windows& windows() const noexcept { return windows_; }
  [[nodiscard]] const std::shared_ptr<Window>& window(CountsUntil until) const noexcept {
    return windows_.of(until);
  }
  /// This node's own objects, and the names that are at home here.
  [[nodiscard]] const std::shared_ptr<Connector>& objects() const noexcept { return objects_; }
  [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  [[nodiscard]] Progress& progress() noexcept { return *progress_; }
  /// Where threads wait for what the client's operations bring.
  [[nodiscard]] const std::shared_ptr<Arrivals>& arrivals() const noexcept { return arrivals_; }
  /// Where there is no helper: what it and the standby thread would do now (see Progress::poll()).
  Progress::Clock::time_point poll();
  /// Keeps what operations of the client use until they have ended: they may go on when nobody waits for
  /// them.
  void keep(std::shared_ptr<const void> parts) { kept_.push_back(std::move(parts)); }
  /// Somebody who knows says that this rank is gone.
  void lose(int rank, const Error& cause);
  /// Asks every other node which of its ranks are lost, and notes what they say, soon. Does not wait.
  void call_roll();
  /// Asks one rank of each other node whether it lives, soon, also after close(): who does not say so within
  /// the patience is lost. Does not wait.
  void look_who_lives();
  /// Ranks of other nodes to which messages are known to be in vain, ascending.
  [[nodiscard]] std::vector<int> lost_elsewhere() const;
  /// This thread may have bound the name of a promise (SealOptions::caller_tells): answers those of other
  /// nodes that asked this rank for it, and tells who waits for it here, at once if nobody else drives. Does
  /// not wait.
  void look_for_awaited(const Key& promised, std::uint64_t name_hash) noexcept;
  /// This process has adopted what a dead one of its node had: asks the homes of names that were about to be
  /// bound, and tells who may have copies of what is gone, soon. Does not wait. Any thread.
  void settle_estate();
  /// Waits of other ranks, for names at home here, that this rank holds. For tests; while nobody drives.
  [[nodiscard]] std::size_t awaited() const noexcept;
  /// Questions of that rank that take up memory here. For tests; while nobody drives.
  [[nodiscard]] std::uint32_t questions_of(int rank) const noexcept { return exchange_->questions_of(rank); }
  /// Whether large objects of other nodes are read one-sidedly where their owner can be read so.
  [[nodiscard]] bool reads_one_sidedly() const noexcept { return reads_one_sidedly_; }
  /// What other ranks may read here one-sidedly. For tests; while nobody drives.
  [[nodiscard]] const ReadLeases& read_leases() const noexcept { return *read_leases_; }
  /// Whether messages to that rank are known to be in vain.
  [[nodiscard]] bool is_lost(int rank) const noexcept { return exchange_->is_lost(rank); }
  /// Nothing is asked or answered any more, but whether this rank lives; what is under way ends with
  /// `closed`. Lets go of the node's memory. Waits for bulks that are on their way, until they have arrived
  /// or their rank is lost, and not longer than the timeout. More than once is fine.
  void close() noexcept;

 private:
  [[nodiscard]] bool close_exchange();
  /// Has that node say which of its ranks are lost.
  [[nodiscard]] Task<std::monostate> call_roll_of(int node);

  const std::uint64_t inline_bytes_;
  const Windows windows_;
  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Bell> bell_;
  const std::shared_ptr<ReadLeases> read_leases_;
  const bool reads_one_sidedly_;
  std::shared_ptr<Connector> objects_;  ///< until close()
  Copies copies_;                       ///< the same
  std::shared_ptr<BindRecovery> bind_recovery_;
  std::shared_ptr<PromiseWaits> promise_waits_;  ///< until close()
  std::shared_ptr<NodeService> service_;         ///< until close()
  std::weak_ptr<NodeService> open_;              ///< the same, for threads that do not close
  std::vector<std::shared_ptr<const void>> kept_;
  std::shared_ptr<Standby> standby_;
  std::shared_ptr<Progress> progress_;
  std::shared_ptr<Arrivals> arrivals_;
  std::shared_ptr<const NodeClient> client_;
};

}  // namespace locum
