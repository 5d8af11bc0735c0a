// What a simulation loses by a step that it gives to an analysis on its node: a StepWriter, beside MPI_Isend
// from three buffers in turn, and beside a file a step in /dev/shm.

#include <fcntl.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/pause.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

using namespace std::chrono_literals;

constexpr double micro = 1e6;
constexpr int data_tag = 1;
constexpr std::chrono::microseconds look_interval{50};

/// Rank 0 simulates, rank 1 analyses: it reads both ends of each step. Each way measures the same: the median
/// of the time that rank 0 needs for a step besides filling its field in, in microseconds; in between it
/// pauses for 0.3 ms, so that the analysis keeps up.
class Streamed {
 public:
  explicit Streamed(std::size_t bytes)
      : count_(bytes / sizeof(double)),
        steps_(bytes > 16_MiB ? 4 : 16),
        runtime_(MPI_COMM_WORLD, {.memory_bytes = std::max<std::uint64_t>(512_MiB, 8 * bytes)}),
        file_("/dev/shm/locum-bench-step-" + std::to_string(runtime_.incarnation())) {
    for (auto& buffer : buffers_) {
      buffer.assign(count_, 0.0);
    }
    MPI_Comm side = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, world_rank(), 0, &side);
    if (world_rank() == 0) {
      out_.emplace(runtime_, "streamed", side, StepWriterOptions{.queue_steps = 3, .rendezvous_readers = 1});
    } else {
      in_.emplace(runtime_, "streamed", side);
    }
    MPI_Comm_free(&side);
  }
  Streamed(const Streamed&) = delete;
  Streamed& operator=(const Streamed&) = delete;
  ~Streamed() {
    in_.reset();
    out_.reset();
    (void)unlink(file_.c_str());
  }

  [[nodiscard]] double step() {
    return in_steps(
        [&](int /*step*/) {
          std::optional<OutputStep> step;
          std::span<double> field;
          double seconds = timed([&] {
            step.emplace(out_->begin().value());
            field = step->create<double>("V", {.shape = {count_}, .start = {0}, .count = {count_}}).value();
          });
          std::ranges::fill(field, mark_);
          return seconds + timed([&] { step->end().value(); });
        },
        [&](int /*step*/) {
          const auto step = in_->next(10s).value();
          const auto field = step.read<double>("V").value();
          check(field[0], field[count_ - 1]);
        });
  }
  [[nodiscard]] double send() {
    std::array<MPI_Request, 3> requests{MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    const double figure = in_steps(
        [&](int step) {
          const auto at = static_cast<std::size_t>(step % 3);
          double seconds = timed([&] { MPI_Wait(&requests[at], MPI_STATUS_IGNORE); });
          std::ranges::fill(buffers_[at], mark_);
          return seconds + timed([&] {
                   MPI_Isend(buffers_[at].data(), static_cast<int>(count_), MPI_DOUBLE, 1, data_tag,
                             MPI_COMM_WORLD, &requests[at]);
                 });
        },
        [&](int /*step*/) {
          MPI_Request arrival = MPI_REQUEST_NULL;
          MPI_Irecv(buffers_[0].data(), static_cast<int>(count_), MPI_DOUBLE, 0, data_tag, MPI_COMM_WORLD,
                    &arrival);
          for (int done = 0; done == 0;) {
            MPI_Test(&arrival, &done, MPI_STATUS_IGNORE);
            if (done == 0) {
              std::this_thread::sleep_for(look_interval);
            }
          }
          check(buffers_[0][0], buffers_[0][count_ - 1]);
        });
    MPI_Waitall(3, requests.data(), MPI_STATUSES_IGNORE);
    return figure;
  }
  [[nodiscard]] double write_file() {
    return in_steps(
        [&](int step) {
          std::ranges::fill(buffers_[0], mark_);
          return timed([&] {
            const std::string name = file_ + "." + std::to_string(step);
            const int file = open((name + "~").c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
            const auto* next = reinterpret_cast<const char*>(buffers_[0].data());
            for (std::size_t left = count_ * sizeof(double); left > 0;) {
              const auto written = write(file, next, left);
              if (written <= 0) {
                throw std::runtime_error("cannot write to /dev/shm");
              }
              left -= static_cast<std::size_t>(written);
              next += written;
            }
            close(file);
            (void)std::rename((name + "~").c_str(), name.c_str());
          });
        },
        [&](int step) {
          const std::string name = file_ + "." + std::to_string(step);
          int file = -1;
          while ((file = open(name.c_str(), O_RDONLY | O_CLOEXEC)) < 0) {
            std::this_thread::sleep_for(look_interval);
          }
          double first = 0;
          double last = 0;
          (void)!pread(file, &first, sizeof first, 0);
          (void)!pread(file, &last, sizeof last, static_cast<off_t>((count_ - 1) * sizeof(double)));
          close(file);
          unlink(name.c_str());
          check(first, last);
        });
  }

 private:
  template <class Write, class Read>
  [[nodiscard]] double in_steps(Write write, Read read) {
    meet_asleep();
    std::vector<double> seconds;
    for (int step = 0; step < steps_; ++step) {
      mark_ += 1;
      if (world_rank() == 0) {
        pause_();
        seconds.push_back(write(step));
      } else {
        read(step);
      }
    }
    meet_asleep();
    return slowest(world_rank() == 0 ? median(seconds) : 0) * micro;
  }
  void check(double first, double last) const {
    if (first != mark_ || last != mark_) {
      throw std::runtime_error("the field read is not the one that was written");
    }
  }

  const std::size_t count_;
  const int steps_;
  double mark_ = 0;
  Pause pause_;
  std::array<std::vector<double>, 3> buffers_;
  Runtime runtime_;
  const std::string file_;
  std::optional<StepWriter> out_;
  std::optional<StepReader> in_;
};

using Way = double (Streamed::*)();

void stream(benchmark::State& state, std::size_t bytes, Way twin, Goal goal) {
  Streamed streamed(bytes);
  interleave(
      state, [&] { return streamed.step(); }, [&] { return (streamed.*twin)(); },
      [](double microseconds) { return microseconds / micro; })
      .report(state, "us", goal);
}

}  // namespace

void add_streamed_rows() {
  struct Size {
    std::size_t bytes;
    const char* name;
    int pairs;
    double bound;
  };
  for (const auto& [bytes, name, pairs, bound] :
       {Size{64_KiB, "64 KiB", 60, 1.5}, Size{1_MiB, "1 MiB", 60, 0.5}, Size{64_MiB, "64 MiB", 12, 0.5}}) {
    const Goal goal{Goal::Kind::ratio_at_most, bound};
    add_row(std::string("step of ") + name + ", to MPI_Isend from 3 buffers", pairs, stream, bytes,
            Way(&Streamed::send), goal);
    add_row(std::string("step of ") + name + ", to a file in /dev/shm", pairs, stream, bytes,
            Way(&Streamed::write_file), goal);
  }
}

}  // namespace locum::bench
