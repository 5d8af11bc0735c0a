#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"
#include "tests/loopback/counters.hpp"
#include "tests/loopback/inbox.hpp"
#include "tests/loopback/links.hpp"
#include "tests/loopback/options.hpp"
#include "tests/loopback/random.hpp"
#include "tests/loopback/simulation.hpp"

namespace locum::loopback {

/// A network of ranks within one process, for tests: a simulated Transport. Messages and bulks move at their
/// simulated moments; a rank receives them in its own progress(). Faults are scripted (at a moment, or by a
/// judge of each message) or drawn from the seed.
///
/// A killed rank receives and sends nothing any more. A program on it ends at its next sleep(), by the
/// exception Killed. Destructors can still clean up: sending fails with `peer_lost`, the rank's own ends of
/// open bulks have failed, and sleeping only advances time.
class Network final : public Simulation {
 public:
  using Judge = std::function<Verdict(int from, int to, std::span<const std::byte> header)>;

  explicit Network(const NetworkOptions& options);
  /// Ends programs that have not ended by themselves: see start().
  ~Network() override;

  /// That rank's transport; once for each rank. The network must outlive it. Destroying it closes the rank:
  /// its sent messages arrive, except bulks not yet fetched, and the others are told that it is lost as if it
  /// had died.
  [[nodiscard]] std::unique_ptr<Transport> transport(int rank);

  /// One-sided access of that rank to memory. Must be destroyed before its transport; may be opened again.
  [[nodiscard]] std::shared_ptr<RemoteMemory> remote_memory(int rank);

  /// Whether that rank's memory can be read one-sidedly.
  void set_one_sided(int rank, bool one_sided) { ranks_.at(index(rank)).one_sided = one_sided; }
  void set_latency(int from, int to, const Range& latency) { links_.set_latency(from, to, latency); }
  /// Nothing passes any more, in one direction or in both, until healed. Nobody is told.
  void cut_one_way(int from, int to, Cut cut = Cut::lose) { links_.cut(from, to, cut); }
  void cut(int a, int b, Cut cut = Cut::lose);
  /// Nothing passes between these ranks and all others.
  void partition(const std::vector<int>& apart, Cut cut = Cut::lose) { links_.partition(apart, cut); }
  void heal(int a, int b);
  /// Ends all cuts and partitions. Held messages arrive now.
  void heal();
  /// Cuts for ever: after the detection time each of the two is told that the other is lost.
  void sever(int a, int b);
  void kill(int rank);
  /// Called for each message when it is sent, before any other decision.
  void on_message(Judge judge) { judge_ = std::move(judge); }

  [[nodiscard]] const NetworkCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const Counters& counters(int rank) const { return ranks_.at(index(rank)).counters; }
  /// A hash of all events so far, and of their order.
  [[nodiscard]] std::uint64_t trace() const noexcept { return trace_; }

 private:
  friend class LoopbackTransport;
  friend class LoopbackRemoteMemory;

  struct Rank {
    Inbox inbox{};
    Counters counters{};
    bool open = false;    // has a transport
    bool closed = false;  // had one
    bool moving = false;  // is in progress()
    bool one_sided = false;
  };
  /// A bulk that is read in place.
  struct Transfer {
    int from = 0;
    int to = 0;
    std::uint64_t ticket = 0;
    std::span<const std::byte> bulk;
    std::span<std::byte> landing{};
    bool sender_waits = true;
    bool receiver_waits = false;
    bool held = false;  // by a cut
    bool stranded = false;
  };
  /// A one-sided read: the request travels, and the bytes travel back.
  struct Read {
    int reader = 0;
    int owner = 0;
    std::span<const std::byte> memory{};
    std::span<std::byte> into;
    RemoteMemory::Then then;
    std::vector<std::byte> bytes{};  // once they have been read
    bool there = false;              // they have been read
    bool held = false;               // by a cut
  };
  enum class Step : std::uint8_t { sent, arrived, dropped, moved, failed, died, told, read };

  [[nodiscard]] static Error unreachable(int rank);
  [[nodiscard]] static std::size_t index(int rank) noexcept { return static_cast<std::size_t>(rank); }
  [[nodiscard]] std::chrono::nanoseconds latency(int from, int to) {
    return random_.within(links_.latency(from, to));
  }
  [[nodiscard]] std::chrono::nanoseconds time_for(std::uint64_t bytes) const noexcept;
  void note(Step step, int from, int to, std::uint64_t number) noexcept;

  [[nodiscard]] Result<Sending> send(int from, int to, std::span<const std::byte> header,
                                     std::span<const std::byte> bulk, std::uint64_t ticket);
  void forget(int rank, int peer) noexcept;
  bool progress(int rank, Receiver& receiver);
  void close(int rank);

  [[nodiscard]] std::optional<Error> refused(int from, int to, std::span<const std::byte> header) const;
  void post(std::shared_ptr<Parcel> parcel, const Verdict& verdict);
  // Whether it is in the inbox now.
  bool arrive(const std::shared_ptr<Parcel>& parcel);
  [[nodiscard]] bool vanishes(const Parcel& parcel);
  void discard(const Parcel& parcel);
  void hear(const Parcel& parcel, Receiver& receiver);
  [[nodiscard]] Result<RemoteMemory::Exposure> expose(int rank, std::span<const std::byte> memory);
  void withdraw(std::uint64_t exposure) noexcept { exposures_.erase(exposure); }
  [[nodiscard]] Result<Sending> read(Read read, const RemoteKey& key, std::uint64_t offset);
  void go_on_reading(std::uint64_t id);
  void end_read(std::uint64_t id, const Result<void>& outcome);
  void end_reads(int reader, int owner);
  void fetch(std::uint64_t id);
  void move(std::uint64_t id);
  void end_transfer(std::uint64_t id, const Result<void>& outcome);
  [[nodiscard]] std::vector<std::uint64_t> transfers_between(int a, int b) const;
  void release_held();
  void die(int rank);
  void tell_others(int rank);
  void tell_lost(int observer, int peer);
  void kill_all() override;

  const NetworkOptions options_;
  Random random_;
  Links links_;
  std::vector<Rank> ranks_;
  std::map<std::uint64_t, Transfer> transfers_;  // in the order of their beginning
  std::uint64_t last_transfer_ = 0;
  std::map<std::uint64_t, std::pair<int, std::span<const std::byte>>> exposures_;
  std::uint64_t last_exposure_ = 0;
  std::map<std::uint64_t, Read> reads_;  // in the order of their beginning
  std::uint64_t last_read_ = 0;
  std::vector<std::shared_ptr<Parcel>> held_;  // by cuts, in the order of their arrival
  Judge judge_;
  NetworkCounters counters_;
  std::uint64_t trace_ = 0;
};

}  // namespace locum::loopback
