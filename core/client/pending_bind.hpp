#pragma once

#include <chrono>
#include <memory>

#include "core/base/back_off.hpp"
#include "core/error.hpp"
#include "core/node/node_memory.hpp"
#include "core/rpc/nodes.hpp"
#include "core/server/bind_recovery.hpp"

namespace locum {

/// An object whose bind is under way: kept until the home has all of it that it wants to read.
class PendingBind final {
 public:
  PendingBind(const std::shared_ptr<NodeTable>& table, const Pin& pin) noexcept : object_(table, pin) {}
  PendingBind(const PendingBind&) = delete;
  PendingBind& operator=(const PendingBind&) = delete;
  // Maybe by who drives, when it hears that the bulk has been read: it must not be the one that ends what
  // drives.
  ~PendingBind() {
    if (const auto bind_recovery = bind_recovery_.lock()) {
      bind_recovery->settle_soon(object_.pin().key);
    }
  }

  [[nodiscard]] const Pin& pin() const noexcept { return object_.pin(); }
  /// Nobody knows what became of the bind, and who asks now may overtake it: the home hears questions while
  /// the bulk of a bind is on its way. It is found out when the home has read that, or is lost.
  void settle_later(std::weak_ptr<BindRecovery> bind_recovery) noexcept {
    bind_recovery_ = std::move(bind_recovery);
  }

 private:
  const PinnedObject object_;
  std::weak_ptr<BindRecovery> bind_recovery_;  // which keeps the exchange, which may keep this
};

/// What who asks a home to bind has to know.
namespace binding {

/// As long as a local put waits for memory that others give back.
inline constexpr std::chrono::seconds longest_wait_for_room{5};
/// Between two questions whether there is room now: it takes milliseconds to make, or somebody is stopped.
inline constexpr BackOff back_off{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};

[[nodiscard]] Error found_no_room(int home);
/// Whether an error leaves it open what the home has done: `closed`, too, if that is this rank itself, and
/// the home goes on.
[[nodiscard]] bool says_nothing(const Nodes& nodes, int home, const Error& error);

}  // namespace binding

}  // namespace locum
