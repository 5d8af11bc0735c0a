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

/// A bulk on its way in. Of a question: kept here whole. Of an answer: the call has the memory, and stays
/// alive.
struct Landing {
  int from = 0;
  Envelope envelope;
  ShortBytes body;
  std::vector<std::byte> question_bulk;
  std::span<std::byte> bulk;
  std::shared_ptr<Call> call;
};

/// The bulks on their way in, by the number that the transport gave them. None is kept for ever: when nobody
/// waits for it any more, and it has had time enough to come, who announced it is lost, though it may answer
/// every question whether it lives. One thread at a time.
class Landings {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param patience with a bulk, beyond the time that it and all that is under way before it take at the
  ///                 least rate (see PeerMonitor)
  explicit Landings(Clock::duration patience);

  /// REQUIRES: no bulk of that number is on its way.
  void add(std::uint64_t number, Landing landing, Clock::time_point now);
  /// Takes it out; nothing: there is none.
  [[nodiscard]] std::optional<Landing> take(std::uint64_t number) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return landings_.size(); }

  /// Has `lose` called with the rank of each bulk that has not come in time, and of which `is_awaited` does
  /// not say that somebody still waits for it; again at each look: it stays until the transport has let go of
  /// its memory. REQUIRES: neither of them adds or takes any.
  template <class IsAwaited, class Lose>
  void look(Clock::time_point now, IsAwaited is_awaited, Lose lose);
  /// When look() has something to do; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due() const noexcept {
    return landings_.empty() ? Clock::time_point::max() : looked_at_ + interval_;
  }

 private:
  struct Entry {
    Landing landing;
    std::uint64_t looks_left = 0;  ///< in which it may still be missing
  };
  [[nodiscard]] bool looks_again(Clock::time_point now) noexcept;

  const Clock::duration patience_;
  const Clock::duration interval_;  ///< between two looks
  Clock::time_point looked_at_;
  std::uint64_t bytes_ = 0;  ///< of all of them
  BlockPool pool_;           ///< a bulk allocates nothing for itself once as many were on their way in before
  std::pmr::unordered_map<std::uint64_t, Entry> landings_{&pool_};
};

template <class IsAwaited, class Lose>
void Landings::look(Clock::time_point now, IsAwaited is_awaited, Lose lose) {
  if (landings_.empty() || !looks_again(now)) {
    return;
  }
  for (auto& [number, entry] : landings_) {
    if (entry.looks_left > 0) {
      --entry.looks_left;
    } else if (!is_awaited(std::as_const(entry.landing))) {
      lose(entry.landing.from);
    }
  }
}

}  // namespace locum
