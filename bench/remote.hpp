#pragma once

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/pause.hpp"
#include "bench/world.hpp"
#include "core/ports/directory.hpp"
#include "core/rpc/nodes.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

/// The small object of the rows.
struct Kilobyte {
  static constexpr std::string_view locum_type_name = "kilobyte";
  std::array<double, 128> values{};
};

/// What the owner of the objects does while another rank requests them.
enum class Owner {
  driving,  ///< waits inside the library
  asleep,   ///< does not call the library: its helper thread has to wake
  roused,   ///< the same, with so few requests that it sleeps before each of them
};

/// All ranks meet; waiting ranks leave the cores idle.
inline void meet_asleep() {
  using namespace std::chrono_literals;
  MPI_Request all = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &all);
  for (int there = 0; there == 0;) {
    MPI_Test(&all, &there, MPI_STATUS_IGNORE);
    if (there == 0) {
      std::this_thread::sleep_for(1ms);
    }
  }
}

/// A name that begins like this and whose home is this node.
[[nodiscard]] inline std::string name_at_home(Store& store, const Nodes& nodes, int node,
                                              const std::string& stem) {
  const Key any = store.put(1).value();
  (void)store.evict(any).value();
  for (int number = 0;; ++number) {
    std::string name = stem + '.' + std::to_string(number);
    if (nodes.home(any.store, name_hash(any.store, name)) == node) {
      return name;
    }
  }
}

/// Two nodes: the last rank, the owner, is one, all others the other. Rounds in which the owner makes
/// objects, rank 0 and possibly other ranks of its node request them, and the owner evicts them, so that none
/// is ever requested twice. All functions are collective.
class Remote {
 public:
  /// Number of small objects in a round.
  static constexpr std::size_t batch = 64;

  explicit Remote(Owner owner, std::uint64_t memory_bytes = 512_MiB, OneSided one_sided = OneSided::off)
      : owner_(owner),
        runtime_(MPI_COMM_WORLD,
                 {.memory_bytes = memory_bytes, .ranks_per_node = world_size() - 1, .one_sided = one_sided}) {
    std::vector<int> node_of_rank(static_cast<std::size_t>(world_size()), 0);
    node_of_rank.back() = 1;
    const Nodes nodes(node_of_rank, world_rank(), nullptr);
    for (std::size_t at = 0; at < batch; ++at) {
      names_[at] = name_at_home(store_, nodes, 1, std::to_string(at));
    }
    done_ = name_at_home(store_, nodes, 0, "done");
  }

  [[nodiscard]] static bool is_owner() { return world_rank() == world_size() - 1; }

  /// Seconds that `ask` takes on rank 0, in the owner's chosen state. Other ranks sleep.
  template <class Ask>
  [[nodiscard]] double while_owned(Ask ask) {
    MPI_Barrier(MPI_COMM_WORLD);
    double seconds = 0;
    if (world_rank() == 0) {
      greet();
      seconds = timed(ask) - pause_.seconds();
    }
    let_go();
    return slowest(seconds);
  }
  /// Seconds that `ask` takes on the slowest rank, without the owner; all begin at once.
  template <class Ask>
  [[nodiscard]] double on_all_but_owner(Ask ask) {
    meet_asleep();
    const double seconds = is_owner() ? 0 : timed(ask);
    meet_asleep();
    return slowest(seconds);
  }

  /// The owner makes an array of that many bytes; all get its handle.
  [[nodiscard]] Handle make(std::size_t bytes) { return make(Extents(bytes / sizeof(double))); }
  [[nodiscard]] Handle make(const Extents& extents) {
    Handle handle;
    if (is_owner()) {
      auto writer = store_.create<double>(extents).value();
      std::fill(writer.begin(), writer.end(), 1.0);
      handle = store_.proxy<double[]>(writer.seal().value()).value().handle();
    }
    MPI_Bcast(&handle, sizeof handle, MPI_BYTE, world_size() - 1, MPI_COMM_WORLD);
    return handle;
  }
  [[nodiscard]] Proxy<double[]> stand_in(const Handle& handle) { return runtime_.proxy<double[]>(handle); }
  void read(const Handle& handle) {
    const auto view = runtime_.proxy<double[]>(handle).get().value();
    if (view->front() != 1.0 || view->back() != 1.0) {
      throw std::runtime_error("the object read is not the one that was put");
    }
  }
  /// Reads some of the elements.
  void read(const Key& key, const GetOptions<double[]>& some, std::size_t bytes) {
    const auto view = store_.get<double[]>(key, some).value();
    if (view.size_bytes() != bytes || view->front() != 1.0 || view->back() != 1.0) {
      throw std::runtime_error("what was read is not what was asked for");
    }
  }
  /// The owner reads these elements, so that they are in its caches as if it had just written them.
  void look_over(const Key& key, const GetOptions<double[]>& some) {
    if (is_owner()) {
      const auto view = store_.get<double[]>(key, some).value();
      benchmark::DoNotOptimize(std::reduce(view.begin(), view.end()));
    }
  }
  /// This rank's one-sided reads so far.
  [[nodiscard]] std::uint64_t one_sided_reads() const {
    return runtime_.metrics().reads[static_cast<std::size_t>(Path::rma)].operations;
  }
  void take_back(const Key& key) {
    if (is_owner()) {
      (void)store_.evict(key).value();
    }
  }

