#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/value/options.hpp"
#include "tests/core/begun_connector.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/linearizability.hpp"
#include "tests/core/simulated_nodes.hpp"
#include "tests/core/trials.hpp"

namespace locum::tests::histories_test {

namespace {

using namespace std::chrono_literals;
using tests::Judgement;
using tests::NameAct;
using tests::NameAnswer;
using tests::NameOperation;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 3;
constexpr auto timeout = 300ms;         // of each call
constexpr auto patience = 100ms;        // with a silent rank, if nodes are cut off
constexpr int operations_of_rank = 12;  // of each program

/// The faults of a run.
enum class Faults : std::uint8_t {
  none,
  delays,  ///< some messages take longer than their call's deadline
  losses,  ///< some messages are lost
  death,   ///< a rank dies at some message that it sends or receives; the other rank of its node lives on
  deaths,  ///< a node loses all its ranks, one after the other
  cuts,    ///< nodes are cut off from all others, and reconnected, before or after they are given up
};

/// The outcome of one run.
struct Outcome {
  Judgement judgement;
  std::size_t operations = 0;
  std::size_t unknown = 0;
  std::size_t gone_reads = 0;  ///< by the key of an object that is certainly gone
  bool killed = false;
  std::string wrong;  ///< impossible results, whatever the faults were; readable text
};

/// One random history: a program for each rank. Nodes, programs and faults follow from the seed.
class Trial {
 public:
  Trial(Faults faults, std::uint64_t seed)
      : faults_(faults), random_(seed * 5 + static_cast<std::uint64_t>(faults)), world_(options()) {
    const std::uint64_t names = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < names; ++i) {
      names_.push_back("name " + std::to_string(seed) + '.' + std::to_string(i));
    }
  }

  Outcome outcome() {
    world_.network().on_message([this](int from, int to, std::span<const std::byte>) {
      return faults_ == Faults::none ? loopback::Verdict{} : fate(from, to);
    });
    if (faults_ == Faults::cuts) {
      script_cuts();
    }
    for (int rank = 0; rank < world_.size(); ++rank) {
      world_.network().start([this, rank, choices = loopback::Random(random_.next())]() mutable {
        const auto longest = faults_ == Faults::cuts ? 50ms : 2ms;
        for (int i = 0; i < operations_of_rank; ++i) {
          world_.rank(rank).links->client()->pause(choices.within({0ns, longest}));
          act(rank, choices);
        }
      });
    }
    world_.network().run();
    outcome_.judgement = judge(history_);
    outcome_.operations = history_.operations().size();
    outcome_.gone_reads = gone_reads_;
    for (const NameOperation& operation : history_.operations()) {
      outcome_.unknown += operation.reply == NameAnswer::unknown ? 1U : 0U;
    }
    if (faults_ == Faults::none) {
      clear();
    }
    return outcome_;
  }

  [[nodiscard]] std::string told() const {
    std::string text;
    for (const NameOperation& operation : history_.operations()) {
      text += "  " + describe(operation) + '\n';
    }
    return text;
  }

 private:
  using Clock = loopback::Network::Clock;
  struct Known {
    Key key;
    std::uint64_t generation = 0;
  };

