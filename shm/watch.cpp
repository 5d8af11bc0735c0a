#include "shm/watch.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "shm/adopter.hpp"
#include "shm/kill_point.hpp"
#include "shm/robust_lock.hpp"

namespace locum::shm {
namespace {

using std::chrono::milliseconds;

// How often we look where the system does not tell us of an ending, and where it does.
constexpr milliseconds short_period{50};
constexpr milliseconds long_period{1000};
// The kernel passes a dying thread's locks on while other threads of its process may still be on their way
// out of it. Their end is what `ending` tells; without it we give them time: they run no instruction of the
// program once they are scheduled again. With it, more: the process may have begun another program.
constexpr milliseconds grace{20};
constexpr milliseconds grace_for_ending{1000};
constexpr milliseconds pause_after_failure{500};

ShareState state_of(const Share& share) noexcept {
  return static_cast<ShareState>(share.state.load(std::memory_order_acquire));
}

}  // namespace

Watch::Watch(std::shared_ptr<Segment> segment, std::uint32_t own, std::span<const ProcessIdentity> processes,
             Duties duties)
    : segment_(std::move(segment)),
      own_(own),
      duties_(std::move(duties)),
      losses_(std::make_shared<Losses>(segment_->geometry().ranks)),
      mates_(mates_of(*segment_, own, processes)),
      polled_(mates_.size()),
      stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      hears_stop_(stop_event_.open()),
      thread_("locum watch", [this] { run(); }) {
  started_.get_future().get();
}

std::vector<Watch::Mate> Watch::mates_of(const Segment& segment, std::uint32_t own,
                                         std::span<const ProcessIdentity> processes) {
  const std::uint32_t ranks = segment.geometry().ranks;
  if (own >= ranks || processes.size() != ranks) {
    throw Error(Errc::invalid_argument, "the node's memory is for " + std::to_string(ranks) +
                                            " processes, rank " + std::to_string(own) + " of it knows " +
                                            std::to_string(processes.size()));
  }
  std::vector<Mate> mates(ranks);
  std::vector<Descriptor> endings = watched(processes, own);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    mates[rank].ending = std::move(endings[rank]);
  }
  return mates;
}

Watch::~Watch() {
  stop_.store(true, std::memory_order_relaxed);
  static_cast<void>(::eventfd_write(stop_event_.number(), 1));
}

void Watch::run() {
  Share& mine = segment_->share(own_);
  if (const int failure = ::pthread_mutex_trylock(&mine.life); failure != 0) {
    started_.set_exception(std::make_exception_ptr(
        Error(Errc::corrupt, "rank " + std::to_string(own_) + " of the node is taken: start the job again",
              std::generic_category().message(failure))));
    return;
  }
  LOCUM_KILL_POINT("bootstrap: life is held");
  mine.state.store(static_cast<std::uint32_t>(ShareState::present), std::memory_order_release);
  LOCUM_KILL_POINT("bootstrap: present");
  started_.set_value();

  while (!stop_.load(std::memory_order_relaxed)) {
    keep_named(own_, 0);
    for (std::uint32_t rank = 0; rank < mates_.size(); ++rank) {
      if (rank != own_) {
        look(rank);
      }
    }
    for (std::uint32_t rank = 0; rank < mates_.size(); ++rank) {
      act(rank);
    }
    sleep();
  }

  LOCUM_KILL_POINT("close: about to leave");
  mine.state.store(static_cast<std::uint32_t>(ShareState::left), std::memory_order_release);
  LOCUM_KILL_POINT("close: left");
  if (RobustLock::is_whole(mine.life)) {
    ::pthread_mutex_unlock(&mine.life);
  }
  LOCUM_KILL_POINT("close: life is free");
  // What we have adopted stays locked: with the end of this thread the system passes it on.
}

// Nobody else writes the word while we hold that rank's lock: what stands there instead is a stray store.
void Watch::keep_named(std::uint32_t rank, std::uint32_t word) noexcept {
  Word32& adopter = segment_->share(rank).adopter;
  if (adopter.load(std::memory_order_relaxed) != word) {
    adopter.store(word, std::memory_order_release);
  }
}

void Watch::look(std::uint32_t rank) {
  Share& share = segment_->share(rank);
  const ShareState state = state_of(share);
  if (mates_[rank].held) {
    keep_named(rank, own_ + 1);
    return;
  }
  if (state == ShareState::absent || state == ShareState::left || !RobustLock::is_whole(share.life)) {
    return;
  }
  switch (::pthread_mutex_trylock(&share.life)) {
    case 0:  // it has left since we read its state
      ::pthread_mutex_unlock(&share.life);
      break;
    case EOWNERDEAD:
      inherit(rank);
      break;
    case EBUSY:
      if (adopter_of(*segment_, rank)) {
        lose(rank, rank);
      }
      break;
    default:  // damaged by a stray store; there is nothing that could be known by it
      break;
  }
}

