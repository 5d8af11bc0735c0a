#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "transport/ucx/memory_handle.hpp"

namespace locum::ucx {

/// A packed key of UCX, which grants others access to memory: bytes that say which device has it under which
/// number. Empty if there is none.
[[nodiscard]] std::vector<std::byte> pack_key(const Context& context, const MemoryHandle& memory);

/// Precedes the packed key in a RemoteKey: 40 bytes, in the byte order of the machine. UCX trusts a key, and
/// reads beyond its end if it is incomplete; so it gets none that was not made by a rank of this runtime.
///
///   0  session  8 bytes  the runtime
///   8  owner    4 bytes  the rank whose memory it is, signed
///  12  bytes    4 bytes  of the packed key that follows
///  16  address  8 bytes  of the memory, in its owner
///  24  length   8 bytes  of the memory
///  32  check    8 bytes  hash of all of these, and of the packed key
struct KeyFront {
  std::uint64_t session = 0;
  std::int32_t owner = 0;
  std::uint32_t bytes = 0;
  std::uint64_t address = 0;
  std::uint64_t length = 0;
  std::uint64_t check = 0;
};
static_assert(sizeof(KeyFront) == 40);

/// A parsed received key. The span points into the key.
struct OpenedKey {
  KeyFront front;
  std::span<const std::byte> packed;
};

/// None if it is too long.
[[nodiscard]] std::optional<RemoteKey> seal_key(KeyFront front, std::span<const std::byte> packed) noexcept;
/// None if it is incomplete, or was not made by that rank of that runtime.
[[nodiscard]] std::optional<OpenedKey> open_key(const RemoteKey& key, std::uint64_t session,
                                                int owner) noexcept;

/// A packed key, unpacked for an endpoint; reads with it end before that is closed. The key itself lies in a
/// pool of the worker's and does not refer to the endpoint (ucp_rkey_destroy() of UCX 1.13 to 1.18): it may
/// outlive the endpoint, and is destroyed before the worker.
class UnpackedKey {
 public:
  UnpackedKey() = default;
  UnpackedKey(UnpackedKey&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  UnpackedKey& operator=(UnpackedKey&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~UnpackedKey() {
    if (handle_ != nullptr) {
      ucp_rkey_destroy(handle_);
    }
  }
  [[nodiscard]] ucs_status_t unpack(ucp_ep_h endpoint, std::span<const std::byte> packed) noexcept {
    return ucp_ep_rkey_unpack(endpoint, packed.data(), &handle_);
  }
  [[nodiscard]] ucp_rkey_h handle() const noexcept { return handle_; }

 private:
  ucp_rkey_h handle_ = nullptr;
};

}  // namespace locum::ucx
