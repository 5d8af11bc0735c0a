#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "core/value/deadline.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How arenas of a node pass memory on: each publishes how much it could return at once, a process that lacks
/// memory asks, the background threads of those that have some return it, and reply. A death cannot break
/// it: a request increments a counter, a reply another one, and the published amounts are hints. Figures of
/// other processes are not trusted: a wrong one at worst makes one request wait in vain, for `patience`
/// without a reply: on a machine with eight ready threads a core, a reply takes 0.05 s.
class Pressure {
 public:
  using Moment = Deadline::Clock::time_point;
  /// Longest wait for the first reply: the process that should give it may be stopped …
  static constexpr std::chrono::milliseconds patience{2000};
  /// … and longest wait in total, while replies arrive.
  static constexpr std::chrono::milliseconds longest{5000};

  Pressure(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// Publishes how much this process could return. Its caller locks; a plain store, and only if it changed.
  void offer(std::uint64_t bytes) noexcept;
  /// Whether another process has asked since the last call. For one thread.
  [[nodiscard]] bool called() noexcept;
  /// Tells asking processes that memory was returned, or that there is none left to return.
  void reply() noexcept;

  /// What all processes of the node, including this one, could return.
  [[nodiscard]] std::uint64_t offered() const noexcept;
  /// Whether a process of the node has evicted objects that it has not collected: their size is in no figure
  /// until it has been asked.
  [[nodiscard]] bool uncollected() const noexcept;
  /// Whether a request may be answered: not for a while after one was not, unless a process has answered
  /// since.
  [[nodiscard]] bool worth_calling() const noexcept;
  /// Asks, and does not wait. Returns how many processes might reply.
  std::uint32_t ring() noexcept;
  /// ring() for a caller that retries a little later instead of waiting. False, and nobody is asked: for
  /// `patience` no process asked in this way has answered.
  [[nodiscard]] bool ring_for_later(Moment now) noexcept;
  /// ring(), and waits, at most until `moment`: for a reply, and for all processes with evicted objects to
  /// collect them. Whether a process answered.
  [[nodiscard]] bool call(Moment moment) noexcept;
  /// The word that this process's own background thread sleeps on.
  [[nodiscard]] Word32& bell() const noexcept;

 private:
  [[nodiscard]] bool any_handed_back() const noexcept;
  void note_unanswered(std::uint32_t replies, Moment now) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  std::uint64_t offered_ = 0;
  std::uint32_t heard_;
  std::atomic<std::uint32_t> unanswered_{0};        // the count of replies when a call was not answered
  std::atomic<Moment> quiet_until_{Moment::min()};  // and how long that counts
  // Since when non-waiting callers have asked in vain, by the count of replies then.
  std::atomic<std::uint32_t> rung_at_answer_{0};
  std::atomic<Moment> rung_since_{Moment::min()};
};

}  // namespace locum::shm
