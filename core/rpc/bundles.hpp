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
#include "core/rpc/asker.hpp"
#include "core/rpc/bundle_wire.hpp"
#include "core/rpc/exchange.hpp"

namespace locum {

/// Batched requests of other ranks. Each request is served as if it had arrived alone, one after the other
/// and without waiting for each other; their replies are collected here until all are there, or the sender's
/// patience is over, and then sent as one. Within progress steps of the exchange.
class Bundles final {
 public:
  using Clock = Exchange::Clock;

  /// Most open requests of one rank in batches: those of 64 full batches. More are refused.
  static constexpr std::uint32_t most_open = 16'384;
  /// Texts of errors in one reply; errors beyond that are sent as codes only.
  static constexpr std::size_t most_error_bytes = std::size_t{64} << 10U;

  /// \param timeout the longest time that a batch is open
  Bundles(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds timeout);

  /// Passes each of its requests to `service`. False: it is malformed, and nothing was passed on.
  [[nodiscard]] bool take(const Question& bundle, Service& service);
  /// The reply to one request: `asker` refers to a batch. Once for each; late ones are dropped.
  void answer(Asker asker, std::span<const std::byte> body) noexcept;
  void refuse(Asker asker, const Error& error) noexcept;

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

 private:
  struct Bundle {
    int from = 0;
    std::uint32_t call = 0;
    Clock::time_point due;
    std::uint32_t left = 0;       ///< requests without a reply
    std::vector<BundleRow> rows;  ///< by position
    std::vector<bool> is_said;
    std::vector<std::pair<std::uint32_t, Error>> errors;  ///< by position; as many as there is memory for
    std::shared_ptr<std::vector<std::byte>> bytes;        ///< of the reply: has room for the rows
    bool is_answered = false;  ///< before all requests had replies; counts until they have
  };

  [[nodiscard]] Bundle* find(Asker asker) noexcept;
  void said(Bundle& bundle, Asker asker) noexcept;
  void tell(Bundle& bundle) noexcept;
  void pack_errors(Bundle& bundle) const noexcept;
  void end_overdue(Clock::time_point now) noexcept;

  const std::shared_ptr<Exchange> exchange_;
  const std::chrono::milliseconds timeout_;
  NumberTable<std::unique_ptr<Bundle>> open_;
  std::vector<std::uint32_t> open_of_;  ///< requests, by rank
  Alarm overdue_;                       ///< for the batch with the earliest deadline
};

}  // namespace locum
