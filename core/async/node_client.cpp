#include "core/async/node_client.hpp"

#include <algorithm>

namespace locum {

namespace {

using namespace std::chrono_literals;

// The channel itself reports at the deadline who did not reply. This thread waits a little longer for that.
constexpr auto grace = 100ms;

Deadline::Clock::time_point with_grace(Deadline::Clock::time_point until) {
  return until > Deadline::Clock::time_point::max() - grace ? until : until + grace;
}

}  // namespace

/// What the channel owns of a ReplyAwaiter.
class ReplyAwaiter::Kept final : public NodeRequest {
 public:
  using NodeRequest::NodeRequest;

  OneShot<Result<NodeReply>> reply;

 private:
  void told(Result<NodeReply> what) noexcept override { reply.tell(std::move(what)); }
};

ReplyAwaiter::ReplyAwaiter(Nodes& nodes, int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                           Deadline::Clock::time_point until, int first, BulkPlace* place, Urgency urgency)
    : nodes_(nodes),
      node_(node),
      first_(first),
      inquiry_(std::make_shared<Kept>(kind, body, std::move(bulk), until, place, urgency)),
      kept_(static_cast<Kept&>(*inquiry_)) {}

bool ReplyAwaiter::begin(Operation& operation) noexcept {
  if (node_ < 0) {
    nodes_.ask_rank(first_, inquiry_);
  } else {
    nodes_.ask(node_, inquiry_, first_);
  }
  return kept_.reply.is_told(operation);
}

Result<NodeReply> ReplyAwaiter::await_resume() {
  return kept_.reply.await_resume();
}

/// Fires on destruction, by the channel at its moment, or when the channel closes.
class Paused::Alarm {
 public:
  explicit Alarm(OneShot<bool>& over) noexcept : over_(over) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { over_.tell(true); }

 private:
  OneShot<bool>& over_;
};

bool Paused::begin(Operation& operation) noexcept {
  nodes_.call_at(until_, [alarm = std::make_shared<Alarm>(over_)] {});
  return over_.is_told(operation);
}

Error NodeClient::nobody_answered() const {
  return call_error::late_owner(serves());
}

call_error::Serves NodeClient::serves() const noexcept {
  return progress_->drives_only_in_calls() ? call_error::Serves::only_in_calls : call_error::Serves::always;
}

NodeClient::NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
                       std::shared_ptr<BackgroundWorker> worker, std::shared_ptr<TransferTimes> times,
                       std::chrono::milliseconds timeout)
    : nodes_(std::move(nodes)),
      progress_(std::move(progress)),
      worker_(std::move(worker)),
      times_(std::move(times)),
      timeout_(timeout) {}

bool NodeClient::run(Operation& operation, Deadline::Clock::time_point until, const Wanted& wanted) const {
  const auto latest = with_grace(until);
  const auto look_until = [&] { return wanted ? std::min(latest, now() + look_interval) : latest; };
  bool ended = operation.run(look_until());
  while (!ended && wanted && now() < latest && wanted()) {
    ended = operation.wait(look_until());
  }
  if (!ended) {
    operation.forget();
  }
  return ended;
}

bool NodeClient::wait(Operation& operation, Deadline::Clock::time_point until) const {
  const bool ended = operation.wait(with_grace(until));
  if (!ended) {
    operation.forget();
  }
  return ended;
}

void NodeClient::pause(Deadline::Clock::duration duration) const {
  const Pending never;
  (void)progress_->wait(never, progress_->now() + duration);
}

}  // namespace locum
