#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/number_table.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/reply_to.hpp"
#include "core/rpc/rpc_channel.hpp"
#include "core/rpc/update_batch_wire.hpp"

namespace locum {

/// Batched requests of other ranks. Each request is served as if it had arrived alone, one after the other
/// and without waiting for each other; their replies are collected here until all are there, or the sender's
/// patience is over, and then sent as one. Within progress steps of the channel.
class BatchDispatcher final {
 public:
  using Clock = RpcChannel::Clock;

  /// Most open requests of one rank in batches: those of 64 full batches. More are refused.
  static constexpr std::uint32_t most_open = 16'384;
  /// Texts of errors in one reply; errors beyond that are sent as codes only.
  static constexpr std::size_t most_error_bytes = std::size_t{64} << 10U;

  /// \param timeout the longest time that a batch is open
  BatchDispatcher(std::shared_ptr<RpcChannel> channel, std::chrono::milliseconds timeout);

  /// Passes each of its requests to `service`. False: it is malformed, and nothing was passed on.
  [[nodiscard]] bool take(const Request& batch, Service& service);
  /// The reply to one request: `reply_to` refers to a batch. Once for each; late ones are dropped.
  void reply(ReplyTo reply_to, std::span<const std::byte> body) noexcept;
  void refuse(ReplyTo reply_to, const Error& error) noexcept;

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

 private:
  struct OpenBatch {
    int from = 0;
    std::uint32_t call = 0;
    Clock::time_point due;
    std::uint32_t left = 0;           ///< requests without a reply
    std::vector<BatchReplyRow> rows;  ///< by position
    std::vector<bool> is_said;
    std::vector<std::pair<std::uint32_t, Error>> errors;  ///< by position; as many as there is memory for
    std::shared_ptr<std::vector<std::byte>> bytes;        ///< of the reply: has room for the rows
    bool is_answered = false;  ///< before all requests had replies; counts until they have
  };

  [[nodiscard]] OpenBatch* find(ReplyTo reply_to) noexcept;
  void said(OpenBatch& batch, ReplyTo reply_to) noexcept;
  void tell(OpenBatch& batch) noexcept;
  void pack_errors(OpenBatch& batch) const noexcept;
  void end_overdue(Clock::time_point now) noexcept;

  const std::shared_ptr<RpcChannel> channel_;
  const std::chrono::milliseconds timeout_;
  NumberTable<std::unique_ptr<OpenBatch>> open_;
  std::vector<std::uint32_t> open_of_;  ///< requests, by rank
  Alarm overdue_;                       ///< for the batch with the earliest deadline
};

}  // namespace locum
