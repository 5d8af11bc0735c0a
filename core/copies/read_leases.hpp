#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "core/node/node_memory.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/rpc_channel.hpp"
#include "core/value/key.hpp"

namespace locum {

/// Objects of this node that other ranks read one-sidedly, from the memory of this process. During a lease,
/// its object is pinned. The lease ends with the reader's message, with the loss of the reader, or when its
/// time is over: then the object may be freed, and the reader discards what it reads. The memory stays
/// exposed until the reader has sent its message or is lost, because a device may fail on requests for memory
/// that is not exposed. A reader without a message by then is queried until it replies no or is lost: it may
/// never have received the lease, or its message was lost. Exposed memory never returns to the system for
/// other uses before: it is pinned, or readers discard what they read of it.
///
/// Only on the driver.
class ReadLeases final : public std::enable_shared_from_this<ReadLeases> {
 public:
  using Clock = RpcChannel::Clock;

  /// The data sent to a reader.
  struct Grant {
    std::uint64_t number = 0;
    std::chrono::nanoseconds duration{};
    RemoteKey key;
  };

  /// Most leases of one rank, so that no rank keeps all memory by its requests.
  static constexpr std::uint32_t most_of_a_rank = 1024;

  /// \param patience how long a lease lasts at least: plus a nanosecond for each byte
  ReadLeases(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<RpcChannel> channel,
             std::chrono::milliseconds patience);

  /// Lets that rank read the block of an object; none if it cannot be read so, or the rank has too many.
  [[nodiscard]] std::optional<Grant> grant(int rank, const Key& key,
                                           std::shared_ptr<const PinnedObject> object,
                                           std::span<const std::byte> block);
  /// That rank has finished reading. No effect if it has no such lease.
  void release(int rank, std::uint64_t number) noexcept;
  /// That rank is lost.
  void forget(int rank) noexcept;
  /// Ends all leases, and grants none any more.
  void close() noexcept;

  /// Unexpired leases, and exposed memory: for tests.
  [[nodiscard]] std::size_t running() const noexcept;
  [[nodiscard]] std::size_t exposed() const noexcept { return leases_.size(); }

 private:
  /// Exposed until destroyed; shared by the leases of one object.
  class Exposed {
   public:
    explicit Exposed(std::shared_ptr<RemoteMemory> remote) noexcept : remote_(std::move(remote)) {}
    Exposed(const Exposed&) = delete;
    Exposed& operator=(const Exposed&) = delete;
    ~Exposed() {
      if (exposure_) {
        remote_->withdraw(exposure_->number);
      }
    }
    /// False: it cannot be exposed. REQUIRES: not exposed yet.
    [[nodiscard]] bool expose(std::span<const std::byte> memory);
    [[nodiscard]] const RemoteKey& key() const noexcept { return exposure_->key; }

   private:
    const std::shared_ptr<RemoteMemory> remote_;
    std::optional<RemoteMemory::Exposure> exposure_;
  };
  struct Lease {
    Key key;
    std::shared_ptr<const Exposed> exposed;
    std::shared_ptr<const PinnedObject> object;  ///< null: expired
    Clock::time_point due;                       ///< its expiry, and after that the next query to its reader
  };
  using Number = std::pair<int, std::uint64_t>;  ///< the reader, and the lease
  using Held = std::map<Number, Lease>;
  class Recall;

  [[nodiscard]] std::shared_ptr<const Exposed> expose(const Key& key, std::span<const std::byte> block);
  Held::iterator end(Held::iterator lease) noexcept;
  void end_overdue(Clock::time_point now) noexcept;
  void recall(const Number& number) noexcept;
  void drop_unshared(const Key& key) noexcept;

  std::shared_ptr<RemoteMemory> remote_;  ///< until close()
  const std::shared_ptr<RpcChannel> channel_;
  const std::chrono::milliseconds patience_;
  std::uint64_t last_ = 0;
  Held leases_;
  std::map<int, std::uint32_t> of_rank_;
  std::map<Key, std::weak_ptr<const Exposed>> shared_;
  std::set<std::pair<Clock::time_point, Number>> due_;  ///< all of them
  Alarm overdue_;                                       ///< for the first of these
};

}  // namespace locum
