// Cost of large objects of another node: ranks as virtual nodes of one machine, or on two hosts, beside
// programs written by hand over UCP on the same lanes.

#include <mpi.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "bench/hand.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "shm/segment/available_memory.hpp"

namespace locum::bench {

namespace {

constexpr double micro = 1e6;

// Rates in GB/s, for that many bytes each.
template <class Ours, class Twin>
void compare_rates(benchmark::State& state, std::size_t bytes, const Ours& ours, const Twin& twin,
                   Goal goal) {
  interleave(state, ours, twin, [bytes](double rate) {
    return static_cast<double>(bytes) / rate / 1e9;
  }).report(state, "GB/s", goal);
}

void large(benchmark::State& state, const char* lanes, std::size_t bytes, bool twin_survives, Goal goal) {
  const Lanes chosen(lanes);
  Remote remote(Owner::driving);
  Hand hand(bytes, twin_survives, Owner::driving);
  const auto rate = [bytes](double seconds) { return static_cast<double>(bytes) / seconds / 1e9; };
  const auto ours = [&] {
    const Handle handle = remote.make(bytes);
    const double seconds = remote.while_owned([&] { remote.read(handle); });
    remote.take_back(handle.key);
    return rate(seconds);
  };
  const auto twin = [&] { return rate(std::min(hand.by_rendezvous(), hand.by_get())); };
  compare_rates(state, bytes, ours, twin, goal);
}

// The owner's blocks are in memory allocated by UCX; so is the memory that the twin reads.
void one_sided(benchmark::State& state, std::size_t bytes, Goal goal) {
  const Lanes chosen(nullptr);
  Remote remote(Owner::driving, 512_MiB, OneSided::ucx_memory);
  Hand hand(bytes);
  const auto rate = [bytes](double seconds) { return static_cast<double>(bytes) / seconds / 1e9; };
  const auto ours = [&] {
    const std::uint64_t before = remote.one_sided_reads();
    const Handle handle = remote.make(bytes);
    const double seconds = remote.while_owned([&] { remote.read(handle); });
    remote.take_back(handle.key);
    if (world_rank() == 0 && remote.one_sided_reads() == before) {
      throw std::runtime_error("the object was sent, not read");
    }
    return rate(seconds);
  };
  compare_rates(
      state, bytes, ours, [&] { return rate(hand.by_get()); }, goal);
}

// A large array, of rows of 32 KiB, and the parts that are read in turn: 1 MiB each, most of them once.
constexpr std::uint64_t row_elements = 4096;
constexpr std::size_t some_bytes = 1_MiB;
constexpr std::uint64_t some_elements = some_bytes / sizeof(double);

GetOptions<double[]> some_part(std::uint64_t turn, std::uint64_t whole_elements) {
  return {.part = {.offset = turn * some_elements % whole_elements, .count = some_elements}};
}
// Runs of 1 KiB.
GetOptions<double[]> some_slab(std::uint64_t turn, std::uint64_t whole_elements) {
  constexpr std::uint64_t run = 128;
  constexpr std::uint64_t rows = some_elements / run;
  return {.slab = {.start = {turn * rows % (whole_elements / row_elements), turn * run % row_elements},
                   .count = {rows, run}}};
}

/// A part of a large object beside a whole object of that size.
void some_of(benchmark::State& state, std::uint64_t whole_bytes,
             GetOptions<double[]> (*some)(std::uint64_t, std::uint64_t), Goal goal) {
  const Lanes chosen(nullptr);
  Remote remote(Owner::driving, whole_bytes + 256_MiB);
  const std::uint64_t elements = whole_bytes / sizeof(double);
  const Key whole = remote.make(Extents(elements / row_elements, row_elements)).key;
  std::uint64_t turn = 0;
  const auto rate = [](double seconds) { return static_cast<double>(some_bytes) / seconds / 1e9; };
  const auto ours = [&] {
    const GetOptions<double[]> wanted = some(turn++, elements);
    remote.look_over(whole, wanted);
    return rate(remote.while_owned([&] { remote.read(whole, wanted, some_bytes); }));
  };
  const auto twin = [&] {
    const Handle handle = remote.make(some_bytes);
    const double seconds = remote.while_owned([&] { remote.read(handle); });
    remote.take_back(handle.key);
    return rate(seconds);
  };
  compare_rates(state, some_bytes, ours, twin, goal);
}

/// 1 GiB, or less if the machine cannot hold it twice; the same on all ranks.
std::uint64_t whole_bytes_here() {
  std::uint64_t bytes = 1_GiB;
  while (bytes > 64_MiB && shm::available_memory().value_or(0) < 2 * bytes) {
    bytes /= 2;
  }
  MPI_Bcast(&bytes, sizeof bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
  return bytes;
}

void shared(benchmark::State& state, std::size_t bytes, Goal goal) {
  const Lanes chosen(nullptr);
  Remote remote(Owner::asleep);
  const auto one = [&](bool all) {
    const Handle handle = remote.make(bytes);
    const double seconds = remote.on_all_but_owner([&] {
      if (all || world_rank() == 0) {
        remote.read(handle);
      }
    });
    remote.take_back(handle.key);
    return seconds * micro;
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)one(true);
    (void)one(false);
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = one(true);
    pairs.add(mine, one(false));
    state.SetIterationTime(mine / micro);
  }
  pairs.report(state, "us", goal);
}

void add_large_rows() {
  const bool hosts = on_several_hosts();
  const Goal goal{Goal::Kind::ratio_at_least, hosts ? 0.95 : 0.9};
  for (const char* lanes : lanes_here()) {
    const std::string of = std::string("remote get over ") + (lanes == nullptr ? "UCX" : "TCP");
    add_row(of + ", 1 MiB", 100, large, lanes, 1_MiB, true, goal);
    add_row(of + ", 16 MiB", 40, large, lanes, 16_MiB, true, goal);
    add_row(of + ", 64 MiB", 24, large, lanes, 64_MiB, true, goal);
  }
  if (hosts) {
    return;
  }
  if (world_size() == 2) {  // nodes of one rank
    add_row("one-sided get of memory of UCX, 1 MiB", 100, one_sided, 1_MiB, goal);
    add_row("one-sided get of memory of UCX, 64 MiB", 24, one_sided, 64_MiB, goal);
  }
  add_row("remote get over UCX, 64 MiB, to a twin that dies with its peer", 24, large,
          static_cast<const char*>(nullptr), 64_MiB, false, Goal{});
}

// Both sides are ours: the cost of a part compared with a whole object.
void add_some_rows() {
  const std::uint64_t whole = whole_bytes_here();
  const std::string of =
      " of 1 MiB out of " + std::to_string(whole / 1_MiB) + " MiB, to one of an object of 1 MiB";
  add_row("partial get" + of, 100, some_of, whole, &some_part, Goal{Goal::Kind::ratio_at_least, 0.95});
  add_row("get of a hyperslab" + of, 100, some_of, whole, &some_slab, Goal{});
}

}  // namespace

void add_remote_large_rows() {
  if (world_size() == 2) {
    add_large_rows();
    if (!on_several_hosts()) {
      add_some_rows();
    }
  } else {
    add_row(std::to_string(world_size() - 1) + " ranks of a node get 64 MiB, to one that does", 20, shared,
            64_MiB, Goal{Goal::Kind::ratio_at_most, 1.15});
  }
}

}  // namespace locum::bench
