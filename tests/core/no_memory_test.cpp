// What happens to calls across nodes when a process has no memory of its own left: each allocation is made to
// fail, by an operator new of this program's own. The simulated network and the plain nodes are spared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/decoded_cache.hpp"
#include "core/eventual.hpp"
#include "core/local.hpp"
#include "core/options.hpp"
#include "core/promise.hpp"
#include "core/read_leases.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/scarce_memory.hpp"
#include "tests/core/spared_allocations.hpp"

namespace locum::tests::no_memory_test {
namespace {

using namespace std::chrono_literals;
using tests::CountAllocations;
using tests::MortalNodes;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;
using tests::SpareAllocations;

constexpr std::uint32_t store = 7;
constexpr std::size_t small = 16;
constexpr std::size_t large = 10'000;

SimulatedNodesOptions spared_nodes(SimulatedNodesOptions options) {
  options.wrap = [](int, std::shared_ptr<Transport> transport) {
    return tests::spared(std::move(transport));
  };
  options.wrap_remote = [](int, std::shared_ptr<RemoteMemory> remote) {
    return tests::spared(std::move(remote));
  };
  return options;
}

// What a rank does while its program does nothing counts, too.
void count_hooks(SimulatedNodes& world) {
  for (int rank = 0; rank < world.size(); ++rank) {
    world.network().on_ready(rank, [links = world.rank(rank).links.get()] {
      const CountAllocations count;
      return links->poll();
    });
  }
}

class Scene;

/// A call, and what is there before it.
struct Act {
  std::string name;
  std::function<Errc(Scene&)> call;
  bool copied = false;       ///< other nodes have copies
  bool one_sided = false;    ///< large objects are read so
  bool changes = false;      ///< names may be gone, or bound to something else, afterwards
  bool takes_names = false;  ///< by them, and what they stood for goes, too
  int home = 2;              ///< the node that names are at home on
  /// What it puts may stay without a name, until its store is dropped: its maker had no memory to hear what
  /// became of it, nor to find that out.
  bool may_stay = false;
  std::uint64_t window_bytes = std::uint64_t{256} << 20U;
  /// What a mate of who calls does at the same time; none: nothing.
  std::function<Errc(Scene&)> of_mate{};
};

/// Three nodes of two ranks; rank 0 calls, rank 2 has made what it asks for, the name's home is the third.
class Scene {
 public:
  explicit Scene(const Act& act)
      : act_(act),
        world_(spared_nodes({.nodes = {.nodes = 3,
                                       .ranks_per_node = 2,
                                       .memory_bytes = 1_MiB,
                                       .window_bytes = act.window_bytes},
                             .network = {.latency = {1ms, 1ms}, .one_sided = act.one_sided}})) {
    count_hooks(world_);
    for (const std::size_t size : {small, large}) {
      names_.push_back(world_.name_at(act.home, store, "name " + std::to_string(size) + "."));
      keys_.push_back(put(world_.connector(2), store, names_.back(), pattern(1, size)).value().key);
    }
    array_ = put(world_.connector(2), store, {},
                 {.extents = {60, 10}, .element_bytes = 2, .bytes = pattern(3, 1200)})
                 .value()
                 .key;
    for (const int reader : {0, 1, 4, 5}) {
      for (const Key& key : act.copied ? keys_ : std::vector<Key>()) {
        EXPECT_TRUE(world_.connector(reader).get(Address(key, 0, large), {}));
      }
    }
    world_.network().run_until_idle();
  }

