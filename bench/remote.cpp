// What objects of another node cost: ranks as virtual nodes of one machine, beside what one would write by
// hand over UCP on the same lanes.

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/plain_ucp.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "core/directory.hpp"
#include "core/nodes.hpp"
#include "mpi/runtime.hpp"
#include "shm/available_memory.hpp"

namespace locum::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch = 64;
constexpr double micro = 1e6;

struct Kilobyte {
  static constexpr std::string_view locum_type_name = "kilobyte";
  std::array<double, 128> values{};
};

/// What the rank that has the objects does while another one asks for them.
enum class Owner {
  driving,  ///< waits inside the library
  asleep,   ///< is not in the library: its helper thread has to wake
};

// All ranks come together; who waits leaves the cores alone.
void meet_asleep() {
  MPI_Request all = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &all);
  for (int there = 0; there == 0;) {
    MPI_Test(&all, &there, MPI_STATUS_IGNORE);
    if (there == 0) {
      std::this_thread::sleep_for(1ms);
    }
  }
}

/// Two nodes: the last rank, the owner, is one, all others the other. Rounds in which the owner makes
/// objects, rank 0 and maybe its node mates ask for them, and the owner takes them back, so that none is ever
/// asked for twice. All functions are collective.
class Remote {
 public:
  explicit Remote(Owner owner, std::uint64_t memory_bytes = 512_MiB)
      : owner_(owner),
        runtime_(MPI_COMM_WORLD, {.memory_bytes = memory_bytes, .ranks_per_node = world_size() - 1}) {
    std::vector<int> node_of_rank(static_cast<std::size_t>(world_size()), 0);
    node_of_rank.back() = 1;
    const Nodes nodes(node_of_rank, world_rank(), nullptr);
    const Key any = store_.put(Kilobyte{}).value();
    const auto name_at = [&](int node, const std::string& stem) {
      for (int number = 0;; ++number) {
        std::string name = stem + '.' + std::to_string(number);
        if (nodes.home(any.store, name_hash(any.store, name)) == node) {
          return name;
        }
      }
    };
    for (std::size_t at = 0; at < batch; ++at) {
      names_[at] = name_at(1, std::to_string(at));
    }
    done_ = name_at(0, "done");
  }

  [[nodiscard]] static bool is_owner() { return world_rank() == world_size() - 1; }

  /// Seconds that `ask` takes on rank 0, while the owner does what it does. Other ranks sleep.
  template <class Ask>
  [[nodiscard]] double while_owned(Ask ask) {
    MPI_Barrier(MPI_COMM_WORLD);
    double seconds = 0;
    if (world_rank() == 0) {
      seconds = timed(ask);
    }
    let_go();
    return slowest(seconds);
  }
  /// Seconds that `ask` takes on the slowest of all ranks but the owner, which all begin at once.
  template <class Ask>
  [[nodiscard]] double on_all_but_owner(Ask ask) {
    meet_asleep();
    const double seconds = is_owner() ? 0 : timed(ask);
    meet_asleep();
    return slowest(seconds);
  }

  /// The owner makes an array of so many bytes; all get its handle.
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
  void read(const Handle& handle) {
    const auto view = runtime_.proxy<double[]>(handle).get().value();
    if (view->front() != 1.0 || view->back() != 1.0) {
      throw std::runtime_error("the object read is not the one that was put");
    }
  }
  /// Some of the elements: a Part, or a Hyperslab.
  template <class Some>
  void read(const Key& key, const Some& some, std::size_t bytes) {
    const auto view = store_.get<double[]>(key, some).value();
    if (view.size_bytes() != bytes || view->front() != 1.0 || view->back() != 1.0) {
      throw std::runtime_error("what was read is not what was asked for");
    }
  }
  /// The owner looks at these elements, as if it had just written them.
  template <class Some>
  void look_over(const Key& key, const Some& some) {
    if (is_owner()) {
      const auto view = store_.get<double[]>(key, some).value();
      benchmark::DoNotOptimize(std::reduce(view.begin(), view.end()));
    }
  }
  void take_back(const Key& key) {
    if (is_owner()) {
      (void)store_.evict(key).value();
    }
  }

