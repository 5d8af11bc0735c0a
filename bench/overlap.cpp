// How much of a transfer is hidden by computing: the object is requested, the reader computes for as long as
// the transfer alone takes, without a call of any library, and then uses it. Of 100 per cent, hidden are
// (compute + transfer - both) / min(compute, transfer).

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "bench/compute.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/processor.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"

namespace locum::bench {

namespace {

/// One way to move an object from the last rank to rank 0.
class Mover {
 public:
  Mover() = default;
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;
  virtual ~Mover() = default;

  /// Not timed, collective: makes the object; all ranks are ready.
  virtual void prepare() = 0;
  /// Rank 0 requests it.
  virtual void begin() = 0;
  /// Whether it has arrived, as far as rank 0 can tell without making progress.
  [[nodiscard]] virtual bool ready() const { return true; }
  /// Rank 0 waits for it.
  virtual void end() = 0;
  /// Called on the owner once it does not sleep any more.
  virtual void serve() {}
  /// Not timed, collective: all ranks are done.
  virtual void clear() = 0;
};

class ByPrefetch final : public Mover {
 public:
  ByPrefetch(std::size_t bytes, OneSided one_sided)
      : bytes_(bytes), remote_(Owner::asleep, 512_MiB, one_sided) {}

  void prepare() override {
    handle_ = remote_.make(bytes_);
    stand_in_ = remote_.stand_in(handle_);
    meet_asleep();
  }
  void begin() override { stand_in_.prefetch(); }
  [[nodiscard]] bool ready() const override { return stand_in_.ready(); }
  void end() override { benchmark::DoNotOptimize(stand_in_.get().value()[0]); }
  void clear() override {
    stand_in_ = {};
    meet_asleep();
    remote_.take_back(handle_.key);
  }

 private:
  const std::size_t bytes_;
  Remote remote_;
  Handle handle_;
  Proxy<double[]> stand_in_;
};

/// The owner has sent it before.
class ByMessage final : public Mover {
 public:
  explicit ByMessage(std::size_t bytes) : buffer_(bytes, std::byte{1}) {}

  void prepare() override {
    if (Remote::is_owner()) {
      MPI_Isend(buffer_.data(), static_cast<int>(buffer_.size()), MPI_BYTE, 0, 0, MPI_COMM_WORLD, &request_);
    }
    meet_asleep();
  }
  void begin() override {
    MPI_Irecv(buffer_.data(), static_cast<int>(buffer_.size()), MPI_BYTE, world_size() - 1, 0, MPI_COMM_WORLD,
              &request_);
  }
  void end() override { MPI_Wait(&request_, MPI_STATUS_IGNORE); }
  void serve() override { MPI_Wait(&request_, MPI_STATUS_IGNORE); }
  void clear() override { meet_asleep(); }

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

/// Seconds, the same on all ranks.
struct Timing {
  double seconds = 0;    ///< on rank 0
  double computing = 0;  ///< of these, in its computation
  double copying = 0;    ///< processor time of both ranks, without their computation
};

/// What the ranks do while an object is in transfer. All functions are collective.
class Scene {
 public:
  enum class OwnerDoes {
    sleep,    ///< as long as it is told to; leaves its core idle afterwards, too
    compute,  ///< all the time
  };
  enum class Waits {
    in_library,  ///< and makes progress
    elsewhere,   ///< checks ten times a millisecond whether it has arrived
  };

  void fit(double seconds) { compute_.fit(seconds); }

  /// Only the transfer.
  Timing transfer(Mover& mover, Waits waits = Waits::in_library) {
    return go(mover, OwnerDoes::sleep, 0, [&](Timing& /*went*/) {
      mover.begin();
      while (waits == Waits::elsewhere && !mover.ready()) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      mover.end();
    });
  }
  /// Only the computation.
  Timing compute(OwnerDoes owner) {
    return go(nothing_, owner, 0, [&](Timing& went) { compute_here(went); });
  }
  /// The computation during the transfer; the owner sleeps as long as it computes.
  Timing both(Mover& mover, OwnerDoes owner, double sleeps) {
    return go(mover, owner, sleeps, [&](Timing& went) {
      mover.begin();
      compute_here(went);
      mover.end();
    });
  }

