#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/async/until_unlocked.hpp"
#include "core/base/back_off.hpp"
#include "core/copies/copy_holders.hpp"
#include "core/node/expired.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/reference.hpp"
#include "core/ports/wait_budget.hpp"

namespace locum {

/// Where a change is made.
enum class ChangedBy : std::uint8_t {
  caller,   ///< a thread that may wait: if another process holds a lock, it is retried until the
            ///< deadline
  service,  ///< a step of the channel, for another rank: if another process holds a lock, `timeout`, and the
            ///< change is not made
};

/// The changes that this node decides: of names at home here, and of its objects. Parts that can be done at
/// once are functions; notifying other nodes afterwards is a task, which completes whether or not anybody
/// waits. A call of this rank awaits it in its operation (RemoteWriter), a request of another rank begins one
/// that replies (NameService, ObjectService). Any thread may call.
class NameChanges final {
 public:
  using Moment = Deadline::Clock::time_point;

  NameChanges(NodeMemory memory, const NodeClient& client, std::shared_ptr<CopyHolders> copy_holders,
              ChangedBy by);

  /// Binds a name to another object. `attempt(options)`: Result<std::uint64_t>, binds in this node's
  /// directory; called again whenever other changes overtake it. Must be followed by finish().
  template <class Attempt>
  [[nodiscard]] Result<Bound> bind(std::uint32_t store, std::string_view name, const SealOptions& options,
                                   const WaitBudget& budget, Attempt attempt) const {
    return bind_exactly(
        *memory_.directory, store, name, options, budget, attempt,
        [&](const Pin& old) { return referent(old); },
        [&] {
          return expired_generation(*memory_.directory, *memory_.table, *memory_.arena, store, name, budget);
        });
  }
  /// The former object of an unbound name.
  struct Unbound {
    bool was_there = false;
    std::optional<Key> elsewhere;  ///< an object of another node, to be evicted there
    std::optional<Key> outdated;   ///< an evicted object of this node, whose copies are to be invalidated
  };
  /// Unbinds a name at home here, whatever it is bound to. With `only`: only if it is bound to that object of
  /// another node, which stays. Must be followed by finish().
  [[nodiscard]] Result<Unbound> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                       const WaitBudget& budget) const;
  /// Evicts the former object of a name: an object of another node, or the copies of one of this node, or
  /// nothing.
  [[nodiscard]] Task<Result<void>> finish(std::optional<Key> elsewhere, std::optional<Key> outdated,
                                          Moment until) const;
  /// Makes an attempt, a function of its budget that may wait for a lock, as ChangedBy describes.
  template <class Try>
  [[nodiscard]] Task<std::invoke_result_t<Try, WaitBudget>> until_unlocked(Moment until, Try attempt) const;
  /// Lets the home of the name, another node, do unbind() and finish(). False if it was not bound.
  [[nodiscard]] Task<Result<bool>> unbind_at(int home, std::uint32_t store, std::string_view name, Key only,
                                             Moment until) const;
  /// Evicts an object of this node everywhere: unbinds its name, wherever that is at home, then evicts the
  /// object, and then its copies.
  [[nodiscard]] Task<Result<bool>> evict(Key key, Moment until) const;
  /// The same, without its copies.
  [[nodiscard]] Task<Result<bool>> unpublish(Key key, Moment until) const;

 private:
  template <class Try>
  [[nodiscard]] static Task<std::invoke_result_t<Try, WaitBudget>> at_once(Moment until, Try attempt);
  [[nodiscard]] Task<Result<bool>> unpublish_with_name_elsewhere(int home, const Pin& pin,
                                                                 Moment until) const;
  [[nodiscard]] Task<Result<void>> retire(Key key, Moment until) const;
  [[nodiscard]] Task<std::monostate> retire_later(Key key, BackOff back_off) const;
  [[nodiscard]] std::optional<Key> referent(const Pin& old) const;

  const NodeMemory memory_;
  const NodeClient& client_;
  const Nodes& nodes_;
  const std::shared_ptr<CopyHolders> copy_holders_;
  const ChangedBy by_;
};

template <class Try>
Task<std::invoke_result_t<Try, WaitBudget>> NameChanges::until_unlocked(Moment until, Try attempt) const {
  if (by_ == ChangedBy::caller) {
    return locum::until_unlocked(client_, until, std::move(attempt));
  }
  return at_once(until, std::move(attempt));
}

template <class Try>
Task<std::invoke_result_t<Try, WaitBudget>> NameChanges::at_once(Moment until, Try attempt) {
  const WaitBudget budget = co_await Operation::Budget();
  co_return attempt(budget.until(until));
}

}  // namespace locum
