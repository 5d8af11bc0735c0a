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

/// The memory of one rank, exposed to others by UCX. Existing memory is registered while it is exposed, if
/// the lanes read such memory without help; memory that UCX has allocated already has a key. The abilities of
/// the lanes are tested when the transport is opened (see probe_one_sided()).
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

  /// From now on expose() registers memory that UCX has not allocated; while no other thread uses this.
  void register_memory(bool registers) noexcept { registers_ = registers; }
  /// Allocates memory by UCX, replacing the mapping at `place` if that is not null; while no other thread
  /// uses this.
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
