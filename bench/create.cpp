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

void create_and_seal(benchmark::State& state, std::uint64_t size_bytes, std::uint64_t batch) {
  keep_malloc_warm();
  NodeStore node({.memory_bytes = 2 * batch * size_bytes + 256_MiB});
  const SharedFile memory(HandTable::bytes_for(batch));
  HandTable table(memory.bytes());
  std::vector<Key> keys(batch);
  std::vector<void*> blocks(batch);

  // Freed in the order of creation, outside the measured time, as on the other side.
  const auto ours = [&] {
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
  pairs.report(state, "ns", {Goal::Kind::ours_at_most, 1000});
}

}  // namespace

void add_create_rows() {
  for (const auto& [bytes, text, batch] :
       {std::tuple{std::uint64_t{64}, "64 B", 256}, std::tuple{4_KiB, "4 KiB", 256},
        std::tuple{64_KiB, "64 KiB", 128}, std::tuple{1_MiB, "1 MiB", 64}, std::tuple{64_MiB, "64 MiB", 8}}) {
    add_row(std::string("create + seal, ") + text, 200, create_and_seal, bytes, std::uint64_t(batch));
  }
}

}  // namespace locum::bench
