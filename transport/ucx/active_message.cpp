// What of the transport meets UCX's active messages: how a message goes out, and what UCX calls when one
// comes in or something came to its end.

#include <algorithm>
#include <string>
#include <utility>

#include "transport/ucx/error.hpp"
#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {
namespace {

constexpr unsigned message_id = 0;
// Says whether the sender has opened its endpoint for large bulks (0) or cannot (1), and nothing else.
constexpr unsigned bulks_id = 1;

// How soon a rank that was out of reach is tried again, at first and after several times: each time UCX 1.13
// says so on stderr, and keeps a descriptor until it ends (uct_tcp_ep_create).
constexpr std::chrono::milliseconds first_try_interval{50};
constexpr std::chrono::milliseconds last_try_interval{1000};

}  // namespace

void UcxTransport::receive_messages() {
  ucp_am_handler_param_t handler{};
  handler.field_mask =
      UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
  handler.arg = this;
  for (const auto& [id, called] : {std::pair{message_id, &UcxTransport::on_message},
                                   std::pair{bulks_id, &UcxTransport::on_bulks_opened}}) {
    handler.id = id;
    handler.cb = called;
    check(ucp_worker_set_am_recv_handler(worker_.handle(), &handler), "UCX does not take a message handler");
  }
}

// What cannot be registered UCX moves through its own copies.
template <class Register>
void UcxTransport::register_bulk(const Transfer& transfer, Register make,
                                 ucp_request_param_t& params) noexcept {
  Result<MemoryHandle> memory = make();
  if (memory) {
    params.memh = registered_.emplace(&transfer, std::move(*memory)).first->second.handle();
    params.op_attr_mask |= UCP_OP_ATTR_FIELD_MEMH;
  }
}

Result<Sending> UcxTransport::post(Peer& peer, Transfer& transfer) {
  const bool large = transfer.bulk.size() > large_bulk_bytes;
  const bool apart = large && open_bulks(peer);
  if (large && (!peer.waiting.empty() || (apart && !peer.has_opened_bulks))) {
    ++peer.under_way;
    peer.waiting.push(transfer);
    return Sending::pending;
  }
  ucs_status_ptr_t request = start(apart ? peer.bulks : peer.endpoint, message_id, transfer);
  if (UCS_PTR_IS_PTR(request)) {
    ++peer.under_way;
    return transfer.kind == Transfer::Kind::message ? Sending::done : Sending::pending;
  }
  forget_bulk(transfer);
  pool_.give_back(transfer);
  if (UCS_PTR_IS_ERR(request)) {
    return to_error(UCS_PTR_STATUS(request), "a message was not sent").at_rank(rank_of(peer));
  }
  return Sending::done;
}

// Whether the bulk travels along or is announced is said here, not left to UCX: before a connection is up,
// UCX 1.13 would send anything along, through a copy of its own on either side.
ucs_status_ptr_t UcxTransport::start(const Endpoint& endpoint, unsigned id, Transfer& transfer) noexcept {
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS |
                        UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.flags =
      transfer.bulk.size() <= options_.eager_bytes ? UCP_AM_SEND_FLAG_EAGER : UCP_AM_SEND_FLAG_RNDV;
  params.cb.send = &UcxTransport::on_sent;
  params.user_data = &transfer;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  if ((params.flags & UCP_AM_SEND_FLAG_RNDV) != 0 && context_.wants_registered()) {
    register_bulk(
        transfer, [&] { return MemoryHandle::over(context_, transfer.bulk); }, params);
  }
  return ucp_am_send_nbx(endpoint.handle(), id, transfer.letter.data(), transfer.letter.size(),
                         transfer.bulk.data(), transfer.bulk.size(), &params);
}

// Whether there is, or will be, an endpoint for large bulks. Where there cannot be one they share the other.
bool UcxTransport::open_bulks(Peer& peer) noexcept {
  if (peer.state != Peer::State::open || peer.shares) {
    return false;
  }
  if (!peer.bulks.is_open()) {
    peer.shares = !options_.bulks_apart || peer.bulks.open(worker_, addresses_.of(rank_of(peer)),
                                                           &UcxTransport::on_broken, &peer) != UCS_OK;
  }
  if (peer.word == Peer::Word::none) {
    peer.word = Peer::Word::owed;
    ++owed_words_;
    say_owed(peer);
  }
  if (armed_) {
    doorbell_.ring();  // the connection may use a device that was not armed
  }
  return !peer.shares;
}

