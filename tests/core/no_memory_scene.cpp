#include "tests/core/no_memory_scene.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "core/copies/read_leases.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/scarce_memory.hpp"

namespace locum::tests::no_memory {

SimulatedNodesOptions spared_nodes(SimulatedNodesOptions options) {
  options.wrap = [](int, std::shared_ptr<Transport> transport) {
    return tests::spared(std::move(transport));
  };
  options.wrap_remote = [](int, std::shared_ptr<RemoteMemory> remote) {
    return tests::spared(std::move(remote));
  };
  return options;
}

void count_hooks(SimulatedNodes& world) {
  for (int rank = 0; rank < world.size(); ++rank) {
    world.network().on_ready(rank, [links = world.rank(rank).links.get()] {
      const CountAllocations count;
      return links->poll();
    });
  }
}

Scene::Scene(const Act& act)
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

bool Scene::scarce(int left, int failures) {
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

std::string Scene::judge() {
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

// Nobody would ever take away what has lost its name, and is there.
std::string Scene::judge_nameless() {
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

std::string Scene::leftovers() {
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

bool Scene::is_right(const ObjectView& view) {
  const std::size_t size = view.bytes().size();
  return (size == small || size == large) && (holds(view, pattern(1, size)) || holds(view, pattern(2, size)));
}

}  // namespace locum::tests::no_memory
