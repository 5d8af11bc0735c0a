#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/limited_arena.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/trials.hpp"
#include "tests/loopback/random.hpp"

// Random programs of many ranks, compared with a model of all objects: their reads are right, and after they
// have ended each node's memory contains only objects with a view; after these are released, nothing at all:
// no object, no copy, no list of copies, no record of a flight, no name, no pin, no byte.
namespace locum::tests::random_programs_test {
namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;
using tests::PlainNode;

constexpr std::uint32_t store = 3;
constexpr int operations_of_rank = 40;

/// The faults of a run.
enum class Faults : std::uint8_t {
  none,
  delays,  ///< messages are delayed, some of them for very long, and overtake those of other ranks
  death,   ///< a rank dies at some moment, or a node
};

/// Totals of all runs, to detect a test that tries nothing.
struct Tally {
  std::uint64_t operations = 0;
  std::uint64_t reads = 0;
  std::uint64_t copies = 0;  // on the nodes when the programs had ended
  std::uint64_t kept = 0;    // objects that were gone and still viewed
  std::uint64_t deaths = 0;
};

class Trial {
 public:
  Trial(Faults faults, std::uint64_t seed)
      : faults_(faults), random_(seed * 3 + static_cast<std::uint64_t>(faults)), nodes_(options()) {
    held_.resize(static_cast<std::size_t>(nodes_.world().size()));
    for (int name = 0; name < 4; ++name) {
      names_.push_back("name " + std::to_string(seed) + '.' + std::to_string(name));
    }
  }

  /// What was wrong; empty: nothing.
  std::string play(Tally& tally) {
    script();
    for (int rank = 0; rank < nodes_.world().size(); ++rank) {
      network().start([this, rank, choices = loopback::Random(random_.next())]() mutable {
        for (int i = 0; i < operations_of_rank; ++i) {
          nodes_.world().rank(rank).links->client()->pause(choices.within({0ns, 3ms}));
          act(rank, choices);
          let_go_of_some(rank, choices);
        }
      });
    }
    network().run();
    network().on_message({});
    network().run_for(20s);  // dead ranks are detected by then, and leases have expired
    for (const int rank : nodes_.survivors()) {
      tally.copies += nodes_.world().connector(rank).usage().own_copies;
    }
    if (faults_ != Faults::death) {
      look_for_all();
    }
    evict_all();
    look_at_what_is_viewed(tally);
    held_.clear();
    wrong_ += nodes_.leftovers();
    tally.operations += operations_;
    tally.reads += reads_;
    tally.deaths += nodes_.survivors().size() < static_cast<std::size_t>(nodes_.world().size()) ? 1U : 0U;
    return wrong_;
  }
  [[nodiscard]] const std::string& told() const { return told_; }

 private:
  /// The object of a key, for ever.
  struct Made {
    ArraySample array;
    std::string name;
    bool doomed = false;  // a rank has begun to remove it, or to replace it
  };
  /// A view that a program keeps for a while, and its expected content.
  struct Held {
    ObjectView view;
    std::vector<std::byte> bytes;
    std::uint64_t offset = 0;  // position of the first of these bytes in the object
  };

  tests::SimulatedNodesOptions options() {
    const int nodes = 2 + static_cast<int>(random_.below(4));
    const int per_node = 1 + static_cast<int>(random_.below(3));
    // In some worlds there is no memory for a copy of some size at once.
    const std::uint64_t most_without_work = random_.chance(0.5) ? 10'000 + random_.below(100'000) : 32_MiB;
    const auto limited = [=](int, std::shared_ptr<Arena> arena) {
      return std::make_shared<tests::LimitedArena>(std::move(arena), most_without_work);
    };
    return {
        .nodes = {.nodes = nodes, .ranks_per_node = per_node, .memory_bytes = 32_MiB, .wrap_arena = limited},
        .network = {.seed = random_.next(),
                    .latency = {1us, random_.chance(0.5) ? 5ms : 100us},
                    .detection = {1ms, 100ms},
                    .give_up = 100ms}};
  }
  [[nodiscard]] loopback::Network& network() { return nodes_.network(); }
  [[nodiscard]] Connector& connector(int rank) { return nodes_.world().connector(rank); }

  void script() {
    if (faults_ == Faults::delays) {
      network().on_message([this](int, int, std::span<const std::byte>) {
        return random_.chance(0.05) ? loopback::Verdict{loopback::Fate::delay, random_.within({1ms, 400ms})}
                                    : loopback::Verdict{};
      });
    }
    if (faults_ == Faults::death) {
      const int victim = static_cast<int>(random_.below(static_cast<std::uint64_t>(nodes_.world().size())));
      const bool whole_node = random_.chance(0.3);
      network().after(random_.within({1ms, 100ms}), [this, victim, whole_node] {
        whole_node ? nodes_.kill_node(nodes_.world().node_of(victim)) : nodes_.kill(victim);
      });
    }
  }