  /// Seconds for one get of 1 KiB by handle, by name; for one put of a name whose home is the owner's node.
  [[nodiscard]] double get_by_handle() {
    std::array<Key, batch> keys{};
    if (is_owner()) {
      std::ranges::generate(keys, [&] { return store_.put(Kilobyte{}).value(); });
    }
    MPI_Bcast(keys.data(), sizeof keys, MPI_BYTE, world_size() - 1, MPI_COMM_WORLD);
    const double seconds = while_owned([&] {
      std::ranges::for_each(keys, [&](const Key& key) {
        pause_if_roused();
        (void)store_.get<Kilobyte>(key).value();
      });
    });
    std::ranges::for_each(keys, [&](const Key& key) { take_back(key); });
    return seconds / batch;
  }
  /// Seconds for each of many gets of 1 KiB at a time.
  [[nodiscard]] double get_batch(std::size_t count) {
    std::vector<Key> keys(count);
    if (is_owner()) {
      std::ranges::generate(keys, [&] { return store_.put(Kilobyte{}).value(); });
    }
    MPI_Bcast(keys.data(), static_cast<int>(count * sizeof(Key)), MPI_BYTE, world_size() - 1, MPI_COMM_WORLD);
    const double seconds = while_owned([&] {
      for (const auto& found : store_.get_batch<Kilobyte>(keys)) {
        double first = found.value()->values[0];  // of a const value, Google Benchmark 1.8 warns
        benchmark::DoNotOptimize(first);
      }
    });
    std::ranges::for_each(keys, [&](const Key& key) { take_back(key); });
    return seconds / static_cast<double>(count);
  }
  [[nodiscard]] double get_by_name() {
    each_name_of(is_owner(), [&](const std::string& name) { (void)store_.put(name, Kilobyte{}).value(); });
    const double seconds = while_owned([&] {
      each_name_of(true, [&](const std::string& name) {
        pause_if_roused();
        (void)store_.get<Kilobyte>(name).value();
      });
    });
    each_name_of(is_owner(), [&](const std::string& name) { (void)store_.evict(name).value(); });
    return seconds / batch;
  }
  [[nodiscard]] double put_by_name() {
    const double seconds = while_owned([&] {
      each_name_of(true, [&](const std::string& name) { (void)store_.put(name, Kilobyte{}).value(); });
    });
    each_name_of(is_owner(), [&](const std::string& name) { (void)store_.evict(name).value(); });
    return seconds / batch;
  }

 private:
  // A waiting owner first asks whether its name exists. Some of our requests precede the measured ones, so
  // that its own request has been served by then, and it polls for messages.
  void greet() {
    constexpr int requests = 16;
    for (int request = 0; owner_ == Owner::driving && request < requests; ++request) {
      (void)store_.exists(names_.front()).value();
    }
  }
  void pause_if_roused() {
    if (owner_ == Owner::roused) {
      pause_();
    }
  }
  template <class Body>
  void each_name_of(bool mine, Body body) {
    if (mine) {
      std::ranges::for_each(names_, body);
    }
  }
  // The owner's half of while_owned(), and its end. Its name has its home on rank 0's node: none of its
  // messages is in transfer to the owner while rank 0 sends requests, except the reply whether it exists.
  void let_go() {
    if (owner_ != Owner::driving) {
      return meet_asleep();
    }
    if (world_rank() == 0) {
      (void)store_.put(done_, 1).value();
    } else if (is_owner()) {
      (void)store_.wait<int>(done_).value();
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (world_rank() == 0) {
      (void)store_.evict(done_).value();
    }
  }

  const Owner owner_;
  Pause pause_;
  Runtime runtime_;
  Store store_ = runtime_.store("remote");
  std::array<std::string, batch> names_;
  std::string done_;
};

}  // namespace locum::bench
