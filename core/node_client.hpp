#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "connector.hpp"
#include "deadline.hpp"
#include "nodes.hpp"
#include "operation.hpp"
#include "progress.hpp"
#include "standby.hpp"

namespace locum {

/// A question to a node, of an operation: `co_await` it for the answer. Asked by who drives, in whose hands
/// the operation goes on.
class Asked final : public Operation::Begun {
 public:
  /// Copies what it needs of body and bulk, as an Inquiry does. Throws std::bad_alloc.
  Asked(Nodes& nodes, int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
        Deadline::Clock::time_point until);

  /// As of NodeClient::ask(); throws std::bad_alloc, nothing has been asked then.
  [[nodiscard]] Result<NodeAnswer> await_resume();

 private:
  class Kept;

  [[nodiscard]] bool begin(Operation& operation) override;

  Nodes& nodes_;
  const int node_;
  std::shared_ptr<Inquiry> inquiry_;
  Kept& kept_;  ///< the inquiry
};

/// Asks other nodes and waits for what they say, moving messages meanwhile. Any thread may call; from within
/// a step of the exchange only what does not wait: asked(), moment() and now().
class NodeClient {
 public:
  /// \param timeout for calls without a deadline of their own
  NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
             std::shared_ptr<Standby> standby, std::chrono::milliseconds timeout);

  [[nodiscard]] const Nodes& nodes() const noexcept { return *nodes_; }
  [[nodiscard]] Progress& progress() const noexcept { return *progress_; }
  /// The answer, the other side's error, `timeout`, `peer_lost` if no rank of the node can be asked, or
  /// `closed` if all of them have closed. `wanted`: whether who asks still waits for it; else `timeout`.
  /// Throws std::bad_alloc (and what `wanted` throws): unless that did, nothing has been asked.
  [[nodiscard]] Result<NodeAnswer> ask(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                       Deadline deadline, const Wanted& wanted = {}) const;
  /// An operation that asks by asked(), and begins with that task. Throws std::bad_alloc.
  template <class T>
  [[nodiscard]] Held<OperationOf<T>> operation(Task<T> first) const {
    return OperationOf<T>::make(*progress_, *standby_, std::move(first));
  }
  /// That of a thread that begins operations, and is not to wait.
  [[nodiscard]] Haste haste() const noexcept { return standby_->haste(); }
  /// ask(), as a part of an operation.
  [[nodiscard]] Asked asked(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                            Deadline::Clock::time_point until) const {
    return Asked(*nodes_, node, kind, body, std::move(bulk), until);
  }
  /// Runs an operation whose tasks give up at `until`, and waits for it; asks every `look_interval` whether
  /// it is still `wanted`, if that is not empty. False: it was not, or it goes on though its time has passed.
  [[nodiscard]] bool run(Operation& operation, Deadline::Clock::time_point until,
                         const Wanted& wanted = {}) const;
  /// Has `step` run by who drives, and waits until `pending` is done, which that step, or a later one of the
  /// exchange, makes so; false: `until` has passed.
  [[nodiscard]] bool await(const Pending& pending, const std::function<void()>& step,
                           Deadline::Clock::time_point until) const;
  /// Waits for so long, and moves messages meanwhile.
  void pause(Deadline::Clock::duration duration) const;
  /// The moment at which a call with this deadline gives up.
  [[nodiscard]] Deadline::Clock::time_point moment(Deadline deadline) const {
    return deadline.moment(timeout_, progress_->now());
  }
  [[nodiscard]] Deadline::Clock::time_point now() const { return progress_->now(); }

 private:
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Progress> progress_;
  const std::shared_ptr<Standby> standby_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace locum