 private:
  class Nothing final : public Mover {
   public:
    void prepare() override { meet_asleep(); }
    void begin() override {}
    void end() override {}
    void clear() override { meet_asleep(); }
  };

  template <class Part>
  Timing go(Mover& mover, OwnerDoes owner, double sleeps, const Part& part) {
    if (world_rank() == 0) {
      is_over().store(0);
    }
    mover.prepare();
    Timing went;
    const double before = process_seconds();
    if (world_rank() == 0) {
      went.seconds = timed([&] { part(went); });
      went.copying = process_seconds() - before - on_core_;
      is_over().store(1);
    } else {
      const double self_before = thread_seconds();
      own(mover, owner, sleeps);
      went.copying = process_seconds() - before - (thread_seconds() - self_before);
    }
    mover.clear();
    on_core_ = 0;
    return {.seconds = slowest(went.seconds),
            .computing = slowest(went.computing),
            .copying = sum_of_all(went.copying)};
  }
  void own(Mover& mover, OwnerDoes owner, double sleeps) {
    if (owner == OwnerDoes::compute) {
      for (compute_.fit(1e-4); is_over().load() == 0;) {
        compute_.run();
      }
      return mover.serve();
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(sleeps));
    mover.serve();
    while (is_over().load() == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
  void compute_here(Timing& went) {
    const double before = thread_seconds();
    went.computing = timed([&] { compute_.run(); });
    on_core_ = thread_seconds() - before;
  }
  [[nodiscard]] std::atomic_ref<std::uint64_t> is_over() const {
    return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(shared_.of(0).data()));
  }

  SharedWindow shared_{64};
  Compute compute_;
  Nothing nothing_;
  double on_core_ = 0;  ///< of the computation of rank 0
};

double hidden_percent(double transfer, double compute, double both) {
  return 100 * (compute + transfer - both) / std::min(compute, transfer);
}

/// What a row consists of, in milliseconds, and how much of its transfers the cores allow to hide: they
/// compute and copy, and do nothing else. Medians.
class Parts {
 public:
  void add(const Timing& transfer, double compute, const Timing& both) {
    transfer_.push_back(transfer.seconds);
    compute_.push_back(compute);
    both_.push_back(both.seconds);
    copying_.push_back(both.copying);
    const double cores = std::max(1U, std::thread::hardware_concurrency());
    const double least = std::max({compute, transfer.seconds, (compute + both.copying) / cores});
    allowed_.push_back(hidden_percent(transfer.seconds, compute, least));
  }
  void report(benchmark::State& state) const {
    constexpr double milli = 1e3;
    state.counters["transfer_ms"] = median(transfer_) * milli;
    state.counters["compute_ms"] = median(compute_) * milli;
    state.counters["both_ms"] = median(both_) * milli;
    state.counters["copying_ms"] = median(copying_) * milli;
    state.counters["allowed_percent"] = median(allowed_);
  }

