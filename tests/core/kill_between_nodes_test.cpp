#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/value/options.hpp"
#include "tests/core/cross_node_call.hpp"
#include "tests/core/trials.hpp"

namespace locum::tests::kill_between_nodes_test {
namespace {

using namespace std::chrono_literals;
using tests::CallScene;
using tests::CrossNodeCall;
using tests::MortalNodes;
using tests::SimulatedNodesOptions;

// How a death is detected: reported by the network, or only by missing replies.
enum class Detection : std::uint8_t { reported, silent };

/// The network of a test.
struct NetworkKind {
  Detection detection = Detection::reported;
  bool one_sided = false;
};

constexpr auto patience = 5s;
// A silent rank is given up after the patience, the other ranks of its node a fifth of that later; the rest
// is for messages.
constexpr auto most_time = patience + patience / 5 + 500ms;

/// The moment within a call at which a rank dies or closes: between two events of the simulation, or at a
/// message.
struct Loss {
  enum class At : std::uint8_t {
    event,       ///< after that many events
    unsent,      ///< the sender of that message, before it leaves: its content has been carried out
    sent,        ///< the sender, once it has left
    unreceived,  ///< the receiver, when it arrives
  };
  At at = At::event;
  std::uint64_t number = 0;
  int victim = 0;           ///< for a message: set by the message
  bool whole_node = false;  ///< the other ranks of its node die at the same moment
  bool closes = false;      ///< they do not die, but close regularly; after an event only
};

std::string describe(const Loss& loss) {
  static constexpr const char* names[] = {"after event ", "before message ", "after message ",
                                          "upon message "};
  return names[static_cast<std::size_t>(loss.at)] + std::to_string(loss.number) + " rank " +
         std::to_string(loss.victim) + (loss.whole_node ? " and its node" : "") +
         (loss.closes ? " close" : "");
}

/// The steps of an undisturbed call.
struct Steps {
  std::uint64_t events = 0;
  std::vector<std::pair<int, int>> messages;  ///< from, to
};

SimulatedNodesOptions options(const NetworkKind& network, std::uint64_t seed) {
  constexpr auto never = std::chrono::nanoseconds::max();
  const loopback::Range soon{1ms, 100ms};
  return {.nodes = {.nodes = 3, .ranks_per_node = 2, .memory_bytes = 1_MiB, .patience = patience},
          .network = {
              .seed = seed,
              .latency = {10us, 50us},
              .detection = network.detection == Detection::reported ? soon : loopback::Range{never, never},
              .give_up = 100ms,
              .one_sided = network.one_sided}};
}

/// One run of a scene, from its first step to the verdict.
class SceneRun {
 public:
  SceneRun(const CallScene& scene, const NetworkKind& network, std::uint64_t seed)
      : nodes_(options(network, seed)), call_(scene, nodes_) {
    call_.prepare();
  }

  Steps count() {
    Steps steps;
    nodes_.network().on_message([&](int from, int to, std::span<const std::byte>) {
      steps.messages.emplace_back(from, to);
      return loopback::Verdict{};
    });
    play([&](std::uint64_t event) { steps.events = event; });
    nodes_.network().on_message({});
    return steps;
  }
  void schedule(const Loss& loss) {
    if (loss.at == Loss::At::event) {
      play([&](std::uint64_t event) {
        if (event == loss.number && loss.closes) {
          leave(loss);
        } else if (event == loss.number) {
          fall(loss);
          nodes_.kill(loss.victim);
        }
      });
      return;
    }
    nodes_.network().on_message(
        [&, message = std::uint64_t{0}](int, int, std::span<const std::byte>) mutable {
          return message++ == loss.number ? fate(loss) : loopback::Verdict{};
        });
    play([](std::uint64_t) {});
    nodes_.network().on_message({});
  }
  // From that event on the two nodes are cut off from each other, for that time.
  void cut(std::uint64_t number, int a, int b, loopback::Cut cut, std::chrono::nanoseconds time) {
    if (cut == loopback::Cut::lose || time > patience) {
      call_.forgive();
    }
    play([&](std::uint64_t event) {
      if (event == number) {
        struck_ = true;
        for (const int left : nodes_.ranks_of(a)) {
          for (const int right : nodes_.ranks_of(b)) {
            nodes_.network().cut(left, right, cut);
          }
        }
        nodes_.network().after(time, [this] { nodes_.network().heal(); });
      }
    });
    nodes_.network().run_for(time);
  }
  // What is wrong; empty: nothing.
  std::string judgement() {
    if (!call_.over()) {
      for (const int rank : nodes_.survivors()) {
        nodes_.kill(rank);
      }
      nodes_.network().run_for(1s);
      return "a call never ends\n";
    }
    std::string wrong;
    if (call_.longest() > most_time) {
      wrong += "a call took " + std::to_string(call_.longest() / 1ms) + " ms\n";
    }
    return wrong + call_.judgement();
  }
  [[nodiscard]] std::chrono::nanoseconds longest() const { return call_.longest(); }
  [[nodiscard]] bool has_happened() const noexcept { return struck_; }

