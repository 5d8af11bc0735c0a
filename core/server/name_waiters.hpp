#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/value/deadline.hpp"

namespace locum {

/// Registered waits of other ranks for names of this node: the waiting rank, and its deadline. Overdue ones
/// are dropped without a reply, because the waiting rank gives up by itself. One thread at a time.
class NameWaiters {
 public:
  using Clock = Deadline::Clock;

  /// Most waits of one rank, so that no rank fills another's memory: three quarters of the requests that an
  /// channel keeps for a rank. A rank registers once for a promise, however many of its operations wait for
  /// it.
  static constexpr std::size_t most_of_rank = 3072;
  static constexpr std::size_t most_bytes_of_rank = std::size_t{1} << 20U;  ///< of names

  struct Waiter {
    int rank = 0;
    std::uint32_t call = 0;  ///< the sender's number, which the reply repeats
    std::uint32_t store = 0;
    std::string name;
    Clock::time_point until;
    std::uint32_t most_bytes = 0;  ///< of a block that is longer than inline_bytes
  };

  /// \param when_overdue is called with each wait that is dropped because its time is over
  explicit NameWaiters(std::function<void(const Waiter&)> when_overdue = {})
      : when_overdue_(std::move(when_overdue)) {}

  /// False, and nothing is registered, if that rank has too many already.
  [[nodiscard]] bool add(Waiter waiter, Clock::time_point now);
  /// Removes the waits for which `is_served(waiter)` is true. That may call forget(), since sending a reply
  /// may reveal losses.
  template <class IsServed>
  void serve(Clock::time_point now, IsServed is_served) {
    forget_overdue({waiters_.begin(), waiters_.end()}, now);
    serve_each({waiters_.begin(), waiters_.end()}, is_served);
  }
  /// The same for waits for a name with that hash (see name_hash()).
  template <class IsServed>
  void serve_name(std::uint64_t hash, Clock::time_point now, IsServed is_served) {
    forget_overdue(waiters_.equal_range(hash), now);
    serve_each(waiters_.equal_range(hash), is_served);
  }
  /// That rank is lost.
  void forget(int rank);
  [[nodiscard]] std::size_t size() const noexcept { return waiters_.size(); }

 private:
  using Waiters = std::multimap<std::uint64_t, Waiter>;  ///< by the hash of their names
  using Range = std::pair<Waiters::iterator, Waiters::iterator>;
  struct Share {
    std::size_t names = 0;
    std::size_t bytes = 0;
  };

  template <class IsServed>
  void serve_each(Range those, IsServed is_served) {
    serving_ = true;
    for (auto at = those.first; at != those.second;) {
      at = is_served(std::as_const(at->second)) ? remove(at) : std::next(at);
    }
    serving_ = false;
    for (const int rank : std::exchange(gone_, {})) {
      forget(rank);
    }
  }
  void forget_overdue(Range those, Clock::time_point now);
  Waiters::iterator remove(Waiters::iterator at);

  const std::function<void(const Waiter&)> when_overdue_;
  Waiters waiters_;
  std::map<int, Share> shares_;
  bool serving_ = false;
  std::set<int> gone_;  ///< while serving
};

}  // namespace locum
