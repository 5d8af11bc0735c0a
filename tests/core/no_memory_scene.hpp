#pragma once

// What calls across nodes are tried on when a process has no memory of its own left: each allocation can be
// made to fail, by an operator new of the program's own. The simulated network and the plain nodes are
// spared.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/options.hpp"
#include "core/ports/connector.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/simulated_nodes.hpp"
#include "tests/core/spared_allocations.hpp"

namespace locum::tests::no_memory {

using namespace std::chrono_literals;

inline constexpr std::uint32_t store = 7;
inline constexpr std::size_t small = 16;
inline constexpr std::size_t large = 10'000;

[[nodiscard]] SimulatedNodesOptions spared_nodes(SimulatedNodesOptions options);
/// What a rank does while its program does nothing counts, too.
void count_hooks(SimulatedNodes& world);

[[nodiscard]] constexpr bool is_memory_or_none(Errc code) noexcept {
  return code == Errc{} || code == Errc::out_of_memory;
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
  explicit Scene(const Act& act);

  /// Whether an allocation failed while the call ran, and a while longer, with those after `left` failing.
  bool scarce(int left, int failures);
  /// What is wrong with the names, once there is memory again; empty: nothing.
  std::string judge();
  /// What is wrong once everything has been taken away again; empty: nothing.
  std::string leftovers();

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
  std::string judge_nameless();
  [[nodiscard]] static bool is_right(const ObjectView& view);

  const Act& act_;
  SimulatedNodes world_;
  std::vector<std::string> names_;
  std::vector<Key> keys_;
  std::string awaited_;
  Key array_;
};

/// Every call that a connector has, of what is small and large, here and there.
[[nodiscard]] std::vector<Act> all_acts();

}  // namespace locum::tests::no_memory
