#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <utility>

#include "core/async/operation.hpp"
#include "core/base/block_pool.hpp"
#include "core/object/object_wire.hpp"
#include "core/object/received_block.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/nodes.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// A lease granted to this rank. The owner counts its time from granting it, this rank from requesting it: so
/// it ends here first, if the two clocks run at about the same speed.
struct LeaseHeld {
  int owner = 0;  ///< the rank that granted it
  std::uint64_t number = 0;
  RpcChannel::Clock::time_point until;
  RemoteKey key;

  /// The lease granted by the reply to a request of that moment; none if it is invalid.
  [[nodiscard]] static std::optional<LeaseHeld> of(const NodeReply& reply,
                                                   RpcChannel::Clock::time_point asked);
};

/// Reads leased memory of other ranks one-sidedly. A read that has not ended with its lease is given up: its
/// bytes could not be trusted. It may end later or never, and the memory that it reads to stays until it
/// does; meanwhile nothing else is read from that rank. Only on the driver.
class OneSidedReads final : public std::enable_shared_from_this<OneSidedReads> {
 public:
  using Clock = RpcChannel::Clock;

  OneSidedReads(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<RpcChannel> channel)
      : remote_(std::move(remote)),
        channel_(std::move(channel)),
        overdue_(*channel_, [this](Clock::time_point now) { give_up_until(now); }) {}

  /// Whether it is worth requesting a lease from one of these ranks: at least one of them can be read, and
  /// none has a given-up read that has not ended.
  [[nodiscard]] bool reads(std::span<const int> ranks) const noexcept;
  class Read;
  /// Reads as many bytes as `into` has, which stays until the read has ended, and then tells the owner.
  /// `co_await` it for whether the bytes are there, and were read within the lease; it ends when the read has
  /// ended, the lease is over, or close() is called.
  [[nodiscard]] Read read(const LeaseHeld& lease, std::shared_ptr<ReceivedBlock> into);
  /// Tells the owner that the lease is over, without reading.
  void decline(const LeaseHeld& lease) noexcept;
  /// Whether it still reads under that lease of that rank, whether or not the read counts. Once the lease is
  /// over, false is final.
  [[nodiscard]] bool is_reading(int owner, std::uint64_t lease) const noexcept;
  /// Gives up all open reads.
  void close() noexcept { give_up_until(Clock::time_point::max()); }

 private:
  struct Reading {
    int owner = 0;
    std::uint64_t lease = 0;
    OneShot<bool>* good = nullptr;  ///< null: it was given up
  };
  using Number = std::pair<Clock::time_point, std::uint64_t>;  ///< end of its lease, and its number
  using Readings = std::pmr::map<Number, Reading>;

  void begin(const LeaseHeld& lease, std::shared_ptr<ReceivedBlock> into, OneShot<bool>& good) noexcept;
  void ended(const Number& number, bool read) noexcept;
  void end_read(int owner, std::uint64_t lease) noexcept;
  void give_up_until(Clock::time_point last) noexcept;

  const std::shared_ptr<RemoteMemory> remote_;
  const std::shared_ptr<RpcChannel> channel_;
  std::uint64_t last_ = 0;
  BlockPool pool_;
  Readings believed_{&pool_};  ///< open
  Readings given_up_{&pool_};  ///< open, but given up
  Alarm overdue_;              ///< for the first of believed_
};

class OneSidedReads::Read final : public Operation::Begun {
 public:
  Read(OneSidedReads& reads, const LeaseHeld& lease, std::shared_ptr<ReceivedBlock> into) noexcept
      : reads_(reads), lease_(lease), into_(std::move(into)) {}

  [[nodiscard]] bool await_resume() { return good_.await_resume(); }

 private:
  [[nodiscard]] bool begin(Operation& operation) noexcept override {
    reads_.begin(lease_, std::move(into_), good_);
    return good_.is_told(operation);
  }

  OneSidedReads& reads_;
  const LeaseHeld& lease_;
  std::shared_ptr<ReceivedBlock> into_;
  OneShot<bool> good_;
};

inline OneSidedReads::Read OneSidedReads::read(const LeaseHeld& lease, std::shared_ptr<ReceivedBlock> into) {
  return {*this, lease, std::move(into)};
}

}  // namespace locum
