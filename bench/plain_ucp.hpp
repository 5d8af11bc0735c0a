#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace locum::bench {

/// Active messages between ranks 0 and 1 as a program writes them by hand: one context, one worker, one
/// endpoint that survives its peer, a handler that counts. What the transport over UCX is held against, on
/// the same lanes.
class PlainUcp {
 public:
  /// Collective over the world. `landing`: where large messages are received.
  explicit PlainUcp(std::span<std::byte> landing);
  PlainUcp(const PlainUcp&) = delete;
  PlainUcp& operator=(const PlainUcp&) = delete;
  ~PlainUcp();

  /// Sends, and polls until the memory is the caller's again.
  void send(std::span<const std::byte> message);
  /// Polls until so many messages have come in all, wholly.
  void wait_for(std::uint64_t count);

 private:
  static ucs_status_t on_message(void* argument, const void* header, std::size_t header_bytes, void* bulk,
                                 std::size_t bulk_bytes, const ucp_am_recv_param_t* param);
  static void on_landed(void* request, ucs_status_t status, std::size_t bytes, void* argument);

  std::span<std::byte> landing_;
  std::uint64_t received_ = 0;
  ucp_context_h context_ = nullptr;
  ucp_worker_h worker_ = nullptr;
  ucp_ep_h endpoint_ = nullptr;
};

}  // namespace locum::bench