  /// Seconds for one get of 1 KiB by handle, by name; for one put under a name at home on the owner's node.
  [[nodiscard]] double get_by_handle() {
    std::array<Key, batch> keys{};
    if (is_owner()) {
      std::ranges::generate(keys, [&] { return store_.put(Kilobyte{}).value(); });
    }
    MPI_Bcast(keys.data(), sizeof keys, MPI_BYTE, world_size() - 1, MPI_COMM_WORLD);
    const double seconds = while_owned([&] {
      std::ranges::for_each(keys, [&](const Key& key) { (void)store_.get<Kilobyte>(key).value(); });
    });
    std::ranges::for_each(keys, [&](const Key& key) { take_back(key); });
    return seconds / batch;
  }
  [[nodiscard]] double get_by_name() {
    each_name_of(is_owner(), [&](const std::string& name) { (void)store_.put(name, Kilobyte{}).value(); });
    const double seconds = while_owned([&] {
      each_name_of(true, [&](const std::string& name) { (void)store_.get<Kilobyte>(name).value(); });
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
  template <class Body>
  void each_name_of(bool mine, Body body) {
    if (mine) {
      std::ranges::for_each(names_, body);
    }
  }
  // The owner's half of while_owned(), and its end. Its name is at home on rank 0's node: nothing of it is
  // under way to the owner while rank 0 asks, but for the owner's own question whether it is there.
  void let_go() {
    if (owner_ == Owner::asleep) {
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
  Runtime runtime_;
  Store store_ = runtime_.store("remote");
  std::array<std::string, batch> names_;
  std::string done_;
};

/// The same by hand, ranks 0 and 1.
class Hand {
 public:
  /// `bytes`: the largest object.
  Hand(std::size_t bytes, bool survives_peer, Owner owner)
      : owner_(owner),
        object_(bytes, std::byte{1}),
        landing_(bytes, std::byte{2}),
        ucp_(landing_, {.exposed = bytes > sizeof(Kilobyte) ? object_ : std::span<std::byte>(),
                        .survives_peer = survives_peer}) {}

  /// Seconds for the object as the answer to a question of one byte.
  [[nodiscard]] double by_rendezvous() { return rounds(1, 1, object_.size()); }
  /// Seconds to read it one-sidedly, the word that it was read not included.
  [[nodiscard]] double by_get() {
    MPI_Barrier(MPI_COMM_WORLD);
    double seconds = 0;
    ++expected_;
    if (world_rank() == 0) {
      seconds = timed([&] { ucp_.get(object_.size()); });
      ucp_.send(std::span(object_).first(1));
      ucp_.wait_for(expected_);
    } else {
      ucp_.wait_for(expected_);
      ucp_.send(std::span(object_).first(1));
    }
    return slowest(seconds);
  }
  /// Seconds for one of so many questions and answers of these sizes.
  [[nodiscard]] double rounds(std::size_t count, std::size_t question, std::size_t answer) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double seconds = timed([&] {
      for (std::size_t round = 0; round < count; ++round) {
        ++expected_;
        if (world_rank() == 0) {
          ucp_.send(std::span(object_).first(question));
          ucp_.wait_for(expected_);
        } else {
          owner_ == Owner::asleep ? ucp_.sleep_for(expected_) : ucp_.wait_for(expected_);
          ucp_.send(std::span(object_).first(answer));
        }
      }
    });
    return slowest(seconds) / static_cast<double>(count);
  }

 private:
  const Owner owner_;
  std::vector<std::byte> object_;
  std::vector<std::byte> landing_;
  PlainUcp ucp_;
  std::uint64_t expected_ = 0;
};

// Rates in GB/s, of so many bytes each; the first three of either do not count.
template <class Ours, class Twin>
void compare_rates(benchmark::State& state, std::size_t bytes, const Ours& ours, const Twin& twin,
                   Goal goal) {
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)ours();
    (void)twin();
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = ours();
    pairs.add(mine, twin());
    state.SetIterationTime(static_cast<double>(bytes) / mine / 1e9);
  }
  pairs.report(state, "GB/s", goal);
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

enum class Small { get_by_handle, get_by_name, put_by_name };

void small(benchmark::State& state, const char* lanes, Small operation, Owner owner, Goal goal) {
  const Lanes chosen(lanes);
  Remote remote(owner);
  Hand hand(sizeof(Kilobyte), true, owner);
  const auto ours = [&] {
    switch (operation) {
      case Small::get_by_handle:
        return remote.get_by_handle();
      case Small::get_by_name:
        return remote.get_by_name();
      case Small::put_by_name:
        return remote.put_by_name();
    }
    return 0.0;
  };
  const auto twin = [&] {
    return operation == Small::put_by_name ? hand.rounds(batch, sizeof(Kilobyte), 64)
                                           : hand.rounds(batch, 64, sizeof(Kilobyte));
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)ours();
    (void)twin();
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = ours();
    pairs.add(mine * micro, twin() * micro);
    state.SetIterationTime(mine);
  }
  pairs.report(state, "us", goal);
}

// A large array, of rows of 32 KiB, and what is read of it in turn: 1 MiB each, most of them once.
constexpr std::uint64_t row_elements = 4096;
constexpr std::size_t some_bytes = 1_MiB;
constexpr std::uint64_t some_elements = some_bytes / sizeof(double);

Part some_part(std::uint64_t turn, std::uint64_t whole_elements) {
  return {.offset = turn * some_elements % whole_elements, .count = some_elements};
}
// Runs of 1 KiB.
Hyperslab some_slab(std::uint64_t turn, std::uint64_t whole_elements) {
  constexpr std::uint64_t run = 128;
  constexpr std::uint64_t rows = some_elements / run;
  return {.start = {turn * rows % (whole_elements / row_elements), turn * run % row_elements},
          .count = {rows, run}};
}

/// Some of a large object beside a whole object of that size.
template <class Some>
void some_of(benchmark::State& state, std::uint64_t whole_bytes, Some (*some)(std::uint64_t, std::uint64_t),
             Goal goal) {
  const Lanes chosen(nullptr);
  Remote remote(Owner::driving, whole_bytes + 256_MiB);
  const std::uint64_t elements = whole_bytes / sizeof(double);
  const Key whole = remote.make(Extents(elements / row_elements, row_elements)).key;
  std::uint64_t turn = 0;
  const auto rate = [](double seconds) { return static_cast<double>(some_bytes) / seconds / 1e9; };
  const auto ours = [&] {
    const Some wanted = some(turn++, elements);
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

/// 1 GiB, or as much less as lets the machine hold it twice; the same on all ranks.
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
  constexpr Goal goal{Goal::Kind::ratio_at_least, 0.9};
  for (const char* lanes : {static_cast<const char*>(nullptr), "tcp,self"}) {
    const std::string over = lanes == nullptr ? "UCX" : "TCP";
    add_row("remote get over " + over + ", 1 MiB", 100, large, lanes, 1_MiB, true, goal);
    add_row("remote get over " + over + ", 64 MiB", 24, large, lanes, 64_MiB, true, goal);
  }
  add_row("remote get over UCX, 64 MiB, to a twin that dies with its peer", 24, large,
          static_cast<const char*>(nullptr), 64_MiB, false, Goal{});
}

void add_small_rows() {
  struct Row {
    const char* name;
    Small operation;
    double excess_us;  // shared memory, owner driving
    double ratio;      // TCP, owner driving
    double ratio_asleep;
  };
  constexpr auto at_most = Goal::Kind::ratio_at_most;
  for (const Row& row : {Row{"remote get by handle", Small::get_by_handle, 0.4, 1.15, 1.3},
                         Row{"remote get by name", Small::get_by_name, 0.6, 1.2, 1.4},
                         Row{"remote put by name", Small::put_by_name, 0.6, 1.2, 1.4}}) {
    for (const char* lanes : {static_cast<const char*>(nullptr), "tcp,self"}) {
      const std::string name = std::string(row.name) + (lanes == nullptr ? ", 1 KiB, UCX" : ", 1 KiB, TCP");
      add_row(name + ", owner driving", 60, small, lanes, row.operation, Owner::driving,
              lanes == nullptr ? Goal{Goal::Kind::excess_at_most, row.excess_us} : Goal{at_most, row.ratio});
      if (row.operation != Small::put_by_name) {
        add_row(name + ", owner asleep", 40, small, lanes, row.operation, Owner::asleep,
                Goal{at_most, row.ratio_asleep});
      }
    }
  }
}

// Both sides are ours: what it costs to ask for some instead of all.
void add_some_rows() {
  const std::uint64_t whole = whole_bytes_here();
  const std::string of =
      " of 1 MiB out of " + std::to_string(whole / 1_MiB) + " MiB, to one of an object of 1 MiB";
  add_row("partial get" + of, 100, some_of<Part>, whole, &some_part, Goal{Goal::Kind::ratio_at_least, 0.95});
  add_row("get of a hyperslab" + of, 100, some_of<Hyperslab>, whole, &some_slab, Goal{});
}

}  // namespace

void add_remote_rows() {
  if (world_size() == 2) {
    add_large_rows();
    add_some_rows();
    add_small_rows();
  } else {
    add_row(std::to_string(world_size() - 1) + " ranks of a node get 64 MiB, to one that does", 20, shared,
            64_MiB, Goal{Goal::Kind::ratio_at_most, 1.15});
  }
}

}  // namespace locum::bench
