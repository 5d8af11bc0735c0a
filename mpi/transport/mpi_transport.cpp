#include "mpi/transport/mpi_transport.hpp"

#include <algorithm>
#include <string>

#include "core/rpc/call_error.hpp"
#include "core/value/errors.hpp"
#include "mpi/error.hpp"
#include "mpi/request.hpp"

namespace locum::mpi {
namespace {

// Buffers of sent messages that are kept for the next ones.
constexpr std::size_t most_spare = 256;

Error lost_error(int rank) {
  return Error(Errc::peer_lost, "rank " + std::to_string(rank) +
                                    " can no longer be reached: it was silent for longer than peer_timeout "
                                    "(LOCUM_PEER_TIMEOUT_MS), or has found this rank so")
      .at_rank(rank);
}

}  // namespace

MpiTransport::MpiTransport(Communicator communicator, const TransportOptions& options)
    : options_(options),
      communicator_(std::make_unique<Communicator>(std::move(communicator))),
      raw_(communicator_->raw()),
      rank_(communicator_->rank()),
      size_(communicator_->size()),
      in_mpi_(std::make_unique<InMpi>()),
      peers_(in_mpi_->peers),
      inbound_(in_mpi_->inbound),
      reads_(in_mpi_->reads),
      incoming_(in_mpi_->incoming),
      sleeper_(options.longest_pause) {
  peers_ = std::vector<Peer>(static_cast<std::size_t>(size_));
  for (Incoming& message : incoming_) {
    message.letter.resize(Envelope::bytes + max_header_bytes + options_.eager_bytes);
  }
  int* highest_tag = nullptr;
  int found = 0;
  check(MPI_Comm_get_attr(raw_, MPI_TAG_UB, &highest_tag, &found), "MPI_Comm_get_attr");
  bulk_tags_ = found != 0 ? *highest_tag : 32'767;  // at least that, says the standard
}

MpiTransport::~MpiTransport() {
  close();
}

// Memory that MPI may still use moves to what is kept until the process ends: references to it stay valid.
void MpiTransport::close() noexcept {
  if (closed_) {
    return;
  }
  const bool may_call = why_unusable() == nullptr;
  const bool together = may_call && end_together(Clock::now() + options_.close_timeout);
  const MutexLock lock(asking_);
  closed_ = true;
  if (!may_call) {
    keep_for_good(std::shared_ptr<InMpi>(std::move(in_mpi_)));
  }
  if (together) {
    communicator_.reset();
  } else {
    keep_for_good(std::shared_ptr<Communicator>(std::move(communicator_)));
  }
}

// All ranks come here at about the same time: once nothing of theirs is under way, nobody needs the
// communicator and the window. MPI frees them collectively, and without a deadline: all ranks do, or none, as
// the barrier decides. Returns whether all have come.
bool MpiTransport::end_together(Clock::time_point deadline) {
  bool together = drive_until(deadline, [this] { return is_idle(); });
  if (together) {
    auto barrier = std::make_unique<MPI_Request>(MPI_REQUEST_NULL);
    int done = 0;
    together = MPI_Ibarrier(raw_, barrier.get()) == MPI_SUCCESS &&
               drive_until(deadline + options_.close_timeout, [&] {
                 return MPI_Test(barrier.get(), &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done != 0;
               });
    if (!together) {
      keep_for_good(std::shared_ptr<MPI_Request>(std::move(barrier)));
    }
  }
  // What was sent before the barrier has come, or comes now.
  const bool drained = together && drive_until(Clock::now() + options_.close_timeout,
                                               [this] { return receiving_ == 0 && !message_has_come(); });
  if (together && window_) {
    window_->free();
    in_mpi_->window_memory.reset();
  }
  if (!drained) {
    keep_for_good(std::shared_ptr<InMpi>(std::move(in_mpi_)));
  }
  return together;
}

bool MpiTransport::is_idle() const noexcept {
  return inbound_.empty() && moving_out_.empty() && reads_.empty() &&
         std::ranges::all_of(peers_, [](const Peer& peer) { return peer.sending.empty(); });
}

// Without a receiver: messages that arrive meanwhile are dropped, and bulks that are announced refused.
bool MpiTransport::drive_until(Clock::time_point deadline, const std::function<bool()>& finished) noexcept {
  struct Nobody final : Receiver {
    std::span<std::byte> arrived(const Arrival& /*message*/) noexcept override { return {}; }
    void landed(std::uint64_t /*landing*/, const Result<Path>& /*outcome*/) noexcept override {}
    void sent(std::uint64_t /*ticket*/, const Result<void>& /*outcome*/) noexcept override {}
    void lost(int /*rank*/, const Error& /*cause*/) noexcept override {}
  } nobody;
  Backoff backoff;
  while (!finished()) {
    if (Clock::now() >= deadline) {
      return false;
    }
    if (!progress(nobody)) {
      backoff.pause();
    }
  }
  return true;
}

Result<Sending> MpiTransport::send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                                   std::uint64_t ticket) {
  if (to < 0 || to >= size_ || header.empty() || header.size() > max_header_bytes) {
    return call_error::wrong_message(max_header_bytes);
  }
  const bool copied = bulk.size() <= options_.eager_bytes;
  if (to == rank_) {
    Own& own = own_.emplace_back();
    own.header.assign(header.begin(), header.end());
    own.ticket = ticket;
    own.copied = copied;
    if (copied) {
      own.copy.assign(bulk.begin(), bulk.end());
    } else {
      own.bulk = bulk;
    }
    if (sleeper_.is_armed()) {
      sleeper_.ring();
    }
    return copied ? Sending::done : Sending::pending;
  }
  if (closed_) {
    return runtime_closed();
  }
  Peer& target = peer(to);
  if (target.state != Peer::State::open) {
    return lost_error(to);
  }
  if (is_crowded(target)) {
    reap(target);
    if (is_crowded(target)) {
      return call_error::not_received(to);
    }
  }
  Envelope envelope{.kind = Envelope::Kind::message, .number = 0, .bulk_bytes = bulk.size()};
  if (!copied) {
    envelope.kind = Envelope::Kind::announce;
    envelope.number = ++target.last_number;
  }
  if (!post(to, envelope, header, copied ? bulk : std::span<const std::byte>())) {
    lose(to);
    return lost_error(to);
  }
  if (copied) {
    return Sending::done;
  }
  target.outbound[envelope.number] = {.ticket = ticket, .bulk = bulk, .requests = {}};
  return Sending::pending;
}

bool MpiTransport::is_crowded(const Peer& peer) const noexcept {
  return peer.sending.size() >= options_.most_under_way ||
         peer.outbound.size() >= static_cast<std::size_t>(bulk_tags_);
}

bool MpiTransport::post(int to, const Envelope& envelope, std::span<const std::byte> header,
                        std::span<const std::byte> bulk) noexcept {
  std::unique_ptr<Outgoing> message;
  if (spare_.empty()) {
    message = std::make_unique<Outgoing>();
  } else {
    message = std::move(spare_.back());
    spare_.pop_back();
  }
  write(message->letter, envelope, header, bulk);
  if (MPI_Isend(message->letter.data(), static_cast<int>(message->letter.size()), MPI_BYTE, to, message_tag,
                raw_, &message->request) != MPI_SUCCESS) {
    keep_for_good(std::shared_ptr<Outgoing>(std::move(message)));
    return false;
  }
  Peer& target = peer(to);
  if (target.sending.empty()) {
    sending_to_.push_back(to);
  }
  target.sending.push_back(std::move(message));
  return true;
}

// MPI has sent them, or knows no more of them.
void MpiTransport::reap(Peer& peer) noexcept {
  while (!peer.sending.empty()) {
    int done = 0;
    const int code = MPI_Test(&peer.sending.front()->request, &done, MPI_STATUS_IGNORE);
    if (code == MPI_SUCCESS && done == 0) {
      return;
    }
    if (spare_.size() < most_spare) {
      spare_.push_back(std::move(peer.sending.front()));
    }
    peer.sending.pop_front();
  }
}

void MpiTransport::forget(int rank) noexcept {
  if (closed_ || rank < 0 || rank >= size_ || rank == rank_) {
    return;
  }
  Peer& lost = peer(rank);
  if (!lost.said_gone) {
    lost.said_gone = true;
    (void)post(rank, {.kind = Envelope::Kind::gone}, {}, {});
  }
  lose(rank);
}

void MpiTransport::lose(int rank) noexcept {
  Peer& lost = peer(rank);
  if (lost.state == Peer::State::open) {
    lost.state = Peer::State::forgotten;
    gone_.push_back(rank);
    drop_bulks_of(rank);
  }
}

bool MpiTransport::progress(Receiver& receiver) {
  sleeper_.disarm();
  if (closed_) {
    return tell_own(receiver);
  }
  bool moved = start_receiving();
  moved = receive(receiver) || moved;
  for (std::size_t at = 0; at < sending_to_.size();) {
    Peer& target = peer(sending_to_[at]);
    reap(target);
    if (target.sending.empty()) {
      sending_to_[at] = sending_to_.back();
      sending_to_.pop_back();
    } else {
      ++at;
    }
  }
  moved = tell_own(receiver) || moved;
  moved = tell_bulks(receiver) || moved;
  moved = tell_lost(receiver) || moved;
  if (moved) {
    sleeper_.moved();
  }
  return moved;
}

bool MpiTransport::message_has_come() const noexcept {
  int has_come = 0;
  MPI_Status status;
  return MPI_Iprobe(MPI_ANY_SOURCE, message_tag, raw_, &has_come, &status) == MPI_SUCCESS && has_come != 0;
}

// Takes messages from MPI in the order in which it matches them: of one sender, the order of sending.
bool MpiTransport::start_receiving() noexcept {
  bool any = false;
  while (receiving_ < most_incoming) {
    int has_come = 0;
    MPI_Message matched = MPI_MESSAGE_NULL;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, message_tag, raw_, &has_come, &matched, &status) != MPI_SUCCESS ||
        has_come == 0) {
      return any;
    }
    Incoming& message = incoming_[(first_incoming_ + receiving_) % most_incoming];
    int bytes = 0;
    (void)MPI_Get_count(&status, MPI_BYTE, &bytes);
    message.from = status.MPI_SOURCE;
    message.bytes = bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
    // A longer message, which no rank of this transport sends, is cut off, and then is damaged.
    const int room = static_cast<int>(message.letter.size());
    if (MPI_Imrecv(message.letter.data(), room, MPI_BYTE, &matched, &message.request) != MPI_SUCCESS) {
      message.request = MPI_REQUEST_NULL;
      message.bytes = 0;
    }
    ++receiving_;
    any = true;
  }
  return any;
}

