#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/number_table.hpp"
#include "core/ports/transport.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/rpc/call_error.hpp"
#include "core/rpc/call_table.hpp"
#include "core/rpc/held_messages.hpp"
#include "core/rpc/inbound_bulks.hpp"
#include "core/rpc/inbound_quota.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/peer_monitor.hpp"
#include "core/rpc/short_bytes.hpp"
#include "core/value/metrics.hpp"
#include "core/value/result.hpp"

namespace locum {

/// A request of another rank. The spans are valid until serve() returns.
struct Request {
  int from = 0;
  std::uint32_t call = 0;  ///< the sender's number; the reply has to repeat it
  Kind kind = Kind::ping;
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
  /// For a request of a batch (BatchDispatcher): the batch's number, and the position in it. 0: not in a
  /// batch.
  std::uint32_t batch = 0;
  std::uint32_t place = 0;
};

/// Serves requests: replies with RpcChannel::reply() or refuse(), now or later. Never waits, never throws.
class Service {
 public:
  virtual void serve(const Request& request) noexcept = 0;
  /// That rank is lost: its requests need no reply.
  virtual void on_rank_lost(int rank) noexcept = 0;
  /// When it has something to do without a request; max: never.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point next_due() const noexcept {
    return std::chrono::steady_clock::time_point::max();
  }
  /// Does the work that is due now.
  virtual void do_due(std::chrono::steady_clock::time_point /*now*/) noexcept {}

 protected:
  ~Service() = default;
};

/// A reply. The spans are valid until ended() returns, except for a bulk that was received into landing().
struct Reply {
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
  Path path = Path::inline_value;  ///< of the bulk
};

/// An open request of this rank, and the callbacks for its end.
class Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  /// Memory for the bulk of the reply; it must stay until the call is destroyed. Empty: not wanted, the call
  /// ends with `out_of_memory`.
  [[nodiscard]] virtual std::span<std::byte> landing(std::span<const std::byte> body,
                                                     std::uint64_t bulk_bytes) noexcept = 0;
  /// Called once: with the reply, the other side's error, `timeout` or `peer_lost`. `self`: this call, for
  /// sending it again. Must not fail for want of memory.
  virtual void ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& self) noexcept = 0;
  /// Called instead of ended() for an error that the other side sent: its `timeout` or `peer_lost` may
  /// concern a third rank.
  virtual void refused(const Error& error, const std::shared_ptr<Call>& self) noexcept { ended(error, self); }
};

/// Configuration of a channel.
struct RpcChannelOptions {
  int rank = 0;
  int size = 1;
  std::uint64_t incarnation = 0;
  /// A rank that owes a reply and is silent for this long counts as dead.
  std::chrono::milliseconds patience{5'000};
  call_error::Serves serves = call_error::Serves::always;  ///< for the error of a late reply
  /// Node of each rank: if one rank is silent, the others of its node are probed as well, so that the loss of
  /// a whole node is detected at once. Empty: each rank for itself.
  std::vector<int> node_of_rank;
  /// Limits of what one rank may have in progress here, so that no rank fills another's memory: requests
  /// whose bulk is still arriving, that are answered later, or whose reply was not read; and bytes of such
  /// bulks. More are refused as `out_of_memory`.
  std::uint32_t most_requests = 4096;
  std::uint64_t most_request_bytes = std::uint64_t{16} << 20U;
  /// Memory allocated for replies to one rank until it has read them; a single reply may have more.
  std::uint64_t most_answer_bytes = std::uint64_t{64} << 20U;
};

/// Whether a request may travel with other messages to its rank (HeldMessages).
enum class Urgency : std::uint8_t {
  now,   ///< a thread waits for it: it is sent at once
  soon,  ///< it is sent with others of the same step, and so are their replies
  none,  ///< nobody waits for it: the same, and its reply is sent with any message that follows in 10 ms
};

/// Requests and replies between ranks, over messages. Numbers requests, ends them at their deadlines, probes
/// ranks that owe a reply, or their part in a bulk transfer, and are silent, and notifies all concerned when
/// a rank is lost. All functions except is_lost() and has_closed() are called by the thread that has the
/// right to make progress (see Progress), one at a time; nothing here waits.
///
/// Sending a request may fail for lack of memory; handling incoming messages needs no memory that it cannot
/// do without: a request is then refused, or a call ends with `out_of_memory`.
///
/// A lost rank stays lost: later messages from it are dropped, so that a reply never counts after somebody
/// has acted on its absence.
class RpcChannel final : private Receiver {
 public:
  using Clock = Transport::Clock;

