#include "bench/hand_table.hpp"
#include "bench/interleave.hpp"
#include "bench/node_store.hpp"
#include "bench/rows.hpp"
#include "core/detail/session_state.hpp"

namespace locum::bench {

namespace {

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double coordinates[8] = {};
};

// A sum, not a time: measured once. The twin is the table written by hand, without its objects' own headers.
// Memory that the arena has prepared counts as committed, too: a constant, whatever the number of objects.
void memory_per_object(benchmark::State& state, std::uint64_t prepare_bytes) {
  constexpr std::uint64_t count = 1'000'000;
  Pairs pairs;
  for (auto _ : state) {
    NodeStore node({.memory_bytes = 1_GiB, .prepare_bytes = prepare_bytes});
    const double seconds = timed([&] {
      for (std::uint64_t at = 0; at < count; ++at) {
        (void)node.store().put(Particle{}).value();
      }
    });
    const std::uint64_t committed = node.session().state()->connector().usage().committed;
    pairs.add(static_cast<double>(committed - count * sizeof(Particle)) / count,
              static_cast<double>(HandTable::bytes_for(count)) / count);
    state.SetIterationTime(seconds);
  }
  pairs.report(state, "B", {Goal::Kind::ours_at_most, 128});
}

}  // namespace

void add_overhead_rows() {
  add_row("memory per object, 10^6 of 64 B", 1, memory_per_object, std::uint64_t{4096});
  add_row("memory per object, with what is prepared", 1, memory_per_object, std::uint64_t{0});
}

}  // namespace locum::bench
