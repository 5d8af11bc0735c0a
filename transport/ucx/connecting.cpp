// How two ranks connect: the part of the transport that creates endpoints, retries if that fails, and detects
// broken ones.
//
// Endpoints are opened neither in UCX's callbacks nor in the user's sends, but right after UCX has made
// progress. UCX 1.13 uses the socket that the other rank has opened, if there is one, and ends the process
// if it then finds that the other rank has died and that connecting anew is refused at once, as between
// processes of one machine (tcp_ep.c, uct_tcp_ep_connect and uct_tcp_ep_destroy_progress). Right after UCX
// has polled its sockets it knows of that.

#include <algorithm>
#include <array>
#include <utility>

#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {
namespace {

// The transport's own messages (docs/wire_format.md).
constexpr std::byte bulks_opened{0};
constexpr std::byte bulks_refused{1};
constexpr std::byte hello{2};

// Pause before connecting to an unreachable rank again, at first and after several times: each time UCX 1.13
// reports it on stderr, and keeps a descriptor until the end (uct_tcp_ep_create).
constexpr std::chrono::milliseconds first_try_interval{50};
constexpr std::chrono::milliseconds last_try_interval{1000};

// UCS_INPROGRESS: `then` will be called. A flush after no send sends nothing.
ucs_status_t when_connected(const Endpoint& endpoint, ucp_send_nbx_callback_t then, void* argument) noexcept {
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA;
  params.cb.send = then;
  params.user_data = argument;
  ucs_status_ptr_t request = ucp_ep_flush_nbx(endpoint.handle(), &params);
  return UCS_PTR_IS_PTR(request) ? UCS_INPROGRESS : UCS_PTR_RAW_STATUS(request);
}

}  // namespace

void UcxTransport::connect(Peer& peer) noexcept {
  if (peer.state == Peer::State::fresh) {
    peer.state = Peer::State::connecting;
    note_new(peer);
  }
}

// Within reserved room: see the constructor.
void UcxTransport::note_new(Peer& peer) noexcept {
  new_.push_back(rank_of(peer));
  if (armed_) {
    doorbell_.ring();
  }
}

void UcxTransport::advance_new() noexcept {
  if (std::exchange(owes_, false)) {
    std::ranges::for_each(peers_, [this](Peer& peer) { advance(peer); });
  }
  for (std::size_t at = 0; at < new_.size(); ++at) {
    advance(peer(new_[at]));
  }
  new_.clear();
}

// A rank that says hello gets a connection from this one, too: only then its death is reported. After both
// hellos the first message sent is another hello, in a way that makes UCX exchange its data for longer
// messages: UCX 1.13 ends the process if a rank dies while that waits behind others, for a socket with room
// or for a connection (wireup_ep.c, ucp_wireup_ep_pending_purge; ucp_request.c, ucp_request_send_state_ff).
void UcxTransport::advance(Peer& peer) noexcept {
  if (peer.state == Peer::State::fresh && peer.greeted) {
    peer.state = Peer::State::connecting;
  }
  if (peer.state == Peer::State::connecting && !peer.endpoint.is_open()) {
    open(peer);
  }
  if (peer.state == Peer::State::connecting && peer.connected && !peer.said_hello) {
    peer.said_hello = say(peer, hello);
  }
  if (peer.state == Peer::State::connecting && peer.said_hello && peer.greeted) {
    peer.state = Peer::State::open;
    static_cast<void>(say(peer, hello, UCP_OP_ATTR_FLAG_NO_IMM_CMPL));
  }
  if (peer.state == Peer::State::open) {
    advance_bulks(peer);
    send_queued(peer, peer.unsent);
  }
}

void UcxTransport::open(Peer& peer) noexcept {
  if (peer.give_up_at == Clock::time_point()) {
    peer.give_up_at = Clock::now() + options_.connect_patience;
    peer.pauses = BackOff(first_try_interval, last_try_interval);
  }
  unreachable_ -= peer.state == Peer::State::unreachable ? 1U : 0U;
  peer.state = Peer::State::connecting;
  peer.keys.clear();  // the endpoint owns them
  peer.endpoint.close();
  peer.connected = false;
  peer.said_hello = false;
  ucs_status_t status =
      peer.endpoint.open(worker_, addresses_.of(rank_of(peer)), &UcxTransport::on_broken, &peer);
  if (status == UCS_OK) {
    status = when_connected(peer.endpoint, &UcxTransport::on_connected, &peer);
    peer.flushing = status == UCS_INPROGRESS;
    peer.connected = status == UCS_OK;
  }
  if (status != UCS_OK && status != UCS_INPROGRESS) {
    not_connected(peer, status);
  }
  if (armed_) {
    doorbell_.ring();  // the connection may use a device that was not armed
  }
}

void UcxTransport::on_connected(void* request, ucs_status_t status, void* argument) noexcept {
  ucp_request_free(request);
  Peer& peer = *static_cast<Peer*>(argument);
  peer.flushing = false;
  if (status != UCS_OK) {
    peer.transport->not_connected(peer, status);
  } else if (peer.state == Peer::State::connecting) {
    peer.connected = true;
    peer.transport->note_new(peer);
  }
}

