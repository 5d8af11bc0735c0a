// Load of a rank's helper thread while another node sends requests all the time and the rank itself does not
// call the library: beside a thread that replies by hand over UCP, asleep in between. Both copy.

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/hand.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "tests/mpi/thread_load.hpp"

namespace locum::bench {

namespace {

using namespace std::chrono_literals;

/// Sequential requests with this distance.
struct Traffic {
  std::size_t bytes;
  std::chrono::microseconds apart;
  std::size_t requests;
};

/// Calls `ask` at a steady pace, asleep in between; returns the total seconds.
template <class Ask>
double at_pace(const Traffic& traffic, const Ask& ask) {
  return timed([&] {
    auto next = Clock::now();
    for (std::size_t request = 0; request < traffic.requests; ++request) {
      ask(request);
      next += traffic.apart;
      std::this_thread::sleep_until(next);
    }
  });
}

/// Load of the owner's helper, in per cent of a core. Collective.
double helper_percent(Remote& remote, const Traffic& traffic) {
  std::vector<Handle> handles;
  for (std::size_t request = 0; request < traffic.requests; ++request) {
    handles.push_back(remote.make(traffic.bytes));
  }
  const auto helper = tests::thread_named("locum helper");
  if (!helper) {
    throw std::runtime_error("the helper thread is not to be found");
  }
  meet_asleep();
  const auto before = tests::load_of(*helper).cpu_ns;
  double seconds = 0;
  if (world_rank() == 0) {
    seconds = at_pace(traffic, [&](std::size_t request) { remote.read(handles[request]); });
  }
  meet_asleep();
  const auto used = static_cast<double>(tests::load_of(*helper).cpu_ns - before) / 1e9;
  for (const Handle& handle : handles) {
    remote.take_back(handle.key);
  }
  return 100 * slowest(Remote::is_owner() ? used : 0) / slowest(seconds);
}

void steady(benchmark::State& state, const char* lanes, const Traffic& traffic, Goal goal) {
  const Lanes chosen(lanes);
  Remote remote(Owner::asleep);
  Hand hand(traffic.bytes, true, Owner::asleep);
  interleave(
      state, [&] { return helper_percent(remote, traffic); },
      [&] {
        return 100 * hand.owners_share(traffic.requests, 64, traffic.bytes, [&](const auto& ask) {
          return at_pace(traffic, [&](std::size_t /*request*/) { ask(); });
        });
      },
      [](double /*percent*/) { return 1.0; })
      .report(state, "%", goal);
}

}  // namespace

void add_steady_rows() {
  if (world_size() != 2) {
    return;  // the twin is written for two
  }
  constexpr Traffic small{.bytes = 1_KiB, .apart = 1ms, .requests = 200};
  constexpr Traffic large{.bytes = 1_MiB, .apart = 4ms, .requests = 100};
  for (const char* lanes : lanes_here()) {
    const std::string over = lanes == nullptr ? "UCX" : "TCP";
    const Goal goal{Goal::Kind::excess_at_most, 5};
    add_row("helper while asked for 1 KiB each ms, " + over + ", of a core", 8, steady, lanes, small, goal);
    add_row("helper while asked for 1 MiB each 4 ms, " + over + ", of a core", 8, steady, lanes, large, goal);
  }
}

}  // namespace locum::bench
