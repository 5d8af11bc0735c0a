#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/back_off.hpp"
#include "transport/ucx/addresses.hpp"
#include "transport/ucx/context.hpp"
#include "transport/ucx/doorbell.hpp"
#include "transport/ucx/endpoint.hpp"
#include "transport/ucx/memory_handle.hpp"
#include "transport/ucx/remote_key.hpp"
#include "transport/ucx/transfer.hpp"
#include "transport/ucx/transport.hpp"
#include "transport/ucx/worker.hpp"

namespace locum::ucx {

/// The port over one worker. UCX calls back inside ucp_worker_progress, and possibly inside a send: these
/// callbacks (active_message.cpp) only record events, except for messages, whose header is valid only then;
/// progress() then calls the receiver in the order of the port's contract: completed transfers before losses.
///
/// A rank's messages to itself never go to UCX, which would deliver them inside send().
///
/// UCX gets nothing for a rank before both have connected to each other and said hello (connecting.cpp).
/// Until then an error does not prove a death, and messages can be sent later. And UCX 1.13 ends the process
/// if a rank dies while a message of UCX waits for the connection (docs/failure.md).
class UcxTransport final : public Transport {
 public:
  UcxTransport(Context context, Worker worker, Addresses addresses, int rank,
               const TransportOptions& options);
  ~UcxTransport() override;

  [[nodiscard]] Result<Sending> send(int to, std::span<const std::byte> header,
                                     std::span<const std::byte> bulk, std::uint64_t ticket) override;
  void forget(int rank) noexcept override { broke(peer(rank), UCS_ERR_REJECTED); }
  bool progress(Receiver& receiver) override;
  [[nodiscard]] bool arm() override;
  void sleep(Clock::time_point moment) override;
  void wake() noexcept override { doorbell_.ring(); }
  [[nodiscard]] Clock::time_point now() const noexcept override { return Clock::now(); }
  /// Context::description().
  [[nodiscard]] std::string description() const { return context_.description(); }

 private:
  friend class UcxRemoteMemory;
  friend class OneSidedProbe;

  /// fresh, connecting, open, broken, lost, in this order; a peer that cannot be reached at all is never
  /// open. After a failed connection it is unreachable in between, until the retry.
  struct Peer {
    enum class State : std::uint8_t { fresh, connecting, unreachable, open, broken, lost };

    UcxTransport* transport = nullptr;
    Endpoint endpoint;
    bool flushing = false;    ///< UCX has not reported the outcome of connecting `endpoint`
    bool connected = false;   ///< `endpoint` is connected
    bool said_hello = false;  ///< over `endpoint`
    bool greeted = false;     ///< it has said hello: it is connected to this rank
    /// For large bulks, in both directions, from the first one on: UCX sends the messages of an endpoint one
    /// after the other, and small ones must not wait for all of a large one. Used when both sides have opened
    /// theirs: otherwise UCX 1.13.1 would open it there while it reads from the socket that it takes for it.
    Endpoint bulks;
    TransferQueue waiting;          ///< large bulks, until then
    bool wants_bulks = false;       ///< one of the two does: there is a large bulk
    bool bulks_connected = false;   ///< `bulks` is connected
    bool has_opened_bulks = false;  ///< it has announced that its own is, or cannot be
    bool shares = false;            ///< one of the two has none: large bulks use the common endpoint
    bool said_bulks = false;        ///< announced that `bulks` is connected, or cannot be
    TransferQueue unsent;           ///< all messages, until it is open
    Clock::time_point give_up_at;   ///< if it is not open
    Clock::time_point try_again_at;
    BackOff pauses{{}, {}};  ///< between tries
    State state = State::fresh;
    ucs_status_t cause = UCS_OK;
    std::uint32_t under_way = 0;                ///< open transfers in UCX
    std::uint32_t reads = 0;                    ///< of these, reads of its memory
    std::map<std::string, UnpackedKey> keys{};  ///< of its memory, by the packed key
  };

  /// The transport's own messages to another one. Each is a header of one byte, and nothing else.
  static constexpr unsigned word_id = 1;

  // Callbacks of UCX.
  static ucs_status_t on_message(void* argument, const void* header, std::size_t header_bytes, void* bulk,
                                 std::size_t bulk_bytes, const ucp_am_recv_param_t* param) noexcept;
  static ucs_status_t on_word(void* argument, const void* header, std::size_t header_bytes, void* bulk,
                              std::size_t bulk_bytes, const ucp_am_recv_param_t* param) noexcept;
  static void on_connected(void* request, ucs_status_t status, void* argument) noexcept;
  static void on_bulks_connected(void* request, ucs_status_t status, void* argument) noexcept;
  static void on_sent(void* request, ucs_status_t status, void* argument) noexcept;
  static void on_landed(void* request, ucs_status_t status, std::size_t bytes, void* argument) noexcept;
  static void on_broken(void* argument, ucp_ep_h endpoint, ucs_status_t status) noexcept;

