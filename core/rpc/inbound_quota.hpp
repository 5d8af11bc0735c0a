#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/block_pool.hpp"

namespace locum {

/// What other ranks have under way here, so that none of them fills this one's memory: questions whose bulk
/// is still to come, that are answered later, or whose answer has not been read. One thread at a time.
class InboundQuota {
 public:
  /// What one rank may have under way.
  struct Most {
    std::uint32_t questions = 0;
    std::uint64_t bytes = 0;         ///< of bulks that are still to come
    std::uint64_t answer_bytes = 0;  ///< made for answers that have not been read; one may have more
  };
  InboundQuota(int ranks, Most most) : most_(most), usage_(static_cast<std::size_t>(ranks)) {}

  /// Whether one more question of that rank, with such a bulk, is too much.
  [[nodiscard]] bool is_crowded(int rank, std::uint64_t bulk_bytes) const noexcept {
    const Usage& asking = usage_[static_cast<std::size_t>(rank)];
    return asking.questions() >= most_.questions || asking.landing_bytes + bulk_bytes > most_.bytes;
  }
  /// Whether an answer for that rank may take so much memory until it has been read.
  [[nodiscard]] bool has_room(int rank, std::uint64_t answer_bytes) const noexcept {
    const std::uint64_t unread = usage_[static_cast<std::size_t>(rank)].unread_bytes;
    return unread == 0 || unread + answer_bytes <= most_.answer_bytes;
  }
  [[nodiscard]] std::uint32_t questions_of(int rank) const noexcept {
    return usage_[static_cast<std::size_t>(rank)].questions();
  }

  /// The bulk of a question is on its way in, and is there or will never be.
  void lands(int rank, std::uint64_t bytes) noexcept;
  void landed(int rank, std::uint64_t bytes) noexcept;
  /// The bulk of an answer, for which so many bytes were made, is on its way out; and has been read or never
  /// will be.
  void answers(int rank, std::uint64_t bytes) noexcept {
    ++of(rank).unread;
    of(rank).unread_bytes += bytes;
  }
  void has_read(int rank, std::uint64_t bytes) noexcept {
    --of(rank).unread;
    of(rank).unread_bytes -= bytes;
  }

  /// Whether that rank has asked a question of this number already, which is not answered: another one could
  /// not be told from it.
  [[nodiscard]] bool is_open(int rank, std::uint32_t call) const noexcept {
    return !open_.empty() && open_.contains({rank, call});
  }
  /// A question is being looked at, until look_away(); what is not answered before that is open, and counts
  /// if it is `counted`, until it is answered or never will be. REQUIRES: it is not open.
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
    std::uint32_t landing = 0;   ///< questions whose bulk is still to come
    std::uint32_t deferred = 0;  ///< that are answered later
    std::uint32_t unread = 0;    ///< whose answer's bulk has not been taken
    std::uint64_t landing_bytes = 0;
    std::uint64_t unread_bytes = 0;
    [[nodiscard]] std::uint32_t questions() const noexcept { return landing + deferred + unread; }
  };
  using Asking = std::pair<int, std::uint32_t>;  ///< a rank, and its number for the question
  using Open = std::pmr::map<Asking, bool>;      ///< whether it is counted

  void defer(const Asking& asking, bool counted) noexcept;
  void undefer(const Asking& asking) noexcept;
  [[nodiscard]] Usage& of(int rank) noexcept { return usage_[static_cast<std::size_t>(rank)]; }

  const Most most_;
  std::vector<Usage> usage_;
  BlockPool pool_;
  Open open_{&pool_};
  std::optional<Asking> looked_at_;  ///< not answered yet
};

}  // namespace locum
