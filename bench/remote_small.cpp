// Cost of small objects of another node: ranks as virtual nodes of one machine, or on two hosts, beside
// requests and replies written by hand over UCP on the same lanes.

#include <string>

#include "bench/hand.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"

namespace locum::bench {

namespace {

constexpr double micro = 1e6;

enum class Small { get_by_handle, get_by_name, put_by_name };

void small(benchmark::State& state, const char* lanes, Small operation, Owner owner, Goal goal) {
  const Lanes chosen(lanes);
  Remote remote(owner);
  Hand hand(sizeof(Kilobyte), true, owner);
  const auto ours = [&] {
    switch (operation) {
      case Small::get_by_handle:
        return remote.get_by_handle();
      case Small::get_by_name:
        return remote.get_by_name();
      case Small::put_by_name:
        return remote.put_by_name();
    }
    return 0.0;
  };
  const auto twin = [&] {
    return operation == Small::put_by_name ? hand.rounds(Remote::batch, sizeof(Kilobyte), 64)
                                           : hand.rounds(Remote::batch, 64, sizeof(Kilobyte));
  };
  interleave(
      state, [&] { return ours() * micro; }, [&] { return twin() * micro; },
      [](double microseconds) { return microseconds / micro; })
      .report(state, "us", goal);
}

// Number of requests of the twin per request of ours, for a similar duration.
void many(benchmark::State& state, const char* lanes, Owner owner, Goal goal) {
  constexpr std::size_t count = 1000;
  const Lanes chosen(lanes);
  Remote remote(owner);
  Hand hand(sizeof(Kilobyte), true, owner);
  interleave(
      state, [&] { return 1 / remote.get_batch(count); },
      [&] { return 1 / hand.pipelined(count, 64, sizeof(Kilobyte)); },
      [](double rate) { return static_cast<double>(count) / rate; })
      .report(state, "1/s", goal);
}

}  // namespace

void add_remote_small_rows() {
  if (world_size() != 2) {
    return;  // the twin is written for two
  }
  struct Row {
    const char* name;
    Small operation;
    double excess_us;  // shared memory, owner driving
    double ratio;      // TCP, owner driving
    double ratio_asleep;
  };
  const bool hosts = on_several_hosts();
  for (const char* lanes : lanes_here()) {
    add_row(std::string("batch of 1000 remote gets, 1 KiB, ") + (lanes == nullptr ? "UCX" : "TCP"), 60, many,
            lanes, Owner::driving, Goal{Goal::Kind::ratio_at_least, 0.8});
  }
  constexpr auto at_most = Goal::Kind::ratio_at_most;
  for (const Row& row : {Row{"remote get by handle", Small::get_by_handle, 0.4, 1.15, 1.3},
                         Row{"remote get by name", Small::get_by_name, 0.6, 1.2, 1.4},
                         Row{"remote put by name", Small::put_by_name, 0.6, 1.2, 1.4}}) {
    const Goal asleep = hosts ? Goal{} : Goal{at_most, row.ratio_asleep};
    for (const char* lanes : lanes_here()) {
      const std::string name = std::string(row.name) + (lanes == nullptr ? ", 1 KiB, UCX" : ", 1 KiB, TCP");
      add_row(name + ", owner driving", 60, small, lanes, row.operation, Owner::driving,
              lanes == nullptr ? Goal{Goal::Kind::excess_at_most, row.excess_us} : Goal{at_most, row.ratio});
      if (row.operation != Small::put_by_name) {
        add_row(name + ", owner asleep", 40, small, lanes, row.operation, Owner::asleep, asleep);
        add_row(name + ", owner asleep, one each 0.3 ms", 20, small, lanes, row.operation, Owner::roused,
                asleep);
      }
    }
  }
}

}  // namespace locum::bench