// That this rank has opened its endpoint for large bulks, or cannot. Again later, where there is no memory.
void UcxTransport::say_owed(Peer& peer) noexcept {
  if (peer.word != Peer::Word::owed) {
    return;
  }
  Transfer* const word = peer.state == Peer::State::open ? pool_.take() : nullptr;
  if (word == nullptr && peer.state == Peer::State::open) {
    return;
  }
  --owed_words_;
  peer.word = Peer::Word::said;
  if (word == nullptr) {
    return;
  }
  const std::array<std::byte, 1> shares{peer.shares ? std::byte{1} : std::byte{0}};
  word->transport = this;
  word->kind = Transfer::Kind::message;
  word->peer = rank_of(peer);
  word->letter = write(word->room, {.sender = rank_, .session = addresses_.session()}, shares);
  word->bulk = {};
  ucs_status_ptr_t request = start(peer.endpoint, bulks_id, *word);
  if (UCS_PTR_IS_PTR(request)) {
    ++peer.under_way;
    return;
  }
  pool_.give_back(*word);
  if (UCS_PTR_IS_ERR(request)) {
    peer.word = Peer::Word::owed;
    ++owed_words_;
  }
}

void UcxTransport::send_waiting(Peer& peer) noexcept {
  while (Transfer* transfer = peer.waiting.pop()) {
    ucs_status_ptr_t request = start(peer.shares ? peer.endpoint : peer.bulks, message_id, *transfer);
    if (!UCS_PTR_IS_PTR(request)) {
      finish(*transfer, UCS_PTR_RAW_STATUS(request));
    }
  }
}

void UcxTransport::drop_waiting(Peer& peer, ucs_status_t why) noexcept {
  for (TransferQueue* queue : {&peer.unsent, &peer.waiting}) {
    while (Transfer* transfer = queue->pop()) {
      finish(*transfer, why);
    }
  }
}

