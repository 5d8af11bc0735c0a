// kill -9 of ranks of several nodes, at numbered moments of their communication over UCX, all forked here;
// all work on the same names, until the victim reaches its moment and dies, alone or with its node. Survivors
// have to finish in time, with correct values, and with nothing left in their node's memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "tests/transport/ucx/node_life.hpp"

namespace locum::ucx {
namespace {

using tests::Board;
using tests::Fate;
using tests::Lanes;
using tests::Scene;
using tests::SharedBoard;
using tests::Step;

/// A moment for a death.
struct Point {
  Scene scene = Scene::pairs;
  tests::Moment moment;
  bool stops = false;
};

std::ostream& operator<<(std::ostream& out, const Point& point) {
  return out << point.moment << (point.stops ? ", stopped" : "")
             << (point.scene == Scene::one_sided ? ", reading one-sidedly" : "");
}

/// That many points come first in every run of the test: some errors show only there.
constexpr std::size_t first_points = 5;

/// The numbered points: before and after each kind of message is sent and received, and a bulk lands; when
/// all have closed but not yet told each other; and before and after one-sided reads.
std::vector<Point> kill_points(Lanes lanes) {
  const auto of_kind = [](Step step, Kind kind) { return tests::Moment{step, static_cast<std::byte>(kind)}; };
  // A name that is not known cannot be replaced.
  const tests::Moment binding = of_kind(Step::before_sending, Kind::bind);
  std::vector<Point> points{{Scene::pairs, {Step::before_landing, {}}},
                            {Scene::pairs, {Step::after_landing, {}}},
                            {Scene::pairs, {Step::closed, {}}},
                            {Scene::pairs, of_kind(Step::after_sending, Kind::copy), true},
                            {Scene::pairs, binding}};
  const auto add = [&](Scene scene, std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) {
      for (const Step step :
           {Step::before_sending, Step::after_sending, Step::before_receiving, Step::after_receiving}) {
        if (of_kind(step, kind) != binding) {
          points.push_back({scene, of_kind(step, kind)});
        }
      }
    }
  };
  add(Scene::pairs, {Kind::reply, Kind::fetch, Kind::exists, Kind::evict, Kind::retire, Kind::look_up,
                     Kind::bind, Kind::unbind, Kind::generation, Kind::list, Kind::await, Kind::fetch_part,
                     Kind::copy, Kind::invalidate, Kind::join, Kind::fetch_hyperslab, Kind::describe});
  if (lanes == Lanes::any) {  // no one-sided reads over sockets
    points.push_back({Scene::one_sided, {Step::before_reading, {}}});
    points.push_back({Scene::one_sided, {Step::after_reading, {}}});
    add(Scene::one_sided, {Kind::lease_read, Kind::end_read});
  }
  return points;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The outcome of a run.
struct Outcome {
  int dead = 0;
  bool told = false;   ///< a transport reported the death
  bool reads = false;  ///< the lanes could read one-sidedly
};

Outcome run(Lanes lanes, const Fate& fate, std::uint64_t seed) {
  const SharedBoard board;
  auto children = tests::start_group(
      tests::mortals, lanes, [&](Group& group) { return tests::Life(group, fate, board, seed).live(); });
  Outcome outcome;
  for (std::size_t rank = 0; rank < children.size(); ++rank) {
    const tests::Ending ending = children[rank].wait();
    const bool fell = ending.signal == SIGKILL;
    EXPECT_TRUE(fell ? board->fallen[rank].load() : ending.exit_code == 0 && ending.said.empty())
        << "LOCUM_NODE_DEATH_SEED=" << seed << ", rank " << rank << ": " << ending.said << " (signal "
        << ending.signal << "); died: rank " << board->victim << (fate.whole_node ? " and its node " : " ")
        << fate.moment;
    outcome.dead += fell ? 1 : 0;
  }
  outcome.told = board->told != 0;
  outcome.reads = board->reads;
  return outcome;
}

class UcxNodeDeath : public ::testing::TestWithParam<Lanes> {};

// LOCUM_NODE_DEATHS=n makes n runs, each of which must reach its point, one after the other, alone and with
// the node in turn: 82 reach all points over the lanes that UCX chooses, 72 over sockets.
// LOCUM_NODE_DEATH_SEED=s makes run s alone. A run in which timing keeps all ranks from the point is
// repeated, twice.
TEST_P(UcxNodeDeath, LeavesSurvivorsInOrder) {
  constexpr std::size_t step = 29;  // points of all kinds in a few runs
  constexpr int attempts = 3;
  const std::uint64_t only = number_from("LOCUM_NODE_DEATH_SEED", 0);
  const std::uint64_t runs = only != 0 ? 1 : number_from("LOCUM_NODE_DEATHS", 10);
  const std::vector<Point> points = kill_points(GetParam());
  const std::size_t others = points.size() - first_points;
  ASSERT_NE(others % step, 0U) << "some points would never be tried";
  std::vector<int> struck(points.size());
  std::vector<bool> tried(points.size());
  std::uint64_t deaths = 0;
  std::uint64_t nodes = 0;
  std::uint64_t again = 0;
  std::uint64_t killed = 0;
  std::uint64_t told = 0;
  const std::uint64_t first = only != 0 ? only : 1;
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const std::size_t place = (seed - 1) % points.size();
    const std::size_t at =
        place < first_points ? place : first_points + (place - first_points) * step % others;
    const Point& point = points[at];
    Outcome outcome;
    bool possible = true;
    for (int attempt = 0; attempt < attempts && outcome.dead == 0 && possible; ++attempt) {
      again += attempt != 0 ? 1U : 0U;
      const Fate fate{.scene = point.scene,
                      .moment = point.moment,
                      .whole_node = point.stops || (place + (seed - 1) / points.size()) % 2 == 1,
                      .stops = point.stops,
                      .occurrence = attempt == 0 ? 1 + static_cast<int>(seed % 3) : 1};
      outcome = run(GetParam(), fate, seed);
      possible = point.scene == Scene::pairs || outcome.reads;
    }
    if (!possible) {
      std::cout << "no lane supports one-sided reads here: not tried: " << point << '\n';
      continue;
    }
    tried[at] = true;
    struck[at] += outcome.dead > 0 ? 1 : 0;
    EXPECT_GT(outcome.dead, 0) << "LOCUM_NODE_DEATH_SEED=" << seed << ": no rank reached: " << point;
    deaths += outcome.dead > 0 ? 1U : 0U;
    nodes += outcome.dead > 1 ? 1U : 0U;
    const bool seen = outcome.dead > 0 && !point.stops && point.moment.step != Step::closed;
    killed += seen ? 1U : 0U;
    told += seen && outcome.told ? 1U : 0U;
  }
  std::cout << runs << " runs, " << again << " repeated, " << deaths << " with a death, " << nodes
            << " of them of a whole node; of " << killed << " a transport reported " << told
            << "; points hit: " << std::ranges::count_if(struck, [](int times) { return times > 0; })
            << " of " << points.size() << ", not:";
  for (std::size_t at = 0; at < points.size(); ++at) {
    if (struck[at] == 0) {
      std::cout << ' ' << points[at] << (tried[at] ? " (tried);" : ";");
    }
  }
  std::cout << '\n' << std::flush;
  if (runs >= points.size()) {
    for (std::size_t at = 0; at < points.size(); ++at) {
      EXPECT_TRUE(tried[at] || points[at].scene == Scene::one_sided) << points[at];
    }
  }
  if (only == 0) {
    EXPECT_GT(nodes * 8, runs);
  }
  if (GetParam() == Lanes::tcp) {  // a connection breaks at once; detection by silence alone is rare
    EXPECT_GE(told * 2, killed) << "too many deaths were detected by silence alone";
  }
}

INSTANTIATE_TEST_SUITE_P(Over, UcxNodeDeath, ::testing::Values(Lanes::any, Lanes::tcp),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace locum::ucx
