#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/line_round_trip.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

constexpr int data_tag = 1;
constexpr int time_tag = 2;
constexpr double micro = 1e6;

/// Rank 0 fills memory, rank 1 reads its first element; the time in between, in microseconds. The clock is
/// the node's, the same for both. Rank 1 waits in MPI all the time, as a reader in a real program does, so no
/// core sleeps. Transfers the same number of elements in each of four ways; one rank, one thread.
class Handover {
 public:
  explicit Handover(std::size_t count)
      : count_(count), own_(count, 0.0), runtime_(MPI_COMM_WORLD, {.memory_bytes = 512_MiB}) {}

  /// The store: the writer fills memory of the store, a handle is sent by MPI.
  [[nodiscard]] double handle() {
    const double mark = next_mark();
    if (world_rank() != 0) {
      return received(mark, [&] {
        Handle handle;
        MPI_Recv(&handle, sizeof handle, MPI_BYTE, 0, data_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return runtime_.proxy<double[]>(handle).get().value()[0];
      });
    }
    auto writer = store_.create<double>({count_}).value();
    std::fill(writer.begin(), writer.end(), mark);
    const Clock::time_point filled = Clock::now();
    const Key key = writer.seal().value();
    const Handle handle = store_.proxy<double[]>(key).value().handle();
    MPI_Send(&handle, sizeof handle, MPI_BYTE, 1, data_tag, MPI_COMM_WORLD);
    const double time = sent(filled);
    (void)store_.evict(key).value();
    return time;
  }

  /// Only a message of the handle's size.
  [[nodiscard]] double message() {
    const double mark = next_mark();
    std::array<double, 8> letter{};
    static_assert(sizeof letter == sizeof(Handle));
    if (world_rank() != 0) {
      return received(mark, [&] {
        MPI_Recv(letter.data(), sizeof letter, MPI_BYTE, 0, data_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return letter[0];
      });
    }
    const Clock::time_point filled = fill_own(mark);
    letter[0] = own_[0];
    MPI_Send(letter.data(), sizeof letter, MPI_BYTE, 1, data_tag, MPI_COMM_WORLD);
    return sent(filled);
  }

  /// The elements themselves, from the writer's memory into the reader's.
  [[nodiscard]] double elements() {
    const double mark = next_mark();
    if (world_rank() != 0) {
      return received(mark, [&] {
        MPI_Recv(own_.data(), static_cast<int>(count_), MPI_DOUBLE, 0, data_tag, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        return own_[0];
      });
    }
    const Clock::time_point filled = fill_own(mark);
    MPI_Send(own_.data(), static_cast<int>(count_), MPI_DOUBLE, 1, data_tag, MPI_COMM_WORLD);
    return sent(filled);
  }

  /// A file in /dev/shm, written by one and read by the other. It has no name, so that none can be left
  /// behind: the reader opens it through the writer's descriptor.
  [[nodiscard]] double file() {
    const double mark = next_mark();
    std::array<int, 2> where{};
    if (world_rank() != 0) {
      return received(mark, [&] {
        MPI_Recv(where.data(), 2, MPI_INT, 0, data_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        const std::string path = "/proc/" + std::to_string(where[0]) + "/fd/" + std::to_string(where[1]);
        const int file = checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        transfer([&](std::size_t done) { return ::read(file, bytes() + done, size_bytes() - done); });
        ::close(file);
        return own_[0];
      });
    }
    const Clock::time_point filled = fill_own(mark);
    const int file = checked(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    transfer([&](std::size_t done) { return ::write(file, bytes() + done, size_bytes() - done); });
    where = {static_cast<int>(::getpid()), file};
    MPI_Send(where.data(), 2, MPI_INT, 1, data_tag, MPI_COMM_WORLD);
    const double time = sent(filled);
    ::close(file);
    return time;
  }

 private:
  // A value that no earlier round wrote. Both ranks have met when it returns.
  [[nodiscard]] double next_mark() {
    mark_ += 1.0;
    MPI_Barrier(MPI_COMM_WORLD);
    return mark_;
  }
  [[nodiscard]] Clock::time_point fill_own(double mark) {
    std::fill(own_.begin(), own_.end(), mark);
    benchmark::ClobberMemory();
    return Clock::now();
  }
  // The writer's end of a round. All ranks get the time.
  [[nodiscard]] static double sent(Clock::time_point filled) {
    const auto ticks = filled.time_since_epoch().count();
    MPI_Send(&ticks, sizeof ticks, MPI_BYTE, 1, time_tag, MPI_COMM_WORLD);
    return slowest(0);
  }
  template <class Receive>
  [[nodiscard]] static double received(double mark, Receive receive) {
    double time = 0;
    if (world_rank() == 1) {
      const double first = receive();
      const Clock::time_point read = Clock::now();
      if (first != mark) {
        throw std::runtime_error("the reader saw another element than was written");
      }
      Clock::rep filled = 0;
      MPI_Recv(&filled, sizeof filled, MPI_BYTE, 0, time_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      time = std::chrono::duration<double>(read.time_since_epoch() - Clock::duration(filled)).count() * micro;
    }
    return slowest(time);
  }

  [[nodiscard]] std::byte* bytes() { return reinterpret_cast<std::byte*>(own_.data()); }
  [[nodiscard]] std::size_t size_bytes() const { return count_ * sizeof(double); }
  static int checked(int file) {
    return file >= 0 ? file : throw std::runtime_error("a file in /dev/shm cannot be opened");
  }
  template <class Step>
  void transfer(Step step) const {
    for (std::size_t done = 0; done < size_bytes();) {
      const ssize_t more = step(done);
      if (more <= 0) {
        throw std::runtime_error("a file in /dev/shm cannot be written or read");
      }
      done += static_cast<std::size_t>(more);
    }
  }

  std::size_t count_;
  std::vector<double> own_;
  double mark_ = 0;
  Runtime runtime_;
  Store store_ = runtime_.store("handover");
};

using Way = double (Handover::*)();

void handover(benchmark::State& state, std::uint64_t size_bytes, Way ours, Way twin, Goal goal) {
  const double line_before_ns = line_round_trip_ns();
  Handover handover(size_bytes / sizeof(double));
  for (int warm_up = 0; warm_up < 4; ++warm_up) {
    (void)(handover.*ours)();
    (void)(handover.*twin)();
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = (handover.*ours)();
    pairs.add(mine, (handover.*twin)());
    state.SetIterationTime(mine / micro);
  }
  pairs.report(state, "us", goal);
  state.counters["line_ns"] = (line_before_ns + line_round_trip_ns()) / 2;
}

}  // namespace

void add_handover_rows() {
  for (const auto& [bytes, text, pairs] :
       {std::tuple{std::uint64_t{64}, "64 B", 2000}, std::tuple{64_KiB, "64 KiB", 1000},
        std::tuple{64_MiB, "64 MiB", 60}}) {
    add_row(std::string("handover, ") + text + ", to a 64 B message", pairs, handover, bytes,
            &Handover::handle, &Handover::message, Goal{Goal::Kind::excess_at_most, 10});
  }
  add_row("handover, 64 MiB, to MPI_Send/Recv of it", 40, handover, 64_MiB, &Handover::handle,
          &Handover::elements, Goal{Goal::Kind::ratio_at_most, 0.1});
  add_row("handover, 64 MiB, to a file in /dev/shm", 30, handover, 64_MiB, &Handover::handle, &Handover::file,
          Goal{Goal::Kind::ratio_at_most, 0.1});
}

}  // namespace locum::bench
