#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/number_table.hpp"

namespace locum {

class Call;

/// The questions of this rank that are under way: by number (NumberTable), and by when they give up. Nothing
/// is allocated once as many have been under way at once before. One thread at a time.
class CallTable {
 public:
  using Clock = std::chrono::steady_clock;

  struct Asked {
    int rank = 0;  ///< who was asked
    Clock::time_point deadline;
    std::shared_ptr<Call> call;
    bool lands = false;  ///< the bulk of its answer is on its way to the call's memory
    bool waits = false;  ///< for what may not happen in time: that there is no answer says nothing
  };

  /// Its number, never 0.
  [[nodiscard]] std::uint32_t add(Asked asked);
  /// Null if there is none. Lives until the next add() or take().
  [[nodiscard]] const Asked* find(std::uint32_t number) const noexcept { return asked_.find(number); }
  /// REQUIRES: it is there.
  void set_lands(std::uint32_t number, bool lands) noexcept { asked_.find(number)->lands = lands; }
  /// Takes it out. REQUIRES: it is there.
  [[nodiscard]] Asked take(std::uint32_t number) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return asked_.size(); }
  /// One of those from `from` on that `is` as looked for (see NumberTable); 0: there is none.
  template <class Is>
  [[nodiscard]] std::uint32_t find_if(std::size_t& from, Is is) const noexcept {
    return asked_.find_if(from, is);
  }

  /// The earliest deadline; Clock::time_point::max(): there is none.
  [[nodiscard]] Clock::time_point next_deadline() const noexcept {
    return dues_.empty() ? Clock::time_point::max() : dues_.front().first;
  }
  /// The one with the earliest deadline. REQUIRES: there is one.
  [[nodiscard]] std::uint32_t next_due() const noexcept { return dues_.front().second; }

 private:
  using Due = std::pair<Clock::time_point, std::uint32_t>;

  void drop_ended_dues() noexcept;

  NumberTable<Asked> asked_;
  /// A heap, the earliest first, which is never of a question that has ended; others may be.
  std::vector<Due> dues_;
};

}  // namespace locum
