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

/// The port over one worker. UCX calls back inside ucp_worker_progress, and might inside a send: these
/// callbacks (active_message.cpp) only take notes, but for messages, whose header lives no longer; progress()
/// then tells the receiver in the order that the port promises, what was under way before what is lost.
///
/// What a rank sends to itself never goes to UCX, which would hand it out inside send().
///
/// UCX is given nothing for a rank before both have connected to each other and said hello (connecting.cpp).
/// Until then an error says nothing about that rank, and what it is sent can be sent later. And UCX 1.13 ends
/// the process where a rank dies while a message of UCX waits for the connection (docs/failure.md).
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

 private:
  friend class UcxRemoteMemory;
  friend class OneSidedProbe;

  /// fresh, connecting, open, broken, lost, in this order; a peer that cannot be reached at all is never
  /// open. One to which connecting has failed is unreachable in between, and tried again.
  struct Peer {
    enum class State : std::uint8_t { fresh, connecting, unreachable, open, broken, lost };

    UcxTransport* transport = nullptr;
    Endpoint endpoint;
    bool flushing = false;    ///< UCX has still to say what became of connecting `endpoint`
    bool connected = false;   ///< `endpoint` is
    bool said_hello = false;  ///< over `endpoint`
    bool greeted = false;     ///< it has said hello: it is connected to this rank
    /// For large bulks, either way, from the first one on: UCX sends what belongs to an endpoint one after
    /// the other, and nothing small shall wait for all of a large one. Used when both sides have opened
    /// theirs: else UCX 1.13.1 would open it there while it reads from the socket that it takes for it.
    Endpoint bulks;
    TransferQueue waiting;          ///< large bulks, until then
    bool wants_bulks = false;       ///< one of us does: there is a large bulk
    bool bulks_connected = false;   ///< `bulks` is
    bool has_opened_bulks = false;  ///< it has said that its own is, or cannot be
    bool shares = false;            ///< one of us has none: large bulks take the one endpoint that there is
    bool said_bulks = false;        ///< that `bulks` is connected, or cannot be
    TransferQueue unsent;           ///< all messages, until it is open
    Clock::time_point give_up_at;   ///< of one that is not open
    Clock::time_point try_again_at;
    Clock::duration try_interval{};
    State state = State::fresh;
    ucs_status_t cause = UCS_OK;
    std::uint32_t under_way = 0;                ///< transfers that UCX still holds
    std::uint32_t reads = 0;                    ///< of these, reads of its memory
    std::map<std::string, UnpackedKey> keys{};  ///< of its memory, by what was unpacked
  };

  /// The transport's own words to another one. Each is a header of one byte, and nothing else.
  static constexpr unsigned word_id = 1;

  // What UCX calls.
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
  // The worker calls back into these until its end.
  TransferPool pool_;
  std::vector<Peer> peers_;
  // Callbacks of UCX must not fail: here is room for all ranks from the beginning.
  std::vector<int> new_;   ///< of which something new is known: advance() is to be called
  std::vector<int> gone_;  ///< broken, and not yet told
  TransferQueue own_;      ///< to this rank itself
  TransferQueue done_;     ///< finished, and not yet told
  Context context_;
  std::unordered_map<const Transfer*, MemoryHandle> registered_;  ///< see Context::wants_registered()
  Worker worker_;
  Doorbell doorbell_;
  Receiver* receiver_ = nullptr;  ///< while progress() is in UCX
  std::uint64_t last_landing_ = 0;
  bool owes_ = false;  ///< advance() lacked memory for some peer
  /// Peers in that state; by who may call progress(), read by the sleeper.
  std::atomic<std::uint32_t> unreachable_{0};
  /// What is said of a rank where there is no memory to say which.
  bool quiet_ = false;  ///< the worker had nothing to move when it was last asked
  Clock::time_point refused_since_ = Clock::time_point::max();  ///< to be armed, and nothing moved since
  std::atomic<bool> refuses_{false};  ///< for long; by who may call progress(), read by the sleeper
  std::atomic<bool> armed_{
      false};  ///< the doorbell rings for what comes; by who may call progress(), read by the sleeper
  std::atomic<std::chrono::milliseconds>
      longest_sleep_;                                ///< see sleep(); at its start right after a movement
  std::atomic<std::chrono::microseconds> next_nap_;  ///< the same where UCX refuses to be armed
};

}  // namespace locum::ucx