  /// Whether an allocation failed while the call ran, and a while longer, with those after `left` failing.
  bool scarce(int left, int failures) {
    tests::make_memory_scarce(left, failures);
    if (act_.of_mate) {
      const SpareAllocations spare;
      world_.network().start([this] {
        const CountAllocations count;
        code_of_mate = act_.of_mate(*this);
      });
      world_.network().run_for(2500us);  // it is under way then
    }
    code = act_.call(*this);
    const SpareAllocations spare;
    world_.network().run_for(1s);
    const bool failed = tests::end_scarcity();
    world_.network().run_for(1s);
    return failed;
  }
  /// What is wrong with the names, once there is memory again; empty: nothing.
  std::string judge() {
    std::string wrong;
    for (const std::string& name : names_) {
      const auto found = world_.connector(5).get(Address(store, name), {});
      if (!found && !(act_.changes && found.error().code() == Errc::not_found)) {
        wrong += name + ": " + found.error().what() + '\n';
      } else if (found && !is_right(*found)) {
        wrong += name + ": wrong bytes\n";
      }
    }
    return act_.takes_names ? wrong + judge_nameless() : wrong;
  }
  /// Nobody would ever take away what has lost its name, and is there.
  std::string judge_nameless() {
    std::string wrong;
    world_.network().run_for(10s);  // who could not be told is told later
    for (std::size_t at = 0; at < keys_.size(); ++at) {
      const auto found = world_.connector(5).get(Address(store, names_[at]), {});
      for (int rank = 0; rank < world_.size() && !(found && found->key() == keys_[at]); ++rank) {
        if (world_.connector(rank).get(Address(keys_[at], 0, large), {})) {
          wrong += names_[at] + " is gone, rank " + std::to_string(rank) + " finds its object\n";
        }
      }
    }
    return wrong;
  }
  /// What is wrong once everything has been taken away again; empty: nothing.
  std::string leftovers() {
    std::string left;
    for (const std::string& name : names_) {
      const auto gone = connector().evict(Address(store, name), {});
      left += gone ? "" : std::string("evicting a name: ") + gone.error().what() + '\n';
    }
    keys_.push_back(array_);
    for (const Key& key : keys_) {
      const auto gone = connector().evict(Address(key), {});
      left += gone ? "" : std::string("evicting a key: ") + gone.error().what() + '\n';
    }
    for (int rank = 0; rank < world_.size(); ++rank) {
      for (const Key& key : keys_) {
        left += world_.connector(rank).get(Address(key, 0, large), {}) ? "found after its eviction\n" : "";
      }
    }
    if (act_.may_stay) {
      const auto dropped = connector().drop(store);
      left += dropped ? "" : std::string("dropping the store: ") + dropped.error().what() + '\n';
    }
    world_.network().run_for(1s);
    const std::uint64_t sent = world_.network().counters().sent.messages;
    world_.network().run_for(100s);
    left += world_.network().counters().sent.messages == sent ? "" : "messages that nobody asked for\n";
    for (int rank = 0; rank < world_.size(); ++rank) {
      (void)world_.connector(rank).usage();
    }
    for (int rank = 0; rank < world_.size(); ++rank) {
      const std::size_t exposed = world_.rank(rank).links->read_leases().exposed();
      left += exposed == 0 ? "" : "rank " + std::to_string(rank) + " has exposed memory\n";
    }
    for (int rank = 0; rank < world_.size(); rank += 2) {
      const auto levels = world_.rank(rank).node->levels();
      if (levels != tests::PlainNode::Levels{}) {
        left += "node " + std::to_string(rank / 2) + " has " + std::to_string(levels.objects) + " objects, " +
                std::to_string(levels.pinned) + " of them pinned, " + std::to_string(levels.names) +
                " names, " + std::to_string(levels.used_bytes) + " bytes\n";
      }
    }
    return left;
  }

  [[nodiscard]] Connector& connector(int rank = 0) { return world_.connector(rank); }
  [[nodiscard]] const std::string& name(std::size_t which) const { return names_[which]; }
  [[nodiscard]] const Key& key(std::size_t which) const { return keys_[which]; }
  [[nodiscard]] const Key& array() const { return array_; }
  /// A name at home on that node, of which something may be left.
  [[nodiscard]] std::string fresh_name(int node) {
    const SpareAllocations spare;
    names_.push_back(world_.name_at(node, store, "fresh "));
    return names_.back();
  }
  /// A name at home on node 2, the same each time.
  [[nodiscard]] const std::string& awaited() {
    const SpareAllocations spare;
    if (awaited_.empty()) {
      awaited_ = world_.name_at(2, store, "awaited ");
      names_.push_back(awaited_);
    }
    return awaited_;
  }
  /// Rank 0 does nothing else for so long.
  void drive(std::chrono::nanoseconds time) { world_.rank(0).links->client()->pause(time); }
  void let_pass(std::chrono::nanoseconds time) {
    const SpareAllocations spare;
    world_.network().run_for(time);
  }
  void pause(int rank, std::chrono::nanoseconds time) {
    const SpareAllocations spare;
    world_.rank(rank).links->client()->pause(time);
  }
  /// The code, or `corrupt` where what was found is not what was put.
  [[nodiscard]] static Errc judged(const Result<ObjectView>& found) {
    const SpareAllocations spare;
    return !found || is_right(*found) ? code_of(found) : Errc::corrupt;
  }

