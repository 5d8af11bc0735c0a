#pragma once

#include <mpi.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <vector>

namespace gray_scott {

enum class Phase : int { simulation, publishing, waiting, fetching, analysis };
constexpr std::size_t phase_count = 5;
const char* name_of(Phase phase);

/// Something that took a rank from one moment to another, in seconds since the start of its log.
struct Event {
  Phase phase;
  double begin_s;
  double end_s;
};

/// What one rank did when. Owned by the rank's main; one thread at a time.
class EventLog {
 public:
  /// Collective over `communicator`: the logs of one node have one and the same start.
  explicit EventLog(MPI_Comm communicator);

  /// Runs `work` and notes how long it took; returns what it returns.
  template <class Work>
  decltype(auto) during(Phase phase, Work&& work) {
    const Recording recording{*this, phase, now_s()};
    return work();
  }

  double now_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  const std::vector<Event>& events() const { return events_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Recording {
    EventLog& log;
    Phase phase;
    double begin_s;
    ~Recording() { log.events_.push_back({phase, begin_s, log.now_s()}); }
  };

  Clock::time_point start_;
  std::vector<Event> events_;
};

/// Seconds spent in each phase.
std::array<double, phase_count> seconds_by_phase(const std::vector<Event>& events);

/// Collective over `communicator`. Each rank's events, by rank, on rank 0; nothing elsewhere.
std::vector<std::vector<Event>> gather_events(const std::vector<Event>& mine, MPI_Comm communicator);

}  // namespace gray_scott
