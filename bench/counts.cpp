// Instructions of single calls, counted by single-stepping: the same in every run on one machine, whatever
// its load. They depend on the compiler, and on the variant of a function that the C library chooses for this
// processor; so they are for comparison on one machine, and have no limit in a test.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bench/node_store.hpp"
#include "bench/rows.hpp"
#include "bench/table_reporter.hpp"
#include "tests/core/instructions.hpp"
#include "tests/shm/lockstep_nodes.hpp"

namespace {

using namespace locum;
using namespace locum::bench;
using locum::tests::Instructions;
using locum::tests::LockstepNodes;

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double coordinates[8] = {};
};

constexpr std::size_t small_bytes = 1024;

void report(benchmark::State& state, const std::function<Instructions()>& count) {
  if (const std::string why = tests::why_not_counted(); !why.empty()) {
    state.SkipWithError(why.c_str());
    return;
  }
  for (auto _ : state) {
    const Instructions counted = count();
    state.counters["ours"] = static_cast<double>(counted.all);
    state.counters["locked"] = static_cast<double>(counted.locked);
    state.SetIterationTime(1e-9);  // nothing is timed
  }
  state.SetLabel("instr");
}

// On a node: the average of some calls after as many for warm-up; `prepare` is not counted.
using NodeAct = std::function<void(Store& store, Key& key)>;

void on_a_node(benchmark::State& state, const NodeAct& prepare, const NodeAct& act) {
  constexpr std::size_t calls = 16;
  report(state, [&] {
    auto counted = tests::instructions_of([&](const std::function<void()>& mark) {
      NodeStore node({.memory_bytes = 64_MiB, .prepare_bytes = 4096});
      std::vector<Key> keys(2 * calls);
      for (Key& key : keys) {
        prepare(node.store(), key);
      }
      for (std::size_t at = 0; at < calls; ++at) {
        act(node.store(), keys[at]);
      }
      mark();
      for (std::size_t at = calls; at < 2 * calls; ++at) {
        act(node.store(), keys[at]);
      }
      mark();
    });
    return Instructions{counted.all / calls, counted.locked / calls};
  });
}

void put(Store& store, Key& key) {
  key = store.put(Particle{{1}}).value();
}
void nothing(Store& /*store*/, Key& /*key*/) {}

// Between nodes: both sides together, in one thread, including the tests' transport and clock (some 600). The
// minimum of some runs: some runs read the clock more often, because it was just being set, or have work due.
struct Turn {
  LockstepNodes& nodes;
  std::string name;  ///< its home is the answerer's node
  Key key;
};
using RemoteAct = std::function<void(Turn& turn)>;

void between_nodes(benchmark::State& state, const RemoteAct& prepare, const RemoteAct& act) {
  constexpr std::size_t calls = 4;
  constexpr int runs = 3;
  report(state, [&] {
    Instructions least{~std::uint64_t{0}, ~std::uint64_t{0}};
    for (int run = 0; run < runs; ++run) {
      const auto counted = tests::instructions_of([&](const std::function<void()>& mark) {
        LockstepNodes nodes(64_MiB);
        std::vector<Turn> turns;
        for (std::size_t at = 0; at < 2 * calls; ++at) {
          turns.push_back({nodes, nodes.name_at_answerer(), {}});
          prepare(turns.back());
        }
        std::for_each_n(turns.begin(), calls, act);
        mark();
        std::for_each(turns.begin() + calls, turns.end(), act);
        mark();
      });
      least = {std::min(least.all, counted.all / calls), std::min(least.locked, counted.locked / calls)};
    }
    return least;
  });
}

void put_there(Turn& turn) {
  turn.key = turn.nodes.answerer().store->put_bytes(turn.name, std::vector<std::byte>(small_bytes)).value();
}

// Per object, with its share of one request and reply, until the last view is gone.
void batch(benchmark::State& state) {
  constexpr std::size_t objects = 256;
  report(state, [&] {
    const auto counted = tests::instructions_of([&](const std::function<void()>& mark) {
      LockstepNodes nodes(64_MiB);
      std::vector<std::vector<Key>> batches(2, std::vector<Key>(objects));
      for (auto& keys : batches) {
        std::ranges::generate(keys, [&] {
          return nodes.answerer().store->put_bytes(std::vector<std::byte>(small_bytes)).value();
        });
      }
      const auto get = [&](const std::vector<Key>& keys) {
        for (const auto& found : nodes.requester().store->get_batch<std::byte[]>(keys)) {
          if (found.value().size() != small_bytes) {
            std::abort();
          }
        }
      };
      get(batches[0]);
      mark();
      get(batches[1]);
      mark();
    });
    return Instructions{counted.all / objects, counted.locked / objects};
  });
}

void check_size(const Result<View<std::byte[]>>& found) {
  if (found.value()->size() != small_bytes) {
    std::abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  add_row("instructions, put 64 B, on a node", 1, on_a_node, nothing, put);
  add_row("instructions, get by key, on a node", 1, on_a_node, put, [](Store& store, Key& key) {
    if (store.get<Particle>(key).value()->coordinates[0] != 1) {
      std::abort();
    }
  });
  add_row("instructions, evict by key, on a node", 1, on_a_node, put,
          [](Store& store, Key& key) { (void)store.evict(key); });
  add_row("instructions, get by key 1 KiB, other node", 1, between_nodes, put_there,
          [](Turn& turn) { check_size(turn.nodes.requester().store->get_bytes(turn.key)); });
  add_row("instructions, get by name 1 KiB, other node", 1, between_nodes, put_there,
          [](Turn& turn) { check_size(turn.nodes.requester().store->get_bytes(turn.name)); });
  add_row(
      "instructions, put by name 1 KiB, other node", 1, between_nodes, [](Turn&) {},
      [](Turn& turn) {
        if (!turn.nodes.requester().store->put_bytes(turn.name, std::vector<std::byte>(small_bytes))) {
          std::abort();
        }
      });
  add_row("instructions, get of a batch 1 KiB, each", 1, batch);
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
}
