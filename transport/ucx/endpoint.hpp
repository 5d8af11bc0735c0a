#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <span>
#include <utility>

#include "transport/ucx/worker.hpp"

namespace locum::ucx {

/// A connection to one peer, which reports when the peer is gone. Owned by the transport; like its worker,
/// for one thread at a time; never closed inside a callback of UCX. Closing it drops open operations, and
/// does not wait: the callbacks of dropped ones are called in later progress. Destroyed before its worker.
class Endpoint {
 public:
  /// Called by UCX, inside progress or send: must only record the event.
  using Broken = void (*)(void* argument, ucp_ep_h endpoint, ucs_status_t status);

  Endpoint() = default;
  Endpoint(Endpoint&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Endpoint& operator=(Endpoint&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Endpoint() { close(); }

  /// Connects to the worker with this address. Does not wait for it. REQUIRES: closed.
  [[nodiscard]] ucs_status_t open(const Worker& worker, std::span<const std::byte> address, Broken broken,
                                  void* argument) noexcept;
  void close() noexcept;

  [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
  [[nodiscard]] ucp_ep_h handle() const noexcept { return handle_; }

 private:
  ucp_ep_h handle_ = nullptr;
};

}  // namespace locum::ucx
