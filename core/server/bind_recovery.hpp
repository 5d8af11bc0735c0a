#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/node/node_memory.hpp"
#include "core/rpc/bell.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// Finds out what became of binds whose answer nobody has, and does as the home of the name says: an object
/// that is bound gets its generation, one that is not goes out of sight.
///
/// That it is not bound counts only where it cannot be bound any more either. A rank of the home that this
/// one has given up may only be stopped, or cut off, and bind when it goes on what it has heard: in place of
/// an object that is gone then. So such an object stays until the rank's mates, which know by the system,
/// say that it is dead; they are asked again, each time after twice as long. An object whose home cannot be
/// asked any more stays until it is evicted or its store is dropped: others may reach the home. Where all
/// ranks of the home have closed, nobody does, and the object goes.
///
/// All functions but settle_soon() are called by who drives; nothing here waits.
class BindRecovery final : public std::enable_shared_from_this<BindRecovery> {
 public:
  using Clock = Exchange::Clock;

  BindRecovery(NodeMemory local, std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
               std::shared_ptr<Bell> bell, std::chrono::milliseconds timeout);

  /// An object of this process, whose bind it sent itself, and whose bulk has been read or never will be: so
  /// the question follows the bind on the same way, or goes to another rank of the home after the one that
  /// was asked has been given up or has closed.
  void settle(const Key& key);
  /// settle(), by who drives, soon. Any thread.
  void settle_soon(const Key& key) noexcept LOCUM_EXCLUDES(mutex_);
  /// Settles what settle_soon() has named.
  void settle_named() noexcept LOCUM_EXCLUDES(mutex_);
  /// The objects of dead processes that this one has adopted. What a maker had sent may arrive after the
  /// question of another rank: so every rank of a home is told first that the maker is dead, and hears
  /// nothing more of it. Called again, it asks again, which changes nothing.
  void settle_estate() noexcept;
  /// When settle_estate() is to be called again, because one that was asked takes no more messages now;
  /// Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due() const noexcept { return next_due_; }
  /// Whether settle_named() is due.
  [[nodiscard]] bool has_named() const noexcept { return has_named_.load(std::memory_order_acquire); }
  /// Lets go of the node's memory.
  void close() noexcept { local_ = {}; }

 private:
  struct Bind;
  [[nodiscard]] std::shared_ptr<Bind> find(const Key& key) const;
  void settle_of_dead(const Key& key);
  void tell_of_death(const std::shared_ptr<Bind>& bind, int rank);
  void look(const std::shared_ptr<Bind>& bind);
  void looked(const std::shared_ptr<Bind>& bind, const Result<NodeAnswer>& answer);
  void look_again(const std::shared_ptr<Bind>& bind);
  void look_again_after(const std::shared_ptr<Bind>& bind, const Error& failure);
  void end_if_never_bound(const std::shared_ptr<Bind>& bind);
  void call_roll(const std::shared_ptr<Bind>& bind);
  [[nodiscard]] std::size_t count_given_up(int home, const NodeAnswer* dead_by = nullptr) const;
  [[nodiscard]] Clock::time_point soon() const noexcept;

  NodeMemory local_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Bell> bell_;
  const std::chrono::milliseconds timeout_;
  Clock::time_point next_due_ = Clock::time_point::max();
  Mutex mutex_;
  std::vector<Key> named_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<bool> has_named_{false};
};

}  // namespace locum
