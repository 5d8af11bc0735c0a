#include <malloc.h>

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "bench/hand_table.hpp"
#include "bench/interleave.hpp"
#include "bench/node_store.hpp"
#include "bench/rows.hpp"
#include "bench/shared_file.hpp"

namespace locum::bench {

namespace {

constexpr double nano = 1e9;

// The twin's malloc is warm, too: it returns nothing to the system and maps nothing new.
void keep_malloc_warm() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

/// Memory of a solver that works between two puts.
class Walked {
 public:
  explicit Walked(std::uint64_t bytes) : lines_(bytes / sizeof(Line)) {}
  void walk() {
    for (Line& line : lines_) {
      benchmark::DoNotOptimize(line.words[0] += 1);
    }
  }

 private:
  struct Line {
    std::uint64_t words[8];
  };
  std::vector<Line> lines_;
};

// `walked`: bytes of other memory that are read and written before each batch.
void create_and_seal(benchmark::State& state, std::uint64_t size_bytes, std::uint64_t batch,
                     std::uint64_t walked) {
  keep_malloc_warm();
  Walked solver(walked);
  NodeStore node({.memory_bytes = 2 * batch * size_bytes + 256_MiB});
  const SharedFile memory(HandTable::bytes_for(batch));
  HandTable table(memory.bytes());
  std::vector<Key> keys(batch);
  std::vector<void*> blocks(batch);

  // Freed in the order of creation, outside the measured time, as on the other side.
  const auto ours = [&] {
    solver.walk();
    const double seconds = timed([&] {
      for (Key& key : keys) {
        key = node.store().create<std::byte>({size_bytes}).value().seal().value();
      }
    });
    for (const Key& key : keys) {
      (void)node.store().evict(key).value();
    }
    return seconds / static_cast<double>(batch) * nano;
  };
  const auto twin = [&] {
    solver.walk();
    const double seconds = timed([&] {
      std::uint64_t serial = 0;
      for (void*& block : blocks) {
        block = std::malloc(size_bytes);
        table.insert(++serial, reinterpret_cast<std::uint64_t>(block), size_bytes);
      }
    });
    std::uint64_t serial = 0;
    for (void* const block : blocks) {
      (void)table.erase(++serial);
      std::free(block);
    }
    return seconds / static_cast<double>(batch) * nano;
  };

  Pairs pairs;
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)ours();
    (void)twin();
  }
  for (auto _ : state) {
    const double one = ours();
    pairs.add(one, twin());
    state.SetIterationTime(one / nano);
  }
  pairs.report(state, "ns", walked == 0 ? Goal{Goal::Kind::ours_at_most, 1000} : Goal{});
}

}  // namespace

void add_create_rows() {
  for (const auto& [bytes, text, batch] :
       {std::tuple{std::uint64_t{64}, "64 B", 256}, std::tuple{4_KiB, "4 KiB", 256},
        std::tuple{64_KiB, "64 KiB", 128}, std::tuple{1_MiB, "1 MiB", 64}, std::tuple{64_MiB, "64 MiB", 8}}) {
    add_row(std::string("create + seal, ") + text, 200, create_and_seal, bytes, std::uint64_t(batch),
            std::uint64_t{0});
  }
  // One at a time, as a solver does it: neither code nor tables are in the caches near the core.
  add_row("create + seal, 1 KiB, after 64 MiB", 200, create_and_seal, 1_KiB, std::uint64_t{1}, 64_MiB);
}

}  // namespace locum::bench