 private:
  std::vector<double> transfer_;
  std::vector<double> compute_;
  std::vector<double> both_;
  std::vector<double> copying_;
  std::vector<double> allowed_;
};

/// The cores that the copying may use.
enum class Copying {
  anywhere,     ///< all that are free: in the transfer alone that may be more than while a rank computes
  on_one_core,  ///< the same one, in the transfer alone and while the reader computes on the other one
};

Timing transfer_alone(Scene& scene, Mover& mover, Copying where) {
  if (where == Copying::anywhere) {
    return scene.transfer(mover);
  }
  const Cores cores;
  cores.all_on(1);
  return scene.transfer(mover, Scene::Waits::elsewhere);
}

Timing both_at_once(Scene& scene, Mover& mover, Copying where, double computing) {
  const Cores cores;
  if (where == Copying::on_one_core) {
    cores.all_on(1);
    if (world_rank() == 0) {
      cores.self_on(0);
    }
  }
  return scene.both(mover, Scene::OwnerDoes::sleep, computing);
}

// One transfer before and one after, because the machine changes its speed.
double hidden(Scene& scene, Mover& mover, Copying where, Parts* parts) {
  Timing transfer = transfer_alone(scene, mover, where);
  scene.fit(transfer.seconds);
  const double compute = scene.compute(Scene::OwnerDoes::sleep).computing;
  const Timing both = both_at_once(scene, mover, where, compute);
  transfer.seconds = (transfer.seconds + transfer_alone(scene, mover, where).seconds) / 2;
  if (parts != nullptr) {
    parts->add(transfer, compute, both);
  }
  return hidden_percent(transfer.seconds, compute, both.seconds);
}

struct Overlap {
  const char* lanes = nullptr;
  std::size_t bytes = 64_MiB;
  OneSided one_sided = OneSided::off;
  Copying copying = Copying::anywhere;
};

template <class Twin>
void overlap(benchmark::State& state, const Overlap& what, Goal goal) {
  const Lanes chosen(what.lanes);
  ByPrefetch ours(what.bytes, what.one_sided);
  Twin twin(what.bytes);
  Scene scene;
  Parts parts;
  interleave(
      state, [&] { return hidden(scene, ours, what.copying, &parts); },
      [&] { return hidden(scene, twin, Copying::anywhere, nullptr); }, [](double /*percent*/) { return 1.0; })
      .report(state, "%", goal);
  parts.report(state);
}

/// Every core computes; the twin is the theoretical value: each rank's core has to do its part of the copying
/// beside computing. The transfer alone shows that part, so that waiting and lost overlap do not count.
void no_core_free(benchmark::State& state, const char* lanes, std::size_t bytes, Goal goal) {
  constexpr double milli = 1e3;
  const Lanes chosen(lanes);
  ByPrefetch ours(bytes, OneSided::off);
  Scene scene;
  Parts parts;
  double allowed = 0;
  const auto measure = [&] {
    Timing transfer = scene.transfer(ours, Scene::Waits::elsewhere);
    scene.fit(transfer.seconds);
    const double compute = scene.compute(Scene::OwnerDoes::compute).computing;
    const Timing both = scene.both(ours, Scene::OwnerDoes::compute, 0);
    const Timing again = scene.transfer(ours, Scene::Waits::elsewhere);
    transfer.seconds = (transfer.seconds + again.seconds) / 2;
    transfer.copying = (transfer.copying + again.copying) / 2;
    parts.add(transfer, compute, both);
    allowed = std::max(compute + transfer.copying / world_size(), transfer.seconds) * milli;
    return both.seconds * milli;
  };
  interleave(
      state, measure, [&] { return allowed; }, [](double ms) { return ms / milli; })
      .report(state, "ms", goal);
  parts.report(state);
}

}  // namespace

void add_overlap_rows() {
  if (world_size() != 2) {
    return;
  }
  constexpr Goal goal{Goal::Kind::ours_at_least, 90};
  const std::string of = "hidden behind computing, 64 MiB over ";
  add_row(of + "UCX, to MPI_Irecv", 24, overlap<ByMessage>, Overlap(), goal);
  add_row(of + "UCX, to MPI_Rget", 24, overlap<ByWindow>, Overlap(), goal);
  add_row(of + "UCX, one core copies, to MPI_Irecv", 24, overlap<ByMessage>,
          Overlap{.copying = Copying::on_one_core}, goal);
  add_row(of + "memory of UCX, to MPI_Rget", 24, overlap<ByWindow>,
          Overlap{.one_sided = OneSided::ucx_memory}, goal);
  add_row(of + "TCP, to MPI_Irecv", 12, overlap<ByMessage>, Overlap{.lanes = tcp_lanes}, Goal{});
  add_row(of + "TCP, one core copies, to MPI_Irecv", 12, overlap<ByMessage>,
          Overlap{.lanes = tcp_lanes, .copying = Copying::on_one_core}, Goal{});
  for (const char* lanes : lanes_here()) {
    add_row(std::string("64 MiB while every core computes, ") + (lanes == nullptr ? "UCX" : "TCP"), 16,
            no_core_free, lanes, std::size_t{64_MiB}, Goal{Goal::Kind::ratio_at_most, 1.05});
  }
}

}  // namespace locum::bench