ucs_status_t UcxTransport::on_message(void* argument, const void* header, std::size_t header_bytes,
                                      void* bulk, std::size_t bulk_bytes,
                                      const ucp_am_recv_param_t* param) noexcept {
  UcxTransport& self = *static_cast<UcxTransport*>(argument);
  const bool announced = (param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0 && bulk_bytes != 0;
  // An error is for the sender of what was only announced; what came along just ends here.
  const auto drop = [announced](ucs_status_t why) { return announced ? why : UCS_OK; };
  const auto message = Envelope::open({static_cast<const std::byte*>(header), header_bytes},
                                      self.addresses_.session(), self.rank_, self.addresses_.ranks());
  if (!message) {
    return drop(UCS_ERR_INVALID_PARAM);
  }
  Peer& sender = self.peer(message->sender);
  if (self.receiver_ == nullptr || sender.state == Peer::State::lost) {
    return drop(UCS_ERR_CANCELED);
  }
  if (!std::exchange(sender.met, true)) {
    self.new_.push_back(message->sender);
  }
  Arrival arrival;
  arrival.from = message->sender;
  arrival.header = message->header;
  arrival.bulk_bytes = bulk_bytes;
  if (announced) {
    return self.land(sender, arrival, bulk);
  }
  arrival.present = {static_cast<const std::byte*>(bulk), bulk_bytes};
  static_cast<void>(self.receiver_->arrived(arrival));
  return UCS_OK;
}

ucs_status_t UcxTransport::on_bulks_opened(void* argument, const void* header, std::size_t header_bytes,
                                           void* /*bulk*/, std::size_t /*bulk_bytes*/,
                                           const ucp_am_recv_param_t* /*param*/) noexcept {
  UcxTransport& self = *static_cast<UcxTransport*>(argument);
  const auto message = Envelope::open({static_cast<const std::byte*>(header), header_bytes},
                                      self.addresses_.session(), self.rank_, self.addresses_.ranks());
  if (!message || self.peer(message->sender).state == Peer::State::lost) {
    return UCS_OK;
  }
  Peer& sender = self.peer(message->sender);
  sender.shares = sender.shares || message->header.front() != std::byte{0};
  if (!std::exchange(sender.has_opened_bulks, true)) {
    self.new_.push_back(message->sender);
  }
  return UCS_OK;
}

// The bulk is read into the memory that the receiver names for it.
ucs_status_t UcxTransport::land(Peer& peer, Arrival& message, void* bulk) noexcept {
  Transfer* transfer = pool_.take();
  if (transfer == nullptr) {
    return UCS_ERR_NO_MEMORY;
  }
  message.landing = ++last_landing_;
  const std::span<std::byte> memory = receiver_->arrived(message);
  if (memory.size() != message.bulk_bytes) {
    pool_.give_back(*transfer);
    return UCS_ERR_NO_MEMORY;
  }
  transfer->transport = this;
  transfer->kind = Transfer::Kind::landing;
  transfer->peer = message.from;
  transfer->number = message.landing;
  ++peer.under_way;
  ucp_request_param_t params{};
  params.op_attr_mask =
      UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.cb.recv_am = &UcxTransport::on_landed;
  params.user_data = transfer;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  if (context_.wants_registered()) {
    register_bulk(
        *transfer, [&] { return MemoryHandle::writable(context_, memory); }, params);
  }
  ucs_status_ptr_t request =
      ucp_am_recv_data_nbx(worker_.handle(), bulk, memory.data(), memory.size(), &params);
  if (!UCS_PTR_IS_PTR(request)) {
    finish(*transfer, UCS_PTR_RAW_STATUS(request));
  }
  return UCS_OK;
}

void UcxTransport::forget_bulk(const Transfer& transfer) noexcept {
  if (!registered_.empty()) {
    registered_.erase(&transfer);
  }
}

void UcxTransport::on_sent(void* request, ucs_status_t status, void* argument) noexcept {
  Transfer& transfer = *static_cast<Transfer*>(argument);
  transfer.transport->finish(transfer, status);
  ucp_request_free(request);
}

void UcxTransport::on_landed(void* request, ucs_status_t status, std::size_t /*bytes*/,
                             void* argument) noexcept {
  on_sent(request, status, argument);
}

void UcxTransport::finish(Transfer& transfer, ucs_status_t status) noexcept {
  --peer(transfer.peer).under_way;
  peer(transfer.peer).reads -= transfer.kind == Transfer::Kind::read ? 1U : 0U;
  forget_bulk(transfer);
  transfer.status = status;
  if (transfer.kind == Transfer::Kind::message) {
    pool_.give_back(transfer);
  } else {
    done_.push(transfer);
  }
}

void UcxTransport::on_broken(void* argument, ucp_ep_h /*endpoint*/, ucs_status_t status) noexcept {
  Peer& peer = *static_cast<Peer*>(argument);
  peer.transport->broke(peer, status);
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

void UcxTransport::connect(Peer& peer) noexcept {
  if (peer.state == Peer::State::fresh) {
    open(peer);
  }
}

void UcxTransport::open(Peer& peer) noexcept {
  const ucs_status_t status =
      peer.endpoint.open(worker_, addresses_.of(rank_of(peer)), &UcxTransport::on_broken, &peer);
  if (status == UCS_ERR_UNREACHABLE && options_.connect_patience.count() > 0) {
    try_later(peer);
  } else if (status != UCS_OK) {
    broke(peer, status);
  } else if (peer.state == Peer::State::fresh || peer.state == Peer::State::unreachable) {
    unreachable_ -= peer.state == Peer::State::unreachable ? 1U : 0U;
    peer.state = Peer::State::open;
    while (Transfer* transfer = peer.unsent.pop()) {
      send_again(peer, *transfer);
    }
  }
  if (armed_) {
    doorbell_.ring();  // the connection may use a device that was not armed
  }
}

// There is no route to that rank's host, which says nothing about the rank: a device may be down for a
// moment. Nothing has been sent, so all of it can be sent later.
void UcxTransport::try_later(Peer& peer) noexcept {
  const Clock::time_point now = Clock::now();
  if (peer.state == Peer::State::fresh) {
    peer.state = Peer::State::unreachable;
    peer.cause = UCS_ERR_UNREACHABLE;
    peer.give_up_at = now + options_.connect_patience;
    peer.try_interval = first_try_interval;
    ++unreachable_;
  } else if (now >= peer.give_up_at) {
    return broke(peer, UCS_ERR_UNREACHABLE);
  }
  peer.try_again_at = now + peer.try_interval;
  peer.try_interval = std::min<Clock::duration>(2 * peer.try_interval, last_try_interval);
}

void UcxTransport::try_unreachable() noexcept {
  if (unreachable_.load(std::memory_order_relaxed) > 0) {
    for (Peer& peer : peers_) {
      if (peer.state != Peer::State::unreachable || Clock::now() < peer.try_again_at) {
        continue;
      }
      open(peer);
      if (peer.state == Peer::State::open && peer.has_opened_bulks) {
        static_cast<void>(open_bulks(peer));
        send_waiting(peer);
      }
    }
  }
}

// What waited while its rank was out of reach. What becomes of it is told later, as of all that was pending.
void UcxTransport::send_again(Peer& peer, Transfer& transfer) noexcept {
  const bool large = transfer.bulk.size() > large_bulk_bytes;
  const bool apart = large && open_bulks(peer);
  if (large && (!peer.waiting.empty() || (apart && !peer.has_opened_bulks))) {
    peer.waiting.push(transfer);
    return;
  }
  ucs_status_ptr_t request = start(apart ? peer.bulks : peer.endpoint, message_id, transfer);
  if (!UCS_PTR_IS_PTR(request)) {
    finish(transfer, UCS_PTR_RAW_STATUS(request));
  }
}

// Who was heard of gets a connection of ours, too: only then its death is told. And another one who has
// opened that for large bulks. Not where UCX calls back.
void UcxTransport::connect_to_new() noexcept {
  for (const int rank : new_) {
    connect(peer(rank));
    if (peer(rank).has_opened_bulks) {
      static_cast<void>(open_bulks(peer(rank)));
      if (peer(rank).state == Peer::State::open) {
        send_waiting(peer(rank));
      }
    }
  }
  new_.clear();
  if (owed_words_ > 0) {
    for (Peer& peer : peers_) {
      say_owed(peer);
    }
  }
}

}  // namespace locum::ucx