  void act(int rank, loopback::Random& choices) {
    ++operations_;
    const std::string& name = names_[choices.below(names_.size())];
    switch (choices.below(14)) {
      case 0:
        return write(rank, {}, choices, {});
      case 1:
      case 2:
        return write(rank, name, choices, {});
      case 3:
        return write(rank, name, choices, {SealMode::replace, 0});
      case 4:
        return evict(rank, Address(store, name));
      case 5:
        return evict(rank, Address(some_key(choices)));
      case 6:
        return note(rank, "exists", connector(rank).exists(Address(store, name), {}));
      case 7:
        return note(rank, "exists by key", connector(rank).exists(Address(some_key(choices)), {}));
      case 8:
        return await(rank, name);
      case 9:
        return note(rank, "list", connector(rank).list(store, "name", {}));
      case 10:
        return read_some(rank, choices);
      case 11:
        return read(rank, Address(store, name), choices);
      default:
        return read_by_key(rank, choices);
    }
  }

  [[nodiscard]] Key some_key(loopback::Random& choices) {
    return keys_.empty() ? Key{store, 0, 1'000'000} : keys_[choices.below(keys_.size())];
  }

  void write(int rank, const std::string& name, loopback::Random& choices, const SealOptions& options) {
    constexpr std::array<std::uint64_t, 4> rows{1, 20, 130, 800};
    Made made{field({rows[choices.below(rows.size())], 10}, 4), name};
    made.array.bytes = pattern(++last_value_, made.array.bytes.size());
    if (options.mode == SealMode::replace) {
      doom(name);
    }
    const auto sealed = put(connector(rank), store, name, made.array, options);
    note(rank, options.mode == SealMode::replace ? "replace" : "put", sealed);
    if (sealed) {
      // Another rank may have removed or replaced it before this one got the result of its put.
      made.doomed = !name.empty() && doomed_.contains(name);
      made_.emplace(sealed->key, std::move(made));
      keys_.push_back(sealed->key);
    }
  }

  void evict(int rank, const Address& address) {
    if (!address.name.empty()) {
      doom(std::string(address.name));
    } else if (const auto made = made_.find(address.key); made != made_.end()) {
      made->second.doomed = true;
    }
    const auto gone = connector(rank).evict(address, {});
    note(rank, "evict", gone);
    if (gone && address.name.empty()) {
      gone_.insert(address.key);
    }
  }
  void doom(const std::string& name) {
    doomed_.insert(name);
    for (auto& [key, made] : made_) {
      made.doomed = made.doomed || made.name == name;
    }
  }

  void read(int rank, const Address& address, loopback::Random& choices) {
    judge_view(rank, "get", connector(rank).get(address, {}), choices);
  }
  // Only names whose home is another node: a plain node's tables let a thread sleep, which simulated programs
  // must not.
  void await(int rank, const std::string& name) {
    if (nodes_.world().home(store, name) == nodes_.world().node_of(rank)) {
      return;
    }
    const auto found = connector(rank).wait(Address(store, name), network().now() + 10ms);
    if (found || found.error().code() != Errc::timeout) {
      loopback::Random choices(1);
      judge_view(rank, "wait", found, choices);
    }
  }
  // By key, or by handle.
  void read_by_key(int rank, loopback::Random& choices) {
    const Key key = some_key(choices);
    const bool gone_before = gone_.contains(key);
    const auto made = made_.find(key);
    Address address(key);
    if (made != made_.end() && choices.chance(0.5)) {
      const std::string& name = made->second.name;
      address = Address(key, name.empty() ? 0 : name_hash(store, name), made->second.array.bytes.size());
    }
    const auto found = connector(rank).get(address, {});
    judge_presence(rank, key, gone_before, found);
    judge_view(rank, "get by key", found, choices);
  }
  void read_some(int rank, loopback::Random& choices) {
    const Key key = some_key(choices);
    const auto made = made_.find(key);
    if (made == made_.end()) {
      return;
    }
    const ArraySample array = made->second.array;
    const bool gone_before = gone_.contains(key);
    Result<ObjectView> found = Error(Errc::not_found, "");
    std::vector<std::byte> right;
    std::uint64_t first = 0;
    if (choices.chance(0.5)) {
      first = choices.below(array.bytes.size());
      const std::uint64_t bytes = 1 + choices.below(array.bytes.size() - first);
      found = connector(rank).get_some(Address(key), ByteRange{first, bytes}, {});
      const auto part = std::span(array.bytes).subspan(first, bytes);
      right.assign(part.begin(), part.end());
    } else {
      HyperslabSampler sampler(choices.next());
      const Hyperslab slab = sampler.slab(array.extents);
      found = connector(rank).get_some(Address(key), Elements{slab, array.element_bytes}, {});
      right = packed(array, slab);
      first = (slab.start[0] * array.extents[1] + slab.start[1]) * array.element_bytes;
    }
    judge_presence(rank, key, gone_before, found);
    note(rank, "get some", found);
    if (found) {
      keep(rank, "get some", {*found, right, first}, choices);
    }
  }

