#include <algorithm>
#include <cstdio>
#include <cstring>
#include <random>
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
constexpr std::size_t batch = 128;  // long beside the clock's own 25 ns, short beside a time slice

[[nodiscard]] std::string name_of(std::size_t index) {
  char text[48];
  std::snprintf(text, sizeof text, "temperature/%07zu/block", index);
  return text;
}

/// The object of each get: every one once, in an order that no cache can predict.
[[nodiscard]] std::vector<std::size_t> shuffled(std::size_t count) {
  std::vector<std::size_t> order(count);
  for (std::size_t at = 0; at < count; ++at) {
    order[at] = at;
  }
  std::shuffle(order.begin(), order.end(), std::mt19937_64(42));
  return order;
}

/// Runs batches of `ours` and `twin` in turn; both get the positions 0, 1, 2 … of a cycle over `count`.
template <class Ours, class Twin>
void measure(benchmark::State& state, std::size_t count, Goal goal, Ours ours, Twin twin) {
  const auto one_batch = [count](auto& body, std::size_t start) {
    return timed([&] {
             std::size_t at = start;
             for (std::size_t step = 0; step < batch; ++step) {
               body(at);
               at = at + 1 == count ? 0 : at + 1;
             }
           }) /
           static_cast<double>(batch) * nano;
  };
  Pairs pairs;
  std::size_t start = 0;
  for (auto _ : state) {
    const double mine = one_batch(ours, start);
    pairs.add(mine, one_batch(twin, start));
    state.SetIterationTime(mine / nano);
    start = (start + batch) % count;
  }
  pairs.report(state, "ns", goal);
}

[[nodiscard]] RuntimeOptions options_for(std::size_t count, std::uint64_t size_bytes) {
  return {.memory_bytes = count * (size_bytes + 512) * 5 / 4 + 256_MiB};
}

void get_by_key(benchmark::State& state, std::size_t count, std::uint64_t size_bytes) {
  NodeStore node(options_for(count, size_bytes));
  const SharedFile memory(HandTable::bytes_for(count));
  HandTable table(memory.bytes());
  std::vector<Key> keys;
  for (std::size_t at = 0; at < count; ++at) {
    keys.push_back(node.store().create<double>({size_bytes / sizeof(double)}).value().seal().value());
    table.insert(keys.back().serial, at * size_bytes, size_bytes);
  }
  std::vector<Key> asked;
  for (const std::size_t at : shuffled(count)) {
    asked.push_back(keys[at]);
  }
  measure(
      state, count, {Goal::Kind::ratio_at_most, 10},
      [&](std::size_t at) {
        const auto view = node.store().get<double[]>(asked[at]).value();
        benchmark::DoNotOptimize(view.data());
      },
      [&](std::size_t at) {
        HandTable::Entry& entry = *table.pin(asked[at].serial);
        benchmark::DoNotOptimize(entry.offset);
        HandTable::unpin(entry);
      });
}

void get_by_name(benchmark::State& state, std::size_t count, std::uint64_t size_bytes) {
  NodeStore node(options_for(count, size_bytes));
  const SharedFile memory(HandTable::bytes_for(count));
  const SharedFile names(count * 32);
  HandTable table(memory.bytes());
  for (std::size_t at = 0; at < count; ++at) {
    const std::string name = name_of(at);
    (void)node.store().create<double>(name, {size_bytes / sizeof(double)}).value().seal().value();
    std::memcpy(names.bytes().data() + at * 32, name.data(), name.size());
    table.insert(hash64(name), at * 32, size_bytes, static_cast<std::uint32_t>(name.size()));
  }
  std::vector<std::string> asked;
  for (const std::size_t at : shuffled(count)) {
    asked.push_back(name_of(at));
  }
  measure(
      state, count, {Goal::Kind::ratio_at_most, 10},
      [&](std::size_t at) {
        const auto view = node.store().get<double[]>(asked[at]).value();
        benchmark::DoNotOptimize(view.data());
      },
      [&](std::size_t at) {
        HandTable::Entry& entry = *table.pin(asked[at], names.bytes().data());
        benchmark::DoNotOptimize(entry.offset);
        HandTable::unpin(entry);
      });
}

// The library compared with itself: large objects beside small ones, as many of each.
void flat_in_size(benchmark::State& state) {
  constexpr std::size_t count = 8;
  NodeStore node(options_for(count, 64_MiB));
  std::vector<Key> large;
  std::vector<Key> small;
  for (std::size_t at = 0; at < count; ++at) {
    large.push_back(node.store().create<double>({64_MiB / sizeof(double)}).value().seal().value());
    small.push_back(node.store().create<double>({8}).value().seal().value());
  }
  const auto get_one = [&](const Key& key) {
    const auto view = node.store().get<double[]>(key).value();
    benchmark::DoNotOptimize(view.data());
  };
  measure(
      state, count, {Goal::Kind::ratio_at_most, 1.1}, [&](std::size_t at) { get_one(large[at]); },
      [&](std::size_t at) { get_one(small[at]); });
}

}  // namespace

void add_get_rows() {
  for (const auto& [count, bytes, text] :
       {std::tuple{100, std::uint64_t{64}, "10^2 keys, 64 B"}, std::tuple{100, 1_MiB, "10^2 keys, 1 MiB"},
        std::tuple{10'000, std::uint64_t{64}, "10^4 keys, 64 B"},
        std::tuple{1'000'000, std::uint64_t{64}, "10^6 keys, 64 B"}}) {
    add_row(std::string("get by key, p50, ") + text, 4000, get_by_key, std::size_t(count), bytes);
    add_row(std::string("get by name, p50, ") + text, 4000, get_by_name, std::size_t(count), bytes);
  }
  add_row("get, objects of 64 MiB beside 64 B", 4000, flat_in_size);
}

}  // namespace locum::bench
