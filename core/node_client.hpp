#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "connector.hpp"
#include "deadline.hpp"
#include "nodes.hpp"
#include "progress.hpp"

namespace locum {

/// Asks other nodes and waits for what they say, moving messages meanwhile. Any thread may call, except from
/// within a step of the exchange.
class NodeClient {
 public:
  /// \param timeout for calls without a deadline of their own
  NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
             std::chrono::milliseconds timeout);

  [[nodiscard]] const Nodes& nodes() const noexcept { return *nodes_; }
  [[nodiscard]] Progress& progress() const noexcept { return *progress_; }
  /// The answer, the other side's error, `timeout`, `peer_lost` if no rank of the node can be asked, or
  /// `closed` if all of them have closed. `wanted`: whether who asks still waits for it; else `timeout`.
  /// Throws std::bad_alloc (and what `wanted` throws): unless that did, nothing has been asked.
  [[nodiscard]] Result<NodeAnswer> ask(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                       Deadline deadline, const Wanted& wanted = {}) const;
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
  const std::chrono::milliseconds timeout_;
};

}  // namespace locum
