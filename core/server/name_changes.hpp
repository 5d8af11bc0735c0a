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
#include "core/node/node_memory.hpp"
#include "core/node/reference.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// In whose hands the changes are made.
enum class ChangedBy : std::uint8_t {
  caller,   ///< a thread that may work: where another process holds a lock, it is tried again until the
            ///< deadline
  service,  ///< a step of the exchange, for another rank: then the change ends with `timeout`, and is not
            ///< made
};

/// The changes that this node decides about: of names that are at home here, and of objects that it has. What
/// can be decided at once is a function; what other nodes have to be told of after that is a task, which goes
/// on whether or not anybody waits. A call of this rank awaits it in its operation (Binder), a request of
/// another rank begins one that answers it (NameService, ObjectService). Any thread may call.
class NameChanges final {
 public:
  using Moment = Deadline::Clock::time_point;

  NameChanges(NodeMemory memory, const NodeClient& client, std::shared_ptr<CopyHolders> copy_holders,
              ChangedBy by);

  /// Makes a name stand for another object. `attempt(options)`: Result<std::uint64_t>, binds in this node's
  /// directory; called as often as others overtake it. finish() is to follow.
  template <class Attempt>
  [[nodiscard]] Result<Bound> bind(std::uint32_t store, std::string_view name, const SealOptions& options,
                                   const WaitBudget& budget, Attempt attempt) const {
    return bind_exactly(*memory_.directory, store, name, options, budget, attempt,
                        [&](const Pin& old) { return referent(old); });
  }
  /// What an unbound name stood for.
  struct Unbound {
    bool was_there = false;
    std::optional<Key> elsewhere;  ///< an object of another node; to be retired
    std::optional<Key> outdated;   ///< an object of this node, gone; its copies are to be dissolved
  };
  /// Takes a name at home here out of sight, whatever it stands for. With `only`: only if it stands for that
  /// object of another node, which stays. finish() is to follow.
  [[nodiscard]] Result<Unbound> unbind(std::uint32_t store, std::string_view name, const Key& only,
                                       const WaitBudget& budget) const;
  /// Takes out of sight what a name stood for: an object of another node, or the copies of one of this node,
  /// or nothing.
  [[nodiscard]] Task<Result<void>> finish(std::optional<Key> elsewhere, std::optional<Key> outdated,
                                          Moment until) const;
  /// Makes an attempt, a function of its budget that may wait for a lock, as ChangedBy says.
  template <class Try>
  [[nodiscard]] Task<std::invoke_result_t<Try, WaitBudget>> until_unlocked(Moment until, Try attempt) const;
  /// Has another node do what unbind() and finish() do, at which the name is at home. False if it was not
  /// there.
  [[nodiscard]] Task<Result<bool>> unbind_at(int home, std::uint32_t store, std::string_view name, Key only,
                                             Moment until) const;
  /// Takes an object of this node out of sight everywhere: its name, wherever that is at home, the object,
  /// and then its copies.
  [[nodiscard]] Task<Result<bool>> evict(Key key, Moment until) const;
  /// The same, but for its copies.
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