 private:
  // Calls `after(n)` after the n-th event, and before the first with 0. Messages that are still in transfer
  // when the call has ended may still kill their receiver.
  template <class After>
  void play(After after) {
    const auto latest = nodes_.network().now() + 60s;
    call_.start();
    after(std::uint64_t{0});
    for (std::uint64_t event = 1; !call_.over() && nodes_.network().step(latest); ++event) {
      nodes_.mark_killed_ranks();
      if (!call_.over()) {
        after(event);
      }
    }
    nodes_.network().run_for(1ms);
    nodes_.mark_killed_ranks();
  }
  void fall(const Loss& loss) {
    struck_ = true;
    if (loss.whole_node) {
      for (const int node_peer : nodes_.ranks_of(nodes_.world().node_of(loss.victim))) {
        if (node_peer != loss.victim) {
          nodes_.kill(node_peer);
        }
      }
    }
  }
  void leave(const Loss& loss) {
    struck_ = true;
    for (const int node_peer : nodes_.ranks_of(nodes_.world().node_of(loss.victim))) {
      if (node_peer == loss.victim || loss.whole_node) {
        nodes_.close(node_peer);
      }
    }
  }
  loopback::Verdict fate(const Loss& loss) {
    fall(loss);
    if (loss.at == Loss::At::unreceived) {
      return {loopback::Fate::kill_receiver, {}};
    }
    nodes_.mark_dead(loss.victim);
    return {loss.at == Loss::At::unsent ? loopback::Fate::kill_before : loopback::Fate::kill_after, {}};
  }

