#pragma once

#include <mpi.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/remote_memory.hpp"
#include "mpi/communicator.hpp"
#include "mpi/transport/envelope.hpp"
#include "mpi/transport/sleeper.hpp"
#include "mpi/transport/transport.hpp"
#include "mpi/transport/window.hpp"

namespace locum::mpi {

/// The port over MPI messages on one communicator. A message is one MPI message of the tag `message_tag`, in
/// memory of the transport, received in the order in which MPI matched it. A large bulk is announced by such
/// a message; its receiver posts receives into its own memory and pulls; then MPI moves the bulk from the
/// sender's memory into the receiver's, in messages of a tag that follows from the bulk's number (bulks.cpp).
///
/// A rank's messages to itself never go to MPI. Once closed it calls MPI no more, and moves nothing.
class MpiTransport final : public Transport {
 public:
  MpiTransport(Communicator communicator, const TransportOptions& options);
  ~MpiTransport() override;

  /// See close_transport().
  void close() noexcept;

  [[nodiscard]] Result<Sending> send(int to, std::span<const std::byte> header,
                                     std::span<const std::byte> bulk, std::uint64_t ticket) override;
  void forget(int rank) noexcept override;
  bool progress(Receiver& receiver) override;
  [[nodiscard]] bool arm() override;
  void sleep(Clock::time_point moment) override;
  void wake() noexcept override { sleeper_.ring(); }
  [[nodiscard]] Clock::time_point now() const noexcept override { return Clock::now(); }

  [[nodiscard]] MPI_Comm raw() const noexcept { return raw_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] bool is_other(int rank) const noexcept { return rank >= 0 && rank < size_ && rank != rank_; }
  /// Takes the window that read() reads, and keeps its memory until it is freed.
  void take(Window window, std::shared_ptr<const void> memory) noexcept;
  /// The read of WindowMemory::get(): of another rank's memory, told within a later progress().
  [[nodiscard]] Result<Sending> read(int from, std::uint64_t displacement, std::span<std::byte> into,
                                     RemoteMemory::Then then);

 private:
  static constexpr int message_tag = 0;
  /// Messages that MPI may be receiving at a time.
  static constexpr std::size_t most_incoming = 16;

  /// A message that MPI sends.
  struct Outgoing {
    std::vector<std::byte> letter;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  /// A message that MPI has matched, and may still be receiving.
  struct Incoming {
    std::vector<std::byte> letter;
    MPI_Request request = MPI_REQUEST_NULL;
    int from = 0;
    std::size_t bytes = 0;
  };
  /// A large bulk of this rank: announced, and then in MPI's hands.
  struct Outbound {
    std::uint64_t ticket = 0;
    std::span<const std::byte> bulk;
    std::vector<MPI_Request> requests;  ///< once pulled
  };
  /// A large bulk for this rank, in MPI's hands.
  struct Inbound {
    int from = 0;
    std::uint64_t landing = 0;
    std::vector<MPI_Request> requests;
    bool failed = false;
  };
  /// A read of another rank's memory, in MPI's hands.
  struct Read {
    int from = 0;
    std::vector<MPI_Request> requests;
    bool failed = false;
    RemoteMemory::Then then;
  };
  struct Peer {
    enum class State : std::uint8_t { open, forgotten, told };

    State state = State::open;
    bool said_gone = false;
    std::uint64_t last_number = 0;                  ///< of bulks to it
    std::deque<std::unique_ptr<Outgoing>> sending;  ///< oldest first
    std::map<std::uint64_t, Outbound> outbound;     ///< by number
  };
  /// A message to this rank itself.
  struct Own {
    std::vector<std::byte> header;
    std::vector<std::byte> copy;
    std::span<const std::byte> bulk;  ///< the sender's, or `copy`
    std::uint64_t ticket = 0;
    bool copied = true;
  };
  /// A finished bulk of this rank that is yet to be reported.
  struct Finished {
    std::uint64_t ticket = 0;
    Result<void> outcome;
  };

  [[nodiscard]] bool message_has_come() const noexcept;
  [[nodiscard]] bool sleeper_shall_wake() noexcept LOCUM_EXCLUDES(asking_);
  [[nodiscard]] bool post(int to, const Envelope& envelope, std::span<const std::byte> header,
                          std::span<const std::byte> bulk) noexcept;
  [[nodiscard]] bool is_crowded(const Peer& peer) const noexcept;
  void reap(Peer& peer) noexcept;
  bool start_receiving() noexcept;
  bool receive(Receiver& receiver) noexcept;
  void take(Receiver& receiver, Incoming& message) noexcept;
  bool tell_own(Receiver& receiver) noexcept;
  bool tell_lost(Receiver& receiver) noexcept;

  // Large bulks.
  void announced(Receiver& receiver, int from, const Envelope::Opened& message) noexcept;
  void pulled(int by, std::uint64_t number) noexcept;
  void refused(int by, std::uint64_t number) noexcept;
  bool tell_bulks(Receiver& receiver) noexcept;
  bool tell_inbound(Receiver& receiver) noexcept;
  bool tell_outbound(Receiver& receiver) noexcept;
  bool tell_reads() noexcept;
  void drop_bulks_of(int rank) noexcept;
  [[nodiscard]] bool has_bulks_of(int rank) const noexcept;
  [[nodiscard]] int tag_of(std::uint64_t number) const noexcept;
  void count_moving() noexcept;

  void lose(int rank) noexcept;
  [[nodiscard]] bool drive_until(Clock::time_point deadline, const std::function<bool()>& finished) noexcept;
  [[nodiscard]] bool is_idle() const noexcept;
  [[nodiscard]] bool end_together(Clock::time_point deadline);
  [[nodiscard]] Peer& peer(int rank) noexcept { return peers_[static_cast<std::size_t>(rank)]; }

  /// What MPI may write to, or read, until its requests have ended: kept until the process ends if they do
  /// not.
  struct InMpi {
    std::array<Incoming, most_incoming> incoming;
    std::vector<Peer> peers;
    std::list<Inbound> inbound;
    std::list<Read> reads;
    std::shared_ptr<const void> window_memory;
  };

  const TransportOptions options_;
  std::unique_ptr<Communicator> communicator_;
  const MPI_Comm raw_;
  const int rank_;
  const int size_;
  int bulk_tags_ = 1;
  std::unique_ptr<InMpi> in_mpi_;
  std::vector<Peer>& peers_;
  std::list<Inbound>& inbound_;
  std::list<Read>& reads_;
  std::optional<Window> window_;
  std::array<Incoming, most_incoming>& incoming_;  ///< a ring
  std::size_t first_incoming_ = 0;                 ///< the oldest
  std::size_t receiving_ = 0;                      ///< how many, from the oldest on
  std::vector<int> sending_to_;                    ///< ranks with messages in MPI's hands
  std::vector<std::unique_ptr<Outgoing>> spare_;
  std::vector<std::pair<int, std::uint64_t>> moving_out_;  ///< pulled bulks, by rank and number
  std::vector<Finished> finished_;
  std::vector<Own> own_;
  std::vector<int> gone_;  ///< forgotten, and not yet reported
  std::uint64_t last_landing_ = 0;
  std::atomic<std::size_t> moving_{0};  ///< bulks and reads in MPI's hands; read by the sleeper
  Sleeper sleeper_;
  Mutex asking_;                      ///< held while the sleeping thread asks MPI for messages
  std::atomic<bool> closed_ = false;  ///< written by the thread that makes progress, with the mutex
};

}  // namespace locum::mpi
