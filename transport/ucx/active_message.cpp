// The part of the transport on UCX's active messages: sending a message, and UCX's callbacks for an incoming
// message or a completed operation.

#include <algorithm>
#include <utility>

#include "transport/ucx/error.hpp"
#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {
namespace {

constexpr unsigned message_id = 0;

}  // namespace

void UcxTransport::receive_messages() {
  ucp_am_handler_param_t handler{};
  handler.field_mask =
      UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
  handler.arg = this;
  for (const auto& [id, called] :
       {std::pair{message_id, &UcxTransport::on_message}, std::pair{word_id, &UcxTransport::on_word}}) {
    handler.id = id;
    handler.cb = called;
    check(ucp_worker_set_am_recv_handler(worker_.handle(), &handler), "UCX rejects the message handler");
  }
}

// UCX moves memory that cannot be registered through its own copies.
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
  if (must_wait(peer, transfer)) {
    ++peer.under_way;
    wait_for_bulks(peer, transfer);
    return Sending::pending;
  }
  ucs_status_ptr_t request = hand_over(peer, transfer);
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

bool UcxTransport::must_wait(const Peer& peer, const Transfer& transfer) noexcept {
  const bool decided = peer.shares || (peer.bulks_connected && peer.has_opened_bulks);
  return transfer.bulk.size() > large_bulk_bytes && (!decided || !peer.waiting.empty());
}

void UcxTransport::wait_for_bulks(Peer& peer, Transfer& transfer) noexcept {
  peer.waiting.push(transfer);
  if (!std::exchange(peer.wants_bulks, true)) {
    note_new(peer);
  }
}

ucs_status_ptr_t UcxTransport::hand_over(Peer& peer, Transfer& transfer) noexcept {
  const bool apart = transfer.bulk.size() > large_bulk_bytes && !peer.shares;
  return start(apart ? peer.bulks : peer.endpoint, message_id, transfer);
}

// Sends waiting messages; retries later if there is no memory. Their outcome is reported later, as for all
// pending ones.
void UcxTransport::send_queued(Peer& peer, TransferQueue& queue) noexcept {
  TransferQueue queued = std::exchange(queue, {});
  while (Transfer* transfer = queued.pop()) {
    if (must_wait(peer, *transfer)) {
      wait_for_bulks(peer, *transfer);
      continue;
    }
    ucs_status_ptr_t request = hand_over(peer, *transfer);
    if (UCS_PTR_IS_PTR(request)) {
      continue;
    }
    if (UCS_PTR_RAW_STATUS(request) != UCS_ERR_NO_MEMORY) {
      finish(*transfer, UCS_PTR_RAW_STATUS(request));
      continue;
    }
    forget_bulk(*transfer);
    owes_ = true;
    for (; transfer != nullptr; transfer = queued.pop()) {
      queue.push(*transfer);
    }
  }
}

// This chooses explicitly whether the bulk is included or announced: before a connection is up, UCX 1.13
// would include anything, with a copy on either side.
ucs_status_ptr_t UcxTransport::start(const Endpoint& endpoint, unsigned id, Transfer& transfer,
                                     std::uint32_t attributes) noexcept {
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_FLAGS |
                        UCP_OP_ATTR_FIELD_MEMORY_TYPE | attributes;
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
  // An error is reported to the sender of an announced bulk; an included one just ends here.
  const auto drop = [announced](ucs_status_t why) { return announced ? why : UCS_OK; };
  const auto message = Envelope::open({static_cast<const std::byte*>(header), header_bytes},
                                      self.addresses_.session(), self.rank_, self.addresses_.ranks());
  if (!message) {
    ++self.foreign_;
    return drop(UCS_ERR_INVALID_PARAM);
  }
  Peer& sender = self.peer(message->sender);
  if (self.receiver_ == nullptr || sender.state == Peer::State::lost) {
    return drop(UCS_ERR_CANCELED);
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

// Reads the bulk into the memory that the receiver provides for it.
ucs_status_t UcxTransport::land(Peer& peer, Arrival& message, void* bulk) noexcept {
  Transfer* transfer = &pool_.take();
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

}  // namespace locum::ucx