  MortalNodes nodes_;
  CrossNodeCall call_;
  bool struck_ = false;
};

// Every kind of loss at every step of a call: each involved rank dies or closes, alone and with its node.
std::vector<Loss> all_losses(const Steps& steps) {
  std::set<int> concerned;
  for (const auto& [from, to] : steps.messages) {
    concerned.insert({from, to});
  }
  std::vector<Loss> losses;
  for (const bool whole_node : {false, true}) {
    for (const int victim : concerned) {
      for (std::uint64_t event = 0; event < steps.events; ++event) {
        losses.push_back({Loss::At::event, event, victim, whole_node});
        losses.push_back({Loss::At::event, event, victim, whole_node, true});
      }
    }
    for (std::uint64_t message = 0; message < steps.messages.size(); ++message) {
      const auto [from, to] = steps.messages[message];
      losses.push_back({Loss::At::unsent, message, from, whole_node});
      losses.push_back({Loss::At::sent, message, from, whole_node});
      losses.push_back({Loss::At::unreceived, message, to, whole_node});
    }
  }
  return losses;
}

class KillBetweenNodes : public ::testing::TestWithParam<NetworkKind> {};

// LOCUM_NODE_KILL_SEEDS=n runs every step n times, on networks with different latencies; without it, some of
// the steps once.
TEST_P(KillBetweenNodes, EveryStepOfEveryCall) {
  const std::uint64_t seeds = number_from("LOCUM_NODE_KILL_SEEDS", 1);
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  tests::StepsToPlay played("LOCUM_NODE_KILL_SEEDS");
  std::chrono::nanoseconds longest{};
  for (const CallScene& scene : tests::all_call_scenes()) {
    std::uint64_t of_scene = 0;
    Steps first;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      SceneRun calm(scene, GetParam(), seed);
      const Steps steps = calm.count();
      const std::string wrong = calm.judgement();
      ASSERT_TRUE(wrong.empty()) << describe(scene) << " without a death, seed " << seed << '\n' << wrong;
      ASSERT_GT(steps.events, 0U) << describe(scene);
      first = seed == 1 ? steps : first;
      for (const Loss& loss : all_losses(steps)) {
        if (!played.next()) {
          continue;
        }
        SceneRun run(scene, GetParam(), seed);
        run.schedule(loss);
        EXPECT_TRUE(run.has_happened())
            << describe(scene) << ", " << describe(loss) << ": the step was not reached";
        const std::string bad = run.judgement();
        longest = std::max(longest, run.longest());
        ++of_scene;
        if (!bad.empty() && ++failures <= 40) {
          ADD_FAILURE() << describe(scene) << ", " << describe(loss) << ", seed " << seed << '\n' << bad;
        }
      }
    }
    runs += of_scene;
    std::cout << describe(scene) << ": " << first.messages.size() << " messages, " << first.events
              << " events, " << of_scene << " runs\n";
  }
  std::cout << runs << " runs, at every " << played.interval()
            << ". step; the longest call of a survivor took " << longest / 1ms << " ms\n";
  EXPECT_EQ(failures, 0U);
}

std::vector<std::pair<CallScene, bool>> scenes_to_cut() {
  std::vector<std::pair<CallScene, bool>> scenes;
  for (const bool one_sided : {false, true}) {
    for (const CallScene& scene : tests::all_call_scenes()) {
      scenes.emplace_back(scene, one_sided);
    }
  }
  return scenes;
}

// Nodes are cut off for a moment, and messages are delayed: then no call is affected. Or messages are lost,
// or arrive after each side has given up the other: then a call may fail, in time, but none has a wrong
// result.
TEST(CutBetweenNodes, AtEveryStepOfEveryCall) {
  std::uint64_t runs = 0;
  tests::StepsToPlay played("LOCUM_NODE_KILL_SEEDS");
  std::chrono::nanoseconds longest{};
  for (const auto& [scene, one_sided] : scenes_to_cut()) {
    const NetworkKind network{Detection::silent, one_sided};
    const Steps steps = SceneRun(scene, network, 1).count();
    for (std::uint64_t event = 0; event < steps.events; ++event) {
      for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
        for (const auto cut : {loopback::Cut::hold, loopback::Cut::lose}) {
          for (const std::chrono::nanoseconds time :
               {std::chrono::nanoseconds(2s), std::chrono::nanoseconds(30s)}) {
            if (!played.next()) {
              continue;
            }
            SceneRun run(scene, network, 1);
            run.cut(event, a, b, cut, time);
            const std::string wrong = run.judgement();
            EXPECT_TRUE(run.has_happened() && wrong.empty())
                << describe(scene) << ", nodes " << a << " and " << b << " cut after event " << event
                << " for " << time / 1s << " s, messages " << (cut == loopback::Cut::hold ? "held" : "lost")
                << '\n'
                << wrong;
            longest = std::max(longest, run.longest());
            ++runs;
          }
        }
      }
    }
  }
  std::cout << runs << " runs; where messages were only delayed, the longest call took " << longest / 1ms
            << " ms\n";
}

INSTANTIATE_TEST_SUITE_P(Simulated, KillBetweenNodes,
                         ::testing::Values(NetworkKind{Detection::reported}, NetworkKind{Detection::silent},
                                           NetworkKind{Detection::reported, true},
                                           NetworkKind{Detection::silent, true}),
                         [](const auto& one) {
                           const std::string who =
                               one.param.detection == Detection::reported ? "who_are_told" : "who_miss_them";
                           return who + (one.param.one_sided ? "_reading_one_sidedly" : "");
                         });

}  // namespace
}  // namespace locum::tests::kill_between_nodes_test
