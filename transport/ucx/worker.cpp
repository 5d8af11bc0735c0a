#include "transport/ucx/worker.hpp"

#include <poll.h>

#include "transport/ucx/error.hpp"

namespace locum::ucx {

Worker::Worker(const Context& context) {
  ucp_worker_params_t params{};
  params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE | UCP_WORKER_PARAM_FIELD_FLAGS;
  params.thread_mode = UCS_THREAD_MODE_SERIALIZED;
  // Operations for a lost peer are dropped with the worker, silently.
  params.flags = UCP_WORKER_FLAG_IGNORE_REQUEST_LEAK;
  ucp_worker_h raw = nullptr;
  check(ucp_worker_create(context.handle(), &params, &raw),
        "UCX cannot open a device; UCX_LOG_LEVEL=info shows why, `ulimit -n` and `ulimit -l` are usual "
        "reasons");
  handle_.reset(raw);
  check(ucp_worker_get_efd(handle(), &event_descriptor_), "UCX provides no event descriptor to sleep on");
}

std::vector<std::byte> Worker::address() const {
  ucp_address_t* raw = nullptr;
  std::size_t size = 0;
  check(ucp_worker_get_address(handle(), &raw, &size), "UCX does not return the address of its worker");
  const auto release = [this](ucp_address_t* address) { ucp_worker_release_address(handle(), address); };
  const std::unique_ptr<ucp_address_t, decltype(release)> owner(raw, release);
  const auto* bytes = reinterpret_cast<const std::byte*>(raw);
  return {bytes, bytes + size};
}

// Over sockets UCX agrees to be armed even if there is something to read; its descriptor is reliable.
bool Worker::arm() noexcept {
  if (ucp_worker_arm(handle()) == UCS_ERR_BUSY) {
    return false;
  }
  pollfd events{.fd = event_descriptor_, .events = POLLIN, .revents = 0};
  return ::poll(&events, 1, 0) == 0;
}

std::size_t Worker::max_header_bytes() const {
  ucp_worker_attr_t attributes{};
  attributes.field_mask = UCP_WORKER_ATTR_FIELD_MAX_AM_HEADER;
  check(ucp_worker_query(handle(), &attributes), "UCX does not return the attributes of its worker");
  return attributes.max_am_header;
}

}  // namespace locum::ucx
