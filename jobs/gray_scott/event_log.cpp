#include "jobs/gray_scott/event_log.hpp"

#include <cstdint>
#include <type_traits>

#include "jobs/mpi_owner.hpp"

namespace gray_scott {

const char* name_of(Phase phase) {
  switch (phase) {
    case Phase::simulation:
      return "simulation";
    case Phase::publishing:
      return "publishing";
    case Phase::waiting:
      return "waiting";
    case Phase::fetching:
      return "fetching";
    case Phase::analysis:
      return "analysis";
  }
  return "unknown";
}

EventLog::EventLog(MPI_Comm communicator) {
  MPI_Barrier(communicator);
  // Ranks leave a barrier milliseconds apart where cores are few, but those of one node read the same clock:
  // the first of them to leave sets the start for all. Between nodes it is as good as the barrier.
  jobs::Communicator node;
  MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, node.out());
  Clock::rep ticks = Clock::now().time_since_epoch().count();
  static_assert(sizeof ticks == sizeof(std::int64_t));
  MPI_Allreduce(MPI_IN_PLACE, &ticks, 1, MPI_INT64_T, MPI_MIN, node.get());
  start_ = Clock::time_point(Clock::duration(ticks));
}

std::array<double, phase_count> seconds_by_phase(const std::vector<Event>& events) {
  std::array<double, phase_count> seconds{};
  for (const Event& event : events) {
    seconds[static_cast<std::size_t>(event.phase)] += event.end_s - event.begin_s;
  }
  return seconds;
}

std::vector<std::vector<Event>> gather_events(const std::vector<Event>& mine, MPI_Comm communicator) {
  static_assert(std::is_trivially_copyable_v<Event>);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(communicator, &rank);
  MPI_Comm_size(communicator, &ranks);

  const int bytes = static_cast<int>(mine.size() * sizeof(Event));
  std::vector<int> bytes_of(static_cast<std::size_t>(ranks));
  MPI_Gather(&bytes, 1, MPI_INT, bytes_of.data(), 1, MPI_INT, 0, communicator);

  std::vector<int> offset_of(bytes_of.size());
  for (std::size_t i = 1; i < bytes_of.size(); ++i) {
    offset_of[i] = offset_of[i - 1] + bytes_of[i - 1];
  }
  const int total = rank == 0 ? offset_of.back() + bytes_of.back() : 0;
  std::vector<Event> all(static_cast<std::size_t>(total) / sizeof(Event));
  MPI_Gatherv(mine.data(), bytes, MPI_BYTE, all.data(), bytes_of.data(), offset_of.data(), MPI_BYTE, 0,
              communicator);

  std::vector<std::vector<Event>> by_rank;
  if (rank == 0) {
    for (std::size_t i = 0; i < bytes_of.size(); ++i) {
      const auto first = all.begin() + offset_of[i] / static_cast<int>(sizeof(Event));
      by_rank.emplace_back(first, first + bytes_of[i] / static_cast<int>(sizeof(Event)));
    }
  }
  return by_rank;
}

}  // namespace gray_scott
