#include "transport/ucx/ucx_transport.hpp"

#include <algorithm>
#include <utility>

#include "core/rpc/call_error.hpp"
#include "transport/ucx/error.hpp"

namespace locum::ucx {
namespace {

// Longest sleep after the last movement, and after many sleeps without any.
constexpr std::chrono::milliseconds first_sleep{20};
constexpr std::chrono::milliseconds last_sleep{1000};
// How long UCX may refuse to be armed although nothing moves before it is not asked again for a while, and
// how long that while is: at first, and after many without any movement.
constexpr std::chrono::microseconds longest_refusal{100};
constexpr std::chrono::microseconds first_nap{100};
constexpr std::chrono::microseconds last_nap{2000};
/// As many as one call of UCX took by itself.
constexpr int most_events = 16;

Error lost_error(int rank, ucs_status_t cause) {
  return Error(Errc::peer_lost,
               "rank " + std::to_string(rank) +
                   " can no longer be reached: its process has ended, the connection is broken, or over TCP "
                   "`ulimit -n` is too low for another one",
               std::string("UCX: ") + ucs_status_string(cause))
      .at_rank(rank);
}

}  // namespace

UcxTransport::UcxTransport(Context context, Worker worker, Addresses addresses, int rank,
                           const TransportOptions& options)
    : rank_(rank),
      options_(options),
      addresses_(std::move(addresses)),
      peers_(static_cast<std::size_t>(addresses_.ranks())),
      context_(std::move(context)),
      worker_(std::move(worker)),
      doorbell_(worker_.event_descriptor()),
      longest_sleep_(first_sleep),
      next_nap_(first_nap) {
  new_.reserve(8 * peers_.size());  // each event that adds a peer happens once between two calls
  gone_.reserve(peers_.size());
  for (Peer& peer : peers_) {
    peer.transport = this;
    peer.shares = !options_.bulks_apart;
  }
  receive_messages();
}

// In bounded time, whoever is dead: waiting messages may leave, then everything is cut.
UcxTransport::~UcxTransport() {
  const Clock::time_point deadline = Clock::now() + options_.close_timeout;
  drive_until(deadline, [this] {
    return std::ranges::none_of(peers_, [](const Peer& peer) {
      return !peer.unsent.empty() &&
             (peer.state == Peer::State::connecting || peer.state == Peer::State::open);
    });
  });
  flush(deadline);
  for (Peer& peer : peers_) {
    peer.state = Peer::State::lost;
    drop_waiting(peer, UCS_ERR_CANCELED);
    peer.bulks.close();
    peer.endpoint.close();
  }
  const Clock::time_point end = std::max(deadline, Clock::now() + std::chrono::milliseconds(100));
  drive_until(end, [this] {
    return std::ranges::all_of(peers_, [](const Peer& peer) { return peer.under_way == 0; });
  });
  settle(end);
  for (Peer& peer : peers_) {
    peer.keys.clear();  // the worker owns them
  }
}

// UCX replies to a rank that announces a large bulk now over an endpoint that it creates itself. UCX 1.13
// ends the process if its worker is to be destroyed while that connects.
//
// The flush takes up one endpoint in each call of progress, and then checks for its end in each, but wakes no
// sleeper. All have to be taken up before the worker is destroyed: if not, UCX counts the next one as in use,
// and ends the process (ucp_ep.c, ucp_ep_delete: 1.16, when a link was slow or lost packets).
void UcxTransport::settle(Clock::time_point deadline) noexcept {
  const ucp_request_param_t params{};
  ucs_status_ptr_t request = ucp_worker_flush_nbx(worker_.handle(), &params);
  if (UCS_PTR_IS_PTR(request)) {
    const auto is_over = [request] { return ucp_request_check_status(request) != UCS_INPROGRESS; };
    // Two of our own for each rank, though most are closed; and as many that UCX may have created.
    for (std::size_t call = 0; call < 4 * peers_.size() && !is_over(); ++call) {
      drive_once();
    }
    while (!is_over() && Clock::now() < deadline) {
      if (!drive_once()) {
        doorbell_.sleep(std::min<Clock::time_point>(deadline, Clock::now() + nap()));
      }
    }
    ucp_request_free(request);
  }
}

void UcxTransport::flush(Clock::time_point deadline) {
  ucp_request_param_t params{};
  std::vector<void*> requests;
  requests.reserve(2 * peers_.size());
  for (const Peer& peer : peers_) {
    for (const Endpoint* endpoint : {&peer.endpoint, &peer.bulks}) {
      if (peer.state == Peer::State::open && endpoint->is_open()) {
        ucs_status_ptr_t request = ucp_ep_flush_nbx(endpoint->handle(), &params);
        if (UCS_PTR_IS_PTR(request)) {
          requests.push_back(request);
        }
      }
    }
  }
  drive_until(deadline, [&requests] {
    return std::ranges::all_of(
        requests, [](void* request) { return ucp_request_check_status(request) != UCS_INPROGRESS; });
  });
  std::ranges::for_each(requests, ucp_request_free);
}

// UCX takes one event of its sockets a call (take_one_event_at_a_time). Where connections are waiting to be
// advanced it is called for each event that the sockets may have: see the beginning of connecting.cpp.
bool UcxTransport::poll() noexcept {
  bool moved = worker_.progress();
  for (int events = 1; has_new() && events < most_events && worker_.progress(); ++events) {
    moved = true;
  }
  return moved;
}

// Without a receiver: messages that arrive meanwhile are dropped.
bool UcxTransport::drive_once() noexcept {
  const bool moved = poll();
  advance_new();
  return moved;
}

void UcxTransport::drive_until(Clock::time_point deadline, const std::function<bool()>& finished) noexcept {
  while (!finished() && Clock::now() < deadline) {
    if (drive_once()) {
      heed_movement();
    } else if (!has_new() && arm_worker()) {
      doorbell_.sleep(refuses_ ? std::min(deadline, Clock::now() + nap()) : deadline);
    }
  }
}

Result<Sending> UcxTransport::send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                                   std::uint64_t ticket) {
  if (to < 0 || to >= addresses_.ranks() || header.empty() || header.size() > max_header_bytes) {
    return call_error::wrong_message(max_header_bytes);
  }
  Peer& target = peer(to);
  if (to != rank_) {
    connect(target);
    if (target.state == Peer::State::broken || target.state == Peer::State::lost) {
      return lost_error(to, target.cause);
    }
    if (target.under_way >= options_.most_under_way) {
      return call_error::not_received(to);
    }
  }
  Transfer* transfer = &pool_.take();
  transfer->transport = this;
  const bool copied = bulk.size() <= copied_bytes;
  transfer->kind = copied ? Transfer::Kind::message : Transfer::Kind::bulk;
  transfer->peer = to;
  transfer->number = ticket;
  transfer->letter = write(transfer->room, {.sender = rank_, .session = addresses_.session()}, header);
  transfer->bulk = bulk;
  if (copied) {
    std::ranges::copy(bulk, transfer->copy.begin());
    transfer->bulk = std::span(transfer->copy).first(bulk.size());
  }
  if (to != rank_ && (target.state != Peer::State::open || !target.unsent.empty())) {
    ++target.under_way;
    target.unsent.push(*transfer);
    return copied ? Sending::done : Sending::pending;
  }
  if (to != rank_) {
    return post(target, *transfer);
  }
  own_.push(*transfer);
  if (armed_) {
    doorbell_.ring();
  }
  return copied ? Sending::done : Sending::pending;
}