  void receive_messages();
  [[nodiscard]] ucs_status_t land(Peer& peer, Arrival& message, void* bulk) noexcept;
  [[nodiscard]] Result<Sending> post(Peer& peer, Transfer& transfer);
  [[nodiscard]] ucs_status_ptr_t start(const Endpoint& endpoint, unsigned id, Transfer& transfer,
                                       std::uint32_t attributes = 0) noexcept;
  template <class Register>
  void register_bulk(const Transfer& transfer, Register make, ucp_request_param_t& params) noexcept;
  void forget_bulk(const Transfer& transfer) noexcept;
  void finish(Transfer& transfer, ucs_status_t status) noexcept;
  [[nodiscard]] Result<Sending> read(int from, std::span<const std::byte> packed, std::uint64_t address,
                                     std::span<std::byte> into, RemoteMemory::Then then);
  [[nodiscard]] Result<ucp_rkey_h> unpacked(Peer& owner, std::span<const std::byte> packed);

  void connect(Peer& peer) noexcept;
  void open(Peer& peer) noexcept;
  void not_connected(Peer& peer, ucs_status_t status) noexcept;
  void try_unreachable() noexcept;
  void advance(Peer& peer) noexcept;
  void advance_bulks(Peer& peer) noexcept;
  [[nodiscard]] bool say(Peer& peer, std::byte word, std::uint32_t attributes = 0) noexcept;
  [[nodiscard]] static bool must_wait(const Peer& peer, const Transfer& transfer) noexcept;
  void wait_for_bulks(Peer& peer, Transfer& transfer) noexcept;
  [[nodiscard]] ucs_status_ptr_t hand_over(Peer& peer, Transfer& transfer) noexcept;
  void send_queued(Peer& peer, TransferQueue& queue) noexcept;
  void drop_waiting(Peer& peer, ucs_status_t why) noexcept;
  bool poll() noexcept;
  bool drive_once() noexcept;
  [[nodiscard]] bool has_new() const noexcept { return !new_.empty() || owes_; }
  void note_new(Peer& peer) noexcept;
  void advance_new() noexcept;
  void bulks_failed(Peer& peer) noexcept;
  void broke(Peer& peer, ucs_status_t status) noexcept;
  [[nodiscard]] Peer& peer(int rank) noexcept { return peers_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] int rank_of(const Peer& peer) const noexcept {
    return static_cast<int>(&peer - peers_.data());
  }

  [[nodiscard]] bool something_to_tell() const noexcept;
  bool tell_own(Receiver& receiver) noexcept;
  bool tell_done(Receiver& receiver) noexcept;
  bool tell_lost(Receiver& receiver) noexcept;
  void heed_movement() noexcept;
  [[nodiscard]] bool arm_worker() noexcept;
  [[nodiscard]] std::chrono::microseconds nap() noexcept;
  void flush(Clock::time_point deadline);
  void settle(Clock::time_point deadline) noexcept;
  void drive_until(Clock::time_point deadline, const std::function<bool()>& finished) noexcept;

  const int rank_;
  const TransportOptions options_;
  const Addresses addresses_;
  // The worker accesses these until its end.
  TransferPool pool_;
  std::vector<Peer> peers_;
  // Callbacks of UCX must not fail: room for all ranks is reserved at the start.
  std::vector<int> new_;   ///< peers with a new event: advance() has to be called
  std::vector<int> gone_;  ///< broken, and not yet reported
  TransferQueue own_;      ///< to this rank itself
  TransferQueue done_;     ///< finished, and not yet reported
  Context context_;
  std::unordered_map<const Transfer*, MemoryHandle> registered_;  ///< see Context::wants_registered()
  Worker worker_;
  Doorbell doorbell_;
  Receiver* receiver_ = nullptr;  ///< while progress() is in UCX
  std::uint64_t last_landing_ = 0;
  std::uint64_t foreign_ = 0;  ///< messages of no rank of this runtime, not yet reported
  bool owes_ = false;          ///< advance() lacked memory for some peer
  /// Number of peers in that state; written by the thread that may call progress(), read by the sleeper.
  std::atomic<std::uint32_t> unreachable_{0};
  /// Reported for a rank if there is no memory for details.
  bool quiet_ = false;  ///< the last progress of the worker moved nothing
  Clock::time_point refused_since_ =
      Clock::time_point::max();  ///< since when it refuses to be armed, without movement
  std::atomic<bool> refuses_{
      false};  ///< for long; written by the thread that may call progress(), read by the sleeper
  std::atomic<bool> armed_{false};  ///< the doorbell rings on arrivals; written by the thread that may
                                    ///< call progress(), read by the sleeper
  std::atomic<std::chrono::milliseconds>
      longest_sleep_;                                ///< see sleep(); at its start right after a movement
  std::atomic<std::chrono::microseconds> next_nap_;  ///< the same where UCX refuses to be armed
};

}  // namespace locum::ucx
