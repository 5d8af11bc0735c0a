// Cost of publishing for the writer: 64 KiB with a name in each step of a simulation, whose readers sleep
// meanwhile, beside a copy and an MPI_Isend of it to each of them. And beside a copy and the one system call
// that wakes the readers: the least that any program needs to wake sleepers.

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/futex_twin.hpp"
#include "bench/interleave.hpp"
#include "bench/pause.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

constexpr double micro = 1e6;
constexpr int data_tag = 1;
constexpr int steps = 16;  ///< of one figure
constexpr std::size_t count = 64_KiB / sizeof(double);
constexpr std::chrono::microseconds look_interval{50};
constexpr std::chrono::milliseconds until_others_sleep{2};

/// Where ranks and names are, and what else the writer does.
struct Place {
  std::size_t touched_bytes = 0;
  int ranks_per_node = 0;  ///< 0: all are one node
  int home = 0;            ///< the node of the names
};

/// Rank 0 computes and publishes, all others sleep until the next step's field exists, and read its ends.
/// Each way measures the same: the median over `steps` of the time that publishing takes of rank 0's step, in
/// microseconds. In between rank 0 computes for 0.3 ms, so that all others are asleep, and walks through some
/// memory of its own, as a solver does.
class Published {
 public:
  explicit Published(const Place& place)
      : own_(place.touched_bytes / sizeof(double), 1.0),
        field_(count, 0.0),
        ring_(steps * count),
        requests_(static_cast<std::size_t>(steps * (world_size() - 1)), MPI_REQUEST_NULL),
        runtime_(MPI_COMM_WORLD, {.memory_bytes = 512_MiB, .ranks_per_node = place.ranks_per_node}) {
    std::vector<int> node_of_rank;
    for (int rank = 0; rank < world_size(); ++rank) {
      node_of_rank.push_back(place.ranks_per_node == 0 ? 0 : rank / place.ranks_per_node);
    }
    const Nodes nodes(node_of_rank, world_rank(), nullptr);
    for (int step = 0; step < steps; ++step) {
      names_.push_back(name_at_home(store_, nodes, place.home, "field of step " + std::to_string(step)));
    }
  }

  /// A name for each step; readers wait for it.
  [[nodiscard]] double put() {
    const double figure = in_steps([&](int step) { (void)store_.put(name_of(step), field_).value(); },
                                   [&](int step) {
                                     const auto view = store_.wait<double[]>(name_of(step)).value();
                                     return check(view[0], view[count - 1]);
                                   });
    for (int step = 0; step < steps && world_rank() == 0; ++step) {
      (void)store_.evict(name_of(step)).value();
    }
    return figure;
  }
  /// One name, replaced; a reader looks for a newer object at times, and sleeps in between.
  [[nodiscard]] double replace() {
    if (world_rank() == 0) {
      (void)store_.replace("field", field_).value();
    }
    return in_steps([&](int /*step*/) { (void)store_.replace("field", field_).value(); },
                    [&](int /*step*/) {
                      for (;;) {
                        {
                          const auto view = store_.get<double[]>("field");
                          if (view && (*view)[0] >= mark_) {
                            return;
                          }
                        }
                        std::this_thread::sleep_for(look_interval);
                      }
                    });
  }
  /// A copy, so that the solver may continue, and a message to each reader, which polls for it at times.
  [[nodiscard]] double send() {
    std::vector<double> landing(count);
    auto* request = requests_.data();
    const double figure = in_steps(
        [&](int step) {
          double* const copy = slot(step);
          std::memcpy(copy, field_.data(), 64_KiB);
          for (int rank = 1; rank < world_size(); ++rank) {
            MPI_Isend(copy, static_cast<int>(count), MPI_DOUBLE, rank, data_tag, MPI_COMM_WORLD, request++);
          }
        },
        [&](int /*step*/) {
          MPI_Request arrival = MPI_REQUEST_NULL;
          MPI_Irecv(landing.data(), static_cast<int>(count), MPI_DOUBLE, 0, data_tag, MPI_COMM_WORLD,
                    &arrival);
          wait_asleep(1, &arrival);
          check(landing[0], landing[count - 1]);
        },
        [&] { wait_asleep(requests_.size(), requests_.data()); });
    return figure;
  }
  /// A copy into memory that all see, and one futex on which all others sleep.
  [[nodiscard]] double wake() {
    return in_steps(
        [&](int step) {
          std::memcpy(shared_slot(step), field_.data(), 64_KiB);
          bell_.ring();
        },
        [&](int step) {
          bell_.sleep();
          check(shared_slot(step)[0], shared_slot(step)[count - 1]);
        });
  }