bool UcxTransport::progress(Receiver& receiver) {
  if (armed_.load(std::memory_order_relaxed)) {  // no other thread writes it meanwhile
    armed_.store(false, std::memory_order_relaxed);
    doorbell_.disarm();
  }
  receiver_ = &receiver;
  bool moved = poll();
  receiver_ = nullptr;
  quiet_ = !moved;
  for (; foreign_ > 0; --foreign_) {
    receiver.dropped_foreign();
  }
  if (has_new() || !own_.empty() || !done_.empty() || !gone_.empty() ||
      unreachable_.load(std::memory_order_relaxed) > 0) {
    advance_new();
    try_unreachable();
    moved = tell_own(receiver) || moved;
    moved = tell_done(receiver) || moved;
    moved = tell_lost(receiver) || moved;
  }
  if (moved) {
    heed_movement();
  }
  return moved;
}

void UcxTransport::heed_movement() noexcept {
  longest_sleep_.store(first_sleep, std::memory_order_relaxed);
  next_nap_.store(first_nap, std::memory_order_relaxed);
  refused_since_ = Clock::time_point::max();
  refuses_.store(false, std::memory_order_relaxed);
}

// UCX must have had nothing to do: events left over by one call of its progress raise no event of their own.
// And when it refuses to be armed, it forgets the attempt.
bool UcxTransport::arm() {
  if (!quiet_ || something_to_tell() || !arm_worker()) {
    return false;
  }
  armed_.store(true, std::memory_order_relaxed);
  return true;
}

