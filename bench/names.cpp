// Memory that a name takes at its home, beside the name itself and a small value that the home keeps. Sums,
// not times: measured once.

#include <cstdio>

#include "bench/hand_table.hpp"
#include "bench/interleave.hpp"
#include "bench/node_store.hpp"
#include "bench/rows.hpp"
#include "core/detail/session_state.hpp"
#include "tests/shm/lockstep_nodes.hpp"

namespace locum::bench {

namespace {

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double coordinates[8] = {};
};

constexpr std::size_t name_bytes = 16;  // a size without rounding losses

std::string name_of(std::uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "name %011llu", static_cast<unsigned long long>(number));
  return name;
}

std::uint64_t committed(Session& session) {
  return session.state()->connector().usage().committed;
}

/// For an object on the home's node: what that node has more than without the name.
double bytes_here(std::uint64_t count) {
  std::uint64_t bytes[2]{};
  for (const bool named : {false, true}) {
    NodeStore node({.memory_bytes = 1_GiB, .prepare_bytes = 4096});
    for (std::uint64_t at = 0; at < count; ++at) {
      (void)(named ? node.store().put(name_of(at), Particle{}) : node.store().put(Particle{})).value();
    }
    bytes[named ? 1 : 0] = committed(node.session());
  }
  return static_cast<double>(bytes[1] - bytes[0]) / static_cast<double>(count) - name_bytes;
}

/// For an object of another node: everything that the home has of it, except the name and the value.
double bytes_elsewhere(std::uint64_t count) {
  tests::LockstepNodes nodes(1_GiB);
  const std::uint64_t before = committed(*nodes.answerer().session);
  std::size_t of_names = 0;
  for (std::uint64_t at = 0; at < count; ++at) {
    const std::string name = nodes.name_at_answerer();
    of_names += name.size();
    (void)nodes.requester().store->put(name, Particle{}).value();
  }
  const std::uint64_t bytes = committed(*nodes.answerer().session) - before - of_names;
  return static_cast<double>(bytes) / static_cast<double>(count) - sizeof(Particle);
}

void memory_per_name(benchmark::State& state, double (*bytes)(std::uint64_t), std::uint64_t count) {
  Pairs pairs;
  for (auto _ : state) {
    double ours = 0;
    const double seconds = timed([&] { ours = bytes(count); });
    pairs.add(ours, static_cast<double>(HandTable::bytes_for(count)) / static_cast<double>(count));
    state.SetIterationTime(seconds);
  }
  pairs.report(state, "B", {Goal::Kind::ours_at_most, 64});
}

}  // namespace

void add_name_rows() {
  add_row("memory per name, 10^6, its object here", 1, memory_per_name, &bytes_here,
          std::uint64_t{1'000'000});
  add_row("memory per name, 10^6, its object elsewhere", 1, memory_per_name, &bytes_elsewhere,
          std::uint64_t{1'000'000});
}

}  // namespace locum::bench