  RpcChannel(std::shared_ptr<Transport> transport, std::shared_ptr<Metrics> metrics,
             const RpcChannelOptions& options);

  /// Sets the service that handles requests; none: requests are refused as `closed`.
  void serve(Service* service) noexcept { service_ = service; }

  /// Sends a request; `call` gets the reply in a later step(), or, within this function, `out_of_memory` if
  /// the transport accepts no more messages to that rank now. The call is kept alive until a bulk without
  /// another owner is sent.
  void ask(int rank, Kind kind, std::span<const std::byte> body, Bulk bulk, Clock::time_point deadline,
           std::shared_ptr<Call> call, Urgency urgency = Urgency::now) noexcept;
  /// If the transport accepts no more messages to that rank now, a reply without a bulk is sent later; one
  /// with a bulk becomes the error `out_of_memory`.
  void reply(int to, std::uint32_t call, std::span<const std::byte> body, Bulk bulk = {}) noexcept;
  void refuse(int to, std::uint32_t call, const Error& error) noexcept;
  /// That request needs no reply: its sender has given up.
  void dismiss(int from, std::uint32_t call) noexcept { inbound_quota_.answered(from, call); }
  /// Whether a reply to that rank may take that much private memory until it has been read; the caller passes
  /// the size in Bulk::made_bytes.
  [[nodiscard]] bool has_room(int to, std::uint64_t answer_bytes) const noexcept {
    return inbound_quota_.has_room(to, answer_bytes);
  }
  /// Sends a message without a reply; later, if the transport accepts no more messages to that rank now.
  void tell(int rank, Kind kind, std::span<const std::byte> body) noexcept;
  /// From now on that rank owes something other than a reply, until as many calls of expected().
  void expect(int rank) noexcept { peer_monitor_.owe(rank); }
  void expected(int rank) noexcept { peer_monitor_.repay(rank); }
  /// Probes that rank at once unless it owes something, and then at the same interval as those that do, until
  /// it sends something: if it does not, it is lost. Also after close().
  void doubt(int rank) noexcept;
  /// Calls `action` within the first step() at or after that moment, unless close() comes first.
  void call_at(Clock::time_point moment, std::function<void()> action);
  /// The transport, or another source, reports that this rank is gone.
  void lose(int rank, const Error& cause) noexcept;

  /// Moves messages and ends overdue calls. Returns whether anything happened. Reads the clock if no message
  /// moved; while messages move, or if `spinning` because the next step follows at once, only every 32nd
  /// time.
  bool step(bool spinning = false);
  /// When step() last read the clock.
  [[nodiscard]] Clock::time_point looked_at() const noexcept { return looked_at_; }
  /// When step() has something to do without incoming messages; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due() const noexcept;
  /// Ends every call with `error`; no more requests or replies are sent.
  void close(const Error& error) noexcept;

