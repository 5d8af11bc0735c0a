#include "transport/ucx/transport.hpp"

#include <new>
#include <optional>
#include <string>
#include <utility>

#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {
namespace {

// A step of opening that each rank does for itself; if one fails, all throw its error.
template <class Step>
void together(Group& group, Step step) {
  std::optional<Error> mine;
  try {
    step();
  } catch (const Error& error) {
    mine = error;
  } catch (const std::bad_alloc&) {
    mine = Error(Errc::out_of_memory, "no memory for the connections between the ranks");
  }
  if (const auto error = group.agree(mine)) {
    throw *error;
  }
}

}  // namespace

std::unique_ptr<Transport> open_transport(Group& group, const TransportOptions& options) {
  std::optional<Context> context;
  std::optional<Worker> worker;
  std::vector<std::byte> address;
  together(group, [&] {
    context.emplace(group.size());
    worker.emplace(*context);
    address = worker->address();
    constexpr std::size_t needed = Envelope::bytes + max_header_bytes;
    if (worker->max_header_bytes() < needed) {
      throw Error(Errc::unsupported,
                  "a lane of UCX takes headers of " + std::to_string(worker->max_header_bytes()) +
                      " bytes only, and " + std::to_string(needed) +
                      " are needed; choose others with UCX_TLS or make their segments larger");
    }
  });
  Addresses addresses(group, address);
  std::unique_ptr<Transport> transport;
  together(group, [&] {
    transport = std::make_unique<UcxTransport>(std::move(*context), std::move(*worker), std::move(addresses),
                                               group.rank(), options);
  });
  return transport;
}

}  // namespace locum::ucx
