#include <mpi.h>

#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/hand_table.hpp"
#include "bench/interleave.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

constexpr std::size_t batch = 1024;

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double coordinates[8] = {};
};

/// The same three steps written by hand: blocks of 64 B in a shared window, with a table per rank that all
/// ranks read, and a private list of free blocks.
class HandStore {
 public:
  HandStore() : window_(HandTable::bytes_for(batch) + batch * sizeof(Particle)), free_(batch) {
    for (int rank = 0; rank < world_size(); ++rank) {
      const auto memory = window_.of(rank);
      tables_.emplace_back(memory.first(HandTable::bytes_for(batch)));
      blocks_.push_back(reinterpret_cast<Particle*>(memory.subspan(HandTable::bytes_for(batch)).data()));
    }
    std::iota(free_.begin(), free_.end(), 0U);
  }

  [[nodiscard]] std::uint64_t put(const Particle& particle) {
    const std::uint64_t block = free_.back();
    free_.pop_back();
    std::memcpy(blocks_[own_] + block, &particle, sizeof particle);
    tables_[own_].insert(++serial_, block, sizeof particle);
    return serial_;
  }
  [[nodiscard]] double read(std::size_t rank, std::uint64_t key) {
    HandTable::Entry& entry = *tables_[rank].pin(key);
    const double first = blocks_[rank][entry.offset].coordinates[0];
    HandTable::unpin(entry);
    return first;
  }
  // The neighbours have released it by then; a pinned block would have to wait.
  void evict(std::uint64_t key, std::uint64_t block) {
    if (!tables_[own_].erase(key)) {
      throw std::runtime_error("still pinned");
    }
    free_.push_back(static_cast<std::uint32_t>(block));
  }

 private:
  SharedWindow window_;
  std::vector<HandTable> tables_;
  std::vector<Particle*> blocks_;
  std::vector<std::uint32_t> free_;
  std::size_t own_ = static_cast<std::size_t>(world_rank());
  std::uint64_t serial_ = 0;
};

/// Each rank puts a batch, gets its neighbour's, evicts its own; keys are exchanged in between, unmeasured.
/// Millions of operations per second of all ranks together, by the slowest rank's time.
template <class Key, class Put, class Get, class Evict>
[[nodiscard]] double rate(Put put, Get get, Evict evict) {
  const int size = world_size();
  const int to = (world_rank() + 1) % size;
  const int from = (world_rank() + size - 1) % size;
  std::vector<Key> own(batch);
  std::vector<Key> theirs(batch);
  const auto phase = [](auto body) {
    MPI_Barrier(MPI_COMM_WORLD);
    return timed(body);
  };
  double seconds = phase([&] {
    for (std::size_t at = 0; at < batch; ++at) {
      own[at] = put(at);
    }
  });
  MPI_Sendrecv(own.data(), batch * sizeof(Key), MPI_BYTE, to, 0, theirs.data(), batch * sizeof(Key), MPI_BYTE,
               from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  double sum = 0;
  seconds += phase([&] {
    for (const Key& key : theirs) {
      sum += get(static_cast<std::size_t>(from), key);
    }
  });
  if (sum != static_cast<double>(batch * (batch - 1) / 2)) {
    throw std::runtime_error("the objects read are not those that were put");
  }
  seconds += phase([&] {
    for (std::size_t at = 0; at < batch; ++at) {
      evict(own[at], at);
    }
  });
  return 3.0 * static_cast<double>(batch) * size / slowest(seconds) / 1e6;
}

void exchange(benchmark::State& state) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  Store store = runtime.store("exchange");
  HandStore hand;
  const auto particle = [](std::size_t at) { return Particle{{static_cast<double>(at)}}; };
  const auto ours = [&] {
    return rate<Key>(
        [&](std::size_t at) { return store.put(particle(at)).value(); },
        [&](std::size_t, const Key& key) { return store.get<Particle>(key).value()->coordinates[0]; },
        [&](const Key& key, std::size_t) { (void)store.evict(key).value(); });
  };
  const auto twin = [&] {
    // The blocks of a batch are taken from the end of a full list, so the n-th block is the one with that
    // position from there.
    return rate<std::uint64_t>([&](std::size_t at) { return hand.put(particle(at)); },
                               [&](std::size_t rank, std::uint64_t key) { return hand.read(rank, key); },
                               [&](std::uint64_t key, std::size_t at) { hand.evict(key, batch - 1 - at); });
  };
  const Pairs pairs = interleave(state, ours, twin, [](double rate) { return 1 / (rate * 1e6); });
  pairs.report(state, "Mop/s", {Goal::Kind::ratio_at_least, 0.3});
}

}  // namespace

void add_exchange_rows() {
  add_row("puts + gets + evicts of 64 B, " + std::to_string(world_size()) + " ranks", 300, exchange);
}

}  // namespace locum::bench
