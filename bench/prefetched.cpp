// Many large objects of another node, all prefetched and used one after the other: how close their total rate
// comes to that of one stream written by hand.

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/hand.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

constexpr std::size_t count = 100;
constexpr std::size_t object_bytes = 10_MiB;
constexpr std::uint64_t memory_bytes = 1536_MiB;
constexpr std::uint64_t window_bytes = 256_MiB;

/// Ranks 0 and 1, on different nodes.
class Many {
 public:
  Many() : runtime_(MPI_COMM_WORLD, options()) {}

  /// From now on leaves rank 0's node no more memory than that.
  void leave(std::uint64_t bytes) {
    for (std::uint64_t left = memory_bytes - bytes; world_rank() == 0 && left > 0;) {
      const std::uint64_t some = std::min<std::uint64_t>(left, object_bytes);
      (void)store_.create<std::byte>({some}).value().seal().value();
      left -= some;
    }
  }
  /// Total rate in GB/s. Collective.
  [[nodiscard]] double rate() {
    std::vector<Handle> handles(count);
    if (Remote::is_owner()) {
      std::ranges::generate(handles, [&] { return make(); });
    }
    MPI_Bcast(handles.data(), static_cast<int>(count * sizeof(Handle)), MPI_BYTE, world_size() - 1,
              MPI_COMM_WORLD);
    meet_asleep();
    double seconds = 0;
    if (world_rank() == 0) {
      seconds = timed([&] { read(handles); });
    }
    meet_asleep();
    if (Remote::is_owner()) {
      for (const Handle& handle : handles) {
        (void)store_.evict(handle.key).value();
      }
    }
    return static_cast<double>(count * object_bytes) / slowest(seconds) / 1e9;
  }

 private:
  static RuntimeOptions options() {
    RuntimeOptions options{.memory_bytes = memory_bytes};
    options.ranks_per_node = 1;
    options.prefetch_bytes = window_bytes;
    return options;
  }
  [[nodiscard]] Handle make() {
    auto writer = store_.create<double>({object_bytes / sizeof(double)}).value();
    std::fill(writer.begin(), writer.end(), 1.0);
    return store_.proxy<double[]>(writer.seal().value()).value().handle();
  }
  void read(const std::vector<Handle>& handles) {
    std::vector<Proxy<double[]>> stand_ins;
    stand_ins.reserve(handles.size());
    for (const Handle& handle : handles) {
      stand_ins.push_back(runtime_.proxy<double[]>(handle));
    }
    prefetch(stand_ins);
    for (auto& stand_in : stand_ins) {
      if (stand_in.get().value()[0] != 1.0) {
        throw std::runtime_error("the object read is not the one that was put");
      }
      stand_in = {};
    }
  }

  Runtime runtime_;
  Store store_ = runtime_.store("many");
};

void prefetched(benchmark::State& state, const char* lanes, std::uint64_t room, Goal goal) {
  constexpr std::size_t stream_bytes = 64_MiB;
  constexpr std::size_t pieces = count * object_bytes / stream_bytes;
  const Lanes chosen(lanes);
  Many many;
  if (room != 0) {
    many.leave(room);
  }
  Hand hand(stream_bytes, true, Owner::driving);
  interleave(
      state, [&] { return many.rate(); },
      [&] { return static_cast<double>(stream_bytes) / hand.rounds(pieces, 1, stream_bytes) / 1e9; },
      [](double rate) { return static_cast<double>(count * object_bytes) / rate / 1e9; })
      .report(state, "GB/s", goal);
}

}  // namespace

void add_prefetched_rows() {
  if (world_size() != 2) {
    return;  // the twin is written for two
  }
  constexpr Goal goal{Goal::Kind::ratio_at_least, 0.95};
  const std::string of = "100 prefetches of 10 MiB to one stream, ";
  if (!on_several_hosts()) {
    add_row(of + "UCX", 8, prefetched, static_cast<const char*>(nullptr), std::uint64_t{0}, goal);
    // The window, the held objects, and a sixth of that.
    add_row(of + "UCX, room for 306 MiB", 8, prefetched, static_cast<const char*>(nullptr),
            std::uint64_t{306_MiB}, goal);
  }
  add_row(of + "TCP", 6, prefetched, tcp_lanes, std::uint64_t{0}, goal);
}

}  // namespace locum::bench
