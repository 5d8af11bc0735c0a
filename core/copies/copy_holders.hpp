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

/// Which other nodes may have a copy of an object of this node. The list lies in the node's memory, so that
/// any of its ranks can add to it and read it, whoever dies.
///
/// A node is entered before a byte of the object is sent to it, and the object looked at once more after
/// that; who takes an object out of sight does so first, and reads the list then. Between the two steps each
/// has a sequentially consistent fence: of two threads that each write one word and then read the other's, at
/// least one reads what was written, on any machine, whatever the order of the words' own accesses is. (All
/// of them are atomic: the entry's tag, and what the directory is read by without its lock.)
class CopyHolders final : public std::enable_shared_from_this<CopyHolders> {
 public:
  using Clock = Nodes::Clock;
  using Moment = Deadline::Clock::time_point;

  /// \param objects makes objects of this node: a connector over `local`
  CopyHolders(NodeMemory local, std::shared_ptr<Connector> objects, const NodeClient& client,
              std::shared_ptr<Exchange> exchange, std::shared_ptr<FencedNodes> fenced);

  /// Notes that a node will have a copy of an object; false: it must not have one, because that cannot be
  /// noted or the object is gone. Only by who drives.
  [[nodiscard]] bool enter(const Key& key, int node);
  /// Whether any node may have a copy: of an object that this thread has taken out of sight, too; also where
  /// that cannot be seen. Any thread.
  [[nodiscard]] bool has(const Key& key, const WaitBudget& budget) const;
  /// Forgets who may have copies of the objects of a store that are gone, of whichever rank. Any thread; may
  /// wait.
  void forget_gone(std::uint32_t store);

  /// Takes the copies of an object that is out of sight already out of sight, too; ends with `timeout`
  /// if a node has not said so before the deadline; `peer_lost` if one cannot be reached and may show its
  /// copy yet: it is fenced, and shows none a term later; `out_of_memory` if that is why somebody was not
  /// told; or why a node could not, or who it is cannot be read. All of them but those who cannot be reached
  /// are told again until they have done it.
  [[nodiscard]] Task<Result<void>> dissolve(Key key, Moment until);
  /// The same with nobody who waits: of an object that is gone, and whose list may have outlived who made it.
  /// Only by who drives.
  void begin_dissolve(const Key& key) noexcept;
  /// The same for all objects that are gone: a rank of this node may have died before it told who has copies.
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
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<FencedNodes> fenced_;
  // By who drives.
  std::set<Key> left_;      ///< to which this comes back soon
  Alarm come_back_to_all_;  ///< that are gone, where it was not known which these are
};

}  // namespace locum
