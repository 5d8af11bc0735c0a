#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace locum {

class Call;

/// The questions of this rank that are under way: by number, and by when they give up. Nothing is allocated
/// once as many have been under way at once before. One thread at a time.
///
/// Numbers are given in turn, and a question stands at its number modulo the size of the table; a number
/// whose place is taken is left out. So finding one is a single look, and a number comes again only after
/// 2^32 others.
class CallTable {
 public:
  using Clock = std::chrono::steady_clock;

  struct Asked {
    int rank = 0;  ///< who was asked
    Clock::time_point deadline;
    std::shared_ptr<Call> call;
    bool lands = false;  ///< the bulk of its answer is on its way to the call's memory
  };

  /// Its number, never 0.
  [[nodiscard]] std::uint32_t add(Asked asked);
  /// Null if there is none. Lives until the next add() or take().
  [[nodiscard]] const Asked* find(std::uint32_t number) const noexcept;
  /// REQUIRES: it is there.
  void set_lands(std::uint32_t number, bool lands) noexcept { places_[place_of(number)].asked.lands = lands; }
  /// Takes it out. REQUIRES: it is there.
  [[nodiscard]] Asked take(std::uint32_t number) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Of those that asked that rank.
  [[nodiscard]] std::vector<std::uint32_t> of_rank(int rank) const;

  /// The earliest deadline; Clock::time_point::max(): there is none.
  [[nodiscard]] Clock::time_point next_deadline() const noexcept {
    return dues_.empty() ? Clock::time_point::max() : dues_.front().first;
  }
  /// The one with the earliest deadline. REQUIRES: there is one.
  [[nodiscard]] std::uint32_t next_due() const noexcept { return dues_.front().second; }

 private:
  struct Place {
    std::uint32_t number = 0;  ///< 0: free
    Asked asked;
  };
  using Due = std::pair<Clock::time_point, std::uint32_t>;

  [[nodiscard]] std::size_t place_of(std::uint32_t number) const noexcept {
    return number & (places_.size() - 1);
  }
  void grow();
  void drop_ended_dues() noexcept;

  std::vector<Place> places_ = std::vector<Place>(16);  ///< a power of two; at most half of them taken
  std::size_t size_ = 0;
  std::uint32_t last_ = 0;
  /// A heap, the earliest first, which is never of a question that has ended; others may be.
  std::vector<Due> dues_;
};

}  // namespace locum
