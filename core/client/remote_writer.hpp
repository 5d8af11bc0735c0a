#pragma once

#include <cstdint>
#include <memory>

#include "core/async/lookup.hpp"
#include "core/async/node_client.hpp"
#include "core/async/window.hpp"
#include "core/client/links.hpp"
#include "core/copies/copy_holders.hpp"
#include "core/node/node_memory.hpp"
#include "core/server/bind_recovery.hpp"
#include "core/server/name_changes.hpp"

namespace locum {

/// Binds names and evicts objects on all nodes: the counterpart of RemoteReader for changes. Names at home
/// here are changed here, everything else by a request to the home, or to the node of the object. Its tasks
/// are parts of operations of the links' client; the links keep it alive until they have ended (see
/// Links::keep()). They complete whether or not anybody waits. Any thread may call.
class RemoteWriter final {
 public:
  using Moment = Deadline::Clock::time_point;

  RemoteWriter(NodeMemory memory, const Links& links);

  /// Binds a published object of this process to the name that it carries, like Sink::seal(). If it cannot be
  /// bound it is evicted; if the outcome is unknown, recovery (BindRecovery) finds out. A small one at_home,
  /// and not of this node, is given to the home and evicted: then nobody refers to it, whatever the outcome.
  [[nodiscard]] Task<Result<Sealed>> seal(Key key, SealOptions options, Moment until);
  /// seal(), as soon as it fits the window: its time counts from then if `until` is the greatest moment.
  /// Keeps the writer alive, because possibly nobody waits for it.
  [[nodiscard]] static Task<Result<Sealed>> seal_in_turn(std::shared_ptr<RemoteWriter> writer,
                                                         std::shared_ptr<Window> window, Key key,
                                                         SealOptions options, Moment until);
  /// Evicts an object everywhere, with its name, like Sink::evict().
  [[nodiscard]] Task<Result<bool>> evict(Lookup wanted);
  /// Changes of names at home here, and of objects of this node.
  [[nodiscard]] const NameChanges& here() const noexcept { return here_; }

  /// Whether binding such an object needs no other node, and evicts nothing on one.
  [[nodiscard]] bool binds_alone(const ObjectMeta& object, const SealOptions& options) const noexcept;
  /// Whether evicting it needs no other node, except those with copies.
  [[nodiscard]] bool evicts_alone(const Address& address) const;
  /// Whether it is a name with its home on this node.
  [[nodiscard]] bool is_at_home(const Address& address) const {
    return !address.name.empty() &&
           home_of(address.key.store, name_hash(address.key.store, address.name)) == nodes_.own();
  }
  [[nodiscard]] bool has_copies(const Key& key) const { return copy_holders_->has(key, {}); }

  /// For tasks of the same operations.
  [[nodiscard]] const NodeClient& client() const noexcept { return *client_; }
  [[nodiscard]] const NodeMemory& memory() const noexcept { return memory_; }
  [[nodiscard]] const std::shared_ptr<BindRecovery>& bind_recovery() const noexcept { return bind_recovery_; }
  /// Blocks up to this size are sent along with a name.
  [[nodiscard]] std::uint64_t inline_bytes() const noexcept { return inline_bytes_; }

 private:
  [[nodiscard]] int home_of(std::uint32_t store, std::uint64_t hash) const noexcept {
    return nodes_.home(store, hash);
  }
  [[nodiscard]] Task<Result<Sealed>> bind(Key key, SealOptions options, Moment until, bool& kept);
  [[nodiscard]] Task<Result<std::uint64_t>> bind_here(const Pin& pin, SealOptions options, Moment until);
  [[nodiscard]] Task<Result<bool>> evict_named(Lookup wanted);
  [[nodiscard]] Task<Result<bool>> unbind(const Lookup& wanted);
  [[nodiscard]] Task<Result<bool>> unbind_here(const Lookup& wanted);
  [[nodiscard]] Task<Result<bool>> evict_there(Key key, Moment until);

  const NodeMemory memory_;
  const NodeClient* const client_;  ///< owned by the links, which keep this alive
  const std::shared_ptr<CopyHolders> copy_holders_;
  const std::shared_ptr<BindRecovery> bind_recovery_;
  const std::uint64_t inline_bytes_;
  const Nodes& nodes_;
  const NameChanges here_;
};

}  // namespace locum
