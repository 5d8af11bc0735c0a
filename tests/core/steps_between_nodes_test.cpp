// Streams of steps of M writers and N readers, which are threads of this process on simulated nodes: random
// decompositions and boxes, beside a gather that the test computes; and the bytes that move, exactly.
//
// What is counted: the payload bytes that a rank's reads took from messages (Metrics::reads of all paths but
// those of the node's memory), between the begin and the end of each read(). These have to be the bytes of
// the box's elements whose writers are on other nodes, whether they came inside a reply or as a bulk, with
// one exception: a box that is one whole block, larger than what comes inside a reply, is copied to the node
// once. It counts for the first rank of the node that reads it; later reads of any of its elements by ranks
// of that node move nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/queue_transport.hpp"
#include "tests/core/simulated_nodes.hpp"
#include "tests/core/step_arrays.hpp"
#include "tests/core/trials.hpp"

namespace locum::tests::steps_between_nodes_test {
namespace {

using namespace std::chrono_literals;
using Random = std::mt19937_64;

constexpr int ranks = 12;
constexpr std::uint64_t inline_bytes = 100;
/// Of a step's blocks: they come inside a reply.
constexpr std::uint64_t most_along = 20 * inline_bytes;
/// More than the bytes of an object besides its payload.
constexpr std::uint64_t most_about_an_object = 512;
constexpr auto long_enough = 60s;

/// So many ranks, on nodes of that many.
class World {
 public:
  explicit World(int ranks_per_node)
      : ranks_per_node_(ranks_per_node),
        ranks_(link_plain_nodes({.nodes = ranks / ranks_per_node,
                                 .ranks_per_node = ranks_per_node,
                                 .inline_bytes = inline_bytes,
                                 .helper = true},
                                queue_transports(ranks))) {
    for (int rank = 0; rank < ranks; ++rank) {
      const LinkedRank& linked = ranks_[static_cast<std::size_t>(rank)];
      sessions_.emplace_back(linked.connector, linked.metrics,
                             SessionOptions{.incarnation = 42,
                                            .rank = rank,
                                            .node = node_of(rank),
                                            .options = {.inline_bytes = inline_bytes}},
                             linked.links->completions());
    }
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (Session& session : sessions_) {
      session.close();
    }
  }

  [[nodiscard]] int node_of(int rank) const noexcept { return rank / ranks_per_node_; }
  [[nodiscard]] StepSide side(int rank, std::size_t index, std::size_t count, std::uint64_t number) {
    return {sessions_[static_cast<std::size_t>(rank)], index, count, number};
  }
  /// Payload bytes of all reads of that rank that came from other nodes.
  [[nodiscard]] std::uint64_t bytes_received(int rank) const {
    const Metrics& metrics = *ranks_[static_cast<std::size_t>(rank)].metrics;
    std::uint64_t bytes = 0;
    for (std::size_t path = 0; path < path_count; ++path) {
      const bool is_local = path == static_cast<std::size_t>(Path::shm_view) ||
                            path == static_cast<std::size_t>(Path::shm_copy);
      bytes += is_local ? 0 : metrics.reads[path].bytes.load();
    }
    return bytes;
  }
  /// Sealed objects of all ranks.
  [[nodiscard]] std::uint64_t objects() const {
    std::uint64_t objects = 0;
    for (const LinkedRank& rank : ranks_) {
      objects += rank.connector->usage().own_objects;
    }
    return objects;
  }

 private:
  const int ranks_per_node_;
  std::vector<LinkedRank> ranks_;
  std::vector<Session> sessions_;
};

/// A block of the array in one step.
struct Block {
  Cut cut;
  std::size_t writer = 0;  ///< index
};

/// The array of one step.
struct Step {
  static constexpr std::size_t nobody = ~std::size_t{0};
  static constexpr std::size_t several = nobody - 1;