// An error of connecting does not prove a death: a device may be down for a moment. Nothing has been sent, so
// all of it can be sent later.
void UcxTransport::not_connected(Peer& peer, ucs_status_t status) noexcept {
  if (peer.state != Peer::State::connecting) {
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now >= peer.give_up_at) {
    return broke(peer, status);
  }
  peer.state = Peer::State::unreachable;
  peer.cause = status;
  ++unreachable_;
  peer.try_again_at = std::min<Clock::time_point>(now + peer.pauses.next(), peer.give_up_at);
}

void UcxTransport::try_unreachable() noexcept {
  if (unreachable_.load(std::memory_order_relaxed) == 0) {
    return;
  }
  const Clock::time_point now = Clock::now();
  for (Peer& peer : peers_) {
    if (peer.state != Peer::State::unreachable || now < peer.try_again_at) {
      continue;
    }
    if (!peer.flushing) {
      open(peer);
      advance(peer);
    } else if (now >= peer.give_up_at) {
      broke(peer, peer.cause);
    }
  }
}

// If one of the two has no endpoint for large bulks they share the other.
void UcxTransport::advance_bulks(Peer& peer) noexcept {
  if (!peer.wants_bulks) {
    return;
  }
  if (!peer.shares && !peer.bulks.is_open()) {
    ucs_status_t status =
        peer.bulks.open(worker_, addresses_.of(rank_of(peer)), &UcxTransport::on_broken, &peer);
    if (status == UCS_OK) {
      status = when_connected(peer.bulks, &UcxTransport::on_bulks_connected, &peer);
    }
    peer.bulks_connected = status == UCS_OK;
    peer.shares = status != UCS_OK && status != UCS_INPROGRESS;
  }
  if (peer.shares && !peer.bulks_connected) {
    peer.bulks.close();
  }
  if ((peer.shares || peer.bulks_connected) && !peer.said_bulks) {
    peer.said_bulks = say(peer, peer.shares ? bulks_refused : bulks_opened);
  }
  if (peer.shares || (peer.bulks_connected && peer.has_opened_bulks)) {
    send_queued(peer, peer.waiting);
  }
}

void UcxTransport::on_bulks_connected(void* request, ucs_status_t status, void* argument) noexcept {
  ucp_request_free(request);
  Peer& peer = *static_cast<Peer*>(argument);
  if (status != UCS_OK) {
    peer.transport->bulks_failed(peer);
  } else if (!peer.shares) {
    peer.bulks_connected = true;
    peer.transport->note_new(peer);
  }
}

void UcxTransport::bulks_failed(Peer& peer) noexcept {
  if (!peer.bulks_connected && !std::exchange(peer.shares, true)) {
    note_new(peer);
  }
}

// Retries later if UCX has no memory for it.
bool UcxTransport::say(Peer& peer, std::byte what, std::uint32_t attributes) noexcept {
  Transfer* const word = &pool_.take();
  word->transport = this;
  word->kind = Transfer::Kind::message;
  word->peer = rank_of(peer);
  word->letter =
      write(word->room, {.sender = rank_, .session = addresses_.session()}, std::array<std::byte, 1>{what});
  word->bulk = {};
  ucs_status_ptr_t request = start(peer.endpoint, word_id, *word, attributes);
  if (UCS_PTR_IS_PTR(request)) {
    ++peer.under_way;
    return true;
  }
  pool_.give_back(*word);
  owes_ = owes_ || UCS_PTR_IS_ERR(request);
  return !UCS_PTR_IS_ERR(request);
}

ucs_status_t UcxTransport::on_word(void* argument, const void* header, std::size_t header_bytes,
                                   void* /*bulk*/, std::size_t /*bulk_bytes*/,
                                   const ucp_am_recv_param_t* /*param*/) noexcept {
  UcxTransport& self = *static_cast<UcxTransport*>(argument);
  const auto message = Envelope::open({static_cast<const std::byte*>(header), header_bytes},
                                      self.addresses_.session(), self.rank_, self.addresses_.ranks());
  if (!message) {
    ++self.foreign_;
    return UCS_OK;
  }
  if (self.peer(message->sender).state == Peer::State::lost) {
    return UCS_OK;
  }
  Peer& sender = self.peer(message->sender);
  const std::byte word = message->header.front();
  if (word > hello) {
    return UCS_OK;
  }
  sender.shares = sender.shares || word == bulks_refused;
  sender.wants_bulks = sender.wants_bulks || word != hello;
  bool& said = word == hello ? sender.greeted : sender.has_opened_bulks;
  if (!std::exchange(said, true)) {
    self.note_new(sender);
  }
  return UCS_OK;
}

void UcxTransport::on_broken(void* argument, ucp_ep_h endpoint, ucs_status_t status) noexcept {
  Peer& peer = *static_cast<Peer*>(argument);
  if (endpoint == peer.bulks.handle() && !peer.bulks_connected) {
    peer.transport->bulks_failed(peer);
  } else if (peer.state == Peer::State::connecting) {
    peer.transport->not_connected(peer, status);
  } else if (peer.state == Peer::State::open) {
    peer.transport->broke(peer, status);
  }
}

void UcxTransport::broke(Peer& peer, ucs_status_t status) noexcept {
  if (peer.state == Peer::State::broken || peer.state == Peer::State::lost) {
    return;
  }
  if (peer.state == Peer::State::unreachable) {
    --unreachable_;
  }
  peer.state = Peer::State::broken;
  peer.cause = status;
  gone_.push_back(rank_of(peer));
}

}  // namespace locum::ucx
