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
#include "core/metrics.hpp"
#include "core/ports/transport.hpp"
#include "core/result.hpp"
#include "core/rpc/call_table.hpp"
#include "core/rpc/inbound_quota.hpp"
#include "core/rpc/landings.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/peer_monitor.hpp"
#include "core/rpc/short_bytes.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// What another rank asks of this one. The spans live until asked() returns.
struct Question {
  int from = 0;
  std::uint32_t call = 0;  ///< the asker's number; the answer has to name it
  Kind kind = Kind::ping;
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
  /// Of one that came with others in a bundle (Bundles): the bundle's number, and its place there. 0: it came
  /// by itself.
  std::uint32_t bundle = 0;
  std::uint32_t place = 0;
};

/// Answers questions, with Exchange::answer() or refuse(), now or later. Never waits, never throws.
class Service {
 public:
  virtual void asked(const Question& question) noexcept = 0;
  /// That rank is lost: nothing it wants matters any more.
  virtual void bereaved(int rank) noexcept = 0;
  /// When it has something to do although nobody asks; max: never.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point next_due() const noexcept {
    return std::chrono::steady_clock::time_point::max();
  }
  /// Does what is due now.
  virtual void do_due(std::chrono::steady_clock::time_point /*now*/) noexcept {}

 protected:
  ~Service() = default;
};

/// What came back. The spans live until ended() returns, but for a bulk that landed where landing() said.
struct Answer {
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
  Path path = Path::inline_value;  ///< how the bulk came
};

/// A question of this rank that is under way, and who is to be told.
class Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  virtual ~Call() = default;

  /// Memory for an answer's bulk that is still to come; it stays until the call is destroyed. Empty:
  /// unwanted, the call ends with `out_of_memory`.
  [[nodiscard]] virtual std::span<std::byte> landing(std::span<const std::byte> body,
                                                     std::uint64_t bulk_bytes) noexcept = 0;
  /// Once: with the answer, the other side's error, `timeout` or `peer_lost`. `self`: this call, to ask with
  /// again. Must not fail for want of memory.
  virtual void ended(const Result<Answer>& outcome, const std::shared_ptr<Call>& self) noexcept = 0;
  /// In place of ended(), where the error is the other side's own: it may itself say `timeout` or
  /// `peer_lost`, of others.
  virtual void refused(const Error& error, const std::shared_ptr<Call>& self) noexcept { ended(error, self); }
};

/// What an exchange has to know.
struct ExchangeOptions {
  int rank = 0;
  int size = 1;
  std::uint64_t incarnation = 0;
  /// A rank that owes an answer and says nothing for so long is taken for dead.
  std::chrono::milliseconds patience{5'000};
  /// Node of each rank: when one is silent the others of its node are asked as well whether they live, so
  /// that all of a node that is gone are known as lost at once. Empty: each rank for itself.
  std::vector<int> node_of_rank;
  /// What one rank may have under way here, so that nobody fills another's memory: questions whose bulk is
  /// still to come, that are answered later, or whose answer has not been read; and bytes of such bulks. What
  /// is more is refused as `out_of_memory`.
  std::uint32_t most_questions = 4096;
  std::uint64_t most_question_bytes = std::uint64_t{16} << 20U;
  /// Memory that is made for answers of one rank until it has read them; a single answer may have more.
  std::uint64_t most_answer_bytes = std::uint64_t{64} << 20U;
};

/// Questions and answers between ranks, over messages. Numbers what is asked, gives up on time, asks those
/// who owe an answer, or a part in moving a bulk, and are silent whether they live, and tells everybody
/// concerned when a rank is lost. All functions but is_lost() and has_closed() are called by whoever has the
/// right to drive (see Progress), one thread at a time; nothing here waits.
///
/// Whoever asks may find that there is no memory for it; what comes in from others needs none that could not
/// be done without: it is then refused, or ends with `out_of_memory`.
///
/// A rank once lost stays lost: what still comes from it is dropped, so that an answer is never believed
/// after somebody acted on its absence.
class Exchange final : private Receiver {
 public:
  using Clock = Transport::Clock;

  Exchange(std::shared_ptr<Transport> transport, std::shared_ptr<Metrics> metrics,
           const ExchangeOptions& options);

  /// Who answers from now on; none: questions are refused as `closed`.
  void serve(Service* service) noexcept { service_ = service; }

  /// Asks; `call` is told the answer inside a later step(), or here that the transport takes no more messages
  /// to that rank now (`out_of_memory`). It lives until a bulk that nobody else keeps is sent.
  void ask(int rank, Kind kind, std::span<const std::byte> body, Bulk bulk, Clock::time_point deadline,
           std::shared_ptr<Call> call) noexcept;
  /// Where the transport takes no more messages to that rank now, an answer without a bulk is sent later; one
  /// with a bulk becomes the error `out_of_memory`.
  void answer(int to, std::uint32_t call, std::span<const std::byte> body, Bulk bulk = {}) noexcept;
  void refuse(int to, std::uint32_t call, const Error& error) noexcept;
  /// That question will not be answered: who asked has given up.
  void dismiss(int from, std::uint32_t call) noexcept { inbound_quota_.answered(from, call); }
  /// Whether an answer to that rank may take so much memory of this process's own until it has been read; to
  /// be told so in Bulk::made_bytes.
  [[nodiscard]] bool has_room(int to, std::uint64_t answer_bytes) const noexcept {
    return inbound_quota_.has_room(to, answer_bytes);
  }
  /// Says what nobody answers; later, where the transport takes no more messages to that rank now.
  void tell(int rank, Kind kind, std::span<const std::byte> body) noexcept;
  /// From now on that rank owes something other than an answer, until as many calls of expected().
  void expect(int rank) noexcept { peer_monitor_.owe(rank); }
  void expected(int rank) noexcept { peer_monitor_.repay(rank); }
  /// Asks that rank at once whether it lives, unless it owes something, and from then on like those who owe,
  /// until it says something: if it does not, it is lost. Also after close().
  void doubt(int rank) noexcept;
  /// Has `action` called within the first step() at that moment or after it, unless close() comes first.
  void call_at(Clock::time_point moment, std::function<void()> action);
  /// The transport, or somebody else who knows, says that this rank is gone.
  void lose(int rank, const Error& cause) noexcept;

