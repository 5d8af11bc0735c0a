#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "transport/ucx/memory_handle.hpp"
#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {

/// The memory of one rank, as UCX shows it to others. Existing memory is registered for as long as it is
/// exposed, where the lanes read such memory without help; of what lies in memory that UCX has allocated the
/// key is known already. What the lanes do is found out when the transport is opened (see probe_one_sided()).
class UcxRemoteMemory final : public RemoteMemory {
 public:
  explicit UcxRemoteMemory(std::shared_ptr<UcxTransport> transport) noexcept
      : transport_(std::move(transport)) {}
  ~UcxRemoteMemory() override;

  [[nodiscard]] Result<Exposure> expose(std::span<const std::byte> memory) override;
  void withdraw(std::uint64_t number) noexcept override { registered_.erase(number); }
  [[nodiscard]] Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                    std::span<std::byte> into, Then then) override;
  [[nodiscard]] bool reads(int rank) const noexcept override;

  /// From now on expose() registers memory that is not UCX's; while nobody else uses this.
  void register_memory(bool registers) noexcept { registers_ = registers; }
  /// Memory of UCX's own, in place of what is mapped at `place` if that is not null; while nobody else uses
  /// this.
  [[nodiscard]] Result<std::span<std::byte>> allocate(std::size_t bytes, std::byte* place);

 private:
  struct Region {
    MemoryHandle memory;
    std::vector<std::byte> packed;
  };

  [[nodiscard]] Result<Exposure> seal(std::uint64_t number, std::span<const std::byte> memory,
                                      std::span<const std::byte> packed) const;

  const std::shared_ptr<UcxTransport> transport_;
  bool registers_ = false;
  std::vector<Region> regions_;  ///< allocated by UCX
  std::map<std::uint64_t, MemoryHandle> registered_;
  std::uint64_t last_ = 0;
};

}  // namespace locum::ucx