// Over shared memory UCX refuses as long as a message waits for room in another rank's queue, or lies in its
// own behind one that a rank was writing when it was killed: for as long as the other computes, or for ever.
// Repeated attempts would keep a core busy, and never end a wait that is over. So after a while it counts as
// armed, and the sleeper polls at intervals; a thread that already sleeps is notified. At short intervals at
// first: the other one may be taking a large bulk out of its queue, and need this one's processor.
bool UcxTransport::arm_worker() noexcept {
  quiet_ = worker_.arm();
  if (quiet_) {
    refused_since_ = Clock::time_point::max();
    refuses_.store(false, std::memory_order_relaxed);
    doorbell_.arm();
    return true;
  }
  const Clock::time_point now = Clock::now();
  refused_since_ = std::min(refused_since_, now);
  if (now - refused_since_ < longest_refusal) {
    return false;
  }
  if (!refuses_.exchange(true, std::memory_order_relaxed)) {
    doorbell_.ring();
  }
  return true;
}

// Length of this sleep.
std::chrono::microseconds UcxTransport::nap() noexcept {
  const std::chrono::microseconds now = next_nap_.load(std::memory_order_relaxed);
  next_nap_.store(std::min(2 * now, last_nap), std::memory_order_relaxed);
  return now;
}

// Not until `moment` if that is far: on a busy machine (Linux 6.18, UCX 1.13.1) one process in some 150 did
// not wake although a datagram lay in one of UCX's sockets, which the epoll descriptor over them did not
// report. A sleeper that nobody would wake again has to poll; soon after something moved, which is when it
// was seen, then ever less often. While another thread makes progress, that one polls.
void UcxTransport::sleep(Clock::time_point moment) {
  bool over = false;
  while (!over) {
    const bool tries = unreachable_.load(std::memory_order_relaxed) > 0;
    const std::chrono::milliseconds longest =
        tries ? first_sleep : longest_sleep_.load(std::memory_order_relaxed);
    const bool naps = refuses_.load(std::memory_order_relaxed);
    const Clock::time_point until =
        std::min<Clock::time_point>(moment, Clock::now() + (naps ? nap() : Clock::duration(longest)));
    over = doorbell_.sleep(until) || until == moment || armed_.load(std::memory_order_relaxed);
    longest_sleep_.store(std::min(2 * longest, last_sleep), std::memory_order_relaxed);
  }
}

bool UcxTransport::something_to_tell() const noexcept {
  return !own_.empty() || !done_.empty() || !new_.empty() || std::ranges::any_of(gone_, [this](int rank) {
    return peers_[static_cast<std::size_t>(rank)].under_way == 0;
  });
}

bool UcxTransport::tell_own(Receiver& receiver) noexcept {
  TransferQueue messages = std::exchange(own_, {});
  const bool any = !messages.empty();
  while (Transfer* transfer = messages.pop()) {
    const Arrival message{.from = rank_,
                          .header = transfer->letter.subspan(Envelope::bytes),
                          .bulk_bytes = transfer->bulk.size(),
                          .present = transfer->bulk};
    static_cast<void>(receiver.arrived(message));
    if (transfer->kind == Transfer::Kind::bulk) {
      receiver.sent(transfer->number, {});
    }
    pool_.give_back(*transfer);
  }
  return any;
}

bool UcxTransport::tell_done(Receiver& receiver) noexcept {
  TransferQueue finished = std::exchange(done_, {});
  const bool any = !finished.empty();
  while (Transfer* transfer = finished.pop()) {
    const std::uint64_t number = transfer->number;
    const bool landing = transfer->kind == Transfer::Kind::landing;
    const ucs_status_t status = transfer->status;
    const int rank = transfer->peer;
    const RemoteMemory::Then then = std::exchange(transfer->then, nullptr);
    const bool read = transfer->kind == Transfer::Kind::read;
    pool_.give_back(*transfer);
    if (read) {
      then(status == UCS_OK ? Result<void>() : to_error(status, "a one-sided read failed").at_rank(rank));
    } else if (landing && status == UCS_OK) {
      receiver.landed(number, Path::rendezvous);
    } else if (landing) {
      receiver.landed(
          number, to_error(status, "the bulk of a message did not arrive; request it again").at_rank(rank));
    } else if (status == UCS_OK) {
      receiver.sent(number, {});
    } else {
      receiver.sent(number, to_error(status, "the bulk of a message was not received").at_rank(rank));
    }
  }
  return any;
}

bool UcxTransport::tell_lost(Receiver& receiver) noexcept {
  bool any = false;
  for (std::size_t at = 0; at < gone_.size();) {
    Peer& lost = peer(gone_[at]);
    drop_waiting(lost, lost.cause);
    lost.bulks.close();
    lost.endpoint.close();
    if (lost.under_way != 0 || !done_.empty()) {
      ++at;  // reported first
      continue;
    }
    const int rank = gone_[at];
    gone_[at] = gone_.back();
    gone_.pop_back();
    lost.state = Peer::State::lost;
    lost.keys.clear();
    receiver.lost(rank, lost_error(rank, lost.cause));
    any = true;
  }
  return any;
}

}  // namespace locum::ucx
