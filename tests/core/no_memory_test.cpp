// What happens to calls across nodes when a process has no memory of its own left: whichever allocation
// fails.
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <tuple>

#include "core/node/local.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/no_memory_scene.hpp"
#include "tests/core/scarce_memory.hpp"
#include "tests/core/spared_allocations.hpp"

namespace locum::tests::no_memory {
namespace {

class NoMemory : public ::testing::TestWithParam<int> {};

// One allocation of the call fails, on whichever side; or a few; or all from there on for a second.
TEST_P(NoMemory, EndsTheCallAndChangesNothingElse) {
  int runs = 0;
  int failed = 0;
  for (const Act& act : all_acts()) {
    int refused = 0;
    int of_act = 0;
    for (bool more = true; more; ++of_act) {
      Scene scene(act);
      more = scene.scarce(of_act, GetParam());
      std::string wrong;
      for (const Errc code : {scene.code, scene.code_of_mate}) {
        wrong += is_memory_or_none(code) ? "" : "error " + std::string(to_string(code)) + '\n';
        refused += code == Errc{} ? 0 : 1;
      }
      wrong += scene.judge();
      if (const Errc again = act.call(scene); again != Errc{} && !(act.changes && again == Errc::not_found)) {
        wrong += "afterwards error " + std::string(to_string(again)) + '\n';
      }
      wrong += scene.leftovers();
      if (!wrong.empty() && ++failed <= 40) {
        ADD_FAILURE() << act.name << ", allocation " << of_act << '\n' << wrong;
      }
    }
    EXPECT_GT(refused, 0) << act.name << ": no allocation mattered";
    runs += of_act;
    std::cout << act.name << ": " << of_act << " runs, " << refused << " refused\n";
  }
  std::cout << runs << " runs\n";
  EXPECT_EQ(failed, 0);
}

// A rank dies while it replaces a name that is at home on the other node, and its mate, who finds out what
// became of that, has no memory for a while.
TEST_P(NoMemory, LeavesNothingOfTheDeadUnsettled) {
  constexpr int maker = 0;
  constexpr int mate = 1;
  constexpr int asked = 2;
  constexpr auto never = std::chrono::nanoseconds::max();
  int runs = 0;
  for (const bool bound : {false, true}) {
    for (bool more = true; more; ++runs) {
      MortalNodes nodes(spared_nodes(
          {.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = 1_MiB},
           .network = {
               .latency = {10us, 50us}, .detection = {never, never}, .give_up = never, .lost_at_death = 0}}));
      count_hooks(nodes.world());
      const std::string name = nodes.world().name_at(1, store, "settled ");
      const auto before = pattern(1, large);
      const auto after = pattern(2, large);
      ASSERT_TRUE(put(nodes.world().connector(3), store, name, before));
      if (bound) {
        nodes.network().set_latency(asked, maker, {500ms, 500ms});
      } else {
        nodes.network().cut(maker, asked);
      }
      nodes.network().start([&] {
        (void)put(nodes.world().connector(maker), store, name, after, {SealMode::replace, 0});
      });
      nodes.network().run_for(100ms);
      nodes.kill(maker);
      nodes.network().run_for(MortalNodes::adoption / 2);
      {
        const SpareAllocations spare;
        tests::make_memory_scarce(runs, GetParam());
        nodes.network().run_for(MortalNodes::adoption + 3s);
        more = tests::end_scarcity();
      }
      nodes.network().run_for(100s);
      for (const int rank : {mate, asked, 3}) {
        const auto found = nodes.world().connector(rank).get(Address(store, name), {});
        EXPECT_TRUE(found && holds(*found, bound ? after : before)) << "rank " << rank << ", run " << runs;
      }
      EXPECT_EQ(nodes.world().rank(mate).process.table->owned(store).size(), bound ? 1U : 0U) << runs;
    }
    EXPECT_GT(runs, 1);
    runs = 0;
  }
}

/// Of a node that is alone, or of a process that is; so many allocations fail; with a name, or without one.
class NoMemoryForAPromise : public ::testing::TestWithParam<std::tuple<bool, int, bool>> {};

// Whichever allocation fails: it is an error, and what was made meanwhile is gone.
TEST_P(NoMemoryForAPromise, IsAnErrorAndLeavesNothing) {
  const auto [of_process, failures, named] = GetParam();
  const std::string name = "a name that is too long for a string without memory of its own";
  int refused = 0;
  bool failed = true;
  for (int left = 0; failed; ++left) {
    ASSERT_LT(left, 1000) << "no end of allocations";
    SimulatedNodes world(spared_nodes({.nodes = {.nodes = 1, .memory_bytes = 1_MiB}, .network = {}}));
    const auto connector = of_process ? open_local() : world.rank(0).connector;
    const auto session =
        std::make_shared<Session>(connector, world.rank(0).metrics, SessionOptions{}, world.arrivals(0));
    Store fields = session->open("fields").value();
    (void)fields.promise<double[]>();  // what is made once
    const std::uint64_t objects = connector->usage().own_objects;
    Errc code{};
    make_memory_scarce(left, failures);
    try {
      code = named ? code_of(fields.promise<double[]>(name)) : code_of(fields.promise<double[]>());
    } catch (const std::bad_alloc&) {
      ADD_FAILURE() << "thrown, at allocation " << left;
    }
    failed = end_scarcity();
    EXPECT_TRUE(is_memory_or_none(code)) << left;
    if (code != Errc{}) {
      ++refused;
      EXPECT_EQ(connector->usage().own_objects, objects) << left;
    }
    session->close();
  }
  EXPECT_GT(refused, 0);
}

constexpr auto name_of_promise = [](const auto& one) {
  const auto [of_process, failures, named] = one.param;
  return std::string(of_process ? "Process" : "Node") + (named ? "_named" : "") + "_failures_" +
         std::to_string(failures);
};
INSTANTIATE_TEST_SUITE_P(, NoMemoryForAPromise,
                         ::testing::Combine(::testing::Bool(), ::testing::Values(1, 3, 1'000'000),
                                            ::testing::Bool()),
                         name_of_promise);

INSTANTIATE_TEST_SUITE_P(Simulated, NoMemory, ::testing::Values(1, 3, 1'000'000),
                         [](const auto& one) { return "failures_" + std::to_string(one.param); });

}  // namespace
}  // namespace locum::tests::no_memory
