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

/// The open requests of this rank: by number (NumberTable), and by deadline. Allocates only when more are
/// open than ever before. One thread at a time.
class CallTable {
 public:
  using Clock = std::chrono::steady_clock;

  struct OpenCall {
    int rank = 0;  ///< that the request went to
    Clock::time_point deadline;
    std::shared_ptr<Call> call;
    bool lands = false;  ///< the bulk of its reply is being written to the call's memory
    bool waits = false;  ///< for an event that may not happen in time: a missing reply is no sign of death
  };

  /// Adds a request; returns its number, never 0.
  [[nodiscard]] std::uint32_t add(OpenCall asked);
  /// Null if there is none. Valid until the next add() or take().
  [[nodiscard]] const OpenCall* find(std::uint32_t number) const noexcept { return asked_.find(number); }
  /// REQUIRES: it is in the table.
  void set_lands(std::uint32_t number, bool lands) noexcept { asked_.find(number)->lands = lands; }
  /// Removes it. REQUIRES: it is in the table.
  [[nodiscard]] OpenCall take(std::uint32_t number) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return asked_.size(); }
  /// The number of a request from `from` on that satisfies `is` (see NumberTable); 0 if there is none.
  template <class Is>
  [[nodiscard]] std::uint32_t find_if(std::size_t& from, Is is) const noexcept {
    return asked_.find_if(from, is);
  }

  /// The earliest deadline; Clock::time_point::max() if there is none.
  [[nodiscard]] Clock::time_point next_deadline() const noexcept {
    return dues_.empty() ? Clock::time_point::max() : dues_.front().first;
  }
  /// The request with the earliest deadline. REQUIRES: there is one.
  [[nodiscard]] std::uint32_t next_due() const noexcept { return dues_.front().second; }

 private:
  using Due = std::pair<Clock::time_point, std::uint32_t>;

  void drop_ended_dues() noexcept;

  NumberTable<OpenCall> asked_;
  /// A heap, the earliest first; its front is never an ended request, others may be.
  std::vector<Due> dues_;
};

}  // namespace locum