void Watch::inherit(std::uint32_t rank) {
  Share& share = segment_->share(rank);
  ::pthread_mutex_consistent(&share.life);
  LOCUM_KILL_POINT("adopt: life is inherited");
  if (state_of(share) == ShareState::left) {  // since we looked; who died was another one that looked
    ::pthread_mutex_unlock(&share.life);
    return;
  }
  // No lock speaks for this word any more, and it may be a stray store: so both ends are waited for.
  const std::uint32_t named = share.adopter.load(std::memory_order_acquire);
  const std::uint32_t owner = named == 0 || named > mates_.size() ? rank : named - 1;
  share.adopter.store(own_ + 1, std::memory_order_release);
  LOCUM_KILL_POINT("adopt: adopter is named");
  mates_[rank].held = true;
  lose(rank, owner);
}

void Watch::lose(std::uint32_t rank, std::uint32_t owner) {
  Mate& mate = mates_[rank];
  losses_->note({rank, mate.held ? own_ : adopter_of(*segment_, rank)});
  if (mate.lost && !mate.held) {
    return;  // known; who adopts it may be another one now
  }
  mate.lost = true;
  mate.owner = owner;
  mate.due = Clock::now() + time_to_end(mate);
}

// How long until no thread of the process, and none of who owned its share before us, is left.
milliseconds Watch::time_to_end(const Mate& mate) const noexcept {
  const auto of = [](const Mate& ending) {
    return ending.ended ? milliseconds(0) : ending.ending.open() ? grace_for_ending : grace;
  };
  return std::max(of(mate), of(mates_[mate.owner]));
}

void Watch::act(std::uint32_t rank) {
  Mate& mate = mates_[rank];
  if (!mate.pending() || Clock::now() < mate.due) {
    return;
  }
  try {
    if (!mate.mourned) {
      duties_.on_death(rank);
      mate.mourned = true;
    }
    if (mate.held) {
      duties_.adopt(rank);
      LOCUM_KILL_POINT("adopt: done");
      segment_->share(rank).state.store(static_cast<std::uint32_t>(ShareState::adopted),
                                        std::memory_order_release);
      LOCUM_KILL_POINT("adopt: told");
      mate.adopted = true;
    }
  } catch (const std::exception& failure) {
    mate.due = Clock::now() + pause_after_failure;
    if (!std::exchange(mate.complained, true)) {
      std::fprintf(
          stderr,
          "locum: what the dead rank %u of this node had cannot be taken over yet, it is tried again "
          "until it can (%s)\n",
          rank, failure.what());
    }
  }
}

void Watch::sleep() {
  for (std::uint32_t rank = 0; rank < mates_.size(); ++rank) {
    polled_[rank] = {.fd = mates_[rank].ending.number(), .events = POLLIN, .revents = 0};
  }
  polled_[own_].fd = hears_stop_ ? stop_event_.number() : -1;
  const milliseconds timeout = longest_sleep();
  const int ready = ::poll(polled_.data(), polled_.size(), static_cast<int>(timeout.count()));
  if (ready < 0) {  // the system takes no list that is longer than a process's limit on open files
    ::poll(nullptr, 0, static_cast<int>(std::min(timeout, short_period).count()));
  }
  if (ready <= 0) {
    return;
  }
  // Nobody stops us, and this would be so for ever: it was closed, or is another file by now.
  hears_stop_ = hears_stop_ && (polled_[own_].revents == 0 || stop_.load(std::memory_order_relaxed));
  for (std::uint32_t rank = 0; rank < mates_.size(); ++rank) {
    if (rank != own_ && polled_[rank].revents != 0) {
      note_end(rank, (polled_[rank].revents & POLLIN) != 0);
    }
  }
}

// Of no use any more, whether it told of an end or was closed by somebody who closes all that is open.
void Watch::note_end(std::uint32_t rank, bool told) {
  mates_[rank].ending = {};
  mates_[rank].ended = told;
  for (Mate& mate : mates_) {
    if (mate.pending() && (mate.owner == rank || &mate == &mates_[rank])) {
      mate.due = std::min(mate.due, Clock::now() + time_to_end(mate));
    }
  }
}

milliseconds Watch::longest_sleep() const noexcept {
  bool often = !hears_stop_;
  Clock::time_point until = Clock::now() + long_period;
  for (std::uint32_t rank = 0; rank < mates_.size(); ++rank) {
    if (rank == own_) {
      continue;
    }
    const Mate& mate = mates_[rank];
    if (mate.pending()) {
      until = std::min(until, mate.due);
    }
    // Whoever holds its lock tells us when it ends, or we have to see for ourselves; so also where somebody
    // has named itself its adopter since we looked, and no end is left to be told.
    const bool over = mate.held || state_of(segment_->share(rank)) == ShareState::left;
    const auto adopter = adopter_of(*segment_, rank);
    const bool unseen = adopter && !mate.lost;
    often = often || (!over && (unseen || !mates_[adopter.value_or(rank)].ending.open()));
  }
  const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
  return std::clamp(left, milliseconds(0), often ? short_period : long_period);
}

}  // namespace locum::shm