 private:
  template <class Publish, class Read>
  [[nodiscard]] double in_steps(Publish publish, Read read) {
    return in_steps(publish, read, [] {});
  }
  template <class Publish, class Read, class End>
  [[nodiscard]] double in_steps(Publish publish, Read read, End end) {
    meet_asleep();
    if (world_rank() == 0) {
      std::this_thread::sleep_for(until_others_sleep);
    }
    std::vector<double> seconds;
    for (int step = 0; step < steps; ++step) {
      mark_ += 1;
      if (world_rank() != 0) {
        read(step);
        continue;
      }
      compute();
      seconds.push_back(timed([&] { publish(step); }));
    }
    if (world_rank() == 0) {
      end();
    }
    meet_asleep();
    return slowest(world_rank() == 0 ? median(seconds) : 0) * micro;
  }
  void compute() {
    for (double& value : own_) {
      value += 1.0;
    }
    benchmark::ClobberMemory();
    std::fill(field_.begin(), field_.end(), mark_);
    pause_();
  }
  void check(double first, double last) const {
    if (first != mark_ || last != mark_) {
      throw std::runtime_error("the field read is not the one that was published");
    }
  }
  static void wait_asleep(std::size_t many, MPI_Request* requests) {
    for (int done = 0; done == 0;) {
      MPI_Testall(static_cast<int>(many), requests, &done, MPI_STATUSES_IGNORE);
      if (done == 0) {
        std::this_thread::sleep_for(look_interval);
      }
    }
  }
  [[nodiscard]] const std::string& name_of(int step) const { return names_[static_cast<std::size_t>(step)]; }
  [[nodiscard]] double* slot(int step) { return ring_.data() + static_cast<std::size_t>(step) * count; }
  [[nodiscard]] double* shared_slot(int step) const {
    return reinterpret_cast<double*>(shared_.of(0).data()) + static_cast<std::size_t>(step) * count;
  }

  std::vector<double> own_;
  std::vector<double> field_;
  std::vector<double> ring_;
  std::vector<MPI_Request> requests_;
  double mark_ = 0;
  Pause pause_;
  SharedWindow shared_{steps * 64_KiB};
  FutexBell bell_;
  Runtime runtime_;
  Store store_ = runtime_.store("published");
  std::vector<std::string> names_;
};

using Way = double (Published::*)();

void publish(benchmark::State& state, Way ours, Way twin, const Place& place, Goal goal) {
  Published published(place);
  interleave(
      state, [&] { return (published.*ours)(); }, [&] { return (published.*twin)(); },
      [](double microseconds) { return microseconds * steps / micro; })
      .report(state, "us", goal);
}

constexpr int pairs = 60;
constexpr Goal near_twin{Goal::Kind::ratio_at_most, 1.5};

}  // namespace

void add_published_rows() {
  for (const std::size_t touched : {std::size_t{0}, std::size_t{8_MiB}}) {
    const std::string suffix = touched == 0 ? "" : ", caches flushed";
    const Place place{.touched_bytes = touched};
    add_row("publish 64 KiB, a name a step, to MPI_Isend" + suffix, pairs, publish, &Published::put,
            &Published::send, place, near_twin);
    add_row("publish 64 KiB, a name a step, to a futex" + suffix, pairs, publish, &Published::put,
            &Published::wake, place, near_twin);
    add_row("publish 64 KiB, one name replaced, to MPI_Isend" + suffix, pairs, publish, &Published::replace,
            &Published::send, place, near_twin);
    add_row("64 KiB and a futex, to MPI_Isend" + suffix, pairs, publish, &Published::wake, &Published::send,
            place, Goal{});
  }
}

void add_published_between_nodes_rows() {
  if (world_size() != 2) {
    return;  // nodes of one rank each
  }
  for (const int home : {0, 1}) {
    add_row(std::string("publish 64 KiB to another node, home ") + (home == 0 ? "here" : "there") +
                ", to MPI_Isend",
            pairs, publish, &Published::put, &Published::send, Place{.ranks_per_node = 1, .home = home},
            near_twin);
  }
}

}  // namespace locum::bench
