#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/async/haste.hpp"
#include "core/async/node_client.hpp"
#include "core/base/back_off.hpp"
#include "core/copies/copy_holders.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/reference.hpp"

namespace locum {

/// In whose hands the changes are made.
enum class ChangedBy : std::uint8_t {
  caller,   ///< a thread that may work: where another process holds a lock, it is tried again until the
            ///< deadline
  service,  ///< a step of the exchange, for another rank: then the change ends with `timeout`, and is not
            ///< made
};

/// The changes that this node decides about: of names that are at home here, and of objects that it has. A
/// call of this rank runs them as tasks of its operation (Binder), a request of another rank as an operation
/// that answers it (NameService, ObjectService). They go on whether or not anybody waits. Any thread may
/// call; the tasks of `service` are begun by who drives. A name need only live until the task waits for the
/// first time, if it runs by `service`.
class NameChanges final {
 public:
  using Moment = Deadline::Clock::time_point;

  NameChanges(NodeMemory memory, const NodeClient& client, std::shared_ptr<CopyHolders> copy_holders,
              ChangedBy by);

  /// A name that stands for another object now.
  struct Rebound {
    std::uint64_t generation = 0;
    Result<void>
        old_is_gone;  ///< whether what it stood for before is out of sight everywhere, with its copies
  };
  /// Makes a name stand for another object. `attempt(options)`: Result<std::uint64_t>, binds in this node's
  /// directory; called as often as others overtake it.
  template <class Attempt>
  [[nodiscard]] Task<Result<Rebound>> bind(std::uint32_t store, std::string_view name, SealOptions options,
                                           Moment until, Attempt attempt) const;
  /// Takes a name at home here out of sight, whatever it stands for, and then that, with its copies. With
  /// `only`: only if it stands for that object, which stays. False if it was not there.
  [[nodiscard]] Task<Result<bool>> unbind(std::uint32_t store, std::string_view name, Key only,
                                          Moment until) const;
  /// The same of a name that is at home on another node, which is asked.
  [[nodiscard]] Task<Result<bool>> unbind_at(int home, std::uint32_t store, std::string_view name, Key only,
                                             Moment until) const;
  /// Takes an object of this node out of sight everywhere: its name, wherever that is at home, the object,
  /// and then its copies.
  [[nodiscard]] Task<Result<bool>> evict(Key key, Moment until) const;
  /// The same, but for its copies.
  [[nodiscard]] Task<Result<bool>> unpublish(Key key, Moment until) const;

 private:
  /// Between two attempts: a lock is held for microseconds, or somebody is stopped.
  static constexpr BackOff first_back_off{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};

  template <class Try>
  [[nodiscard]] Task<std::invoke_result_t<Try>> until_unlocked(Moment until, Try attempt) const;
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

// A thread that is not to wait long (Haste) gives up soon: then nothing has been done, and it is tried again
// a little later, as long as there is time.
template <class Try>
Task<std::invoke_result_t<Try>> NameChanges::until_unlocked(Moment until, Try attempt) const {
  for (BackOff back_off = first_back_off;;) {
    if (by_ == ChangedBy::caller) {
      co_await Operation::ToThread();
    }
    const bool tries_again = by_ == ChangedBy::caller && Haste::is_on();
    auto done = attempt();
    const bool locked = tries_again && !done && done.error().code() == Errc::timeout;
    const auto awake = client_.now() + back_off.pause();
    if (!locked || awake >= until) {
      co_return std::move(done);
    }
    co_await client_.paused(back_off.next());
    if (client_.now() < awake) {  // the exchange has closed: nobody waits for locks any more
      co_return std::move(done);
    }
  }
}

template <class Attempt>
Task<Result<NameChanges::Rebound>> NameChanges::bind(std::uint32_t store, std::string_view name,
                                                     SealOptions options, Moment until,
                                                     Attempt attempt) const {
  const auto bind_now = [&] {
    return bind_exactly(*memory_.directory, store, name, options, until, attempt,
                        [&](const Pin& old) { return referent(old); });
  };
  const auto bound = co_await until_unlocked(until, bind_now);
  if (!bound) {
    co_return bound.error();
  }
  Rebound rebound{bound->generation, {}};
  if (bound->replaced) {
    rebound.old_is_gone = co_await retire(*bound->replaced, until);
  } else if (bound->outdated) {
    rebound.old_is_gone = co_await copy_holders_->dissolve(*bound->outdated, until);
  }
  co_return rebound;
}

}  // namespace locum
