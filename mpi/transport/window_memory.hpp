#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/ports/remote_memory.hpp"
#include "mpi/transport/mpi_transport.hpp"

namespace locum::mpi {

/// The port over one MPI window for as long as the transport lives (passive target, locked once): reads are
/// MPI_Rget, tested with the transport's messages. Only memory inside the window can be exposed. Exposing is
/// local and costs nothing; withdrawn memory stays readable, and a read of it gives what lies there then.
class WindowMemory final : public RemoteMemory {
 public:
  /// REQUIRES: the transport has a window.
  WindowMemory(std::shared_ptr<MpiTransport> transport, std::span<const std::byte> exposable,
               std::uint64_t session)
      : transport_(std::move(transport)), exposable_(exposable), session_(session) {}

  [[nodiscard]] Result<Exposure> expose(std::span<const std::byte> memory) override;
  void withdraw(std::uint64_t /*number*/) noexcept override {}
  [[nodiscard]] Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                    std::span<std::byte> into, Then then) override;
  [[nodiscard]] bool reads(int rank) const noexcept override { return transport_->is_other(rank); }

 private:
  const std::shared_ptr<MpiTransport> transport_;
  const std::span<const std::byte> exposable_;  ///< the window's memory of this rank
  const std::uint64_t session_;
};

}  // namespace locum::mpi
