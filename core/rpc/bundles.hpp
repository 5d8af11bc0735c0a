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

/// Questions of other ranks that came many in one message. Each of them is served as if it had come by
/// itself, one behind the other and without waiting for each other; what is said of them is gathered here
/// until all has been said, or the asker's patience is over, and then told in one answer. Within steps of the
/// exchange.
class Bundles final {
 public:
  using Clock = Exchange::Clock;

  /// So many questions of one rank are open in bundles: 64 bundles. What is more is refused.
  static constexpr std::uint32_t most_open = 16'384;
  /// Texts of errors in one answer; what is beyond that is told by its code alone.
  static constexpr std::size_t most_error_bytes = std::size_t{64} << 10U;

  /// \param timeout the longest that one is open
  Bundles(std::shared_ptr<Exchange> exchange, std::chrono::milliseconds timeout);

  /// Has each of its questions asked of `service`. False: it makes no sense, and nothing was asked.
  [[nodiscard]] bool take(const Question& bundle, Service& service);
  /// What is said of one of them: `asker` is bundled. Once each; what comes too late is left out.
  void answer(Asker asker, std::span<const std::byte> body) noexcept;
  void refuse(Asker asker, const Error& error) noexcept;

  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

 private:
  struct Bundle {
    int from = 0;
    std::uint32_t call = 0;
    Clock::time_point due;
    std::uint32_t left = 0;       ///< of which nothing has been said
    std::vector<BundleRow> rows;  ///< by place
    std::vector<bool> is_said;
    std::vector<std::pair<std::uint32_t, Error>> errors;  ///< by place; as many as there is memory for
    std::shared_ptr<std::vector<std::byte>> bytes;        ///< of the answer: has room for the rows
    bool is_answered = false;  ///< that some things have not been said; counts until they are
  };

  [[nodiscard]] Bundle* find(Asker asker) noexcept;
  void said(Bundle& bundle, Asker asker) noexcept;
  void tell(Bundle& bundle) noexcept;
  void pack_errors(Bundle& bundle) const noexcept;
  void end_overdue(Clock::time_point now) noexcept;

  const std::shared_ptr<Exchange> exchange_;
  const std::chrono::milliseconds timeout_;
  NumberTable<std::unique_ptr<Bundle>> open_;
  std::vector<std::uint32_t> open_of_;  ///< questions, by rank
  Alarm overdue_;                       ///< for the bundle whose asker gives up first
};

}  // namespace locum
