#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/block_pool.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/short_bytes.hpp"

namespace locum {

class Call;

/// An incoming bulk. Of a request: held here completely. Of a reply: the call owns the memory, and is kept
/// alive.
struct InboundBulk {
  int from = 0;
  Envelope envelope;
  ShortBytes body;
  std::vector<std::byte> request_bulk;
  std::span<std::byte> bulk;
  std::shared_ptr<Call> call;
};

/// The incoming bulks, by the transport's number. None is kept for ever: if nobody waits for it any more, and
/// it had enough time to arrive, the rank that announced it is lost, even if it replies to every probe. One
/// thread at a time.
class InboundBulks {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param patience with a bulk, beyond the time that it and all that were in transfer before it take at the
  ///   least rate (see PeerMonitor)
  explicit InboundBulks(Clock::duration patience);

  /// REQUIRES: no bulk of that number is on its way.
  void add(std::uint64_t number, InboundBulk landing, Clock::time_point now);
  /// Removes it; nothing if there is none.
  [[nodiscard]] std::optional<InboundBulk> take(std::uint64_t number) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return inbound_.size(); }

  /// Calls `lose` with the rank of each overdue bulk for which `is_awaited` is false; again at each check, as
  /// the bulk stays until the transport has released its memory. REQUIRES: neither function adds or removes
  /// bulks.
  template <class IsAwaited, class Lose>
  void look(Clock::time_point now, IsAwaited is_awaited, Lose lose);
  /// When look() has something to do; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due() const noexcept {
    return inbound_.empty() ? Clock::time_point::max() : looked_at_ + interval_;
  }

 private:
  struct Entry {
    InboundBulk landing;
    std::uint64_t looks_left = 0;  ///< checks before it is overdue
  };
  [[nodiscard]] bool looks_again(Clock::time_point now) noexcept;

  const Clock::duration patience_;
  const Clock::duration interval_;  ///< between two checks
  Clock::time_point looked_at_;
  std::uint64_t bytes_ = 0;  ///< of all bulks
  BlockPool pool_;           ///< allocates only when more bulks arrive at a time than ever before
  std::pmr::unordered_map<std::uint64_t, Entry> inbound_{&pool_};
};

template <class IsAwaited, class Lose>
void InboundBulks::look(Clock::time_point now, IsAwaited is_awaited, Lose lose) {
  if (inbound_.empty() || !looks_again(now)) {
    return;
  }
  for (auto& [number, entry] : inbound_) {
    if (entry.looks_left > 0) {
      --entry.looks_left;
    } else if (!is_awaited(std::as_const(entry.landing))) {
      lose(entry.landing.from);
    }
  }
}

}  // namespace locum
