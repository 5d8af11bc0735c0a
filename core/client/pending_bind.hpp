#pragma once

#include <chrono>
#include <memory>

#include "core/base/back_off.hpp"
#include "core/node/node_memory.hpp"
#include "core/rpc/nodes.hpp"
#include "core/server/bind_recovery.hpp"
#include "core/value/error.hpp"

namespace locum {

/// An object whose bind is requested: kept until the home has read everything that it needs of it.
class PendingBind final {
 public:
  PendingBind(const std::shared_ptr<NodeTable>& table, const Pin& pin) noexcept : object_(table, pin) {}
  PendingBind(const PendingBind&) = delete;
  PendingBind& operator=(const PendingBind&) = delete;
  // Possibly on the driver, when it learns that the bulk has been read: the driver must not destroy what
  // drives.
  ~PendingBind() {
    if (const auto bind_recovery = bind_recovery_.lock()) {
      bind_recovery->settle_soon(object_.pin().key);
    }
  }

  [[nodiscard]] const Pin& pin() const noexcept { return object_.pin(); }
  /// The outcome of the bind is unknown, and a query now may overtake it: the home serves requests while the
  /// bulk of a bind is in transfer. The query is sent when the home has read that, or is lost.
  void settle_later(std::weak_ptr<BindRecovery> bind_recovery) noexcept {
    bind_recovery_ = std::move(bind_recovery);
  }

 private:
  const PinnedObject object_;
  std::weak_ptr<BindRecovery> bind_recovery_;  // it owns the channel, which may own this
};

/// Parameters of requests to bind.
namespace binding {

/// As long as a local put waits for memory that other ranks return.
inline constexpr std::chrono::seconds longest_wait_for_room{5};
/// Pause between two requests to a home without room: making room takes milliseconds, or a process is
/// stopped.
inline constexpr BackOff back_off{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};

[[nodiscard]] Error found_no_room(int home);
/// Whether an error leaves the outcome at the home open: also `closed`, if this rank itself has closed while
/// the home continues.
[[nodiscard]] bool says_nothing(const Nodes& nodes, int home, const Error& error);

}  // namespace binding

}  // namespace locum
