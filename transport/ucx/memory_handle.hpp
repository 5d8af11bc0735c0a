#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <span>
#include <utility>

#include "core/value/result.hpp"
#include "transport/ucx/context.hpp"

namespace locum::ucx {

/// Memory known to UCX's devices: registered existing memory, or memory that UCX has allocated. Destroyed
/// before its context; like that, for one thread at a time.
class MemoryHandle {
 public:
  /// Registers `memory`, which must exist as long as this.
  [[nodiscard]] static Result<MemoryHandle> over(const Context& context, std::span<const std::byte> memory);
  /// The same, with write access for others.
  [[nodiscard]] static Result<MemoryHandle> writable(const Context& context, std::span<std::byte> memory);
  /// Zero-filled memory allocated by UCX, of that many bytes. At `place`, replacing the mapping there, if
  /// that is not null.
  [[nodiscard]] static Result<MemoryHandle> allocate(const Context& context, std::size_t bytes,
                                                     std::byte* place = nullptr);
  MemoryHandle(MemoryHandle&& other) noexcept
      : context_(other.context_), handle_(std::exchange(other.handle_, nullptr)), memory_(other.memory_) {}
  MemoryHandle& operator=(MemoryHandle&&) = delete;
  ~MemoryHandle();

  [[nodiscard]] ucp_mem_h handle() const noexcept { return handle_; }
  [[nodiscard]] std::span<std::byte> memory() const noexcept { return memory_; }

 private:
  [[nodiscard]] static Result<MemoryHandle> over(const Context& context, std::span<const std::byte> memory,
                                                 unsigned protection);
  [[nodiscard]] static Result<MemoryHandle> map(const Context& context, const ucp_mem_map_params_t& params,
                                                const char* failed);
  MemoryHandle(ucp_context_h context, ucp_mem_h handle, std::span<std::byte> memory) noexcept
      : context_(context), handle_(handle), memory_(memory) {}

  ucp_context_h context_ = nullptr;
  ucp_mem_h handle_ = nullptr;
  std::span<std::byte> memory_;
};

}  // namespace locum::ucx
