#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/value/metrics.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The longest header of a message, in bytes. Longer data travels as bulk.
inline constexpr std::size_t max_header_bytes = 512;

/// A longer bulk is large: other messages to the same rank do not wait for all of it.
inline constexpr std::size_t large_bulk_bytes = std::size_t{256} << 10U;

/// An incoming message. Only the size of the bulk can be trusted.
struct Arrival {
  int from = 0;                        ///< the sender's rank
  std::span<const std::byte> header;   ///< valid until arrived() returns
  std::uint64_t bulk_bytes = 0;        ///< size of the bulk
  std::span<const std::byte> present;  ///< the whole bulk, if it has arrived; valid as long as the header
  std::uint64_t landing = 0;           ///< otherwise: the number that landed() will be called with
};

/// Callbacks of a transport. Called by Transport::progress() only, hence by one thread at a time; they may
/// call only send() and forget() of the transport, and must not wait.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// Receives a message. If its bulk has not arrived, returns the memory to write it to, `bulk_bytes` that
  /// stay until landed() is called, or an empty span to refuse it; landed() is then not called. Otherwise the
  /// result is ignored.
  [[nodiscard]] virtual std::span<std::byte> arrived(const Arrival& message) noexcept = 0;
  /// Notifies that the bulk of a message has arrived, by that path; or never will, and its memory is no
  /// longer written.
  virtual void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept = 0;
  /// Notifies that the bulk of the message sent with this ticket belongs to the sender again: it has been
  /// received, or never will be, for the reason in the error.
  virtual void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept = 0;
  /// Notifies that a rank can neither be reached nor heard: its process has died or the connection is broken.
  /// Called at most once per rank, if the transport learns of it; landed() and sent() are called before for
  /// all open transfers.
  virtual void lost(int rank, const Error& cause) noexcept = 0;
  /// Notifies that a message was dropped which no rank of this runtime has sent: it is of another job, or
  /// damaged.
  virtual void dropped_foreign() noexcept {}

 protected:
  ~Receiver() = default;
};

/// State of a message when send() returns.
enum class Sending : std::uint8_t {
  done,     ///< its bulk belongs to the caller again; sent() will not be called
  pending,  ///< its bulk must not change until sent() is called
};

/// Messages between the ranks of a runtime. Reliable and ordered between two live ranks, except that other
/// messages may overtake one with a large bulk, and except where a simulation is configured otherwise. A rank
/// can send to itself. One thread at a time, not always the same, calls send(), forget(), progress() and
/// arm(); any thread the others.
///
/// Only progress() moves messages. To sleep until there is something to move, a thread calls arm() while it
/// has the right to call progress(), gives up that right, and calls sleep(): another thread can then move
/// messages without waking the sleeper.
class Transport {
 public:
  using Clock = std::chrono::steady_clock;

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  /// Closes the network. Open transfers are dropped without callbacks.
  virtual ~Transport() = default;

  /// Sends a header (1 byte to max_header_bytes; copied) and a bulk of any size, which is read in place.
  /// Never waits. `ticket` is passed to sent(), if that has to be called. An error means that nothing was
  /// sent: `peer_lost`, `out_of_memory`, or `invalid_argument` (a header of another size, a nonexistent
  /// rank).
  [[nodiscard]] virtual Result<Sending> send(int to, std::span<const std::byte> header,
                                             std::span<const std::byte> bulk, std::uint64_t ticket) = 0;
  /// Declares that rank, not this one, lost, whatever its state: no send() to it succeeds any more, and
  /// transfers between the two end. A later progress() calls landed() and sent() for them, after which their
  /// memory is no longer accessed, and may call lost(). Never waits. A Receiver may call this, too.
  virtual void forget(int rank) noexcept = 0;
  /// Moves messages that can be moved without waiting, and calls `receiver`. Returns whether anything
  /// happened.
  virtual bool progress(Receiver& receiver) = 0;
  /// Makes sleep() end when there is something to move. Returns false if there is already: call progress()
  /// first.
  [[nodiscard]] virtual bool arm() = 0;
  /// Sleeps until there is something to move (if armed), wake() was called since the last sleep(), or
  /// `moment` has come. May return early. One thread at a time; others may call everything else meanwhile.
  virtual void sleep(Clock::time_point moment) = 0;
  /// Ends the current sleep() of another thread, or the next one.
  virtual void wake() noexcept = 0;
  /// Returns the current time on the clock of `moment`: the steady clock, or a simulated one.
  [[nodiscard]] virtual Clock::time_point now() const noexcept = 0;
};

}  // namespace locum