bool MpiTransport::receive(Receiver& receiver) noexcept {
  bool any = false;
  while (receiving_ > 0) {
    Incoming& message = incoming_[first_incoming_];
    int done = 0;
    const int code = MPI_Test(&message.request, &done, MPI_STATUS_IGNORE);
    if (code == MPI_SUCCESS && done == 0) {
      break;
    }
    message.bytes = code == MPI_SUCCESS ? std::min(message.bytes, message.letter.size()) : 0;
    take(receiver, message);
    first_incoming_ = (first_incoming_ + 1) % most_incoming;
    --receiving_;
    any = true;
  }
  return any;
}

void MpiTransport::take(Receiver& receiver, Incoming& message) noexcept {
  const auto opened = Envelope::open(std::span(message.letter).first(message.bytes));
  if (!opened || message.from < 0 || message.from >= size_) {
    receiver.dropped_foreign();
    return;
  }
  const int from = message.from;
  if (opened->envelope.kind == Envelope::Kind::gone) {
    return lose(from);
  }
  if (peer(from).state != Peer::State::open) {
    return forget(from);  // it may not know yet
  }
  switch (opened->envelope.kind) {
    case Envelope::Kind::message:
      static_cast<void>(receiver.arrived({.from = from,
                                          .header = opened->header,
                                          .bulk_bytes = opened->envelope.bulk_bytes,
                                          .present = opened->bulk}));
      break;
    case Envelope::Kind::announce:
      announced(receiver, from, *opened);
      break;
    case Envelope::Kind::pull:
      pulled(from, opened->envelope.number);
      break;
    case Envelope::Kind::refuse:
      refused(from, opened->envelope.number);
      break;
    case Envelope::Kind::gone:
      break;
  }
}

