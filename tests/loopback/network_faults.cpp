#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "tests/loopback/network.hpp"

// Faults of the network, and the notifications of them.
namespace locum::loopback {
namespace {

constexpr auto never = std::chrono::nanoseconds::max();

}  // namespace

void Network::cut(int a, int b, Cut cut) {
  links_.cut(a, b, cut);
  links_.cut(b, a, cut);
}

void Network::heal(int a, int b) {
  links_.heal(a, b);
  links_.heal(b, a);
  release_held();
}

void Network::heal() {
  links_.heal_all();
  release_held();
}

// Directly into the inboxes: held messages precede all that are still in transfer on the same link.
void Network::release_held() {
  for (const auto& parcel : std::exchange(held_, {})) {
    if (arrive(parcel)) {
      announce_soon(parcel->to);
    }
  }
  for (auto& [id, transfer] : transfers_) {
    if (std::exchange(transfer.held, false)) {
      after(latency(transfer.from, transfer.to), [this, held = id] { move(held); });
    }
  }
  for (auto& [id, read] : reads_) {
    if (std::exchange(read.held, false)) {
      after(latency(read.reader, read.owner), [this, held = id] { go_on_reading(held); });
    }
  }
}

void Network::sever(int a, int b) {
  links_.end(a, b);
  links_.end(b, a);
  if (options_.detection.most != never) {
    after(random_.within(options_.detection), [this, a, b] { tell_lost(a, b); });
    after(random_.within(options_.detection), [this, a, b] { tell_lost(b, a); });
  }
}

void Network::kill(int rank) {
  if (alive(rank)) {
    die(rank);
    tell_others(rank);
  }
}

void Network::close(int rank) {
  ranks_[index(rank)].closed = true;
  kill(rank);
}

void Network::die(int rank) {
  note(Step::died, rank, rank, 0);
  bury(rank);
  Rank& dead = ranks_[index(rank)];
  std::erase_if(dead.inbox, [](const auto& item) {
    return std::holds_alternative<std::shared_ptr<Parcel>>(item) || std::holds_alternative<Lost>(item);
  });
  // Its own ends of open transfers fail now; the others' ends when they are told.
  for (auto& [id, transfer] : transfers_) {
    if (transfer.from == rank && std::exchange(transfer.sender_waits, false)) {
      dead.inbox.emplace_back(Sent{transfer.ticket, unreachable(transfer.to)});
    }
    if (transfer.to == rank && std::exchange(transfer.receiver_waits, false)) {
      dead.inbox.emplace_back(Landed{id, unreachable(transfer.from)});
    }
  }
  std::vector<std::uint64_t> own_reads;
  for (const auto& [id, read] : reads_) {
    if (read.reader == rank) {
      own_reads.push_back(id);
    }
  }
  for (const std::uint64_t id : own_reads) {
    end_read(id, unreachable(reads_.at(id).owner));
  }
  std::erase_if(exposures_, [rank](const auto& each) { return each.second.first == rank; });
  if (!dead.inbox.empty()) {
    announce_soon(rank);
  }
}

void Network::tell_others(int rank) {
  const Range& detection = options_.detection;
  if (detection.most == never) {
    return;
  }
  if (detection.most <= detection.least) {
    after(detection.least, [this, rank] {
      for (int observer = 0; observer < size(); ++observer) {
        tell_lost(observer, rank);
      }
    });
    return;
  }
  for (int observer = 0; observer < size(); ++observer) {
    if (observer != rank) {
      after(random_.within(detection), [this, observer, rank] { tell_lost(observer, rank); });
    }
  }
}

void Network::tell_lost(int observer, int peer) {
  if (observer == peer || !alive(observer) || !links_.give_up(observer, peer)) {
    return;
  }
  note(Step::told, observer, peer, 0);
  for (const std::uint64_t id : transfers_between(observer, peer)) {
    end_transfer(id, unreachable(peer));
  }
  end_reads(observer, peer);
  ranks_[index(observer)].inbox.emplace_back(Lost{peer, unreachable(peer)});
  announce_soon(observer);
}

// Like tell_lost, without the notification: the observer already knows.
void Network::forget(int rank, int peer) noexcept {
  if (rank == peer || !alive(rank) || !links_.give_up(rank, peer)) {
    return;
  }
  for (const std::uint64_t id : transfers_between(rank, peer)) {
    end_transfer(id, unreachable(peer));
  }
  end_reads(rank, peer);
}

void Network::kill_all() {
  for (int rank = 0; rank < size(); ++rank) {
    if (alive(rank)) {
      die(rank);
    }
  }
}

}  // namespace locum::loopback
