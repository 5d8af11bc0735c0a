#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/async/operation.hpp"
#include "core/async/progress.hpp"
#include "core/async/standby.hpp"
#include "core/async/transfer_times.hpp"
#include "core/deadline.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// A question to a node, of an operation: `co_await` it for the answer. Asked by who drives, in whose hands
/// the operation goes on.
class Asked final : public Operation::Begun {
 public:
  /// Copies what it needs of body and bulk, as an Inquiry does.
  /// \param node below 0: that rank alone
  /// \param first the rank of the node that is asked first; none: any
  /// \param place of the answer's bulk, as of an Inquiry
  Asked(Nodes& nodes, int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
        Deadline::Clock::time_point until, int first = -1, BulkPlace* place = nullptr);

  /// As of NodeClient::ask().
  [[nodiscard]] Result<NodeAnswer> await_resume();

 private:
  class Kept;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;

  Nodes& nodes_;
  const int node_;
  const int first_;
  std::shared_ptr<Inquiry> inquiry_;
  Kept& kept_;  ///< the inquiry
};

/// A pause of an operation, in the hands of who drives: `co_await` it. Over before its time where the
/// exchange closes.
class Paused final : public Operation::Begun {
 public:
  Paused(Nodes& nodes, Deadline::Clock::time_point until) noexcept : nodes_(nodes), until_(until) {}

  void await_resume() const noexcept {}

 private:
  class Alarm;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;

  Nodes& nodes_;
  const Deadline::Clock::time_point until_;
  Told<bool> over_;
};

/// What a node answered that no node should.
[[nodiscard]] Error senseless_answer(int node);
/// Nobody has said anything to an operation before its deadline.
[[nodiscard]] Error nobody_answered();

/// Asks other nodes and waits for what they say, moving messages meanwhile. Any thread may call; from within
/// a step of the exchange only what does not wait: asked(), moment() and now().
class NodeClient {
 public:
  /// \param timeout for calls without a deadline of their own
  NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
             std::shared_ptr<Standby> standby, std::shared_ptr<TransferTimes> times,
             std::chrono::milliseconds timeout);

  [[nodiscard]] const Nodes& nodes() const noexcept { return *nodes_; }
  [[nodiscard]] Progress& progress() const noexcept { return *progress_; }
  [[nodiscard]] const std::shared_ptr<TransferTimes>& times() const noexcept { return times_; }
  /// The answer, the other side's error, `timeout`, `peer_lost` if no rank of the node can be asked, or
  /// `closed` if all of them have closed. `wanted`: whether who asks still waits for it; else `timeout`.
  /// Throws what `wanted` throws.
  [[nodiscard]] Result<NodeAnswer> ask(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                       Deadline deadline, const Wanted& wanted = {}) const;
  /// An operation that asks by asked(), and begins with that task.
  template <class T>
  [[nodiscard]] Held<OperationOf<T>> operation(Task<T> first) const {
    return OperationOf<T>::make(*progress_, *standby_, std::move(first));
  }
  /// That of a thread that begins operations, and is not to wait.
  [[nodiscard]] const WaitBudget& budget_to_begin() const noexcept { return standby_->budget(); }
  /// ask(), as a part of an operation.
  [[nodiscard]] Asked asked(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                            Deadline::Clock::time_point until, int first = -1) const {
    return Asked(*nodes_, node, kind, body, std::move(bulk), until, first);
  }
  /// asked(), where the bulk of the answer lands as `place` says, which lives until the answer is there.
  [[nodiscard]] Asked asked(int node, Kind kind, std::span<const std::byte> body,
                            Deadline::Clock::time_point until, BulkPlace& place) const {
    return Asked(*nodes_, node, kind, body, {}, until, -1, &place);
  }
  /// asked(), of that rank and no other: `peer_lost` if it is lost.
  [[nodiscard]] Asked asked_rank(int rank, Kind kind, std::span<const std::byte> body,
                                 Deadline::Clock::time_point until) const {
    return Asked(*nodes_, -1, kind, body, {}, until, rank);
  }
  /// pause(), as a part of an operation.
  [[nodiscard]] Paused paused(Deadline::Clock::duration duration) const {
    return {*nodes_, now() + duration};
  }
  /// Runs an operation whose tasks give up at `until`, and waits for it; asks every `look_interval` whether
  /// it is still `wanted`, if that is not empty. False: it was not, or it goes on though its time has passed.
  [[nodiscard]] bool run(Operation& operation, Deadline::Clock::time_point until,
                         const Wanted& wanted = {}) const;
  /// Begins an operation that wait() is then called for, and asks what it has to ask first. Does not wait.
  void begin(Operation& operation) const { (void)operation.run(now()); }
  /// run() of one that has begun.
  [[nodiscard]] bool wait(Operation& operation, Deadline::Clock::time_point until) const;
  /// Waits for so long, and moves messages meanwhile.
  void pause(Deadline::Clock::duration duration) const;
  /// The moment at which a call with this deadline gives up.
  [[nodiscard]] Deadline::Clock::time_point moment(Deadline deadline) const {
    return moment(deadline, progress_->now());
  }
  /// The same of one that began at `now`.
  [[nodiscard]] Deadline::Clock::time_point moment(Deadline deadline, Deadline::Clock::time_point now) const {
    return deadline.moment(timeout_, now);
  }
  [[nodiscard]] Deadline::Clock::time_point now() const { return progress_->now(); }
  /// Of calls without a deadline of their own.
  [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return timeout_; }

 private:
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Progress> progress_;
  const std::shared_ptr<Standby> standby_;
  const std::shared_ptr<TransferTimes> times_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace locum
