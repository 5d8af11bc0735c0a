#pragma once

#include <chrono>
#include <cstdint>

#include "core/deadline.hpp"
#include "shm/arena/low_water.hpp"

namespace locum::shm {

/// How much of an arena's free memory is kept ready, what of it is missing, and what is too much: decides
/// what is committed ahead and what is given back, both of which its owner does. Counts steps ("units") of
/// which all pages are free: its owner tells how many there are whenever that has changed. Its owner locks.
///
/// 1. `keep` units are kept. What is missing is committed ahead, but not while somebody waits for memory, who
///    comes first, nor while it is short.
/// 2. What is too much is the *surplus*: what was not needed for two windows (docs/decisions/0009), what was
///    no use to a block because it is scattered, and at least half of all when another process of the node
///    calls for memory. The kept units are part of it in the last case only.
class Reserve {
 public:
  using Moment = Deadline::Clock::time_point;
  /// What was not needed for one to two windows is given back: longer than the period of most simulations.
  static constexpr std::chrono::milliseconds window{2000};

  explicit Reserve(std::uint64_t keep_units) noexcept : keep_(keep_units) {}

  /// There are so many free units now. Whether that gives the background something to do: fewer than half of
  /// what is to be kept, or more than that when none were before.
  /// \param can_grow whether there is memory left to commit
  [[nodiscard]] bool note(std::uint64_t free_units, bool can_grow) noexcept;

  /// Whether more is to be committed ahead.
  [[nodiscard]] bool lacks(std::uint64_t free_units, bool can_grow) const noexcept {
    return lacks(keep_, free_units, can_grow);
  }
  /// Somebody commits what he waits for …
  void commit_begins() noexcept { ++commits_; }
  /// … and had it, or not.
  void commit_ends(bool had) noexcept {
    --commits_;
    short_ = short_ && !had;
  }
  /// Memory is short: nothing is committed ahead until somebody has committed what he waited for.
  void run_short() noexcept { short_ = true; }

  /// So many units were committed for a block because those that are free are too scattered for it: as many
  /// are surplus in turn, and all free ones but a small part of `used_units`. So blocks of different sizes
  /// that come and go do not make what is committed grow. Whether there is a surplus.
  [[nodiscard]] bool exchange(std::uint64_t committed_units, std::uint64_t used_units,
                              std::uint64_t free_units) noexcept;
  /// Another process calls for memory: half of all free units are surplus, `least_units` at least, if there
  /// are as many.
  void answer(std::uint64_t free_units, std::uint64_t least_units) noexcept;
  /// Whether what is surplus is so because of a call.
  [[nodiscard]] bool answers() const noexcept { return answers_; }
  /// How many units are to be given back.
  [[nodiscard]] std::uint64_t surplus(std::uint64_t free_units) noexcept;
  /// So many of them were; 0: no more can be, and the next window asks again.
  void gave_back(std::uint64_t units) noexcept;

  /// Looks at the clock, under which windows end. When it is to be looked at again: Moment::min() if there is
  /// a surplus now, Moment::max() if nothing has to be watched before note() says so.
  [[nodiscard]] Moment look(Moment now, std::uint64_t free_units) noexcept;

 private:
  [[nodiscard]] bool lacks(std::uint64_t wanted_units, std::uint64_t free_units,
                           bool can_grow) const noexcept {
    return free_units < wanted_units && !short_ && commits_ == 0 && can_grow;
  }

  const std::uint64_t keep_;
  std::uint64_t surplus_ = 0;
  bool answers_ = false;
  int commits_ = 0;       // that somebody waits for
  bool short_ = false;    // since a commit ahead failed, or a call: until a commit succeeds
  bool watched_ = false;  // the background looks each window: more than is kept is free
  LowWater lowest_;       // of the free units
  Moment window_ends_ = Moment::max();
};

}  // namespace locum::shm