  void judge_presence(int rank, const Key& key, bool gone_before, const Result<ObjectView>& found) {
    const auto made = made_.find(key);
    if (found && gone_before) {
      complain(rank, "found " + to_string(key) + ", which was gone");
    }
    const bool missed =
        !found && (found.error().code() == Errc::not_found || found.error().code() == Errc::stale);
    if (missed && made != made_.end() && !made->second.doomed && faults_ != Faults::death) {
      complain(rank, "did not find " + to_string(key) + ", which no rank removed");
    }
  }
  void judge_view(int rank, const char* what, const Result<ObjectView>& found, loopback::Random& choices) {
    note(rank, what, found);
    if (!found) {
      return;
    }
    const auto made = made_.find(found->key());
    if (made == made_.end()) {
      // The maker did not get the result of its put before it died.
      return;
    }
    if (found->facts().name != made->second.name || found->facts().extents != made->second.array.extents) {
      complain(rank, std::string(what) + ": other facts");
    }
    keep(rank, what, {*found, made->second.array.bytes}, choices);
  }
  void keep(int rank, const char* what, Held held, loopback::Random& choices) {
    ++reads_;
    if (!holds(held.view, held.bytes)) {
      complain(rank, std::string(what) + ": other bytes");
    }
    if (choices.chance(0.3)) {
      held_[static_cast<std::size_t>(rank)].push_back(std::move(held));
    }
  }
  void let_go_of_some(int rank, loopback::Random& choices) {
    auto& held = held_[static_cast<std::size_t>(rank)];
    while (!held.empty() && choices.chance(0.08)) {
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(choices.below(held.size())));
    }
  }

  template <class T>
  void note(int rank, const char* what, const Result<T>& result) {
    const Errc code = result ? Errc{} : result.error().code();
    told_ +=
        "  rank " + std::to_string(rank) + ": " + what + (result ? "" : ": " + result.error().text()) + '\n';
    const bool lost = code == Errc::peer_lost || code == Errc::timeout;
    const bool usual = result || code == Errc::not_found || code == Errc::key_exists || code == Errc::stale;
    if (!usual && !(lost && faults_ == Faults::death)) {
      complain(rank, std::string(what) + " failed: " + result.error().text());
    }
  }
  void complain(int rank, const std::string& what) {
    wrong_ += "rank " + std::to_string(rank) + ": " + what + '\n';
  }

  // Nothing is in transfer: a name refers to one object, which its key finds, too, and to none that it
  // referred to before; an object without a name exists unless an eviction has ended.
  void look_for_all() {
    const auto some = [&] {
      return static_cast<int>(random_.below(static_cast<std::uint64_t>(nodes_.world().size())));
    };
    std::set<Key> named;
    for (const std::string& name : names_) {
      const int rank = some();
      if (const auto found = connector(rank).get(Address(store, name), {})) {
        named.insert(found->key());
        continue;
      } else if (found.error().code() != Errc::not_found) {
        complain(rank, "at the end \"" + name + "\": " + found.error().text());
      }
      // Then its last object must have been removed.
      const auto is_there = [&](const auto& one) { return one.second.name == name && !one.second.doomed; };
      if (std::ranges::any_of(made_, is_there)) {
        complain(rank, "at the end \"" + name + "\" is not found, and no rank removed it");
      }
    }
    for (const auto& [key, made] : made_) {
      const int rank = some();
      const auto found = connector(rank).get(Address(key), {});
      const bool right = made.name.empty() ? !gone_.contains(key) : named.contains(key);
      if (found.has_value() != right || (!found && found.error().code() != Errc::not_found)) {
        complain(rank, "at the end " + to_string(key) + (right ? " is not found" : " is found still"));
      }
    }
  }

  // Each by some rank; objects that no survivor knows by their owner.
  void evict_all() {
    const auto survivors = nodes_.survivors();
    const auto some = [&] { return survivors[random_.below(survivors.size())]; };
    for (const std::string& name : names_) {
      const int rank = some();
      note(rank, "evict at the end", connector(rank).evict(Address(store, name), {}));
    }
    for (const Key& key : keys_) {
      const int rank = some();
      note(rank, "evict at the end", connector(rank).evict(Address(key), {}));
    }
    if (faults_ == Faults::death) {
      for (const int rank : survivors) {
        note(rank, "drop", connector(rank).drop(store));
      }
    }
    network().run_for(20s);
    for (const int rank : survivors) {
      (void)connector(rank).usage();  // frees what can be freed
    }
  }

  // Everything is tombstoned: each node's memory contains exactly the objects with a view there.
  void look_at_what_is_viewed(Tally& tally) {
    const auto survivors = nodes_.survivors();
    std::map<int, std::set<std::uint64_t>> viewed;  // positions at which the objects begin
    for (const int rank : survivors) {
      const Arena& arena = *nodes_.world().rank(rank).process.arena;
      for (const Held& held : held_[static_cast<std::size_t>(rank)]) {
        if (!holds(held.view, held.bytes)) {
          complain(rank, "what is viewed has changed");
        }
        const auto offset = static_cast<std::uint64_t>(held.view.bytes().data() - arena.data(0));
        if (arena.contains(offset, held.view.bytes().size())) {
          // Some of several views of one block show parts of it.
          viewed[nodes_.world().node_of(rank)].insert(offset - held.offset);
        }
      }
    }
    for (int node = 0; node < nodes_.nodes(); ++node) {
      const auto ranks = nodes_.survivors_of(node);
      if (ranks.empty()) {
        continue;
      }
      const PlainNode::Levels levels = nodes_.world().rank(ranks[0]).node->levels();
      const std::uint64_t right = viewed[node].size();
      tally.kept += right;
      if (levels.pinned != right ||
          (faults_ != Faults::death && (levels.objects != right || levels.names != 0))) {
        wrong_ += "node " + std::to_string(node) + " has " + std::to_string(levels.objects) + " objects, " +
                  std::to_string(levels.pinned) + " of them pinned, and " + std::to_string(levels.names) +
                  " names, where " + std::to_string(right) + " objects are viewed\n";
      }
    }
  }

  const Faults faults_;
  loopback::Random random_;
  MortalNodes nodes_;
  std::vector<std::string> names_;
  std::map<Key, Made> made_;
  std::vector<Key> keys_;
  std::set<Key> gone_;            // certainly: a call that removed it has ended
  std::set<std::string> doomed_;  // names that a rank has begun to evict or to replace
  std::vector<std::vector<Held>> held_;
  std::uint64_t last_value_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t reads_ = 0;
  std::string told_;
  std::string wrong_;
};

