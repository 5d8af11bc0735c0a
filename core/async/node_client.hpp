#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include "core/async/background_worker.hpp"
#include "core/async/operation.hpp"
#include "core/async/progress.hpp"
#include "core/async/transfer_times.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/call_error.hpp"
#include "core/rpc/nodes.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// A request to a node by an operation: `co_await` it for the reply. The thread that makes progress sends it,
/// and resumes the operation.
class ReplyAwaiter final : public Operation::Begun {
 public:
  /// Copies the parts of body and bulk that it needs, as a NodeRequest does.
  /// \param node negative: only that rank
  /// \param first the rank of the node that is asked first; none: any
  /// \param place of the reply's bulk, as in a NodeRequest
  ReplyAwaiter(Nodes& nodes, int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
               Deadline::Clock::time_point until, int first = -1, BulkPlace* place = nullptr,
               Urgency urgency = Urgency::now);

  /// Returns the reply, the other side's error, `timeout`, `peer_lost` if no rank of the node can be asked,
  /// or `closed` if all of them have closed.
  [[nodiscard]] Result<NodeReply> await_resume();

 private:
  class Kept;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;

  Nodes& nodes_;
  const int node_;
  const int first_;
  std::shared_ptr<NodeRequest> inquiry_;
  Kept& kept_;  ///< the inquiry
};

/// A pause of an operation on the thread that makes progress: `co_await` it. It ends early if the channel
/// closes.
class Paused final : public Operation::Begun {
 public:
  Paused(Nodes& nodes, Deadline::Clock::time_point until) noexcept : nodes_(nodes), until_(until) {}

  void await_resume() const noexcept {}

 private:
  class Alarm;

  [[nodiscard]] bool begin(Operation& operation) noexcept override;

  Nodes& nodes_;
  const Deadline::Clock::time_point until_;
  OneShot<bool> over_;
};

/// Sends requests to other nodes and waits for the replies, making progress meanwhile. Any thread may call;
/// within a step of the channel only functions that do not wait: request(), moment() and now().
class NodeClient {
 public:
  /// \param timeout for calls without a deadline
  NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
             std::shared_ptr<BackgroundWorker> worker, std::shared_ptr<TransferTimes> times,
             std::chrono::milliseconds timeout);

  [[nodiscard]] const Nodes& nodes() const noexcept { return *nodes_; }
  [[nodiscard]] Progress& progress() const noexcept { return *progress_; }
  [[nodiscard]] const std::shared_ptr<TransferTimes>& times() const noexcept { return times_; }
  /// An operation that sends requests by request(), and begins with that task.
  template <class T>
  [[nodiscard]] Held<OperationOf<T>> operation(Task<T> first) const {
    return OperationOf<T>::make(*progress_, *worker_, std::move(first));
  }
  /// The budget of a thread that begins operations, and must not wait.
  [[nodiscard]] const WaitBudget& budget_to_begin() const noexcept { return worker_->budget(); }
  /// Returns a request to a node, which an operation awaits.
  [[nodiscard]] ReplyAwaiter request(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                     Deadline::Clock::time_point until, int first = -1) const {
    return ReplyAwaiter(*nodes_, node, kind, body, std::move(bulk), until, first);
  }
  /// request(), for which no thread waits.
  [[nodiscard]] ReplyAwaiter request(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                     Deadline::Clock::time_point until, Urgency urgency) const {
    return ReplyAwaiter(*nodes_, node, kind, body, std::move(bulk), until, -1, nullptr, urgency);
  }
  /// request(), with the memory for the reply's bulk chosen by `place`, which must exist until the reply is
  /// there.
  [[nodiscard]] ReplyAwaiter request(int node, Kind kind, std::span<const std::byte> body,
                                     Deadline::Clock::time_point until, BulkPlace& place,
                                     Urgency urgency = Urgency::now) const {
    return ReplyAwaiter(*nodes_, node, kind, body, {}, until, -1, &place, urgency);
  }
  /// request(), of that rank only: `peer_lost` if it is lost.
  [[nodiscard]] ReplyAwaiter request_of_rank(int rank, Kind kind, std::span<const std::byte> body,
                                             Deadline::Clock::time_point until) const {
    return ReplyAwaiter(*nodes_, -1, kind, body, {}, until, rank);
  }
  /// Returns a pause, which an operation awaits.
  [[nodiscard]] Paused paused(Deadline::Clock::duration duration) const {
    return {*nodes_, now() + duration};
  }
  /// Runs an operation whose tasks give up at `until`, and waits for it; checks every `look_interval` whether
  /// it is still `wanted`, if that is not empty. False: it was not, or the operation continues past its
  /// deadline.
  [[nodiscard]] bool run(Operation& operation, Deadline::Clock::time_point until,
                         const Wanted& wanted = {}) const;
  /// Begins an operation, up to its first requests; the caller then calls wait(). Does not wait.
  void begin(Operation& operation) const { (void)operation.run(now()); }
  /// The second half of run(), for an operation begun by begin().
  [[nodiscard]] bool wait(Operation& operation, Deadline::Clock::time_point until) const;
  /// Waits for that long, making progress.
  void pause(Deadline::Clock::duration duration) const;
  /// The moment at which a call with this deadline gives up.
  [[nodiscard]] Deadline::Clock::time_point moment(Deadline deadline) const {
    return moment(deadline, progress_->now());
  }
  /// The same for a call made at `now`.
  [[nodiscard]] Deadline::Clock::time_point moment(Deadline deadline, Deadline::Clock::time_point now) const {
    return deadline.moment(timeout_, now);
  }
  [[nodiscard]] Deadline::Clock::time_point now() const { return progress_->now(); }
  /// Of calls without a deadline.
  [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return timeout_; }

  /// The error of an operation that got no reply before its deadline.
  [[nodiscard]] Error nobody_answered() const;

 private:
  [[nodiscard]] call_error::Serves serves() const noexcept;

  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<Progress> progress_;
  const std::shared_ptr<BackgroundWorker> worker_;
  const std::shared_ptr<TransferTimes> times_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace locum
