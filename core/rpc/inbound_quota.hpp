#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/block_pool.hpp"

namespace locum {

/// What each other rank has in progress here, so that none fills this rank's memory: requests whose bulk is
/// still arriving, that are answered later, or whose reply was not read. One thread at a time.
class InboundQuota {
 public:
  /// Limits for one rank.
  struct Most {
    std::uint32_t requests = 0;
    std::uint64_t bytes = 0;         ///< of bulks still arriving
    std::uint64_t answer_bytes = 0;  ///< allocated for unread replies; a single one may have more
  };
  InboundQuota(int ranks, Most most) : most_(most), usage_(static_cast<std::size_t>(ranks)) {}

  /// Whether one more request of that rank, with such a bulk, exceeds the limits.
  [[nodiscard]] bool is_crowded(int rank, std::uint64_t bulk_bytes) const noexcept {
    const Usage& asking = usage_[static_cast<std::size_t>(rank)];
    return asking.requests() >= most_.requests || asking.landing_bytes + bulk_bytes > most_.bytes;
  }
  /// Whether the bulks of that rank that are arriving exceed the limit twofold: no correct rank gets there.
  [[nodiscard]] bool is_overrun(int rank) const noexcept {
    return usage_[static_cast<std::size_t>(rank)].landing_bytes > 2 * most_.bytes;
  }
  /// Whether a reply for that rank may take that much memory until it has been read.
  [[nodiscard]] bool has_room(int rank, std::uint64_t answer_bytes) const noexcept {
    const std::uint64_t unread = usage_[static_cast<std::size_t>(rank)].unread_bytes;
    return unread == 0 || unread + answer_bytes <= most_.answer_bytes;
  }
  [[nodiscard]] std::uint32_t requests_of(int rank) const noexcept {
    return usage_[static_cast<std::size_t>(rank)].requests();
  }

  /// The bulk of a request is arriving; and has arrived or never will.
  void lands(int rank, std::uint64_t bytes) noexcept;
  void landed(int rank, std::uint64_t bytes) noexcept;
  /// The bulk of a reply, for which that many bytes were allocated, is being sent; and has been read or never
  /// will be.
  void replies(int rank, std::uint64_t bytes) noexcept {
    ++of(rank).unread;
    of(rank).unread_bytes += bytes;
  }
  void has_read(int rank, std::uint64_t bytes) noexcept {
    --of(rank).unread;
    of(rank).unread_bytes -= bytes;
  }

  /// Whether that rank has an open request with this number: another one could not be told from it.
  [[nodiscard]] bool is_open(int rank, std::uint32_t call) const noexcept {
    return !open_.empty() && open_.contains({rank, call});
  }
  /// A request is being served, until look_away(); if it has no reply before that, it is open, and counts if
  /// it is `counted`, until it has one or never will. REQUIRES: it is not open.
  void look_at(int rank, std::uint32_t call) noexcept { looked_at_ = {rank, call}; }
  void look_away(bool counted) noexcept {
    const auto unanswered = std::exchange(looked_at_, std::nullopt);
    if (unanswered && unanswered->second != 0) {
      defer(*unanswered, counted);
    }
  }
  void answered(int rank, std::uint32_t call) noexcept {
    const Asking asking{rank, call};
    looked_at_ == asking ? looked_at_.reset() : undefer(asking);
  }
  /// That rank is lost.
  void forget(int rank) noexcept;

 private:
  struct Usage {
    std::uint32_t landing = 0;   ///< requests whose bulk is still arriving
    std::uint32_t deferred = 0;  ///< requests to be answered later
    std::uint32_t unread = 0;    ///< requests whose reply's bulk was not read
    std::uint64_t landing_bytes = 0;
    std::uint64_t unread_bytes = 0;
    [[nodiscard]] std::uint32_t requests() const noexcept { return landing + deferred + unread; }
  };
  using Asking = std::pair<int, std::uint32_t>;  ///< a rank, and its number for the request
  using Open = std::pmr::map<Asking, bool>;      ///< whether the request counts

  void defer(const Asking& asking, bool counted) noexcept;
  void undefer(const Asking& asking) noexcept;
  [[nodiscard]] Usage& of(int rank) noexcept { return usage_[static_cast<std::size_t>(rank)]; }

  const Most most_;
  std::vector<Usage> usage_;
  BlockPool pool_;
  Open open_{&pool_};
  std::optional<Asking> looked_at_;  ///< no reply yet
};

}  // namespace locum
