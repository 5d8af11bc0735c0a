// Steps from rank 0 to rank 1: how many a second, and how late each arrives; beside messages of MPI with a
// window of three, each acknowledged. On a node, and between nodes.

#include <mpi.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
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
constexpr int acknowledgement_tag = 2;
constexpr std::size_t window = 3;

/// Of this process so far, all its threads: seconds.
double processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / micro;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double now() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

/// Does not call the library: as a simulation that computes.
void compute(double until) {
  while (now() < until) {
  }
}

/// Rank 0 writes, rank 1 reads both ends of each step. The hosts that bench/hosts plays share a clock.
class Stepped {
 public:
  Stepped(std::size_t bytes, int ranks_per_node)
      : count_(bytes / sizeof(double)),
        runtime_(MPI_COMM_WORLD, {.memory_bytes = std::max<std::uint64_t>(256_MiB, 12 * bytes),
                                  .ranks_per_node = ranks_per_node}) {
    for (auto& buffer : buffers_) {
      buffer.assign(count_, 0.0);
    }
    MPI_Comm side = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, world_rank(), 0, &side);
    if (world_rank() == 0) {
      out_.emplace(runtime_, "stepped", side,
                   StepWriterOptions{.queue_steps = window, .rendezvous_readers = 1});
    } else {
      in_.emplace(runtime_, "stepped", side);
    }
    MPI_Comm_free(&side);
  }

  /// Microseconds a step, as fast as they go.
  [[nodiscard]] double rate_of_steps(int steps) {
    return rate(
        steps, [&](int /*step*/) { write(mark_); }, [&](int /*step*/) { check(read()); });
  }
  [[nodiscard]] double rate_of_messages(int steps) {
    Messages messages(*this);
    return rate(
        steps, [&](int step) { messages.send(step, mark_); },
        [&](int step) { check(messages.receive(step)); });
  }
  /// So late do steps arrive of which one is written each millisecond: the median, or another quantile.
  [[nodiscard]] double latency_of_steps(int steps, double part) {
    return latency(
        steps, part, [&](int /*step*/) { write(now()); }, [&](int /*step*/) { return read(); });
  }
  [[nodiscard]] double latency_of_messages(int steps, double part) {
    Messages messages(*this);
    return latency(
        steps, part, [&](int step) { messages.send(step, now()); },
        [&](int step) { return messages.receive(step); });
  }
  /// The part of a core, in percent, that the reader needs for a step each 10 ms.
  [[nodiscard]] double share_of_steps(int steps) {
    return share(
        steps, [&](int /*step*/) { write(mark_); }, [&](int /*step*/) { (void)read(); });
  }
  [[nodiscard]] double share_of_looks(int steps) {
    Messages messages(*this);
    return share(
        steps, [&](int step) { messages.send(step, mark_); },
        [&](int step) {
          for (int there = 0; there == 0;) {
            MPI_Iprobe(0, data_tag, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
            if (there == 0) {
              std::this_thread::sleep_for(50us);
            }
          }
          (void)messages.receive(step);
        });
  }

 private:
  /// By hand: three buffers, each used again once its message was acknowledged.
  class Messages {
   public:
    explicit Messages(Stepped& of) noexcept : of_(of) {}
    Messages(const Messages&) = delete;
    Messages& operator=(const Messages&) = delete;
    ~Messages() {
      MPI_Waitall(window, sent_.data(), MPI_STATUSES_IGNORE);
      MPI_Waitall(window, acknowledged_.data(), MPI_STATUSES_IGNORE);
    }

    void send(int step, double mark) {
      const std::size_t at = static_cast<std::size_t>(step) % window;
      MPI_Wait(&acknowledged_[at], MPI_STATUS_IGNORE);
      MPI_Wait(&sent_[at], MPI_STATUS_IGNORE);
      std::vector<double>& buffer = of_.buffers_[at];
      buffer.front() = buffer.back() = mark;
      MPI_Irecv(nullptr, 0, MPI_BYTE, 1, acknowledgement_tag, MPI_COMM_WORLD, &acknowledged_[at]);
      MPI_Isend(buffer.data(), static_cast<int>(of_.count_), MPI_DOUBLE, 1, data_tag, MPI_COMM_WORLD,
                &sent_[at]);
    }
    [[nodiscard]] double receive(int step) {
      std::vector<double>& buffer = of_.buffers_[static_cast<std::size_t>(step) % window];
      MPI_Recv(buffer.data(), static_cast<int>(of_.count_), MPI_DOUBLE, 0, data_tag, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
      MPI_Send(nullptr, 0, MPI_BYTE, 0, acknowledgement_tag, MPI_COMM_WORLD);
      return mark_of(buffer);
    }

   private:
    Stepped& of_;
    std::array<MPI_Request, window> sent_{MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    std::array<MPI_Request, window> acknowledged_{MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  };

  void write(double mark) {
    auto step = out_->begin().value();
    const std::span<double> field =
        step.create<double>("V", {.shape = {count_}, .start = {0}, .count = {count_}}).value();
    field.front() = field.back() = mark;
    step.end().value();
  }
  [[nodiscard]] double read() {
    const auto step = in_->next(10s).value();
    return mark_of(step.read<double>("V").value());
  }
  template <class Field>
  [[nodiscard]] static double mark_of(const Field& field) {
    const double mark = field[0];
    if (field[field.size() - 1] != mark) {
      throw std::runtime_error("the ends of a step are of different steps");
    }
    return mark;
  }
  void check(double mark) const {
    if (mark != mark_) {
      throw std::runtime_error("the step read is not the one that was written");
    }
  }

  template <class Write, class Read>
  [[nodiscard]] double rate(int steps, Write write, Read read) {
    meet_asleep();
    MPI_Barrier(MPI_COMM_WORLD);
    const double seconds = timed([&] {
      for (int step = 0; step < steps; ++step) {
        mark_ += 1;
        world_rank() == 0 ? write(step) : read(step);
      }
    });
    return slowest(seconds) / steps * micro;
  }
  template <class Write, class Read>
  [[nodiscard]] double latency(int steps, double part, Write write, Read read) {
    meet_asleep();
    MPI_Barrier(MPI_COMM_WORLD);
    std::vector<double> late;
    double next = now();
    for (int step = 0; step < steps; ++step) {
      if (world_rank() == 0) {
        next += 1e-3;
        compute(next);
        write(step);
      } else {
        const double written = read(step);
        late.push_back(now() - written);
      }
    }
    return slowest(world_rank() == 1 ? quantile(late, part) : 0) * micro;
  }
  template <class Write, class Read>
  [[nodiscard]] double share(int steps, Write write, Read read) {
    meet_asleep();
    double used = 0;
    const double seconds = timed([&] {
      const double before = processor_time();
      for (int step = 0; step < steps; ++step) {
        if (world_rank() == 0) {
          std::this_thread::sleep_for(10ms);
          write(step);
        } else {
          read(step);
        }
      }
      used = processor_time() - before;
    });
    return slowest(world_rank() == 1 ? used / seconds * 100 : 0);
  }

  const std::size_t count_;
  double mark_ = 0;
  std::array<std::vector<double>, window> buffers_;
  Runtime runtime_;
  std::optional<StepWriter> out_;
  std::optional<StepReader> in_;
};

using Figure = std::function<double(Stepped&)>;

void compare(benchmark::State& state, std::size_t bytes, int ranks_per_node, const char* unit, Goal goal,
             const Figure& ours, const Figure& twin) {
  Stepped stepped(bytes, ranks_per_node);
  interleave(
      state, [&] { return ours(stepped); }, [&] { return twin(stepped); },
      [](double microseconds) { return microseconds / micro; })
      .report(state, unit, goal);
}

}  // namespace

void add_stepped_rows(const std::string& where, int ranks_per_node) {
  struct Size {
    std::size_t bytes;
    const char* name;
    int steps;
    int pairs;
    Goal goal;
  };
  const bool on_node = ranks_per_node == 0;
  const Goal small = on_node ? Goal{Goal::Kind::ours_at_most, 5} : Goal{Goal::Kind::ratio_at_most, 3};
  const Goal none{};
  for (const auto& [bytes, name, steps, pairs, goal] :
       {Size{1_KiB, "1 KiB", 200, 40, small},
        Size{64_KiB, "64 KiB", 100, 40, on_node ? none : Goal{Goal::Kind::ratio_at_most, 1.5}},
        Size{1_MiB, "1 MiB", 32, 20, on_node ? none : Goal{Goal::Kind::ratio_at_most, 1.05}},
        Size{16_MiB, "16 MiB", 6, 10, on_node ? none : Goal{Goal::Kind::ratio_at_most, 1.05}}}) {
    add_row("steps of " + std::string(name) + where + ", to messages with acknowledgements", pairs, compare,
            bytes, ranks_per_node, "us", goal,
            Figure([steps](Stepped& of) { return of.rate_of_steps(steps); }),
            Figure([steps](Stepped& of) { return of.rate_of_messages(steps); }));
  }
  const auto late = [&](const char* which, double part, double bound) {
    add_row("latency of a step of 1 KiB, one a ms" + where + which, 20, compare, 1_KiB, ranks_per_node, "us",
            Goal{Goal::Kind::ours_at_most, bound},
            Figure([part](Stepped& of) { return of.latency_of_steps(50, part); }),
            Figure([part](Stepped& of) { return of.latency_of_messages(50, part); }));
  };
  late("", 0.5, on_node ? 10 : 60);
  late(", p90", 0.9, on_node ? 20 : 100);
  add_row("reader of a step of 1 KiB each 10 ms" + where + ", of a core", 10, compare, 1_KiB, ranks_per_node,
          "%", Goal{Goal::Kind::ours_at_most, 10}, Figure([](Stepped& of) { return of.share_of_steps(20); }),
          Figure([](Stepped& of) { return of.share_of_looks(20); }));
}

}  // namespace locum::bench
