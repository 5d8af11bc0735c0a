#include "bench/plain_ucp.hpp"

#include <mpi.h>
#include <poll.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/world.hpp"

namespace locum::bench {
namespace {

constexpr unsigned message_id = 0;
constexpr std::size_t eager_bytes = 8192;

void check(ucs_status_t status) {
  if (status != UCS_OK) {
    throw std::runtime_error(std::string("plain UCP: ") + ucs_status_string(status));
  }
}

// Exchanges data with the other rank.
std::vector<std::byte> swap(std::span<const std::byte> mine) {
  const int size = static_cast<int>(mine.size());
  int other_size = 0;
  const int other = 1 - world_rank();
  MPI_Sendrecv(&size, 1, MPI_INT, other, 0, &other_size, 1, MPI_INT, other, 0, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
  std::vector<std::byte> theirs(static_cast<std::size_t>(other_size));
  MPI_Sendrecv(mine.data(), size, MPI_BYTE, other, 0, theirs.data(), other_size, MPI_BYTE, other, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return theirs;
}

}  // namespace

PlainUcp::PlainUcp(std::span<std::byte> landing, const Options& options) : landing_(landing) {
  ucp_params_t params{};
  params.field_mask = UCP_PARAM_FIELD_FEATURES;
  params.features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP |
                    (options.exposed.empty() && options.allocated_bytes == 0 ? 0 : UCP_FEATURE_RMA);
  check(ucp_init(&params, nullptr, &context_));
  ucp_worker_params_t worker_params{};
  worker_params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
  worker_params.thread_mode = UCS_THREAD_MODE_SINGLE;
  check(ucp_worker_create(context_, &worker_params, &worker_));
  ucp_am_handler_param_t handler{};
  handler.field_mask =
      UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_CB | UCP_AM_HANDLER_PARAM_FIELD_ARG;
  handler.id = message_id;
  handler.cb = &PlainUcp::on_message;
  handler.arg = this;
  check(ucp_worker_set_am_recv_handler(worker_, &handler));

  check(ucp_worker_get_efd(worker_, &event_descriptor_));
  connect(options.survives_peer);
  if (!options.exposed.empty()) {
    expose(options.exposed.data(), options.exposed.size());
  } else if (options.allocated_bytes != 0) {
    expose(nullptr, options.allocated_bytes);
  }
}

void PlainUcp::connect(bool survives_peer) {
  ucp_address_t* address = nullptr;
  std::size_t bytes = 0;
  check(ucp_worker_get_address(worker_, &address, &bytes));
  const auto other_address = swap({reinterpret_cast<const std::byte*>(address), bytes});
  ucp_worker_release_address(worker_, address);
  ucp_ep_params_t endpoint_params{};
  endpoint_params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                               UCP_EP_PARAM_FIELD_ERR_HANDLER;
  endpoint_params.err_mode = survives_peer ? UCP_ERR_HANDLING_MODE_PEER : UCP_ERR_HANDLING_MODE_NONE;
  endpoint_params.err_handler = {.cb = [](void*, ucp_ep_h, ucs_status_t) {}, .arg = nullptr};
  endpoint_params.address = reinterpret_cast<const ucp_address_t*>(other_address.data());
  check(ucp_ep_create(worker_, &endpoint_params, &endpoint_));
}

// Memory allocated by UCX, if there is none yet.
void PlainUcp::expose(const std::byte* memory, std::size_t size) {
  ucp_mem_map_params_t params{};
  params.field_mask =
      UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
  params.address = const_cast<std::byte*>(memory);
  params.length = size;
  params.flags = memory == nullptr ? UCP_MEM_MAP_ALLOCATE : 0;
  check(ucp_mem_map(context_, &params, &exposed_));
  ucp_mem_attr_t attributes{};
  attributes.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS;
  check(ucp_mem_query(exposed_, &attributes));
  if (memory == nullptr) {
    std::memset(attributes.address, 1, size);
  }
  void* packed = nullptr;
  std::size_t bytes = 0;
  check(ucp_rkey_pack(context_, exposed_, &packed, &bytes));
  const auto key = swap({static_cast<const std::byte*>(packed), bytes});
  ucp_rkey_buffer_release(packed);
  const auto address = reinterpret_cast<std::uint64_t>(attributes.address);
  std::memcpy(&remote_address_, swap(std::as_bytes(std::span(&address, 1))).data(), sizeof remote_address_);
  check(ucp_ep_rkey_unpack(endpoint_, key.data(), &remote_key_));
}

PlainUcp::~PlainUcp() {
  if (remote_key_ != nullptr) {
    ucp_rkey_destroy(remote_key_);
  }
  const ucp_request_param_t params{};
  ucs_status_ptr_t request = ucp_ep_close_nbx(endpoint_, &params);
  int closed = 0;
  MPI_Request all = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &all);
  // Each makes progress until the other one has closed.
  while (closed == 0 || (UCS_PTR_IS_PTR(request) && ucp_request_check_status(request) == UCS_INPROGRESS)) {
    ucp_worker_progress(worker_);
    if (closed == 0) {
      MPI_Test(&all, &closed, MPI_STATUS_IGNORE);
    }
  }
  if (UCS_PTR_IS_PTR(request)) {
    ucp_request_free(request);
  }
  if (exposed_ != nullptr) {
    ucp_mem_unmap(context_, exposed_);
  }
  ucp_worker_destroy(worker_);
  ucp_cleanup(context_);
}

void PlainUcp::send(std::span<const std::byte> message) {
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.flags = message.size() <= eager_bytes ? UCP_AM_SEND_FLAG_EAGER : UCP_AM_SEND_FLAG_RNDV;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  finish(ucp_am_send_nbx(endpoint_, message_id, nullptr, 0, message.data(), message.size(), &params));
}

void PlainUcp::get(std::size_t bytes) {
  ucp_request_param_t params{};
  params.op_attr_mask = UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  finish(ucp_get_nbx(endpoint_, landing_.data(), bytes, remote_address_, remote_key_, &params));
}

void PlainUcp::finish(ucs_status_ptr_t request) {
  if (!UCS_PTR_IS_PTR(request)) {
    check(UCS_PTR_RAW_STATUS(request));
    return;
  }
  while (ucp_request_check_status(request) == UCS_INPROGRESS) {
    ucp_worker_progress(worker_);
  }
  check(ucp_request_check_status(request));
  ucp_request_free(request);
}

void PlainUcp::wait_for(std::uint64_t count) {
  while (received_ < count) {
    ucp_worker_progress(worker_);
  }
}

void PlainUcp::sleep_for(std::uint64_t count) {
  while (received_ < count) {
    if (ucp_worker_progress(worker_) == 0 && ucp_worker_arm(worker_) == UCS_OK) {
      pollfd event{.fd = event_descriptor_, .events = POLLIN, .revents = 0};
      ::poll(&event, 1, -1);
    }
  }
}

ucs_status_t PlainUcp::on_message(void* argument, const void* /*header*/, std::size_t /*header_bytes*/,
                                  void* bulk, std::size_t bulk_bytes, const ucp_am_recv_param_t* param) {
  PlainUcp& self = *static_cast<PlainUcp*>(argument);
  if ((param->recv_attr & UCP_AM_RECV_ATTR_FLAG_RNDV) == 0) {
    ++self.received_;
    return UCS_OK;
  }
  ucp_request_param_t params{};
  params.op_attr_mask =
      UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_MEMORY_TYPE;
  params.cb.recv_am = &PlainUcp::on_landed;
  params.user_data = &self;
  params.memory_type = UCS_MEMORY_TYPE_HOST;
  ucs_status_ptr_t request =
      ucp_am_recv_data_nbx(self.worker_, bulk, self.landing_.data(), bulk_bytes, &params);
  self.received_ += request == nullptr ? 1 : 0;
  return UCS_OK;
}

void PlainUcp::on_landed(void* request, ucs_status_t /*status*/, std::size_t /*bytes*/, void* argument) {
  ++static_cast<PlainUcp*>(argument)->received_;
  ucp_request_free(request);
}

}  // namespace locum::bench