  Errc code{};
  Errc code_of_mate{};

 private:
  [[nodiscard]] static bool is_right(const ObjectView& view) {
    const std::size_t size = view.bytes().size();
    return (size == small || size == large) &&
           (holds(view, pattern(1, size)) || holds(view, pattern(2, size)));
  }

  const Act& act_;
  SimulatedNodes world_;
  std::vector<std::string> names_;
  std::vector<Key> keys_;
  std::string awaited_;
  Key array_;
};

Errc put_at(Scene& scene, const std::string& name, std::size_t size, const SealOptions& options,
            int rank = 0) {
  const auto bytes = [&] {
    const SpareAllocations spare;
    return pattern(2, size);
  }();
  return code_of(put(scene.connector(rank), store, name, bytes, options));
}

Errc get_by_handle(Scene& scene, int rank = 0) {
  return Scene::judged(scene.connector(rank).get(Address(scene.key(1), 0, large), {}));
}

// What has come by itself, or why it has not.
Result<ObjectView> come(Begun begun) {
  if (!begun.found || *begun.found) {
    return std::move(begun.found);
  }
  if (!begun.coming) {
    const SpareAllocations spare;
    return Error(Errc::out_of_memory, "there was no memory to begin it");
  }
  return begun.coming->get({});
}

Errc get_ahead(Scene& scene) {
  Begun first = scene.connector().begin(Address(scene.key(1), 0, large), CountsUntil::it_is_used);
  Begun second = scene.connector().begin(Address(scene.key(0), 0, small), CountsUntil::it_is_used);
  scene.drive(20ms);
  const Errc codes[] = {Scene::judged(come(std::move(first))), Scene::judged(come(std::move(second)))};
  return codes[0] == Errc{} ? codes[1] : codes[0];
}

// Whatever waits for its turn comes in the end, or says why it does not.
Errc prefetch_all(Scene& scene) {
  constexpr int most_looks = 1000;
  Errc first{};
  std::vector<Begun> begun;
  {
    const SpareAllocations spare;
    begun.reserve(3);
  }
  for (const Key& key : {scene.key(0), scene.key(1), scene.array()}) {
    begun.push_back(scene.connector().begin(Address(key, 0, large), CountsUntil::it_is_used));
  }
  for (Begun& one : begun) {
    for (int looks = 0; one.coming && !one.coming->ended(); ++looks) {
      if (looks == most_looks) {
        return Errc::timeout;
      }
      scene.let_pass(1ms);
    }
    if (!one.found || !one.coming) {
      first = first != Errc{} || one.found ? first : code_of(one.found);
      continue;
    }
    const auto found = one.coming->get(Deadline::Clock::time_point::min());
    first = first != Errc{} ? first : code_of(found);
  }
  return first;
}

void add_acts(std::vector<Act>& acts, std::size_t which) {
  const std::string size = which == 0 ? "small" : "large";
  const std::size_t bytes = which == 0 ? small : large;
  acts.push_back({"get by key, " + size,
                  [=](Scene& s) { return Scene::judged(s.connector().get(Address(s.key(which)), {})); }});
  acts.push_back({"get by name, " + size, [=](Scene& s) {
                    return Scene::judged(s.connector().get(Address(store, s.name(which)), {}));
                  }});
  acts.push_back({"wait, " + size, [=](Scene& s) {
                    return Scene::judged(s.connector().wait(Address(store, s.name(which)), {}, {}));
                  }});
  acts.push_back({"exists by key, " + size,
                  [=](Scene& s) { return code_of(s.connector().exists(Address(s.key(which)), {})); }});
  acts.push_back({"exists by name, " + size, [=](Scene& s) {
                    return code_of(s.connector().exists(Address(store, s.name(which)), {}));
                  }});
  for (const bool copied : {false, true}) {
    const std::string state = size + (copied ? ", copied" : "");
    for (const int home : {0, 1, 2}) {
      const std::string of_home = state + (home == 2 ? "" : ", at home on node " + std::to_string(home));
      acts.push_back({.name = "replace, " + of_home,
                      .call =
                          [=](Scene& s) {
                            return put_at(s, s.name(which), bytes, {SealMode::replace, 0});
                          },
                      .copied = copied,
                      .takes_names = true,
                      .home = home});
      acts.push_back(
          {.name = "evict by name, " + of_home,
           .call = [=](Scene& s) { return code_of(s.connector().evict(Address(store, s.name(which)), {})); },
           .copied = copied,
           .changes = true,
           .takes_names = true,
           .home = home});
    }
    acts.push_back({.name = "evict by key, " + state,
                    .call = [=](Scene& s) { return code_of(s.connector().evict(Address(s.key(which)), {})); },
                    .copied = copied,
                    .changes = true});
  }
  acts.push_back({.name = "put, " + size,
                  .call =
                      [=](Scene& s) {
                        const Errc code = put_at(s, s.fresh_name(1), bytes, {});
                        return code == Errc::key_exists ? Errc{} : code;
                      },
                  .changes = true});
}

// Small ones and a large one. The caller's own memory is there.
Errc get_batch(Scene& s) {
  std::vector<Address> addresses;
  std::vector<Result<ObjectView>> found;
  {
    const SpareAllocations spare;
    addresses = {Address(s.key(0)), Address(s.key(1)), Address(s.key(0)), Address(s.array())};
    found.assign(addresses.size(), no_memory_left());
  }
  s.connector().find_batch(addresses, Wanting::all, found, {});
  Errc code{};
  for (const auto& one : found) {
    code = code == Errc{} ? code_of(one) : code;
  }
  return code;
}

template <class T>
Errc first_of(const std::vector<Result<T>>& all) {
  Errc code{};
  for (const auto& one : all) {
    code = code == Errc{} ? code_of(one) : code;
  }
  return code;
}

Errc get_batch_by_name(Scene& s) {
  std::vector<Address> addresses;
  std::vector<Result<ObjectView>> found;
  {
    const SpareAllocations spare;
    addresses = {Address(store, s.name(0)), Address(store, s.name(1))};
    found.assign(addresses.size(), no_memory_left());
  }
  s.connector().find_batch(addresses, Wanting::all, found, {});
  return first_of(found);
}

Errc evict_batch(Scene& s, bool by_name) {
  std::vector<Address> addresses;
  std::vector<Result<bool>> gone;
  {
    const SpareAllocations spare;
    for (const std::size_t which : {0U, 1U}) {
      addresses.push_back(by_name ? Address(store, s.name(which)) : Address(s.key(which)));
    }
    gone.assign(addresses.size(), no_memory_left());
  }
  s.connector().evict_batch(addresses, gone, {});
  return first_of(gone);
}

// Of this node's own home and of two others'; names that are there already were bound before.
Errc put_batch(Scene& s, std::size_t bytes) {
  std::vector<ObjectDraft> drafts;
  std::vector<Result<Sealed>> sealed;
  for (const int home : {0, 1, 2}) {
    const auto draft = s.connector().create(bytes, plain_meta(store, s.fresh_name(home)), {});
    const SpareAllocations spare;
    if (!draft) {
      for (const ObjectDraft& made : drafts) {
        s.connector().discard(made);
      }
      return draft.error().code();
    }
    std::ranges::copy(pattern(2, bytes), draft->bytes.begin());
    drafts.push_back(*draft);
    sealed.assign(drafts.size(), no_memory_left());
  }
  s.connector().seal_batch(drafts, sealed, {});
  const SpareAllocations spare;
  std::erase_if(sealed, [](const auto& one) { return code_of(one) == Errc::key_exists; });
  return first_of(sealed);
}

std::vector<Act> all_acts() {
  std::vector<Act> acts;
  add_acts(acts, 0);
  add_acts(acts, 1);
  for (const bool one_sided : {false, true}) {
    const std::string how = one_sided ? ", one-sided" : "";
    acts.push_back({.name = "get from a handle" + how,
                    .call = [](Scene& s) { return get_by_handle(s); },
                    .one_sided = one_sided});
    acts.push_back({.name = "two gets at a time" + how,
                    .call = [](Scene& s) { return get_by_handle(s); },
                    .one_sided = one_sided,
                    .of_mate = [](Scene& s) { return get_by_handle(s, 1); }});
    acts.push_back({.name = "gets that come by themselves" + how, .call = get_ahead, .one_sided = one_sided});
    acts.push_back({.name = "gets that come by themselves, and one of a mate" + how,
                    .call = get_ahead,
                    .one_sided = one_sided,
                    .of_mate = [](Scene& s) { return get_by_handle(s, 1); }});
  }
  acts.push_back({.name = "wait for what is put meanwhile",
                  .call =
                      [](Scene& s) {
                        const Errc code = code_of(s.connector().wait(Address(store, s.awaited()), {}, {}));
                        // Or nobody has put it.
                        return code == Errc::timeout && s.code_of_mate != Errc{} ? Errc::out_of_memory : code;
                      },
                  .changes = true,
                  .of_mate =
                      [](Scene& s) {
                        s.pause(5, 10ms);
                        return put_at(s, s.awaited(), small, {}, 5);
                      }});
  acts.push_back({.name = "prefetches in turn",
                  .call = [](Scene& s) { return prefetch_all(s); },
                  .window_bytes = large});
  acts.push_back({"batch", get_batch});
  acts.push_back({"batch by name", get_batch_by_name});
  for (const bool copied : {false, true}) {
    for (const bool by_name : {false, true}) {
      acts.push_back(
          {.name = std::string("evict batch") + (by_name ? " by name" : "") + (copied ? ", copied" : ""),
           .call = [=](Scene& s) { return evict_batch(s, by_name); },
           .copied = copied,
           .changes = true,
           .takes_names = by_name});
    }
  }
  for (const std::size_t bytes : {small, large}) {
    acts.push_back({.name = "put batch of " + std::to_string(bytes),
                    .call = [=](Scene& s) { return put_batch(s, bytes); },
                    .changes = true,
                    .may_stay = true});
  }
  acts.push_back({"part", [](Scene& s) {
                    return code_of(s.connector().get_some(Address(s.key(1)), ByteRange{10, 1000}, {}));
                  }});
  acts.push_back({"describe by key",
                  [](Scene& s) { return code_of(s.connector().get_some(Address(s.key(1)), Facts(), {})); }});
  acts.push_back({"describe by name", [](Scene& s) {
                    return code_of(s.connector().get_some(Address(store, s.name(1)), Facts(), {}));
                  }});
  acts.push_back(
      {"hyperslab", [](Scene& s) {
         return code_of(s.connector().get_some(
             Address(s.array()), Elements{{.start = {1, 2}, .count = {9, 4}, .stride = {2, 1}}, 2}, {}));
       }});
  acts.push_back({"list", [](Scene& s) { return code_of(s.connector().list(store, "name", {})); }});
  return acts;
}

bool is_memory_or_none(Errc code) {
  return code == Errc{} || code == Errc::out_of_memory;
}

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

// What is done by one process alone.
class NoMemoryAlone : public ::testing::TestWithParam<int> {
 protected:
  /// Calls `act` with one allocation after another failing, until none does. \param judge after each
  template <class Act, class Judge>
  void with_each_failing(Act act, Judge judge) {
    bool more = true;
    for (int left = 0; more; ++left) {
      SCOPED_TRACE("allocation " + std::to_string(left));
      tests::make_memory_scarce(left, GetParam());
      bool thrown = false;
      try {
        act();
      } catch (const std::bad_alloc&) {
        thrown = true;
      }
      more = tests::end_scarcity();
      judge(thrown);
    }
  }
};

TEST_P(NoMemoryAlone, HandsWhatFollowsToTheExecutor) {
  std::optional<std::function<void()>> handed;
  const auto executor =
      std::make_shared<const Executor>([&](std::function<void()> task) { handed.emplace(std::move(task)); });
  bool called = false;
  const auto next = detail::continuation(executor, [&] { called = true; });
  tests::make_memory_scarce(0, GetParam());
  next->run();
  EXPECT_FALSE(tests::end_scarcity());
  ASSERT_TRUE(handed);
  (*handed)();
  EXPECT_TRUE(called);
}

TEST_P(NoMemoryAlone, SealsInMemoryOfThisProcessOrLeavesNothing) {
  const auto local = open_local();
  const auto draft_of = [&](std::string_view name) {
    return local->create(100, plain_meta(store, name), {}).value();
  };
  std::vector<ObjectDraft> drafts;
  std::vector<Result<Sealed>> sealed;
  std::uint64_t number = 0;
  std::string names[3];
  const auto prepare = [&] {
    drafts.clear();
    for (std::string& name : names) {
      name = "a name that is too long for a string without memory of its own " + std::to_string(++number);
      drafts.push_back(draft_of(name));
    }
    sealed.assign(3, no_memory_left());
  };
  prepare();
  with_each_failing([&] { local->seal_batch(drafts, sealed, {}); },
                    [&](bool thrown) {
                      EXPECT_FALSE(thrown);
                      for (std::size_t at = 0; at < 3; ++at) {
                        const Address address(store, names[at]);
                        EXPECT_EQ(local->get(address, {}).has_value(), sealed[at].has_value());
                        EXPECT_EQ(local->evict(address, {}).value(), sealed[at].has_value());
                      }
                      EXPECT_EQ(local->usage().own_used, 0U);
                      EXPECT_TRUE(local->list(store, {}, {}).value().empty());
                      prepare();
                    });
}

TEST_P(NoMemoryAlone, ReplacesOrLeavesWhatWasThere) {
  const auto local = open_local();
  std::uint64_t generation = put(*local, store, "x", pattern(1, small)).value().generation;
  const auto draft_of = [&] {
    const auto draft = local->create(small, plain_meta(store, "x"), {}).value();
    std::ranges::fill(draft.bytes, std::byte{});
    return draft;
  };
  ObjectDraft draft = draft_of();
  Result<Sealed> sealed = no_memory_left();
  with_each_failing(
      [&] {
        sealed = local->seal(draft, {SealMode::replace, 0}, {});
      },
      [&](bool thrown) {
        const auto found = local->get(Address(store, "x"), {});
        ASSERT_TRUE(found);
        EXPECT_FALSE(thrown);
        EXPECT_EQ(found->facts().generation, generation + (sealed ? 1U : 0U));
        generation = found->facts().generation;
        EXPECT_EQ(local->usage().own_objects, 1U);
        draft = draft_of();
      });
}

TEST_P(NoMemoryAlone, KeepsDecodedValuesWithinTheBudget) {
  std::unique_ptr<detail::DecodedCache> cache;
  const auto prepare = [&] { cache = std::make_unique<detail::DecodedCache>(100); };
  const auto get = [&](std::uint64_t serial, std::uint64_t bytes) {
    return cache->get(Key{store, 0, serial}, nullptr, bytes, [] {
      return Result<std::shared_ptr<const void>>(std::shared_ptr<const void>(std::make_shared<int>(1)));
    });
  };
  prepare();
  with_each_failing([&] { (void)get(1, 100); },
                    [&](bool /*thrown*/) {
                      EXPECT_TRUE(get(2, 60) && get(3, 60));
                      EXPECT_EQ(cache->kept_bytes(), 60U);
                      EXPECT_TRUE(get(4, 90) && get(5, 90));
                      EXPECT_EQ(cache->kept_bytes(), 90U);
                      prepare();
                    });
}

/// A store in memory of this process, with a name that is taken.
class NoMemoryForBatches : public NoMemoryAlone {
 protected:
  NoMemoryForBatches() { EXPECT_TRUE(objects_.put(taken_, 1.0)); }
  ~NoMemoryForBatches() override { session_->close(); }

