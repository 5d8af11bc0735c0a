#pragma once

#include <ucp/api/ucp.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::bench {

/// What a program of two ranks writes by hand over UCP: one context, one worker, one endpoint, a handler that
/// counts messages, and memory that the other rank may read. The transport over UCX, and a get of the store,
/// are compared with it, on the same lanes.
class PlainUcp {
 public:
  struct Options {
    std::span<const std::byte> exposed{};  ///< what the other rank may get() from here; both or neither
    std::size_t allocated_bytes =
        0;                      ///< instead of `exposed`: of memory that UCX allocates, which is full of ones
    bool survives_peer = true;  ///< whether its endpoint reports the other rank's death
  };

  /// Collective over the world. `landing`: where large messages are received.
  explicit PlainUcp(std::span<std::byte> landing) : PlainUcp(landing, Options{}) {}
  PlainUcp(std::span<std::byte> landing, const Options& options);
  PlainUcp(const PlainUcp&) = delete;
  PlainUcp& operator=(const PlainUcp&) = delete;
  ~PlainUcp();

  /// Sends, and polls until the memory is the caller's again.
  void send(std::span<const std::byte> message);
  /// Polls until that many messages in total have arrived completely.
  void wait_for(std::uint64_t count);
  /// The same, asleep on the worker's descriptor whenever there is nothing to do.
  void sleep_for(std::uint64_t count);
  /// Reads that many bytes of the other rank's exposed memory, one-sidedly, to the start of the landing;
  /// polls until they are there. REQUIRES: something is exposed.
  void get(std::size_t bytes);

 private:
  static ucs_status_t on_message(void* argument, const void* header, std::size_t header_bytes, void* bulk,
                                 std::size_t bulk_bytes, const ucp_am_recv_param_t* param);
  static void on_landed(void* request, ucs_status_t status, std::size_t bytes, void* argument);

  void connect(bool survives_peer);
  void expose(const std::byte* memory, std::size_t size);
  void finish(ucs_status_ptr_t request);

  std::span<std::byte> landing_;
  std::uint64_t received_ = 0;
  ucp_context_h context_ = nullptr;
  ucp_worker_h worker_ = nullptr;
  ucp_ep_h endpoint_ = nullptr;
  int event_descriptor_ = -1;
  ucp_mem_h exposed_ = nullptr;
  ucp_rkey_h remote_key_ = nullptr;
  std::uint64_t remote_address_ = 0;
};

}  // namespace locum::bench