  SimulatedNodesOptions options() {
    const bool pairs = faults_ == Faults::death || random_.chance(0.5);
    const int most_nodes = pairs ? 3 : 5;
    const int nodes = 2 + static_cast<int>(random_.below(static_cast<std::uint64_t>(most_nodes) - 1));
    victim_ = static_cast<int>(random_.below(static_cast<std::uint64_t>(nodes * (pairs ? 2 : 1))));
    fatal_message_ = random_.below(30);
    const auto most_latency = random_.chance(0.5) ? 5ms : 100us;
    return {.nodes = {.nodes = nodes,
                      .ranks_per_node = pairs ? 2 : 1,
                      .memory_bytes = 8_MiB,
                      .timeout = faults_ == Faults::none ? 30'000ms : timeout,
                      .patience = faults_ == Faults::cuts ? patience : 5'000ms},
            .network = {.seed = random_.next(),
                        .latency = {1us, most_latency},
                        .detection = {1ms, 100ms},
                        .give_up = 100ms}};
  }

  void script_cuts() {
    std::chrono::nanoseconds from{};
    for (std::uint64_t cut = 1 + random_.below(2); cut > 0; --cut) {
      const auto node =
          static_cast<int>(random_.below(static_cast<std::uint64_t>(world_.node_of(world_.size() - 1)) + 1));
      std::vector<int> apart;
      for (int rank = 0; rank < world_.size(); ++rank) {
        if (world_.node_of(rank) == node) {
          apart.push_back(rank);
        }
      }
      const auto kind = random_.chance(0.5) ? loopback::Cut::hold : loopback::Cut::lose;
      from += random_.within({10ms, 150ms});
      world_.network().after(from, [this, apart, kind] { world_.network().partition(apart, kind); });
      from += random_.within({10ms, 3 * patience});
      world_.network().after(from, [this] { world_.network().heal(); });
    }
  }

  // Drawn for each message.
  loopback::Verdict fate(int from, int to) {
    if (faults_ == Faults::delays && random_.chance(0.03)) {
      return {loopback::Fate::delay, random_.within({1ms, 3 * timeout})};
    }
    if (faults_ == Faults::losses && random_.chance(0.02)) {
      return {loopback::Fate::drop, {}};
    }
    const bool mortal = faults_ == Faults::death || faults_ == Faults::deaths;
    const bool concerned = from == victim_ || to == victim_;
    if (!mortal || outcome_.killed || !concerned || fatal_message_-- != 0) {
      return {};
    }
    outcome_.killed = true;
    if (faults_ == Faults::deaths) {
      for (int rank = 0; rank < world_.size(); ++rank) {
        if (rank != victim_ && world_.node_of(rank) == world_.node_of(victim_)) {
          world_.network().after(random_.within({0ns, 150ms}), [this, rank] { world_.network().kill(rank); });
        }
      }
    }
    if (to == victim_) {
      return {loopback::Fate::kill_receiver, {}};
    }
    // Not while its program or its hook runs: it would continue to its next sleep, and as a dead rank change
    // its node's memory. Whether this message arrives is up to the network.
    world_.network().after(0ns, [this] { world_.network().kill(victim_); });
    return {};
  }

  void act(int rank, loopback::Random& choices) {
    const std::string& name = names_[choices.below(names_.size())];
    Known& known = known_[{rank, name}];
    switch (choices.below(9)) {
      case 0:
      case 1:
        return write(rank, name, known, choices, {});
      case 2:
        return write(rank, name, known, choices, {SealMode::replace, 0});
      case 3:
        return write(rank, name, known, choices, {SealMode::replace, known.generation});
      case 4:
        return exists(rank, name);
      case 5:
        return read_by_key(rank, known, choices);
      case 6:
        return evict(rank, name, choices.chance(0.5) ? known : Known{});
      default:
        return read(rank, name, known);
    }
  }

  /// Every second rank makes asynchronous calls, and then waits for them.
  [[nodiscard]] Connector& connector(int rank) {
    return rank % 2 == 0 ? world_.connector(rank) : *begun_.at(static_cast<std::size_t>(rank));
  }

  void write(int rank, const std::string& name, Known& known, loopback::Random& choices,
             const SealOptions& options) {
    const std::uint64_t value = ++last_value_;
    const std::size_t size_bytes = choices.chance(0.5) ? 16 : 5000;
    const std::size_t number =
        history_.begin({.client = rank,
                        .act = options.mode == SealMode::put ? NameAct::put : NameAct::replace,
                        .name = name,
                        .value = value,
                        .expected = options.expected_generation});
    const Known before = known;
    const auto sealed = put(connector(rank), store, name, stored(value, size_bytes), options);
    if (sealed) {
      // If a node could not be notified of a replacement, the old object stays readable by key.
      if (faults_ == Faults::none && options.expected_generation != 0) {
        note_gone(before);
      }
      known = {sealed->key, sealed->generation};
      complain_if(sealed->generation == 0, number, "has no generation");
    }
    end(number, sealed, {.generation = sealed ? sealed->generation : 0});
  }

  void read(int rank, const std::string& name, Known& known) {
    const std::size_t number = history_.begin({.client = rank, .act = NameAct::get, .name = name});
    const auto found = connector(rank).get(Address(store, name), world_.network().now() + timeout);
    NameOperation told;
    if (found) {
      const ObjectFacts facts = found->facts();
      std::memcpy(&told.value, found->bytes().data(), sizeof told.value);
      told.generation = facts.generation;
      known = {found->key(), facts.generation};
      last_key_ = found->key();
      complain_if(facts.generation == 0, number, "has no generation");
      complain_if(!holds(*found, stored(told.value, found->bytes().size())), number, "is no value");
    }
    end(number, found, told);
  }

  // Names are judged as histories; of keys it is checked that no rank finds an object that is certainly gone.
  // Another rank may know the object before this one: one of all that any rank has seen is chosen.
  void read_by_key(int rank, const Known& own, loopback::Random& choices) {
    const Key key = own.key.valid() && choices.chance(0.5) ? own.key : last_key_;
    if (!key.valid()) {
      return;
    }
    const bool gone_before = gone_.contains(key);
    const auto found = connector(rank).get(Address(key), world_.network().now() + timeout);
    gone_reads_ += gone_before ? 1U : 0U;
    if (gone_before && found) {
      outcome_.wrong += "rank " + std::to_string(rank) + " found " + to_string(key) + " after it was gone\n";
    }
  }

  // REQUIRES: a call that ended has reported it gone.
  void note_gone(const Known& known) {
    if (known.generation != 0) {
      gone_.insert(known.key);
      last_key_ = known.key;
    }
  }

  void exists(int rank, const std::string& name) {
    const std::size_t number = history_.begin({.client = rank, .act = NameAct::exists, .name = name});
    const auto there = connector(rank).exists(Address(store, name), world_.network().now() + timeout);
    end(number, there, {.yes = there && *there});
  }

  // Evicts the current object, or only the one that this rank knows.
  void evict(int rank, const std::string& name, const Known only) {
    const std::size_t number =
        history_.begin({.client = rank, .act = NameAct::evict, .name = name, .expected = only.generation});
    const Address address = only.generation == 0 ? Address(store, name) : Address(only.key);
    const auto gone = connector(rank).evict(address, world_.network().now() + timeout);
    // A rank that has given up a name's home for good, although the home is alive, tombstones the object but
    // not its name (docs/consistency.md): that the object is gone says nothing about the name from then on.
    const bool is_known_of_name = !gone || *gone || !nameless_.contains({name, only.generation});
    if (faults_ == Faults::cuts && !is_known_of_name) {
      history_.end(number, {.reply = NameAnswer::unknown});
    } else {
      end(number, gone, {.yes = gone && *gone});
    }
    if (!gone && only.generation != 0 && gone.error().code() == Errc::peer_lost) {
      nameless_.emplace(name, only.generation);
    }
    if (gone) {
      note_gone(only);
    }
  }

  template <class T>
  void end(std::size_t number, const Result<T>& result, NameOperation told) {
    told.reply = result ? NameAnswer::done : tests::answer_of(result.error().code());
    history_.end(number, told);
    if (!result) {
      const Errc code = result.error().code();
      const bool may_be = told.reply != NameAnswer::unknown ||
                          (faults_ != Faults::none && (code == Errc::timeout || code == Errc::peer_lost));
      complain_if(!may_be, number, "failed: " + result.error().text());
    }
  }

  void complain_if(bool bad, std::size_t number, const std::string& what) {
    if (bad) {
      outcome_.wrong += "operation " + describe(history_.operations()[number]) + ' ' + what + '\n';
    }
  }

  // Nothing of replaced or evicted objects may be left: neither the objects nor their records.
  void clear() {
    for (const std::string& name : names_) {
      const auto gone = world_.connector(0).evict(Address(store, name), {});
      if (!gone) {
        outcome_.wrong += "evicting at the end failed: " + gone.error().text() + '\n';
      }
    }
    world_.network().run_until_idle();
    for (int rank = 0; rank < world_.size(); ++rank) {
      const std::uint64_t left = world_.connector(rank).usage().own_objects;
      if (left != 0) {
        outcome_.wrong +=
            "rank " + std::to_string(rank) + " still has objects: " + std::to_string(left) + '\n';
      }
    }
  }

  static std::vector<std::byte> stored(std::uint64_t value, std::size_t size_bytes) {
    std::vector<std::byte> bytes = pattern(value, size_bytes);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }

  const Faults faults_;
  loopback::Random random_;
  int victim_ = -1;
  std::uint64_t fatal_message_ = 0;
  SimulatedNodes world_;
  const std::vector<std::unique_ptr<Connector>> begun_ = [this] {
    std::vector<std::unique_ptr<Connector>> begun;
    for (int rank = 0; rank < world_.size(); ++rank) {
      begun.push_back(std::make_unique<tests::BegunConnector>(world_.rank(rank).connector));
    }
    return begun;
  }();
  std::vector<std::string> names_;
  std::map<std::pair<int, std::string>, Known> known_;
  std::set<Key> gone_;  ///< certainly: a call that removed it has ended
  Key last_key_;        ///< of the last object that any rank has read or removed
  std::size_t gone_reads_ = 0;
  tests::History history_;
  std::uint64_t last_value_ = 0;
  std::set<std::pair<std::string, std::uint64_t>>
      nameless_;  ///< objects that may be gone although their names are not
  Outcome outcome_;
};

class Histories : public ::testing::TestWithParam<Faults> {};

std::string name_of(Faults faults) {
  switch (faults) {
    case Faults::none:
      return "without_faults";
    case Faults::delays:
      return "delays";
    case Faults::losses:
      return "losses";
    case Faults::death:
      return "death_of_a_rank";
    case Faults::deaths:
      return "death_of_a_node";
    case Faults::cuts:
      return "cuts_that_heal";
  }
  return {};
}

// A failure prints its seed; LOCUM_HISTORY_SEED=n runs that one alone and prints the whole history.
// LOCUM_HISTORIES=n sets the number of runs of each kind.
TEST_P(Histories, CanBeToldAsOneStory) {
  const std::uint64_t only = number_from("LOCUM_HISTORY_SEED", 0);
  const std::uint64_t seeds = trials_from("LOCUM_HISTORIES", 250);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t last = only != 0 ? only : seeds;
  std::size_t operations = 0;
  std::size_t unknown = 0;
  std::size_t killed = 0;
  std::size_t undecided = 0;
  std::size_t gone_reads = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Trial trial(GetParam(), seed);
    const Outcome outcome = trial.outcome();
    if (only != 0) {
      std::cout << trial.told();
    }
    operations += outcome.operations;
    unknown += outcome.unknown;
    gone_reads += outcome.gone_reads;
    killed += outcome.killed ? 1U : 0U;
    undecided += outcome.judgement.verdict == Judgement::Verdict::undecided ? 1U : 0U;
    EXPECT_TRUE(outcome.wrong.empty()) << "LOCUM_HISTORY_SEED=" << seed << '\n' << outcome.wrong;
    EXPECT_NE(outcome.judgement.verdict, Judgement::Verdict::contradiction)
        << "LOCUM_HISTORY_SEED=" << seed << '\n'
        << outcome.judgement.why;
  }
  std::cout << last - first + 1 << " histories, " << operations << " operations, of which " << unknown
            << " unknown; " << killed << " with deaths, " << undecided << " undecided, " << gone_reads
            << " reads by the key of a removed object\n";
  if (only == 0) {
    // Checks that the faults happened, and did not hide everything.
    const bool deadly = GetParam() == Faults::death || GetParam() == Faults::deaths;
    EXPECT_EQ(unknown > 0, GetParam() != Faults::none);
    EXPECT_LT(unknown, operations / 2);
    EXPECT_GT(gone_reads, seeds / 4);
    EXPECT_EQ(killed > seeds / 2, deadly);
    EXPECT_LE(undecided, seeds / 50);
  }
}

INSTANTIATE_TEST_SUITE_P(Simulated, Histories,
                         ::testing::Values(Faults::none, Faults::delays, Faults::losses, Faults::death,
                                           Faults::deaths, Faults::cuts),
                         [](const auto& one) { return name_of(one.param); });

}  // namespace
}  // namespace locum::tests::histories_test