  /// Moves messages, ends what is overdue. Whether anything happened. It looks at the clock where no message
  /// moved; while they do, or `in_a_hurry` because the next step follows at once, only every 32nd time.
  bool step(bool in_a_hurry = false);
  /// When step() last looked at the clock.
  [[nodiscard]] Clock::time_point looked_at() const noexcept { return looked_at_; }
  /// When step() has something to do although nothing arrives; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due() const noexcept;
  /// Ends every call with `error`; nothing is asked or answered any more.
  void close(const Error& error) noexcept;

  [[nodiscard]] bool is_lost(int rank) const noexcept {
    return lost_[static_cast<std::size_t>(rank)].load(std::memory_order_acquire);
  }
  /// Whether that rank has said that it has closed, and does nothing any more that it is asked for.
  [[nodiscard]] bool has_closed(int rank) const noexcept {
    return has_closed_[static_cast<std::size_t>(rank)].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t under_way() const noexcept { return calls_.size(); }
  /// Bulks on their way in or out, of calls that have ended, too.
  [[nodiscard]] std::size_t bulks() const noexcept { return landings_.size() + outgoing_.size(); }
  /// Questions of that rank that take up memory here.
  [[nodiscard]] std::uint32_t questions_of(int rank) const noexcept {
    return inbound_quota_.questions_of(rank);
  }
  [[nodiscard]] Clock::time_point now() const noexcept { return transport_->now(); }
  [[nodiscard]] const ExchangeOptions& options() const noexcept { return options_; }
  /// What a step may wait, and with it all that answers questions and moves operations on within one.
  [[nodiscard]] WaitBudget budget() const noexcept { return WaitBudget::of_step(options_.patience); }

 private:
  /// A bulk on its way out, kept until sent().
  struct Outgoing {
    int to = 0;
    Bulk bulk;
    bool answers = false;  ///< it belongs to an answer
  };
  /// What there was no memory to send.
  struct Unsent {
    int to = 0;
    Envelope envelope;
    ShortBytes body;
  };
  void serve_question(const Question& question) noexcept;
  void turn_away(int from, const Envelope& envelope, const Error& error) noexcept;
  void say_no(int to, std::uint32_t call, const Error& error) noexcept;

  std::span<std::byte> arrived(const Arrival& message) noexcept override;
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override;
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override;
  void lost(int rank, const Error& cause) noexcept override { lose(rank, cause); }

  void deliver(int from, const Envelope& envelope, std::span<const std::byte> body,
               std::span<const std::byte> bulk, Path path) noexcept;
  void end(std::uint32_t number, const Result<Answer>& outcome) noexcept;
  void settle(std::uint32_t number, const Result<Answer>& outcome) noexcept;
  [[nodiscard]] std::shared_ptr<Call> take(std::uint32_t number) noexcept;
  Result<void> send(int to, const Envelope& envelope, std::span<const std::byte> body, Bulk bulk) noexcept;
  void send_or_keep(int to, const Envelope& envelope, std::span<const std::byte> body) noexcept;
  bool send_unsent() noexcept;
  void ping(int rank) noexcept;
  std::span<std::byte> land(const Arrival& message, const Envelope& envelope,
                            std::span<const std::byte> body) noexcept;
  [[nodiscard]] bool is_awaited(const Landing& landing) const noexcept;
  bool end_calls_in_vain() noexcept;
  bool look_at_clock() noexcept;

  // What the transport reads and writes stays until it is gone.
  Landings landings_;
  NumberTable<Outgoing> outgoing_;
  const std::shared_ptr<Transport> transport_;
  const std::shared_ptr<Metrics> metrics_;
  const ExchangeOptions options_;
  Service* service_ = nullptr;
  std::optional<Error> closed_;
  CallTable calls_;
  bool in_vain_ = false;  ///< some of them may be under way that nobody will answer
  std::multimap<Clock::time_point, std::function<void()>> alarms_;
  /// As many as there is room for from the beginning; whoever waits for more gives up at its deadline.
  std::vector<Unsent> unsent_;
  InboundQuota inbound_quota_;
  PeerMonitor peer_monitor_;
  Clock::time_point looked_at_;                 ///< the clock of the transport
  int steps_ = 0;                               ///< since then
  std::vector<std::optional<Error>> why_lost_;  ///< by rank
  std::vector<std::atomic<bool>> lost_;
  std::vector<std::atomic<bool>> has_closed_;
};

}  // namespace locum
