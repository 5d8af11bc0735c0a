#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/node_store.hpp"
#include "bench/rows.hpp"
#include "bench/shared_file.hpp"

namespace locum::bench {

namespace {

constexpr double giga = 1e9;

// Each object is evicted before the next, so that the arena returns memory that was touched before.
void put_warm(benchmark::State& state, std::uint64_t size_bytes) {
  NodeStore node({.memory_bytes = 1_GiB});
  const std::vector<double> value(size_bytes / sizeof(double), 1.5);
  const SharedFile twin(size_bytes);
  const auto bytes = static_cast<double>(size_bytes);

  Pairs pairs;
  const auto put_once = [&] {
    Key key;
    const double seconds = timed([&] { key = node.store().put(value).value(); });
    (void)node.store().evict(key).value();
    return bytes / seconds / giga;
  };
  const auto copy_once = [&] {
    return bytes / timed([&] { std::memcpy(twin.bytes().data(), value.data(), size_bytes); }) / giga;
  };
  for (int warm_up = 0; warm_up < 4; ++warm_up) {
    (void)put_once();
    (void)copy_once();
  }
  for (auto _ : state) {
    const double ours = put_once();
    pairs.add(ours, copy_once());
    state.SetIterationTime(bytes / (ours * giga));
  }
  pairs.report(state, "GB/s", {Goal::Kind::ratio_at_least, 0.95});
}

// Nothing is evicted: each object is in pages that were never touched. `prepare_bytes` is what the arena's
// background thread may touch in advance; a single page has no effect, 0 means the default.
void put_cold(benchmark::State& state, std::uint64_t size_bytes, std::uint64_t prepare_bytes) {
  const auto puts = static_cast<std::uint64_t>(state.max_iterations);
  NodeStore node({.memory_bytes = puts * size_bytes + 512_MiB, .prepare_bytes = prepare_bytes});
  const std::vector<double> value(size_bytes / sizeof(double), 1.5);
  const SharedFile twin(puts * size_bytes);
  const auto bytes = static_cast<double>(size_bytes);

  Pairs pairs;
  std::byte* fresh = twin.bytes().data();
  for (auto _ : state) {
    const double ours = timed([&] { benchmark::DoNotOptimize(node.store().put(value).value()); });
    const double theirs = timed([&] { std::memcpy(fresh, value.data(), size_bytes); });
    fresh += size_bytes;
    pairs.add(bytes / ours / giga, bytes / theirs / giga);
    state.SetIterationTime(ours);
  }
  pairs.report(state, "GB/s", {Goal::Kind::ratio_at_least, 0.9});
}

}  // namespace

void add_put_rows() {
  for (const auto& [bytes, text, pairs] :
       {std::tuple{1_MiB, "1 MiB", 400}, std::tuple{8_MiB, "8 MiB", 100}, std::tuple{64_MiB, "64 MiB", 30}}) {
    add_row(std::string("put, warm arena, ") + text, pairs, put_warm, bytes);
  }
  for (const auto& [bytes, text, pairs] :
       {std::tuple{1_MiB, "1 MiB", 256}, std::tuple{16_MiB, "16 MiB", 48}}) {
    add_row(std::string("put, cold arena, ") + text, pairs, put_cold, bytes, std::uint64_t{4096});
    add_row(std::string("put, cold arena, prepared, ") + text, pairs, put_cold, bytes, std::uint64_t{0});
  }
}

}  // namespace locum::bench
