#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/key.hpp"
#include "core/node/node_memory.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/exchange.hpp"

namespace locum {

/// Objects of this node that other ranks read one-sidedly, out of the memory of this process. While a lease
/// lasts, its object is pinned. It ends with the reader's word, with the reader, or when its time is over:
/// then the object may go, and the reader does not believe what it reads any more. The memory stays exposed
/// until the reader has spoken or is lost, because a device may take it amiss if it is asked for memory that
/// is not. A reader that has not spoken by then is asked whether it still reads, until it says no or is lost:
/// it may never have heard of the lease, or its word was lost. Exposed memory is never given back to the
/// system as something else before: either it is pinned, or nobody believes what is read of it.
///
/// Only by who drives.
class ReadLeases final : public std::enable_shared_from_this<ReadLeases> {
 public:
  using Clock = Exchange::Clock;

  /// What a reader is told.
  struct Grant {
    std::uint64_t number = 0;
    std::chrono::nanoseconds duration{};
    RemoteKey key;
  };

  /// How many leases one rank may have, so that nobody keeps all memory by asking.
  static constexpr std::uint32_t most_of_a_rank = 1024;

  /// \param patience how long a lease lasts at least: a nanosecond more for each byte
  ReadLeases(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<Exchange> exchange,
             std::chrono::milliseconds patience);

  /// Lets that rank read the block of an object; nothing if it cannot be read so, or the rank has enough.
  [[nodiscard]] std::optional<Grant> grant(int rank, const Key& key,
                                           std::shared_ptr<const PinnedObject> object,
                                           std::span<const std::byte> block);
  /// That rank reads no more. Nothing happens if it has no such lease.
  void release(int rank, std::uint64_t number) noexcept;
  /// That rank is lost.
  void forget(int rank) noexcept;
  /// Ends all, and grants none any more.
  void close() noexcept;

  /// Leases whose time is not over, and memory that is exposed: for tests.
  [[nodiscard]] std::size_t running() const noexcept;
  [[nodiscard]] std::size_t exposed() const noexcept { return leases_.size(); }

 private:
  /// Exposed until it is destroyed; shared by the leases of one object.
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
    /// False: it cannot be read so. REQUIRES: not exposed yet.
    [[nodiscard]] bool expose(std::span<const std::byte> memory);
    [[nodiscard]] const RemoteKey& key() const noexcept { return exposure_->key; }

   private:
    const std::shared_ptr<RemoteMemory> remote_;
    std::optional<RemoteMemory::Exposure> exposure_;
  };
  struct Lease {
    Key key;
    std::shared_ptr<const Exposed> exposed;
    std::shared_ptr<const PinnedObject> object;  ///< null: its time is over
    Clock::time_point due;  ///< the end of its time, and then when its reader is to be asked
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
  const std::shared_ptr<Exchange> exchange_;
  const std::chrono::milliseconds patience_;
  std::uint64_t last_ = 0;
  Held leases_;
  std::map<int, std::uint32_t> of_rank_;
  std::map<Key, std::weak_ptr<const Exposed>> shared_;
  std::set<std::pair<Clock::time_point, Number>> due_;  ///< all of them
  Alarm overdue_;                                       ///< for the first of these
};

}  // namespace locum
