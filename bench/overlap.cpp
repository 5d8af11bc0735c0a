// How much of a transfer hides behind computing: the object is asked for, the reader computes for as long as
// the transfer alone would take, without a call of any library, and then looks at it. The owner is not in the
// library, either. Of 100 per cent, hidden are (compute + transfer - both) / min(compute, transfer).

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"

namespace locum::bench {

namespace {

/// Work of a chosen length, in registers.
class Compute {
 public:
  /// Makes a run of it take about so long.
  void fit(double seconds) {
    constexpr std::uint64_t probe = 1'000'000;
    steps_ = probe;
    const double of_probe = timed([&] { run(); });
    steps_ = static_cast<std::uint64_t>(probe * seconds / of_probe);
  }
  void run() const {
    double sum = 1;
    for (std::uint64_t step = 0; step < steps_; ++step) {
      sum += 1.0 / sum;
    }
    benchmark::DoNotOptimize(sum);
  }

 private:
  std::uint64_t steps_ = 0;
};

/// One way to move an object from the last rank to rank 0. All functions are collective.
class Mover {
 public:
  Mover() = default;
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;
  virtual ~Mover() = default;

  /// Not timed: the object is made, and everybody is ready.
  virtual void prepare() = 0;
  /// Rank 0 asks for it.
  virtual void begin() = 0;
  /// Rank 0 waits for it.
  virtual void end() = 0;
  /// Not timed: all are through.
  virtual void clear() = 0;
};

class ByPrefetch final : public Mover {
 public:
  explicit ByPrefetch(std::size_t bytes) : bytes_(bytes) {}

  void prepare() override {
    handle_ = remote_.make(bytes_);
    stand_in_ = remote_.stand_in(handle_);
    meet_asleep();
  }
  void begin() override { stand_in_.prefetch(); }
  void end() override { benchmark::DoNotOptimize(stand_in_.get().value()[0]); }
  void clear() override {
    stand_in_ = {};
    meet_asleep();
    remote_.take_back(handle_.key);
  }

 private:
  const std::size_t bytes_;
  Remote remote_{Owner::asleep};
  Handle handle_;
  Proxy<double[]> stand_in_;
};

/// The owner has sent it before, and sleeps until it is needed.
class ByMessage final : public Mover {
 public:
  explicit ByMessage(std::size_t bytes) : buffer_(bytes, std::byte{1}) {}

  void prepare() override {
    MPI_Barrier(MPI_COMM_WORLD);
    if (Remote::is_owner()) {
      MPI_Isend(buffer_.data(), static_cast<int>(buffer_.size()), MPI_BYTE, 0, 0, MPI_COMM_WORLD, &request_);
    }
  }
  void begin() override {
    MPI_Irecv(buffer_.data(), static_cast<int>(buffer_.size()), MPI_BYTE, world_size() - 1, 0, MPI_COMM_WORLD,
              &request_);
  }
  void end() override { MPI_Wait(&request_, MPI_STATUS_IGNORE); }
  void clear() override {
    if (Remote::is_owner()) {
      MPI_Wait(&request_, MPI_STATUS_IGNORE);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }

 private:
  std::vector<std::byte> buffer_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

class ByWindow final : public Mover {
 public:
  explicit ByWindow(std::size_t bytes) : buffer_(bytes, std::byte{1}) {
    void* base = nullptr;
    MPI_Win_allocate(static_cast<MPI_Aint>(bytes), 1, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window_);
    std::fill_n(static_cast<std::byte*>(base), bytes, std::byte{1});
    MPI_Win_lock_all(0, window_);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  ~ByWindow() override {
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
  }

  void prepare() override { meet_asleep(); }
  void begin() override {
    const int bytes = static_cast<int>(buffer_.size());
    MPI_Rget(buffer_.data(), bytes, MPI_BYTE, world_size() - 1, 0, bytes, MPI_BYTE, window_, &request_);
  }
  void end() override { MPI_Wait(&request_, MPI_STATUS_IGNORE); }
  void clear() override { meet_asleep(); }

 private:
  std::vector<std::byte> buffer_;
  MPI_Win window_ = MPI_WIN_NULL;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

/// Seconds on rank 0.
struct Times {
  double transfer = 0;
  double compute = 0;
  double both = 0;

  [[nodiscard]] double hidden_percent() const {
    return 100 * (compute + transfer - both) / std::min(compute, transfer);
  }
};

// The owner computes, too: it sleeps, for as long as it takes.
template <class Part>
double on_reader(Mover& mover, double expected, const Part& part) {
  mover.prepare();
  double seconds = 0;
  if (world_rank() == 0) {
    seconds = timed(part);
  } else if (Remote::is_owner()) {
    std::this_thread::sleep_for(std::chrono::duration<double>(expected));
  }
  mover.clear();
  return slowest(seconds);
}

Times times_of(Mover& mover) {
  Times times;
  times.transfer = on_reader(mover, 0, [&] {
    mover.begin();
    mover.end();
  });
  Compute compute;
  compute.fit(times.transfer);
  times.compute = timed([&] { compute.run(); });
  times.compute = slowest(world_rank() == 0 ? times.compute : 0);
  times.both = on_reader(mover, times.compute, [&] {
    mover.begin();
    compute.run();
    mover.end();
  });
  return times;
}

template <class Twin>
void overlap(benchmark::State& state, const char* lanes, std::size_t bytes, Goal goal) {
  const Lanes chosen(lanes);
  ByPrefetch ours(bytes);
  Twin twin(bytes);
  interleave(
      state, [&] { return times_of(ours).hidden_percent(); }, [&] { return times_of(twin).hidden_percent(); },
      [](double /*percent*/) { return 1.0; })
      .report(state, "%", goal);
}

}  // namespace

void add_overlap_rows() {
  if (world_size() != 2) {
    return;
  }
  constexpr Goal goal{Goal::Kind::ours_at_least, 90};
  constexpr std::size_t bytes = 64_MiB;
  add_row("hidden behind computing, 64 MiB over UCX, beside MPI_Irecv", 24, overlap<ByMessage>,
          static_cast<const char*>(nullptr), bytes, goal);
  add_row("hidden behind computing, 64 MiB over UCX, beside MPI_Rget", 24, overlap<ByWindow>,
          static_cast<const char*>(nullptr), bytes, goal);
  add_row("hidden behind computing, 64 MiB over TCP, beside MPI_Irecv", 12, overlap<ByMessage>,
          static_cast<const char*>("tcp,self"), bytes, Goal{});
}

}  // namespace locum::bench
