#include <algorithm>
#include <random>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/rows.hpp"
#include "core/ports/group.hpp"
#include "core/value/options.hpp"
#include "shm/node.hpp"

// Random blocks from 1 B to 256 MiB: the cost of an allocation, with the frees that make room for it, in an
// arena that has seen many of them, and in one that has not.
namespace locum::bench {

namespace {

constexpr std::uint64_t memory_bytes = 1_GiB;
constexpr std::uint64_t most_live_bytes = 640_MiB;
constexpr double nano = 1e9;

/// Half of all bytes are in blocks of 256 MiB, and half of all blocks have less than 4 bytes.
class Churn {
 public:
  explicit Churn(std::uint64_t seed) : random_(seed) {
    while (!full_) {
      step();
    }
  }
  Churn(const Churn&) = delete;
  Churn& operator=(const Churn&) = delete;
  ~Churn() {
    for (const Block& block : live_) {
      node_.arena->free(block);
    }
  }

  void step() {
    const double part = 1.0 - std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    const auto size_bytes =
        static_cast<std::uint64_t>(std::min(1.0 / (part * part), static_cast<double>(256_MiB)));
    while (live_bytes_ + size_bytes > most_live_bytes) {
      full_ = true;
      Block& chosen = live_[random_() % live_.size()];
      live_bytes_ -= chosen.size_bytes;
      node_.arena->free(chosen);
      chosen = live_.back();
      live_.pop_back();
    }
    live_.push_back(node_.arena->allocate(size_bytes).value());
    live_bytes_ += size_bytes;
  }
  void steps(std::uint64_t count) {
    while (count-- > 0) {
      step();
    }
  }

 private:
  [[nodiscard]] static shm::Node open() {
    SoloGroup group;
    return shm::open_node(group, {0}, {.memory_bytes = memory_bytes}, 1);
  }

  shm::Node node_ = open();
  std::mt19937_64 random_;
  std::vector<Block> live_;
  std::uint64_t live_bytes_ = 0;
  bool full_ = false;
};

// The twin is also ours: an arena that has just been filled for the first time. Few of a thousand blocks are
// large, so that the median of short batches is the time of small ones; the large ones dominate long batches.
void old_and_young(benchmark::State& state, std::uint64_t operations, std::uint64_t batch) {
  Churn old(1);
  old.steps(operations);
  Churn young(2);
  Pairs pairs;
  for (auto _ : state) {
    const double one = timed([&] { old.steps(batch); });
    const double other = timed([&] { young.steps(batch); });
    pairs.add(one / static_cast<double>(batch) * nano, other / static_cast<double>(batch) * nano);
    state.SetIterationTime(one);
  }
  pairs.report(state, "ns", {Goal::Kind::ratio_at_most, 1.2});
}

}  // namespace

void add_mixed_rows() {
  constexpr std::uint64_t operations = 10'000'000;
  add_row("allocate + free, 1 B … 256 MiB, after 10^7 and at first, the small ones", 501, old_and_young,
          operations, std::uint64_t{100});
  add_row("allocate + free, 1 B … 256 MiB, after 10^7 and at first, with the large", 31, old_and_young,
          operations, std::uint64_t{100'000});
}

}  // namespace locum::bench