  std::vector<Block> blocks;
  std::vector<std::size_t> block_at;  ///< of each place of the array
};

/// Totals of all cases, to detect a search that tries nothing.
struct Tally {
  std::uint64_t reads = 0;
  std::uint64_t bytes_here = 0;
  std::uint64_t bytes_from_others = 0;
  std::uint64_t copies_found = 0;
  std::uint64_t holes = 0;
  std::uint64_t overlaps = 0;

  friend Tally operator+(Tally a, const Tally& b) {
    return {a.reads + b.reads,
            a.bytes_here + b.bytes_here,
            a.bytes_from_others + b.bytes_from_others,
            a.copies_found + b.copies_found,
            a.holes + b.holes,
            a.overlaps + b.overlaps};
  }
};

/// A stream from some ranks of a world to others, drawn from a seed.
template <class T>
class Case {
 public:
  Case(World& world, std::uint64_t seed) : world_(world), seed_(seed), random_(seed) {
    std::array<int, ranks> order{};
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random_);
    writers_.assign(order.begin(), order.begin() + 1 + static_cast<int>(random_() % 7));
    readers_.assign(order.begin() + 7, order.begin() + 8 + static_cast<int>(random_() % 5));
    shape_.resize(1 + random_() % 4);
    const std::uint64_t most = std::array<std::uint64_t, 4>{3000, 60, 16, 8}[shape_.size() - 1];
    for (auto& extent : shape_) {
      extent = 1 + random_() % most;
    }
    // Ranks of a node read one after the other, or all at a time; then no box is a whole block, which they
    // would share.
    in_turn_ = random_() % 2 == 0;
    for (auto n = 1 + random_() % 3; n > 0; --n) {
      steps_.push_back(random_step());
    }
  }