  const std::string taken_ = "a name that is taken, too long for a string without memory of its own";
  std::shared_ptr<Connector> local_ = open_local();
  std::shared_ptr<Session> session_ = std::make_shared<Session>(local_, std::make_shared<Metrics>());
  Store objects_ = session_->open("fields").value();
};

TEST_P(NoMemoryForBatches, PutsThemAndSaysSoOrPutsNone) {
  const std::vector<std::pair<std::string, double>> values{
      {taken_, 1}, {"first of those names", 2}, {taken_, 3}, {"second of those names", 4}};
  const std::uint64_t used = local_->usage().own_used;
  std::vector<Result<Key>> keys;
  int returned = 0;
  with_each_failing([&] { keys = objects_.put_batch(values); },
                    [&](bool thrown) {
                      returned += thrown ? 0 : 1;
                      for (std::size_t at : {1U, 3U}) {
                        const bool there = objects_.evict(values[at].first).value();
                        EXPECT_EQ(there, !thrown && keys[at]) << at;
                      }
                      EXPECT_TRUE(thrown || !(keys[0] || keys[2]));
                      EXPECT_EQ(local_->usage().own_used, used);
                    });
  EXPECT_GT(returned, 4);
}

/// A range that does not say how long it is, and is passed once.
class OncePassed {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = double;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(const double* at) : at_(at) {}
    double operator*() const { return *at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++at_; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const double* at_ = nullptr;
  };

