#include "transport/ucx/transport.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "core/ports/together.hpp"
#include "transport/ucx/limits.hpp"
#include "transport/ucx/one_sided_probe.hpp"
#include "transport/ucx/remote_memory.hpp"
#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {
namespace {

// A local step of opening; if it fails on one rank, all throw its error.
template <class Step>
void all_do(Group& group, Step step) {
  together::throw_if(group.agree(together::error_of(step)));
}

std::unique_ptr<UcxTransport> open(Group& group, const TransportOptions& options, bool remote_memory) {
  std::optional<Context> context;
  std::optional<Worker> worker;
  std::vector<std::byte> address;
  all_do(group, [&] {
    context.emplace(group.size(), remote_memory);
    require_limits(group.size());
    worker.emplace(*context);
    address = worker->address();
    constexpr std::size_t needed = Envelope::bytes + max_header_bytes;
    if (worker->max_header_bytes() < needed) {
      throw Error(Errc::unsupported,
                  "a UCX lane supports headers of only " + std::to_string(worker->max_header_bytes()) +
                      " bytes only, and " + std::to_string(needed) +
                      " are needed; choose others with UCX_TLS or make their segments larger");
    }
  });
  Addresses addresses(group, address);
  std::unique_ptr<UcxTransport> transport;
  all_do(group, [&] {
    transport = std::make_unique<UcxTransport>(std::move(*context), std::move(*worker), std::move(addresses),
                                               group.rank(), options);
  });
  return transport;
}

}  // namespace

std::unique_ptr<Transport> open_transport(Group& group, const TransportOptions& options) {
  return open(group, options, false);
}

std::string description_of(const Transport& transport) {
  const auto* const ucx = dynamic_cast<const UcxTransport*>(&transport);
  return ucx == nullptr ? std::string() : ucx->description();
}

OpenedTransport open_transport_with_remote_memory(Group& group, const RemoteMemoryOptions& memory,
                                                  const TransportOptions& options) {
  const std::shared_ptr<UcxTransport> transport = open(group, options, true);
  const auto remote = std::make_shared<UcxRemoteMemory>(transport);
  OpenedTransport opened{.transport = transport, .remote = {}, .memory = {}};
  std::vector<std::byte> page(RemoteKey::max_bytes);
  all_do(group, [&] {
    if (memory.allocated_bytes != 0) {
      opened.memory = remote->allocate(memory.allocated_bytes, memory.place).value();
    }
  });
  OneSidedProbe probe(group, transport);
  if (memory.allocated_bytes == 0) {
    remote->register_memory(probe.registers_for_others());
  }
  if (probe.reads(*remote, opened.memory.empty() ? std::span<std::byte>(page) : opened.memory)) {
    opened.remote = remote;
  }
  opened.keeper = remote;
  return opened;
}

}  // namespace locum::ucx