  /// What was wrong; empty: nothing.
  std::string play(Tally& tally) {
    std::vector<std::thread> threads;
    std::vector<Random> choices;
    std::vector<Tally> tallies(readers_.size());
    for (std::size_t index = 0; index < writers_.size() + readers_.size(); ++index) {
      choices.emplace_back(random_());
    }
    for (std::size_t index = 0; index < writers_.size(); ++index) {
      threads.emplace_back([&, index] { guarded([&] { write(index, choices[index]); }); });
    }
    for (std::size_t index = 0; index < readers_.size(); ++index) {
      threads.emplace_back(
          [&, index] { guarded([&] { read(index, choices[writers_.size() + index], tallies[index]); }); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const Tally& one : tallies) {
      tally = tally + one;
    }
    return wrong_;
  }

 private:
  /// What ranks of a node share: which blocks of a step were copied there.
  struct Node {
    std::mutex mutex;
    std::set<std::pair<std::size_t, std::size_t>> copied;
  };
  /// What is known of a box.
  struct Judged {
    std::uint64_t elements_here = 0;
    std::uint64_t elements_elsewhere = 0;
    bool has_hole = false;
    bool has_overlap = false;
    std::size_t only_block = Step::nobody;  ///< if one block has all of it
    bool is_whole_block = false;
  };

  [[nodiscard]] Step random_step() {
    Step step;
    std::vector<Cut> cuts;
    cut(random_, Cut{std::vector<std::uint64_t>(shape_.size()), shape_},
        1 + random_() % (3 * writers_.size()), cuts);
    const bool has_holes = random_() % 4 == 0;
    for (Cut& one : cuts) {
      if (!has_holes || random_() % 4 != 0) {
        step.blocks.push_back({std::move(one), random_() % writers_.size()});
      }
    }
    if (!step.blocks.empty() && writers_.size() > 1 && random_() % 8 == 0) {
      // By another rank: to one that writes an element twice the library says so at once.
      const Block& twice = step.blocks[random_() % step.blocks.size()];
      step.blocks.push_back(
          {twice.cut, (twice.writer + 1 + random_() % (writers_.size() - 1)) % writers_.size()});
    }
    step.block_at.assign(std::accumulate(shape_.begin(), shape_.end(), std::uint64_t{1}, std::multiplies<>()),
                         Step::nobody);
    for (std::size_t number = 0; number < step.blocks.size(); ++number) {
      for_each_place(shape_, box_of(step.blocks[number].cut), [&](std::size_t, std::uint64_t place) {
        auto& owner = step.block_at[place];
        owner = owner == Step::nobody ? number : Step::several;
      });
    }
    return step;
  }
  [[nodiscard]] static Hyperslab box_of(const Cut& cut) {
    return {.start = extents_from(cut.start), .count = extents_from(cut.count)};
  }
  [[nodiscard]] T value_at(std::size_t step, std::uint64_t place) const {
    return static_cast<T>((seed_ * 7919 + step) * 1'000'003 + place);
  }

  template <class Act>
  void guarded(Act act) {
    try {
      act();
    } catch (const std::exception& error) {
      fail(error.what());
    }
  }
  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    wrong_ += what + '\n';
  }

  // Some blocks are filled in place, others are copied out of an array with gaps.
  void write(std::size_t index, Random& random) {
    StepWriter out(world_.side(writers_[index], index, writers_.size(), 2 * seed_ + 1), "s",
                   {.queue_steps = static_cast<std::uint32_t>(1 + seed_ % 3), .rendezvous_readers = 1});
    for (std::size_t n = 0; n < steps_.size(); ++n) {
      auto step = out.begin({.deadline = long_enough}).value();
      for (const Block& block : steps_[n].blocks) {
        if (block.writer != index) {
          continue;
        }
        const Hyperslab box = box_of(block.cut);
        const GlobalBlock where{extents_from(shape_), box.start, box.count};
        if (random() % 2 == 0) {
          const auto elements = step.template create<T>("V", where).value();
          for_each_place(shape_, box, [&](std::size_t number, std::uint64_t place) {
            elements[number] = value_at(n, place);
          });
        } else {
          Spread spread(box.count);
          for_each_place(shape_, box, [&](std::size_t number, std::uint64_t place) {
            spread[number] = value_at(n, place);
          });
          static_cast<const Result<void>&>(
              step.put("V", spread.array(), {.shape = where.shape, .start = where.start}))
              .value();
        }
      }
      if (index == 0) {
        step.put("n", n);
      }
      step.put("mine", std::vector<std::size_t>(index % 3, index));
      static_cast<const Result<void>&>(step.end({.deadline = long_enough})).value();
    }
    static_cast<const Result<void>&>(out.close({.deadline = long_enough})).value();
  }

  /// Elements with one gap after each row of the fastest dimension.
  class Spread {
   public:
    explicit Spread(const Extents& extents) : extents_(extents), strides_(extents) {
      std::uint64_t stride = 1;
      for (std::size_t at = extents.size(); at-- > 0;) {
        strides_.values[at] = stride;
        stride *= extents[at] + (at + 1 == extents.size() ? 1 : 0);
      }
      memory_.resize(stride);
    }
    [[nodiscard]] T& operator[](std::size_t number) {
      const std::uint64_t row = extents_[extents_.size() - 1];
      return memory_[number / row * (row + 1) + number % row];
    }
    [[nodiscard]] StridedArray<T> array() { return locum::array(memory_.data(), extents_, strides_); }

   private:
    const Extents extents_;
    Extents strides_;
    std::vector<T> memory_;
  };

  void read(std::size_t index, Random& random, Tally& tally) {
    const int rank = readers_[index];
    StepReader in(world_.side(rank, index, readers_.size(), 2 * seed_ + 2), "s", without_fetching_ahead());
    for (std::size_t n = 0; n < steps_.size(); ++n) {
      const auto step = in.next(long_enough).value();
      if (step.number() != n || *step.template get<std::size_t>("n").value() != n) {
        fail("step " + std::to_string(step.number()) + " came instead of " + std::to_string(n));
      }
      std::vector<std::size_t> all;
      for (std::size_t writer = 0; writer < writers_.size(); ++writer) {
        all.insert(all.end(), writer % 3, writer);
      }
      if (step.template joined<std::size_t>("mine").value() != all) {
        fail("the local arrays of the writers are not joined in their order");
      }
      if (steps_[n].blocks.empty()) {
        continue;
      }
      for (int boxes = 0; boxes < 3; ++boxes) {
        const auto& blocks = steps_[n].blocks;
        const Hyperslab box = random() % 4 == 0 ? box_of(blocks[random() % blocks.size()].cut)
                              : random() % 6 == 0
                                  ? box_of({std::vector<std::uint64_t>(shape_.size()), shape_})
                                  : random_box(random, shape_);
        read_box(rank, step, n, box, random, tally);
      }
    }
    const auto end = in.next(long_enough);
    if (end || end.error().code() != Errc::end_of_stream) {
      fail("the stream has not ended after its last step");
    }
  }

  [[nodiscard]] Judged judged(int rank, std::size_t n, const Hyperslab& box) const {
    const Step& step = steps_[n];
    Judged judged;
    bool is_first = true;
    for_each_place(shape_, box, [&](std::size_t, std::uint64_t place) {
      const std::size_t block = step.block_at[place];
      judged.has_hole = judged.has_hole || block == Step::nobody;
      judged.has_overlap = judged.has_overlap || block == Step::several;
      judged.only_block = is_first || judged.only_block == block ? block : Step::several;
      is_first = false;
      if (block < step.blocks.size()) {
        const int writer = writers_[step.blocks[block].writer];
        ++(world_.node_of(writer) == world_.node_of(rank) ? judged.elements_here : judged.elements_elsewhere);
      }
    });
    judged.is_whole_block = judged.only_block < step.blocks.size() &&
                            extents_from(step.blocks[judged.only_block].cut.count) == box.count;
    return judged;
  }

  void read_box(int rank, const InputStep& step, std::size_t n, const Hyperslab& box, Random& random,
                Tally& tally) {
    const Judged known = judged(rank, n, box);
    const std::uint64_t bytes_elsewhere = known.elements_elsewhere * sizeof(T);
    const bool may_be_copied = known.is_whole_block && bytes_elsewhere + most_about_an_object > most_along;
    if (may_be_copied && (!in_turn_ || bytes_elsewhere <= most_along)) {
      return;
    }
    Node& node = nodes_[static_cast<std::size_t>(world_.node_of(rank))];
    std::unique_lock turn(node.mutex, std::defer_lock);
    if (in_turn_) {
      turn.lock();
    }
    const std::uint64_t before = world_.bytes_received(rank);
    std::vector<T> elements;
    Errc code{};
    const auto way = random() % 3;
    if (way == 0) {
      const auto view = step.template read<T>("V", box, {.deadline = long_enough});
      code = view ? Errc{} : view.error().code();
      if (view && view->extents() != box.count) {
        fail("a view has other extents than its box");
      }
      elements = view ? std::vector<T>(view->begin(), view->end()) : elements;
    } else {
      Spread spread(box.count);
      elements.resize(known.elements_here + known.elements_elsewhere);
      const auto count =
          known.has_hole || known.has_overlap || way == 1
              ? step.template read<T>("V", spread.array(), box, {.deadline = long_enough})
              : step.template read<T>("V", std::span<T>(elements), box, {.deadline = long_enough});
      code = count ? Errc{} : count.error().code();
      for (std::size_t number = 0; way == 1 && count && number < elements.size(); ++number) {
        elements[number] = spread[number];
      }
    }
    const std::uint64_t moved = world_.bytes_received(rank) - before;
    ++tally.reads;
    if (known.has_hole || known.has_overlap) {
      tally.holes += known.has_hole ? 1 : 0;
      tally.overlaps += known.has_overlap ? 1 : 0;
      const bool is_right = (known.has_hole && code == Errc::not_found) ||
                            (known.has_overlap && code == Errc::invalid_argument);
      if (!is_right || moved != 0) {
        fail("a box with a hole or an overlap gave the code " + std::to_string(static_cast<int>(code)) +
             " and moved " + std::to_string(moved) + " bytes");
      }
      return;
    }
    if (code != Errc{}) {
      fail("a box could not be read: code " + std::to_string(static_cast<int>(code)));
      return;
    }
    std::uint64_t differ = 0;
    for_each_place(shape_, box, [&](std::size_t number, std::uint64_t place) {
      differ += number < elements.size() && elements[number] == value_at(n, place) ? 0 : 1;
    });
    if (differ != 0) {
      fail(std::to_string(differ) + " elements of step " + std::to_string(n) + " are wrong");
    }
    std::uint64_t copied = 0;
    if (in_turn_) {
      for_each_place(shape_, box, [&](std::size_t, std::uint64_t place) {
        copied += node.copied.contains({n, steps_[n].block_at[place]}) ? sizeof(T) : 0;
      });
      if (may_be_copied && way == 0) {
        node.copied.emplace(n, known.only_block);
      }
    }
    tally.bytes_here += known.elements_here * sizeof(T);
    tally.bytes_from_others += moved;
    tally.copies_found += copied != 0 ? 1 : 0;
    if (moved != bytes_elsewhere - copied) {
      fail("reading moved " + std::to_string(moved) + " bytes of a box that has " +
           std::to_string(bytes_elsewhere) + " on other nodes, of which " + std::to_string(copied) +
           " were copied to this one before");
    }
  }

  World& world_;
  const std::uint64_t seed_;
  Random random_;
  std::vector<int> writers_;  ///< ranks
  std::vector<int> readers_;
  std::vector<std::uint64_t> shape_;
  std::vector<Step> steps_;
  bool in_turn_ = false;
  std::array<Node, ranks> nodes_;
  std::mutex mutex_;
  std::string wrong_;
};

TEST(StepsBetweenNodes, CarryAnyBoxAndMoveOnlyItsBytes) {
  constexpr std::array<int, 5> splits{12, 4, 3, 2, 1};
  const std::uint64_t alone = number_from("LOCUM_STEP_CASE", 0);
  const std::uint64_t cases = alone != 0 ? 1 : trials_from("LOCUM_STEP_CASES", 100);
  Tally tally;
  for (std::size_t split = 0; split < splits.size(); ++split) {
    World world(splits[split]);
    std::uint64_t objects = 0;
    for (std::uint64_t seed = alone != 0 ? alone : 1; seed < (alone != 0 ? alone + 1 : cases + 1); ++seed) {
      if (seed % splits.size() != split) {
        continue;
      }
      const std::string wrong = seed / splits.size() % 2 == 0 ? Case<std::uint64_t>(world, seed).play(tally)
                                                              : Case<std::uint16_t>(world, seed).play(tally);
      ASSERT_EQ(wrong, "") << "with nodes of " << splits[split]
                           << " ranks; to repeat it: LOCUM_STEP_CASE=" << seed;
      objects = objects == 0 ? world.objects() : objects;
    }
    std::cout << "nodes of " << splits[split] << ": " << objects << " objects after the first case, "
              << world.objects() << " after the last one\n";
  }
  std::cout << cases << " cases, " << tally.reads << " reads: " << tally.bytes_here << " bytes on the node, "
            << tally.bytes_from_others << " from others, " << tally.copies_found << " reads found copies; "
            << tally.holes << " with holes, " << tally.overlaps << " with overlaps refused\n";
  if (alone == 0) {
    EXPECT_GT(tally.bytes_here, 0U);
    EXPECT_GT(tally.bytes_from_others, 0U);
    EXPECT_GT(tally.copies_found, 0U);
    EXPECT_GT(tally.holes, 0U);
    EXPECT_GT(tally.overlaps, 0U);
  }
}

}  // namespace
}  // namespace locum::tests::steps_between_nodes_test