  explicit OncePassed(const std::vector<double>& values) : values_(values) {}
  [[nodiscard]] Iterator begin() const { return Iterator(values_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(values_.data() + values_.size()); }

 private:
  const std::vector<double>& values_;
};

TEST_P(NoMemoryForBatches, PutsThemWithoutNamesAndSaysSoOrPutsNone) {
  static_assert(std::ranges::input_range<const OncePassed&> &&
                !std::ranges::forward_range<const OncePassed&>);
  const std::vector<double> values{1, 2, 3, 4, 5};
  const std::uint64_t used = local_->usage().own_used;
  const auto put_all = [&](const auto& range) {
    std::vector<Result<Key>> keys;
    int returned = 0;
    const auto put = [&] {
      keys.clear();
      keys = objects_.put_batch(range);
    };
    with_each_failing(put, [&](bool thrown) {
      returned += thrown ? 0 : 1;
      EXPECT_EQ(keys.size(), thrown ? 0 : values.size());
      for (const auto& key : keys) {
        EXPECT_TRUE(key ? objects_.evict(*key).value() : code_of(key) == Errc::out_of_memory);
      }
      EXPECT_EQ(local_->usage().own_used, used) << "what nobody knows of";
    });
    EXPECT_GT(returned, 1);
  };
  put_all(values);
  put_all(OncePassed(values));
}

TEST_P(NoMemoryForBatches, EvictsThemAndSaysSoOrEvictsNone) {
  std::vector<Key> all;
  std::optional<Promise<double>> promise;
  const auto prepare = [&] {
    promise.emplace(objects_.promise<double>().value());
    all = {objects_.put(1.0).value(), promise->proxy().key(), objects_.put("named", 2.0).value()};
    EXPECT_TRUE(promise->set(3.0));
  };
  prepare();
  std::vector<Result<bool>> gone;
  int returned = 0;
  with_each_failing([&] { gone = objects_.evict_batch(all); },
                    [&](bool thrown) {
                      returned += thrown ? 0 : 1;
                      for (std::size_t at = 0; at < all.size(); ++at) {
                        const bool there = objects_.exists(all[at]).value();
                        EXPECT_TRUE(!thrown || there) << at;
                        EXPECT_TRUE(thrown || !gone[at] || !there) << at;
                        objects_.evict(all[at]);
                      }
                      prepare();
                    });
  EXPECT_GT(returned, 1);
}

constexpr auto name_of_failures = [](const auto& one) { return "failures_" + std::to_string(one.param); };
INSTANTIATE_TEST_SUITE_P(Process, NoMemoryAlone, ::testing::Values(1, 3, 1'000'000), name_of_failures);
INSTANTIATE_TEST_SUITE_P(Process, NoMemoryForBatches, ::testing::Values(1, 3, 1'000'000), name_of_failures);

}  // namespace
}  // namespace locum::tests::no_memory_test
