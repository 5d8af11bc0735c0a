#include "shm/death/death_watch.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "core/value/error.hpp"
#include "shm/death/adopter.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {
namespace {

using std::chrono::milliseconds;

// Polling intervals: if the system does not report ends of processes, and if it does.
constexpr milliseconds short_period{50};
constexpr milliseconds long_period{1000};
constexpr milliseconds pause_after_failure{500};

}  // namespace

DeathWatch::DeathWatch(std::shared_ptr<Segment> segment, std::uint32_t own,
                       std::span<const ProcessIdentity> processes, Duties duties)
    : segment_(std::move(segment)),
      own_(own),
      lives_(segment_, own),
      duties_(std::move(duties)),
      dead_(std::make_shared<DeadRanks>(segment_->geometry().ranks)),
      node_peers_(node_peers_of(*segment_, own, processes)),
      polled_(node_peers_.size()),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      polls_stop_(stop_event_.is_open()) {
  thread_.start("locum watch", [this] { run(); }).value();
  started_.get_future().get();
}

std::vector<DeathWatch::NodePeer> DeathWatch::node_peers_of(const Segment& segment, std::uint32_t own,
                                                            std::span<const ProcessIdentity> processes) {
  const std::uint32_t ranks = segment.geometry().ranks;
  if (own >= ranks || processes.size() != ranks) {
    throw Error(Errc::invalid_argument, "the node's memory is for " + std::to_string(ranks) +
                                            " processes, rank " + std::to_string(own) + " of it knows " +
                                            std::to_string(processes.size()));
  }
  std::vector<NodePeer> node_peers(ranks);
  std::vector<Descriptor> exits = watched(processes, own);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    node_peers[rank].ending = std::move(exits[rank]);
  }
  return node_peers;
}

DeathWatch::~DeathWatch() {
  stop_.store(true, std::memory_order_relaxed);
  static_cast<void>(::eventfd_write(stop_event_.number(), 1));
}

void DeathWatch::run() {
  try {
    lives_.begin();
  } catch (const Error&) {
    started_.set_exception(std::current_exception());
    return;
  }
  started_.set_value();

  while (!stop_.load(std::memory_order_relaxed)) {
    for (std::uint32_t rank = 0; rank < node_peers_.size(); ++rank) {
      look(rank);
    }
    for (std::uint32_t rank = 0; rank < node_peers_.size(); ++rank) {
      act(rank);
    }
    sleep();
  }
  lives_.leave();
}

void DeathWatch::look(std::uint32_t rank) {
  const Standing standing = lives_.look(rank);
  if (standing == Standing::there) {
    return;
  }
  NodePeer& node_peer = node_peers_[rank];
  const bool ours = standing == Standing::ours;
  dead_->note({rank, ours ? own_ : adopter_of(*segment_, rank)});
  if (!node_peer.lost || node_peer.ours != ours) {
    node_peer.lost = true;
    node_peer.ours = ours;
    node_peer.due = Clock::now();
  }
}

void DeathWatch::act(std::uint32_t rank) {
  NodePeer& node_peer = node_peers_[rank];
  if (!node_peer.pending() || Clock::now() < node_peer.due) {
    return;
  }
  try {
    if (!node_peer.reported) {
      duties_.on_death(rank);
      node_peer.reported = true;
    }
    if (node_peer.ours) {
      duties_.adopt(rank);
      LOCUM_KILL_POINT("adopt: done");
      lives_.tell_adopted(rank);
      LOCUM_KILL_POINT("adopt: told");
      dead_->adopted();
      node_peer.adopted = true;
    }
  } catch (const Error& failure) {
    node_peer.due = Clock::now() + pause_after_failure;
    if (!std::exchange(node_peer.warned, true)) {
      std::fprintf(stderr,
                   "locum: the memory of dead rank %u of this node cannot be adopted yet; this rank retries "
                   "until it can (%s)\n",
                   rank, failure.what());
    }
  }
}

void DeathWatch::sleep() {
  for (std::uint32_t rank = 0; rank < node_peers_.size(); ++rank) {
    polled_[rank] = {.fd = node_peers_[rank].ending.number(), .events = POLLIN, .revents = 0};
  }
  polled_[own_].fd = polls_stop_ ? stop_event_.number() : -1;
  const milliseconds timeout = longest_sleep();
  const int ready = ::poll(polled_.data(), polled_.size(), static_cast<int>(timeout.count()));
  if (ready < 0) {  // the list must not be longer than the process's limit on open files
    ::poll(nullptr, 0, static_cast<int>(std::min(timeout, short_period).count()));
  }
  if (ready <= 0) {
    return;
  }
  // No stop was requested, and this would be readable for ever: it was closed, or is another file by now.
  polls_stop_ = polls_stop_ && (polled_[own_].revents == 0 || stop_.load(std::memory_order_relaxed));
  for (std::uint32_t rank = 0; rank < node_peers_.size(); ++rank) {
    if (rank != own_ && polled_[rank].revents != 0) {
      node_peers_[rank].ending = {};  // reported an end, or was closed by code that closes all descriptors
    }
  }
}

milliseconds DeathWatch::longest_sleep() const noexcept {
  bool often = !polls_stop_;
  Clock::time_point until = Clock::now() + long_period;
  for (std::uint32_t rank = 0; rank < node_peers_.size(); ++rank) {
    if (rank == own_) {
      continue;
    }
    const NodePeer& node_peer = node_peers_[rank];
    if (node_peer.pending()) {
      until = std::min(until, node_peer.due);
    }
    // The end of the owner of its share is reported, or has to be polled for; polling is also needed if the
    // system reported an end and nobody has taken the locks yet, or it was the end of another process.
    const bool over = node_peer.lost || lives_.has_left(rank);
    often = often || (!over && !node_peer.ending.is_open());
  }
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  return std::clamp(left, milliseconds(0), often ? short_period : long_period);
}

}  // namespace locum::shm
