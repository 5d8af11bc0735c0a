// Large objects of another host over a link of limited rate, which bench/hosts makes. LOCUM_BENCH_LINK_MBIT
// is its rate in Mbit/s, LOCUM_BENCH_IPERF3 the address of a server of iperf3 on the owner's host.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/compute.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/processor.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"

namespace locum::bench {

namespace {

/// What a command prints.
std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  char piece[4096];
  while (output && std::fgets(piece, sizeof piece, output.get()) != nullptr) {
    text += piece;
  }
  return text;
}

/// MB/s that iperf3 receives from the owner's host: so many bytes by one connection of TCP. Rank 0.
double by_iperf3(const std::string& server, std::uint64_t bytes) {
  const std::string said = output_of("timeout 20 iperf3 --client " + server + " --reverse --bytes " +
                                     std::to_string(bytes) + " --json 2>&1");
  const std::string rate = "\"bits_per_second\":";
  const std::size_t received = said.find("\"sum_received\"");
  const std::size_t at = received == std::string::npos ? received : said.find(rate, received);
  if (at == std::string::npos) {
    throw std::runtime_error("iperf3 does not say what it has received: " + said);
  }
  return std::strtod(said.c_str() + at + rate.size(), nullptr) / 8e6;
}

void prefetched_to_iperf3(benchmark::State& state, const std::string& server, Goal goal) {
  constexpr std::size_t count = 64;
  constexpr std::size_t object_bytes = 1_MiB;
  const Lanes chosen(tcp_lanes);
  Remote remote(Owner::asleep);
  const auto ours = [&] {
    std::vector<Handle> handles(count);
    std::ranges::generate(handles, [&] { return remote.make(object_bytes); });
    meet_asleep();
    double seconds = 0;
    if (world_rank() == 0) {
      seconds = timed([&] {
        std::vector<Proxy<double[]>> stand_ins;
        std::ranges::transform(handles, std::back_inserter(stand_ins),
                               [&](const Handle& handle) { return remote.stand_in(handle); });
        prefetch(stand_ins);
        for (auto& stand_in : stand_ins) {
          if (stand_in.get().value()[0] != 1.0) {
            throw std::runtime_error("the object read is not the one that was put");
          }
        }
      });
    }
    meet_asleep();
    for (const Handle& handle : handles) {
      remote.take_back(handle.key);
    }
    return static_cast<double>(count * object_bytes) / slowest(seconds) / 1e6;
  };
  const auto twin = [&] {
    const double rate = world_rank() == 0 ? by_iperf3(server, count * object_bytes) : 0;
    meet_asleep();
    return slowest(rate);
  };
  interleave(state, ours, twin, [](double rate) {
    return static_cast<double>(count * object_bytes) / rate / 1e6;
  }).report(state, "MB/s", goal);
}

/// Seconds, the same on both ranks.
struct Timing {
  double seconds = 0;
  double copying = 0;  ///< processor time of both ranks, without their computation
};

/// Rank 0 prefetches an object, computes, or prefetches it and computes before it uses it. The owner sleeps.
/// All functions are collective.
class Prefetching {
 public:
  explicit Prefetching(std::size_t bytes) : bytes_(bytes) {}

  /// Computations take so long from now on.
  void fit(double seconds) { compute_.fit(seconds); }

  Timing run(bool fetches, bool computes) {
    const Handle handle = remote_.make(bytes_);
    Proxy<double[]> stand_in = remote_.stand_in(handle);
    meet_asleep();
    const double before = process_seconds();
    double seconds = 0;
    double on_core = 0;
    if (world_rank() == 0) {
      seconds = timed([&] {
        if (fetches) {
          stand_in.prefetch();
        }
        if (computes) {
          const double self = thread_seconds();
          compute_.run();
          on_core = thread_seconds() - self;
        }
        if (fetches && stand_in.get().value()[0] != 1.0) {
          throw std::runtime_error("the object read is not the one that was put");
        }
      });
    }
    meet_asleep();
    const double copying = process_seconds() - before - on_core;
    stand_in = {};
    meet_asleep();
    remote_.take_back(handle.key);
    return {.seconds = slowest(seconds), .copying = sum_of_all(copying)};
  }

 private:
  const std::size_t bytes_;
  Remote remote_{Owner::asleep};
  Compute compute_;
};

// Of 100 per cent, hidden are (compute + transfer - both) / min(compute, transfer). The twin is what the
// cores allow, which compute and copy and do nothing else.
void hidden(benchmark::State& state, Goal goal) {
  const Lanes chosen(tcp_lanes);
  Prefetching prefetching(128_MiB);
  (void)prefetching.run(true, false);  // first touches, connections
  Pairs pairs;
  std::vector<double> transfers;
  std::vector<double> together;
  for (auto _ : state) {
    double transfer = prefetching.run(true, false).seconds;
    prefetching.fit(transfer);
    const double compute = prefetching.run(false, true).seconds;
    const Timing both = prefetching.run(true, true);
    transfer = (transfer + prefetching.run(true, false).seconds) / 2;
    const double cores = std::max(1U, std::thread::hardware_concurrency());
    const double least = std::max({compute, transfer, (compute + both.copying) / cores});
    const auto percent = [&](double took) {
      return 100 * (compute + transfer - took) / std::min(compute, transfer);
    };
    pairs.add(percent(both.seconds), percent(least));
    transfers.push_back(transfer * 1e3);
    together.push_back(both.seconds * 1e3);
    state.SetIterationTime(both.seconds);
  }
  pairs.report(state, "%", goal);
  state.counters["transfer_ms"] = median(transfers);
  state.counters["both_ms"] = median(together);
}

}  // namespace

double link_mbit() {
  const char* const text = std::getenv("LOCUM_BENCH_LINK_MBIT");
  return text == nullptr ? 0 : std::atof(text);
}

void add_limited_link_rows() {
  const char* const server = std::getenv("LOCUM_BENCH_IPERF3");
  if (world_size() != 2 || !on_several_hosts() || server == nullptr) {
    throw std::runtime_error("rows of a limited link are for two hosts, which bench/hosts makes");
  }
  constexpr double gigabit = 1000;
  constexpr auto at_least = Goal::Kind::ratio_at_least;
  char rate[32];
  std::snprintf(rate, sizeof rate, " at %g Gbit/s", link_mbit() / gigabit);
  if (link_mbit() <= gigabit) {
    add_row(std::string("64 prefetches of 1 MiB") + rate + ", to iperf3", 8, prefetched_to_iperf3,
            std::string(server), Goal{at_least, 0.95});
  }
  add_row(std::string("hidden of 128 MiB") + rate + ", to what cores allow", 9, hidden,
          Goal{at_least, link_mbit() <= gigabit ? 0.98 : 0.95});
}

}  // namespace locum::bench
