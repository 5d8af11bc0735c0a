#include "core/node_client.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace locum {

namespace {

using namespace std::chrono_literals;

// The exchange says at the moment itself who did not answer. This thread waits a little longer for that.
constexpr auto grace = 100ms;

Deadline::Clock::time_point with_grace(Deadline::Clock::time_point until) {
  return until > Deadline::Clock::time_point::max() - grace ? until : until + grace;
}

// The question may be sent, and read by a transport, when the call has given up and its caller's memory is
// gone.
Bulk owned(Bulk bulk) {
  if (bulk.keep == nullptr && !bulk.bytes.empty()) {
    const auto copy = std::make_shared<std::byte[]>(bulk.bytes.size());
    std::ranges::copy(bulk.bytes, copy.get());
    bulk = {{copy.get(), bulk.bytes.size()}, copy};
  }
  return bulk;
}

struct Waiting {
  Pending pending;
  std::optional<Result<NodeAnswer>> answer;
};

}  // namespace

NodeClient::NodeClient(std::shared_ptr<Nodes> nodes, std::shared_ptr<Progress> progress,
                       std::chrono::milliseconds timeout)
    : nodes_(std::move(nodes)), progress_(std::move(progress)), timeout_(timeout) {}

Result<NodeAnswer> NodeClient::ask(int node, Kind kind, std::span<const std::byte> body, Bulk bulk,
                                   Deadline deadline, const Wanted& wanted) const {
  const auto until = moment(deadline);
  const auto waiting = std::make_shared<Waiting>();
  inquire(node, kind, body, std::move(bulk), until,
          [progress = progress_.get(), waiting](Result<NodeAnswer> answer) {
            waiting->answer = std::move(answer);
            progress->finish(waiting->pending);
          });
  const auto latest = with_grace(until);
  bool ended = false;
  do {
    ended = progress_->wait(waiting->pending, wanted ? std::min(latest, now() + look_interval) : latest);
  } while (!ended && now() < latest && wanted && wanted());
  if (!ended) {
    return Error(Errc::timeout, "node " + std::to_string(node) +
                                    " did not answer before the deadline; give the call "
                                    "more time, or find out what its ranks do");
  }
  return std::move(*waiting->answer);
}

void NodeClient::inquire(int node, Kind kind, std::span<const std::byte> body, Bulk bulk, Deadline deadline,
                         Nodes::Then then) const {
  bulk = owned(std::move(bulk));
  progress_->submit([nodes = nodes_, node, kind, copy = std::vector<std::byte>(body.begin(), body.end()),
                     bulk = std::move(bulk), until = moment(deadline), then = std::move(then)]() mutable {
    nodes->ask(node, kind, std::move(copy), std::move(bulk), until, std::move(then));
  });
}

bool NodeClient::await(const Pending& pending, std::function<void()> step,
                       Deadline::Clock::time_point until) const {
  progress_->submit(std::move(step));
  return progress_->wait(pending, with_grace(until));
}

void NodeClient::pause(Deadline::Clock::duration duration) const {
  const Pending never;
  (void)progress_->wait(never, progress_->now() + duration);
}

}  // namespace locum
