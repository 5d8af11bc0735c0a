#include "transport/ucx/error.hpp"

#include <utility>

namespace locum::ucx {
namespace {

Errc code_of(ucs_status_t status) {
  if (UCS_IS_LINK_ERROR(status) || UCS_IS_ENDPOINT_ERROR(status)) {
    return Errc::peer_lost;
  }
  switch (status) {
    case UCS_ERR_NO_MEMORY:
      return Errc::out_of_memory;
    case UCS_ERR_UNREACHABLE:
    case UCS_ERR_CANCELED:  // only operations for a lost peer are cancelled
    case UCS_ERR_REJECTED:
    case UCS_ERR_NOT_CONNECTED:
    case UCS_ERR_CONNECTION_RESET:
    case UCS_ERR_IO_ERROR:
    case UCS_ERR_SHMEM_SEGMENT:  // the memory of a process that has ended cannot be mapped
    case UCS_ERR_TIMED_OUT:
      return Errc::peer_lost;
    case UCS_ERR_UNSUPPORTED:
    case UCS_ERR_NOT_IMPLEMENTED:
      return Errc::unsupported;
    case UCS_ERR_INVALID_PARAM:
      return Errc::invalid_argument;
    default:
      return Errc::system;
  }
}

}  // namespace

Error to_error(ucs_status_t status, std::string text) {
  return Error(code_of(status), std::move(text), std::string("UCX: ") + ucs_status_string(status));
}

// While a rank sets up its own resources no other rank is concerned, whatever UCX's code: it has one code for
// a broken connection and for a missing descriptor.
void check(ucs_status_t status, const char* text) {
  if (status != UCS_OK) {
    const Errc code = code_of(status);
    throw Error(code == Errc::peer_lost ? Errc::system : code, text,
                std::string("UCX: ") + ucs_status_string(status));
  }
}

}  // namespace locum::ucx