bool MpiTransport::arm() {
  if (closed_) {
    return own_.empty();
  }
  if (receiving_ > 0 || !own_.empty() || !finished_.empty() || message_has_come() ||
      std::ranges::any_of(gone_, [this](int rank) { return !has_bulks_of(rank); })) {
    return false;
  }
  sleeper_.arm();
  return true;
}

// Once closed, it is woken if it was armed before, and then nobody arms it.
void MpiTransport::sleep(Clock::time_point moment) {
  sleeper_.sleep(moment, [this] { return sleeper_shall_wake(); });
}

// Bulks in MPI's hands may have arrived, which the sleeper cannot see.
bool MpiTransport::sleeper_shall_wake() noexcept {
  const MutexLock lock(asking_);
  return closed_ || moving_.load(std::memory_order_relaxed) > 0 || message_has_come();
}

bool MpiTransport::tell_own(Receiver& receiver) noexcept {
  std::vector<Own> messages = std::exchange(own_, {});
  for (const Own& message : messages) {
    const std::span<const std::byte> bulk = message.copied ? std::span(message.copy) : message.bulk;
    static_cast<void>(receiver.arrived(
        {.from = rank_, .header = message.header, .bulk_bytes = bulk.size(), .present = bulk}));
    if (!message.copied) {
      receiver.sent(message.ticket, {});
    }
  }
  return !messages.empty();
}

bool MpiTransport::tell_lost(Receiver& receiver) noexcept {
  bool any = false;
  for (std::size_t at = 0; at < gone_.size();) {
    const int rank = gone_[at];
    if (has_bulks_of(rank) || !finished_.empty()) {
      ++at;  // reported first
      continue;
    }
    gone_[at] = gone_.back();
    gone_.pop_back();
    peer(rank).state = Peer::State::told;
    receiver.lost(rank, lost_error(rank));
    any = true;
  }
  return any;
}

}  // namespace locum::mpi
