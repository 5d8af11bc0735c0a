#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/base/back_off.hpp"
#include "core/base/mutex.hpp"
#include "core/node/node_memory.hpp"
#include "core/rpc/nodes.hpp"
#include "core/rpc/waker.hpp"

namespace locum {

/// Finds out the outcome of binds whose reply is missing, and acts on it: a bound object gets its generation,
/// an unbound one is evicted.
///
/// An object counts as unbound only if it cannot be bound later either. A rank of the home that this one has
/// given up may only be stopped, or cut off, and when it continues carry out a bind that it received: of an
/// object that would be gone then. So such an object stays until the rank's ranks of the node, which know by
/// the system, report it dead; they are asked repeatedly, after intervals that double. An object whose home
/// cannot be asked any more stays until it is evicted or its store is dropped: other ranks may reach the
/// home. If all ranks of the home have closed, none does, and the object is evicted.
///
/// Each recovery is an operation of the client, begun on the driver. All functions but settle_soon() are
/// called on the driver; nothing here waits.
class BindRecovery final {
 public:
  using Clock = RpcChannel::Clock;

  /// \param client must outlive all operations begun here
  BindRecovery(NodeMemory local, const NodeClient& client, std::shared_ptr<RpcChannel> channel,
               std::shared_ptr<Waker> waker);

  /// Recovers, soon, an object of this process, whose bind it sent itself, and whose bulk has been read or
  /// never will be: so the query follows the bind on the same connection, or goes to another rank of the home
  /// after the first has been given up or has closed. Any thread.
  void settle_soon(const Key& key) noexcept LOCUM_EXCLUDES(mutex_);
  /// Recovers the objects passed to settle_soon().
  void settle_named() noexcept LOCUM_EXCLUDES(mutex_);
  /// Recovers the objects of dead processes that this one has adopted. Messages of the dead maker may arrive
  /// after the query of another rank: so every rank of a home first gets a death notice of the maker, and
  /// drops further messages of it. Repeated calls repeat the queries, which changes nothing.
  void settle_dead_binds() noexcept;
  /// Whether settle_named() is due.
  [[nodiscard]] bool has_named() const noexcept { return has_named_.load(std::memory_order_acquire); }
  /// Releases the node's memory.
  void close() noexcept { local_ = {}; }

 private:
  /// Whether a home has bound an object to its name.
  enum class Seen : std::uint8_t { bound, not_bound, unknown, never };
  struct Bind {
    Key key;
    int home = 0;
    std::string name;
  };

  [[nodiscard]] std::optional<Bind> find(const Key& key) const;
  [[nodiscard]] Task<std::monostate> settle_of_dead(Bind bind);
  [[nodiscard]] Task<std::monostate> tell_of_death(int rank, std::uint32_t dead);
  [[nodiscard]] Task<std::monostate> settle(Bind bind);
  [[nodiscard]] Seen seen(const Bind& bind, const Result<NodeReply>& reply) const;
  [[nodiscard]] Seen seen_in(const Bind& bind, const Error& failure) const;
  [[nodiscard]] std::size_t count_given_up(int home, const NodeReply* dead_by = nullptr) const;
  [[nodiscard]] BackOff back_off() const noexcept;
  [[nodiscard]] Clock::time_point soon() const { return client_.moment({}); }

  NodeMemory local_;
  const NodeClient& client_;
  const std::shared_ptr<RpcChannel> channel_;
  const std::shared_ptr<Waker> waker_;
  Mutex mutex_;
  std::vector<Key> named_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<bool> has_named_{false};
};

}  // namespace locum