class RandomPrograms : public ::testing::TestWithParam<Faults> {};

// A failure prints its seed; LOCUM_PROGRAM_SEED=n runs that one alone and prints all calls. LOCUM_PROGRAMS=n
// sets the number of runs of each kind.
TEST_P(RandomPrograms, LeaveNothingButWhatIsViewed) {
  const std::uint64_t only = number_from("LOCUM_PROGRAM_SEED", 0);
  const std::uint64_t seeds = trials_from("LOCUM_PROGRAMS", 150);
  Tally tally;
  int failures = 0;
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : seeds); ++seed) {
    Trial trial(GetParam(), seed);
    const std::string wrong = trial.play(tally);
    if (only != 0) {
      std::cout << trial.told();
    }
    if (!wrong.empty() && ++failures <= 10) {
      ADD_FAILURE() << "LOCUM_PROGRAM_SEED=" << seed << '\n' << wrong;
    }
  }
  std::cout << tally.operations << " operations, " << tally.reads << " reads, " << tally.copies
            << " copies at the end, " << tally.kept << " objects viewed when they were gone, " << tally.deaths
            << " runs with deaths\n";
  EXPECT_EQ(failures, 0);
  if (only == 0) {
    EXPECT_GT(tally.reads, tally.operations / 8);
    EXPECT_GT(tally.copies, seeds / 2);
    EXPECT_GT(tally.kept, seeds);
    EXPECT_EQ(tally.deaths, GetParam() == Faults::death ? seeds : 0U);
  }
}

std::string name_of(Faults faults) {
  switch (faults) {
    case Faults::none:
      return "calm";
    case Faults::delays:
      return "delays";
    case Faults::death:
      return "death";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(Simulated, RandomPrograms,
                         ::testing::Values(Faults::none, Faults::delays, Faults::death),
                         [](const auto& one) { return name_of(one.param); });

}  // namespace
}  // namespace locum::tests::random_programs_test
