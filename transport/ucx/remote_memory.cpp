#include "transport/ucx/remote_memory.hpp"

#include <functional>
#include <string>
#include <utility>

#include "core/rpc/call_error.hpp"
#include "transport/ucx/error.hpp"
#include "transport/ucx/remote_key.hpp"

namespace locum::ucx {
namespace {

// Unpacked keys kept for each peer: each rank has one or two for memory that UCX has allocated; for
// registered memory there is one for each object.
constexpr std::size_t most_keys = 64;

bool lies_in(std::span<const std::byte> memory, std::span<const std::byte> whole) noexcept {
  const std::less_equal<const std::byte*> not_behind;
  return not_behind(whole.data(), memory.data()) &&
         not_behind(memory.data() + memory.size(), whole.data() + whole.size());
}

}  // namespace

UcxRemoteMemory::~UcxRemoteMemory() = default;

Result<std::span<std::byte>> UcxRemoteMemory::allocate(std::size_t bytes, std::byte* place) {
  auto memory = MemoryHandle::allocate(transport_->context_, bytes, place);
  if (!memory) {
    return memory.error();
  }
  auto packed = pack_key(transport_->context_, *memory);
  const std::span<std::byte> here = memory->memory();
  regions_.push_back({std::move(*memory), std::move(packed)});
  return here;
}

Result<RemoteMemory::Exposure> UcxRemoteMemory::seal(std::uint64_t number, std::span<const std::byte> memory,
                                                     std::span<const std::byte> packed) const {
  const auto key = seal_key({.session = transport_->addresses_.session(),
                             .owner = transport_->rank_,
                             .address = reinterpret_cast<std::uintptr_t>(memory.data()),
                             .length = memory.size()},
                            packed);
  if (!key) {
    return Error(Errc::unsupported, "UCX's key for this memory is too long, or there is none");
  }
  return Exposure{number, *key};
}

Result<RemoteMemory::Exposure> UcxRemoteMemory::expose(std::span<const std::byte> memory) {
  for (const Region& region : regions_) {
    if (lies_in(memory, region.memory.memory())) {
      return seal(0, memory, region.packed);
    }
  }
  if (!registers_) {
    return Error(Errc::unsupported, "no lane supports one-sided reads of this memory");
  }
  auto handle = MemoryHandle::over(transport_->context_, memory);
  if (!handle) {
    return handle.error();
  }
  auto exposure = seal(++last_, memory, pack_key(transport_->context_, *handle));
  if (exposure) {
    registered_.emplace(last_, std::move(*handle));
  }
  return exposure;
}

bool UcxRemoteMemory::reads(int rank) const noexcept {
  return rank >= 0 && rank < transport_->addresses_.ranks() && rank != transport_->rank_;
}

Result<Sending> UcxRemoteMemory::get(int from, const RemoteKey& key, std::uint64_t offset,
                                     std::span<std::byte> into, Then then) {
  if (!reads(from)) {
    return Error(Errc::unsupported,
                 "the lanes do not support one-sided reads from rank " + std::to_string(from) + "");
  }
  const auto opened = open_key(key, transport_->addresses_.session(), from);
  if (!opened || offset > opened->front.length || into.size() > opened->front.length - offset) {
    return call_error::wrong_key(from);
  }
  return transport_->read(from, opened->packed, opened->front.address + offset, into, std::move(then));
}

// The part of the transport for reads.
Result<Sending> UcxTransport::read(int from, std::span<const std::byte> packed, std::uint64_t address,
                                   std::span<std::byte> into, RemoteMemory::Then then) {
  Peer& owner = peer(from);
  connect(owner);
  if (owner.state == Peer::State::connecting && !owner.endpoint.is_open()) {
    open(owner);
  }
  if (owner.state != Peer::State::open && owner.state != Peer::State::connecting) {
    return to_error(owner.cause, "this rank can no longer be reached").at_rank(from);
  }
  const auto key = unpacked(owner, packed);
  if (!key) {
    return key.error();
  }
  Transfer* transfer = &pool_.take();
  transfer->transport = this;
  transfer->kind = Transfer::Kind::read;
  transfer->peer = from;
  ucp_request_param_t params{};
  params.op_attr_mask =
      UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.cb.send = &UcxTransport::on_sent;
  params.user_data = transfer;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  ucs_status_ptr_t request =
      ucp_get_nbx(owner.endpoint.handle(), into.data(), into.size(), address, *key, &params);
  if (UCS_PTR_IS_PTR(request)) {
    transfer->then = std::move(then);
    ++owner.under_way;
    ++owner.reads;
    return Sending::pending;
  }
  pool_.give_back(*transfer);
  if (UCS_PTR_IS_ERR(request)) {
    return to_error(UCS_PTR_STATUS(request), "a one-sided read failed").at_rank(from);
  }
  return Sending::done;
}

Result<ucp_rkey_h> UcxTransport::unpacked(Peer& owner, std::span<const std::byte> packed) {
  std::string name(reinterpret_cast<const char*>(packed.data()), packed.size());
  if (const auto known = owner.keys.find(name); known != owner.keys.end()) {
    return known->second.handle();
  }
  if (owner.keys.size() >= most_keys) {
    if (owner.reads != 0) {
      return Error(Errc::out_of_memory, "too many one-sided reads from one rank are open; read again later");
    }
    owner.keys.clear();
  }
  UnpackedKey key;
  if (const ucs_status_t status = key.unpack(owner.endpoint.handle(), packed); status != UCS_OK) {
    return to_error(status, "UCX cannot read memory with this key").at_rank(rank_of(owner));
  }
  return owner.keys.emplace(std::move(name), std::move(key)).first->second.handle();
}

}  // namespace locum::ucx
