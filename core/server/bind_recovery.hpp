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
/// Each of these is an operation of the client's, begun by who drives. All functions but settle_soon() are
/// called by who drives; nothing here waits.
class BindRecovery final {
 public:
  using Clock = Exchange::Clock;

  /// \param client lives until all that it is asked for has ended
  BindRecovery(NodeMemory local, const NodeClient& client, std::shared_ptr<Exchange> exchange,
               std::shared_ptr<Bell> bell);

  /// Finds out, soon, about an object of this process, whose bind it sent itself, and whose bulk has been
  /// read or never will be: so the question follows the bind on the same way, or goes to another rank of the
  /// home after the one that was asked has been given up or has closed. Any thread.
  void settle_soon(const Key& key) noexcept LOCUM_EXCLUDES(mutex_);
  /// Settles what settle_soon() has named.
  void settle_named() noexcept LOCUM_EXCLUDES(mutex_);
  /// The objects of dead processes that this one has adopted. What a maker had sent may arrive after the
  /// question of another rank: so every rank of a home is told first that the maker is dead, and hears
  /// nothing more of it. Called again, it asks again, which changes nothing.
  void settle_estate() noexcept;
  /// Whether settle_named() is due.
  [[nodiscard]] bool has_named() const noexcept { return has_named_.load(std::memory_order_acquire); }
  /// Lets go of the node's memory.
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
  [[nodiscard]] Seen seen(const Bind& bind, const Result<NodeAnswer>& answer) const;
  [[nodiscard]] Seen seen_in(const Bind& bind, const Error& failure) const;
  [[nodiscard]] std::size_t count_given_up(int home, const NodeAnswer* dead_by = nullptr) const;
  [[nodiscard]] BackOff back_off() const noexcept;
  [[nodiscard]] Clock::time_point soon() const { return client_.moment({}); }

  NodeMemory local_;
  const NodeClient& client_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Bell> bell_;
  Mutex mutex_;
  std::vector<Key> named_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<bool> has_named_{false};
};

}  // namespace locum
