#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <variant>

#include "core/async/node_client.hpp"
#include "core/base/back_off.hpp"
#include "core/copies/fenced_nodes.hpp"
#include "core/node/node_memory.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// The other nodes that may have copies of an object of this node. The list is in the node's memory, so that
/// any of its ranks can extend and read it, whichever rank dies.
///
/// A node is added before any byte of the object is sent to it, and the object is checked again afterwards;
/// an eviction first tombstones the object, and then reads the list. Between the two steps each side has a
/// sequentially consistent fence: of two threads that each write one word and then read the other's, at least
/// one reads what was written, on any machine, whatever the memory order of the accesses. (All of them are
/// atomic: the entry's tag, and the words by which the directory is read without its lock.)
class CopyHolders final : public std::enable_shared_from_this<CopyHolders> {
 public:
  using Clock = Nodes::Clock;
  using Moment = Deadline::Clock::time_point;

  /// \param objects makes objects of this node: a connector over `local`
  CopyHolders(NodeMemory local, std::shared_ptr<Connector> objects, const NodeClient& client,
              std::shared_ptr<RpcChannel> channel, std::shared_ptr<FencedNodes> fenced);

  /// Records that a node will have a copy of an object; false: it must not have one, because that cannot be
  /// recorded or the object is gone. Only on the driver.
  [[nodiscard]] bool enter(const Key& key, int node);
  /// Whether any node may have a copy, including of an object that this thread has just tombstoned; true also
  /// if that is unknown. Any thread.
  [[nodiscard]] bool has(const Key& key, const WaitBudget& budget) const;
  /// Deletes the lists of the evicted objects of a store, whichever rank made them. Any thread; may wait.
  void forget_gone(std::uint32_t store);

  /// Invalidates the copies of an object that is already tombstoned. Ends with `timeout` if a node has not
  /// confirmed before the deadline; `peer_lost` if one cannot be reached and may still show its copy: it is
  /// fenced, and shows none a term later; `out_of_memory` if a request could not be sent for that reason; or
  /// with a node's error, or that of reading the list. The request is repeated to all except unreachable
  /// nodes until they have confirmed.
  [[nodiscard]] Task<Result<void>> dissolve(Key key, Moment until);
  /// The same without a waiting caller: for an evicted object whose list may have outlived its maker. Only on
  /// the driver.
  void begin_dissolve(const Key& key) noexcept;
  /// The same for all evicted objects: a rank of this node may have died before it invalidated copies.
  void dissolve_gone() noexcept;

 private:
  struct Round;

  [[nodiscard]] Result<ObjectView> read(const Key& key) const;
  bool forget(const Key& key, const WaitBudget& budget);
  [[nodiscard]] bool is_gone(const Key& key) const;
  template <class Each>
  [[nodiscard]] bool for_each_gone(const WaitBudget& budget, Each each) const;
  [[nodiscard]] BackOff first_back_off() const noexcept;
  [[nodiscard]] Task<Result<void>> dissolve(Key key, Moment until, BackOff back_off);
  [[nodiscard]] Task<std::monostate> dissolve_alone(Key key);
  [[nodiscard]] Task<std::monostate> come_back(Key key, BackOff back_off);
  [[nodiscard]] Task<std::monostate> tell_all(Round& round, Moment until);
  [[nodiscard]] Task<std::monostate> tell(Round& round, int node, Moment until);
  void note_lost(Round& round, int node, const Error& cause) const noexcept;

  const NodeMemory local_;
  const std::shared_ptr<Connector> objects_;
  const NodeClient& client_;
  const Nodes& nodes_;
  const std::shared_ptr<RpcChannel> channel_;
  const std::shared_ptr<FencedNodes> fenced_;
  // Used by the driver.
  std::set<Key> left_;      ///< objects to be retried soon
  Alarm come_back_to_all_;  ///< retries all evicted objects, if they could not be listed
};

}  // namespace locum
