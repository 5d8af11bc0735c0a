#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/metrics.hpp"
#include "core/result.hpp"

namespace locum {

/// The longest header of a message, in bytes. What is longer travels as bulk.
inline constexpr std::size_t max_header_bytes = 512;

/// A bulk of more bytes is large: nothing else that is sent to the same rank waits for all of it.
inline constexpr std::size_t large_bulk_bytes = std::size_t{256} << 10U;

/// A message as it comes in. Nothing of it is to be trusted, but for the size of the bulk.
struct Arrival {
  int from = 0;                        ///< the sender's rank
  std::span<const std::byte> header;   ///< valid until arrived() returns
  std::uint64_t bulk_bytes = 0;        ///< that belong to the message beside its header
  std::span<const std::byte> present;  ///< the bulk, where all of it has come already; valid as the header is
  std::uint64_t landing = 0;           ///< where it has not: the number under which landed() will speak of it
};

/// Who hears what a transport has to tell. Called by Transport::progress() only, hence by one thread at a
/// time; may call send() and forget(), nothing else of the transport, and never waits.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// A message. Where its bulk is still to come: returns where that is to be written, `bulk_bytes` of memory
  /// that stay until landed() was called, or an empty span to refuse it; landed() is then not called. Else
  /// the returned span is of no meaning.
  [[nodiscard]] virtual std::span<std::byte> arrived(const Arrival& message) noexcept = 0;
  /// The bulk of a message is there, and which way it came; or will never be, and nobody writes into its
  /// memory any more.
  virtual void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept = 0;
  /// The bulk of the message that was sent under this ticket is the sender's again: it has been received, or
  /// the error says why it never will be.
  virtual void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept = 0;
  /// Nothing reaches that rank any more, and nothing comes from it: its process has died or the connection is
  /// broken. Said once for each rank, if the transport ever learns of it; landed() and sent() of what was
  /// under way are called before.
  virtual void lost(int rank, const Error& cause) noexcept = 0;

 protected:
  ~Receiver() = default;
};

/// What became of a message at once.
enum class Sending : std::uint8_t {
  done,     ///< its bulk is the caller's again; sent() will not be called
  pending,  ///< its bulk must stay as it is until sent() is called
};

/// Messages between the ranks of a runtime: how bytes leave a rank. Reliable between two ranks while both
/// live, and in order, but that a message with a large bulk may be overtaken by others; except where a
/// simulation is told otherwise. A rank can send to itself. send(), forget(), progress() and arm() are called
/// by one thread at a time, which may be another one each time; the others by any.
///
/// Nothing moves except inside progress(). Whoever wants to sleep until there is something to move calls
/// arm() while it has the right to call progress(), then gives that right away, and calls sleep(): so that
/// another thread can move messages meanwhile without waking the sleeper.
class Transport {
 public:
  using Clock = std::chrono::steady_clock;

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  /// Lets go of the network. What was under way is dropped, nobody is told.
  virtual ~Transport() = default;

  /// Sends a header (1 byte to max_header_bytes; copied) and a bulk of any size, which is read in place.
  /// Never waits. `ticket`: what sent() will say, if it has to be called. An error says that nothing was
  /// sent: `peer_lost`, `out_of_memory`, or `invalid_argument` (a header of another size, no such rank).
  [[nodiscard]] virtual Result<Sending> send(int to, std::span<const std::byte> header,
                                             std::span<const std::byte> bulk, std::uint64_t ticket) = 0;
  /// Takes that rank, not this one, for lost, whatever it does: no send() to it succeeds any more, and what
  /// is under way between the two ends. A later progress() calls landed() and sent() for it, after which
  /// nobody touches its memory, and may call lost(). Never waits. A Receiver may call this, too.
  virtual void forget(int rank) noexcept = 0;
  /// Moves what can be moved without waiting, and tells `receiver` what came of it. Whether anything
  /// happened.
  virtual bool progress(Receiver& receiver) = 0;
  /// Makes sleep() end when there is something to move from now on. False: there is already, call progress()
  /// first.
  [[nodiscard]] virtual bool arm() = 0;
  /// Sleeps until there is something to move (if armed), wake() was called since the last sleep(), or
  /// `moment` has come. May return early. One thread at a time; others may call everything else meanwhile.
  virtual void sleep(Clock::time_point moment) = 0;
  /// Ends the sleep() of another thread, or the next one.
  virtual void wake() noexcept = 0;
  /// The time that `moment` is a point of: the steady clock, or a simulated one.
  [[nodiscard]] virtual Clock::time_point now() const noexcept = 0;
};

}  // namespace locum
