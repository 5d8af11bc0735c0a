#include "mpi/transport/transport.hpp"

#include <optional>
#include <utility>

#include "mpi/transport/mpi_transport.hpp"
#include "mpi/transport/window_memory.hpp"
#include "mpi/transport/window_probe.hpp"

namespace locum::mpi {

std::unique_ptr<Transport> open_transport(const Communicator& communicator, Moment moment,
                                          const TransportOptions& options) {
  return std::make_unique<MpiTransport>(Communicator::duplicate(communicator.raw(), moment), options);
}

void close_transport(Transport& transport) noexcept {
  static_cast<MpiTransport&>(transport).close();
}

OpenedTransport open_transport_with_window(CommunicatorGroup& group, Moment moment,
                                           const WindowOptions& window, const TransportOptions& options) {
  const auto transport =
      std::make_shared<MpiTransport>(Communicator::duplicate(group.communicator().raw(), moment), options);
  std::optional<Window> made = Window::over(window.memory, transport->raw());
  const auto failure = made ? std::nullopt : std::optional(Error(Errc::unsupported, "no window"));
  if (group.agree(failure)) {
    return {.transport = transport, .remote = {}};
  }
  const auto reads = try_reads(group, *made, window.page,
                               static_cast<std::size_t>(window.page.data() - window.memory.data()));
  if (reads == WindowReads::with_help) {
    made->free();
  }
  if (reads != WindowReads::without_help) {
    return {.transport = transport, .remote = {}};
  }
  transport->take(std::move(*made), window.keeps);
  return {.transport = transport,
          .remote = std::make_shared<WindowMemory>(transport, window.memory, window.session)};
}

}  // namespace locum::mpi
