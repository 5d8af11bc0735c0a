#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/back_off.hpp"
#include "core/key.hpp"
#include "core/rpc/exchange.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// An object of another node that is to go out of sight because its name has.
class RemoteEviction {
 public:
  using Clock = Exchange::Clock;

  RemoteEviction() = default;
  RemoteEviction(const RemoteEviction&) = delete;
  RemoteEviction& operator=(const RemoteEviction&) = delete;
  virtual ~RemoteEviction() = default;

 protected:
  /// That it is out of sight, or why that is not known: an error of the other side, `out_of_memory`, where it
  /// goes as soon as the question can be sent, `timeout`, `peer_lost`, or `closed` if this rank is. Once, by
  /// who drives.
  virtual void ended(const Result<void>& outcome) noexcept = 0;

 private:
  friend class RemoteEvictions;

  Key key_;
  Clock::time_point until_;  ///< then whoever wants to know gives up
  bool is_awaited_ = true;
  Clock::time_point due_;  ///< when it is asked for again
  BackOff back_off_{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};
};

/// Tells the nodes of objects that lost their names: nobody else asks for that, and an object that stays is
/// one that nobody knows of. So where the question cannot be sent now, or the other side has no room for it
/// (as after a batch of names), it is asked again, also when nobody waits for the answer any more. A node
/// that has closed shows the object to nobody any more.
///
/// All functions are called by who drives; nothing here waits.
class RemoteEvictions final : public std::enable_shared_from_this<RemoteEvictions> {
 public:
  using Clock = Exchange::Clock;

  RemoteEvictions(std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                  std::chrono::milliseconds timeout);
  RemoteEvictions(const RemoteEvictions&) = delete;
  RemoteEvictions& operator=(const RemoteEvictions&) = delete;

  /// Has the object go. Once for each.
  void retire(std::shared_ptr<RemoteEviction> given, const Key& key, Clock::time_point until) noexcept;
  /// When do_due() is.
  [[nodiscard]] Clock::time_point next_due() const noexcept { return due_; }
  void do_due(Clock::time_point now) noexcept;
  /// Nothing is asked again; who waits is told `error`. What had not gone stays until it is evicted by its
  /// key, or its store is dropped.
  void close(const Error& error) noexcept;

 private:
  void ask(const std::shared_ptr<RemoteEviction>& one) noexcept;
  void answered(const std::shared_ptr<RemoteEviction>& one, const Result<NodeAnswer>& answer) noexcept;
  void ask_later(const std::shared_ptr<RemoteEviction>& one, const Error& error) noexcept;
  static void tell(RemoteEviction& one, const Result<void>& outcome) noexcept;

  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::chrono::milliseconds timeout_;
  std::optional<Error> closed_;
  std::vector<std::shared_ptr<RemoteEviction>> waiting_;  ///< until they are asked for again, in their order
  Clock::time_point due_ = Clock::time_point::max();
};

}  // namespace locum
