#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "core/deadline.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How arenas of a node pass memory on: each publishes what it could give back at once, who lacks memory
/// calls, the background threads of those who have some give it back, and answer. There is no order in it
/// that a death could break: a call is a count that went up, an answer another one, and what somebody has is
/// only worth asking for. The figures of other processes are not trusted: the worst that a wrong one does is
/// that one call waits in vain, for as long as no answer comes within `patience`: on a machine with eight
/// threads a core that want to run, it takes 0.05 s.
class Pressure {
 public:
  using Moment = Deadline::Clock::time_point;
  /// Nobody waits longer for the first answer: who should give it may be stopped …
  static constexpr std::chrono::milliseconds patience{2000};
  /// … nor longer than this in all, as long as answers come.
  static constexpr std::chrono::milliseconds longest{5000};

  Pressure(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// Publishes what this process could give back. Its caller locks; a plain store, and only if it changed.
  void offer(std::uint64_t bytes) noexcept;
  /// Whether somebody called since this was last asked. For one thread.
  [[nodiscard]] bool called() noexcept;
  /// Tells those who call that memory has come back, or that there is none to give any more.
  void answer() noexcept;

  /// What all processes of the node, this one included, could give back.
  [[nodiscard]] std::uint64_t offered() const noexcept;
  /// Whether a process of the node has evicted objects that it has not collected: what they hold is in no
  /// figure until it has been called.
  [[nodiscard]] bool uncollected() const noexcept;
  /// Whether a call might be answered: not for a while after one was not, unless somebody has answered since.
  [[nodiscard]] bool worth_calling() const noexcept;
  /// Calls, and does not wait. How many might answer.
  std::uint32_t ring() noexcept;
  /// ring() for who asks again a little later instead of waiting. False, and nobody is called: for `patience`
  /// nobody has answered who was called so.
  [[nodiscard]] bool ring_for_later(Moment now) noexcept;
  /// ring(), and waits until `moment` at most: for an answer, and for all of whom objects were evicted to
  /// collect. Whether somebody answered.
  [[nodiscard]] bool call(Moment moment) noexcept;
  /// What this process's own background thread sleeps on.
  [[nodiscard]] Word32& bell() const noexcept;

 private:
  [[nodiscard]] bool any_handed_back() const noexcept;
  void note_unanswered(std::uint32_t answers, Moment now) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  std::uint64_t offered_ = 0;
  std::uint32_t heard_;
  std::atomic<std::uint32_t> unanswered_{0};        // the count of answers when a call was not answered
  std::atomic<Moment> quiet_until_{Moment::min()};  // and how long that counts
  // Since when who does not wait has called in vain, by the count of answers then.
  std::atomic<std::uint32_t> rung_at_answer_{0};
  std::atomic<Moment> rung_since_{Moment::min()};
};

}  // namespace locum::shm
