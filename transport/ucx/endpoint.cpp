#include "transport/ucx/endpoint.hpp"

namespace locum::ucx {

ucs_status_t Endpoint::open(const Worker& worker, std::span<const std::byte> address, Broken broken,
                            void* argument) noexcept {
  ucp_ep_params_t params{};
  params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                      UCP_EP_PARAM_FIELD_ERR_HANDLER;
  params.address = reinterpret_cast<const ucp_address_t*>(address.data());
  params.err_mode = UCP_ERR_HANDLING_MODE_PEER;
  params.err_handler = {.cb = broken, .arg = argument};
  return ucp_ep_create(worker.handle(), &params, &handle_);
}

void Endpoint::close() noexcept {
  if (ucp_ep_h handle = std::exchange(handle_, nullptr)) {
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS;
    params.flags = UCP_EP_CLOSE_FLAG_FORCE;
    ucs_status_ptr_t request = ucp_ep_close_nbx(handle, &params);
    if (UCS_PTR_IS_PTR(request)) {
      ucp_request_free(request);
    }
  }
}

}  // namespace locum::ucx