  [[nodiscard]] bool is_lost(int rank) const noexcept {
    return lost_[static_cast<std::size_t>(rank)].load(std::memory_order_acquire);
  }
  /// Whether that rank has announced that it has closed and serves no more requests.
  [[nodiscard]] bool has_closed(int rank) const noexcept {
    return has_closed_[static_cast<std::size_t>(rank)].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t under_way() const noexcept { return calls_.size(); }
  /// Bulks in transfer in either direction, including those of ended calls.
  [[nodiscard]] std::size_t bulks() const noexcept { return inbound_.size() + outgoing_.size(); }
  /// Requests of that rank that use memory here.
  [[nodiscard]] std::uint32_t requests_of(int rank) const noexcept {
    return inbound_quota_.requests_of(rank);
  }
  [[nodiscard]] Clock::time_point now() const noexcept { return transport_->now(); }
  [[nodiscard]] const RpcChannelOptions& options() const noexcept { return options_; }
  /// The limits on waiting within a step, and so of all handlers of requests and operations that run in one.
  [[nodiscard]] WaitBudget budget() const noexcept { return WaitBudget::of_step(options_.patience); }

 private:
  /// A bulk being sent, kept until sent().
  struct Outgoing {
    int to = 0;
    Bulk bulk;
    bool replies = false;  ///< it belongs to a reply
  };
  /// A message that there was no memory to send.
  struct Unsent {
    int to = 0;
    Envelope envelope;
    ShortBytes body;
  };
  void serve_request(const Request& request) noexcept;
  void turn_away(int from, const Envelope& envelope, const Error& error) noexcept;
  void say_no(int to, std::uint32_t call, const Error& error) noexcept;

  std::span<std::byte> arrived(const Arrival& message) noexcept override;
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override;
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override;
  void lost(int rank, const Error& cause) noexcept override { lose(rank, cause); }
  void dropped_foreign() noexcept override { Metrics::increment(metrics_->foreign_messages); }

  void deliver(int from, const Envelope& envelope, std::span<const std::byte> body,
               std::span<const std::byte> bulk, Path path) noexcept;
  void end(std::uint32_t number, const Result<Reply>& outcome) noexcept;
  void settle(std::uint32_t number, const Result<Reply>& outcome) noexcept;
  [[nodiscard]] std::shared_ptr<Call> take(std::uint32_t number) noexcept;
  Result<void> send(int to, const Envelope& envelope, std::span<const std::byte> body, Bulk bulk) noexcept;
  Result<void> send_alone(int to, const Envelope& envelope, std::span<const std::byte> body,
                          Bulk bulk) noexcept;
  [[nodiscard]] bool hold(int to, Clock::time_point due, const Envelope& envelope,
                          std::span<const std::byte> body, Bulk bulk) noexcept;
  bool send_held(Clock::time_point until) noexcept;
  void accept(int from, const Envelope& envelope, std::span<const std::byte> body,
              std::span<const std::byte> bulk) noexcept;
  void accept_together(int from, std::span<const std::byte> messages) noexcept;
  void send_or_keep(int to, const Envelope& envelope, std::span<const std::byte> body) noexcept;
  bool send_unsent() noexcept;
  void ping(int rank) noexcept;
  std::span<std::byte> land(const Arrival& message, const Envelope& envelope,
                            std::span<const std::byte> body) noexcept;
  [[nodiscard]] bool is_awaited(const InboundBulk& landing) const noexcept;
  bool end_calls_in_vain() noexcept;
  bool look_at_clock() noexcept;

  // Memory that the transport reads and writes outlives the transport.
  InboundBulks inbound_;
  NumberTable<Outgoing> outgoing_;
  const std::shared_ptr<Transport> transport_;
  const std::shared_ptr<Metrics> metrics_;
  const RpcChannelOptions options_;
  Service* service_ = nullptr;
  std::optional<Error> closed_;
  CallTable calls_;
  bool in_vain_ = false;  ///< some open calls may never get a reply
  std::multimap<Clock::time_point, std::function<void()>> alarms_;
  /// Capacity is fixed at the start; callers of further ones end at their deadlines.
  std::vector<Unsent> unsent_;
  HeldMessages held_;
  std::optional<std::pair<int, std::uint32_t>> unhurried_;  ///< such a request that is being served
  int together_with_ = -1;  ///< the rank of which several requests are being served that came together
  InboundQuota inbound_quota_;
  PeerMonitor peer_monitor_;
  Clock::time_point looked_at_;                 ///< the clock of the transport
  int steps_ = 0;                               ///< since the clock was read
  std::vector<std::optional<Error>> why_lost_;  ///< by rank
  std::vector<std::atomic<bool>> lost_;
  std::vector<std::atomic<bool>> has_closed_;
};

}  // namespace locum
