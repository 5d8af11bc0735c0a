#pragma once

#include <chrono>
#include <cstdint>

#include "core/value/deadline.hpp"
#include "shm/arena/low_water.hpp"

namespace locum::shm {

/// Decides how much of an arena's free memory is kept ready: what is committed ahead and what is returned;
/// its owner does both. Counts steps ("units") whose pages are all free: its owner reports every change of
/// their number. Its owner locks.
///
/// 1. `keep` units are kept. Missing ones are committed ahead, but not while a call waits for memory, which
/// comes first, nor while memory is short.
/// 2. The *surplus* is returned: units not needed for two windows (docs/decisions/0009), units useless for a
/// block because they are scattered, and at least half of all when another process of the node asks for
/// memory. Only in the last case it includes kept units.
class Reserve {
 public:
  using Moment = Deadline::Clock::time_point;
  /// Units not needed for one to two windows are returned: longer than the period of most simulations.
  static constexpr std::chrono::milliseconds window{2000};

  explicit Reserve(std::uint64_t keep_units) noexcept : keep_(keep_units) {}

  /// Reports the number of free units. Whether the background thread gets work: fewer than half of those to
  /// be kept, or more than those while none were before.
  /// \param can_grow whether there is memory left to commit
  [[nodiscard]] bool note(std::uint64_t free_units, bool can_grow) noexcept;

  /// Whether more should be committed ahead.
  [[nodiscard]] bool lacks(std::uint64_t free_units, bool can_grow) const noexcept {
    return lacks(keep_, free_units, can_grow);
  }
  /// A call commits memory that it waits for …
  void commit_begins() noexcept { ++commits_; }
  /// … and has succeeded, or not.
  void commit_ends(bool had) noexcept {
    --commits_;
    short_ = short_ && !had;
  }
  /// Memory is short: nothing is committed ahead until a waiting call has committed its memory.
  void run_short() noexcept { short_ = true; }

  /// That many units were committed for a block because the free ones are too scattered for it: as many
  /// become surplus in turn, and all free ones except a small part of `used_units`. So blocks of different
  /// sizes that are allocated and freed do not make committed memory grow. Whether there is a surplus.
  [[nodiscard]] bool exchange(std::uint64_t committed_units, std::uint64_t used_units,
                              std::uint64_t free_units) noexcept;
  /// Another process asks for memory: half of all free units become surplus, at least `least_units` if there
  /// are as many.
  void on_request(std::uint64_t free_units, std::uint64_t least_units) noexcept;
  /// Whether the surplus is due to a request.
  [[nodiscard]] bool was_requested() const noexcept { return requested_; }
  /// How many units are to be returned.
  [[nodiscard]] std::uint64_t surplus(std::uint64_t free_units) noexcept;
  /// That many of them were returned; 0: no more can be, and the next window retries.
  void gave_back(std::uint64_t units) noexcept;

  /// Reads the clock, by which windows end. Returns the time of the next call: Moment::min() if there is a
  /// surplus now, Moment::max() if nothing has to be watched until note() says so.
  [[nodiscard]] Moment look(Moment now, std::uint64_t free_units) noexcept;

 private:
  [[nodiscard]] bool lacks(std::uint64_t wanted_units, std::uint64_t free_units,
                           bool can_grow) const noexcept {
    return free_units < wanted_units && !short_ && commits_ == 0 && can_grow;
  }

  const std::uint64_t keep_;
  std::uint64_t surplus_ = 0;
  bool requested_ = false;
  int commits_ = 0;       // that calls wait for
  bool short_ = false;    // since a commit ahead failed, or a request: until a commit succeeds
  bool watched_ = false;  // the background thread checks each window: more than is kept is free
  LowWater lowest_;       // of the free units
  Moment window_ends_ = Moment::max();
};

}  // namespace locum::shm
