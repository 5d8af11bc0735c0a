// A producer of steps that is twice as fast as its consumer, under each policy of a full stream. Run by
// step_policies.sh: two ranks, and beside them a process that is no rank and looks at their memory:
// `step_policies_tests watch`. All three map the file LOCUM_TEST_COUNTS. LOCUM_TEST_POLICY: wait,
// drop_oldest or drop_newest; LOCUM_TEST_SECONDS: how long the producer writes.
//
// Checked: the consumer gets what the policy keeps, in order and whole; a step is dropped only when the
// queue is full; the memory of the nodes is never more than that of the steps that may exist, what is
// prepared and what the runtime had at first; the consumer does not wait for the producer.
#include <fcntl.h>
#include <mpi.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
constexpr std::uint64_t cells = 4 * mebibyte / sizeof(double);
constexpr std::uint64_t step_bytes = cells * sizeof(double);
constexpr std::uint64_t queue_steps = 4;
constexpr std::uint64_t prepare_bytes = 8 * mebibyte;  // of each rank
constexpr auto produce_time = 4ms;
constexpr auto consume_time = 8ms;
constexpr auto long_enough = 60s;

/// In memory of the ranks and of the process that watches them.
struct Shared {
  std::array<std::atomic<pid_t>, 2> processes;  ///< of the ranks, once their runtime is open
  std::atomic<bool> watched;                    ///< the memory of the open runtime has been looked at
  std::atomic<bool> done;                       ///< the ranks are about to close their runtime
  std::atomic<std::uint64_t> ending;            ///< steps that the producer has begun to end
  std::atomic<std::uint64_t> released;          ///< steps that the consumer has released
};

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::printf("FAILED: %s\n", what.c_str());
    std::fflush(stdout);
    ++failures;
  }
}

Shared& shared_memory() {
  const char* const name = std::getenv("LOCUM_TEST_COUNTS");
  const int file = name == nullptr ? -1 : open(name, O_RDWR | O_CLOEXEC);
  void* const memory =
      file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("LOCUM_TEST_COUNTS names no file that can be mapped");
  }
  close(file);
  return *static_cast<Shared*>(memory);
}

template <class Condition>
void await(Condition condition, const char* what) {
  const auto until = Clock::now() + long_enough;
  while (!condition()) {
    if (Clock::now() > until) {
      throw std::runtime_error(std::string("waited too long until ") + what);
    }
    std::this_thread::sleep_for(1ms);
  }
}

locum::WhenFull policy() {
  const char* const text = std::getenv("LOCUM_TEST_POLICY");
  const std::string_view name = text == nullptr ? "" : text;
  if (name == "wait") {
    return locum::WhenFull::wait;
  }
  if (name == "drop_oldest") {
    return locum::WhenFull::drop_oldest;
  }
  if (name == "drop_newest") {
    return locum::WhenFull::drop_newest;
  }
  throw std::runtime_error("LOCUM_TEST_POLICY: wait, drop_oldest or drop_newest");
}

double value_of(std::uint64_t attempt, std::uint64_t cell) {
  return static_cast<double>(attempt * 1'000'000 + cell);
}

/// What the two ranks know of the steps that the consumer gets.
struct Totals {
  std::uint64_t steps = 0;
  std::uint64_t sum = 0;  ///< of the producer's attempts
  std::uint64_t last = 0;
};

// The pauses stand for the producer's computation, and later the consumer's: nothing waits for them.
Totals produce(locum::Runtime& runtime, MPI_Comm side, Shared& shared, std::chrono::seconds time) {
  const locum::WhenFull when_full = policy();
  locum::StepWriter out(runtime, "field", side,
                        {.queue_steps = queue_steps, .when_full = when_full, .rendezvous_readers = 1});
  const std::uint64_t on_their_way = runtime.nodes() > 1 ? 1 : 0;
  Totals kept;
  std::uint64_t attempt = 0;
  for (const auto until = Clock::now() + time; Clock::now() < until; ++attempt) {
    const auto begun = Clock::now();
    auto step = out.begin({.deadline = long_enough}).value();
    const std::uint64_t number = step.number();
    const auto field = step.create<double>("V", {.shape = {cells}, .start = {0}, .count = {cells}}).value();
    for (std::uint64_t cell = 0; cell < cells; ++cell) {
      field[cell] = value_of(attempt, cell);
    }
    step.put("attempt", attempt);
    std::this_thread::sleep_until(begun + produce_time);
    const std::uint64_t released = shared.released.load();
    shared.ending.store(attempt + 1);
    step.end({.deadline = long_enough}).value();
    // The step that is being written next has the number after it, unless it was dropped. From another node
    // the message of the last release may still be on its way; those before it came before that step was
    // begun.
    if (when_full == locum::WhenFull::drop_newest) {
      auto next = out.begin({.deadline = long_enough}).value();
      const bool was_dropped = next.number() == number;
      next.discard();
      if (was_dropped) {
        expect(kept.steps - released + on_their_way >= queue_steps,
               "a step was dropped though only " + std::to_string(kept.steps - released) +
                   " steps were in the queue");
        continue;
      }
    }
    ++kept.steps;
    kept.sum += attempt;
    kept.last = attempt;
  }
  std::printf("producer: %llu steps, %llu of them kept or dropped later\n",
              static_cast<unsigned long long>(attempt), static_cast<unsigned long long>(kept.steps));
  out.close({.deadline = long_enough}).value();
  return kept;
}

Totals consume(locum::Runtime& runtime, MPI_Comm side, Shared& shared) {
  const locum::WhenFull when_full = policy();
  locum::StepReader in(runtime, "field", side);
  Totals got;
  Clock::duration busy{};
  Clock::time_point first{};
  Clock::time_point last{};
  for (;;) {
    auto step = in.next(long_enough);
    if (!step) {
      expect(step.error().code() == locum::Errc::end_of_stream, step.error().what());
      break;
    }
    const auto begun = Clock::now();
    first = got.steps == 0 ? begun : first;
    const auto attempt = *step->get<std::uint64_t>("attempt").value();
    bool right = false;
    {
      const auto field = step->read<double>("V").value();
      right = field.size() == cells;
      for (std::uint64_t cell = 0; right && cell < cells; ++cell) {
        right = field[cell] == value_of(attempt, cell);
      }
    }
    expect(right, "the values of attempt " + std::to_string(attempt) + " are wrong");
    expect(got.steps == 0 || attempt > got.last, "the steps come out of order");
    if (when_full == locum::WhenFull::wait) {
      expect(attempt == got.steps, "a step was lost though the producer waits");
    }
    if (when_full != locum::WhenFull::drop_oldest) {
      expect(step->number() == got.steps, "a step that was kept was not read");
    } else if (got.steps != 0 && attempt > got.last + 1) {
      // The step before this one was dropped when the producer ended one for which there was no room. It may
      // have looked at a step before that was released, and at the next one after that was begun; then it
      // drops the one after these, one step earlier.
      expect(shared.ending.load() >= attempt + queue_steps - 2,
             "step " + std::to_string(attempt - 1) + " was dropped when the queue was not full");
    }
    std::this_thread::sleep_until(begun + consume_time);
    last = Clock::now();
    busy += last - begun;
    ++got.steps;
    got.sum += attempt;
    got.last = attempt;
    step->release();
    shared.released.store(got.steps);
  }
  const double throughput = std::chrono::duration<double>(busy) / std::chrono::duration<double>(last - first);
  std::printf("consumer: %llu steps, busy for %.3f of the time\n", static_cast<unsigned long long>(got.steps),
              throughput);
  expect(throughput >= 0.25, "the consumer waits for a producer that is twice as fast");
  return got;
}

/// Bytes that the system has given to the files of the nodes that these processes map.
std::uint64_t bytes_of_nodes(const Shared& shared) {
  std::set<std::pair<dev_t, ino_t>> seen;
  std::uint64_t bytes = 0;
  for (const auto& process : shared.processes) {
    const std::string folder = "/proc/" + std::to_string(process.load()) + "/fd";
    std::error_code gone;  // it may have ended
    for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
      const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
      struct stat file {};
      const bool is_node = !gone && (target.starts_with("/dev/shm/#") || target.starts_with("/memfd:locum"));
      if (is_node && stat(entry.path().c_str(), &file) == 0 &&
          seen.emplace(file.st_dev, file.st_ino).second) {
        bytes += static_cast<std::uint64_t>(file.st_blocks) * 512;
      }
    }
  }
  return bytes;
}

/// Memory of these processes that belongs to no file.
std::uint64_t private_bytes(const Shared& shared) {
  std::uint64_t bytes = 0;
  for (const auto& process : shared.processes) {
    std::ifstream status("/proc/" + std::to_string(process.load()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("RssAnon:")) {
        bytes += std::strtoull(line.c_str() + sizeof "RssAnon:" - 1, nullptr, 10) * 1024;
      }
    }
  }
  return bytes;
}

// The producer's node has the steps of the queue, and one that is being written, which counts among them only
// where it waits. The consumer's node, if it is another one, has copies of those steps that it has read; a
// copy is there until the producer learns that the step was released, and frees it.
int watch(Shared& shared) {
  await([&] { return std::ranges::all_of(shared.processes, [](const auto& one) { return one != 0; }); },
        "both ranks have opened their runtime");
  const std::uint64_t files_at_first = bytes_of_nodes(shared);
  const std::uint64_t private_at_first = private_bytes(shared);
  expect(files_at_first > 0, "no file of a node is open in the ranks");
  shared.watched = true;
  std::uint64_t files = 0;
  std::uint64_t others = 0;
  std::uint64_t looks = 0;
  for (; !shared.done; ++looks) {
    if (kill(shared.processes[0], 0) != 0 || kill(shared.processes[1], 0) != 0) {
      expect(false, "a rank has ended early");
      break;
    }
    files = std::max(files, bytes_of_nodes(shared));
    others = std::max(others, private_bytes(shared));
    std::this_thread::sleep_for(2ms);
  }
  const bool has_two_nodes = std::getenv("LOCUM_RANKS_PER_NODE") != nullptr;
  const std::uint64_t steps =
      queue_steps + (policy() == locum::WhenFull::wait ? 0 : 1) + (has_two_nodes ? queue_steps : 0);
  // Memory is taken from the system in units of at most 2 MiB: the last one of each rank, and those that the
  // ends of a block share with free memory, are not full. The first objects take pages of a node's tables.
  constexpr std::uint64_t unit = 2 * mebibyte;
  const std::uint64_t bound = files_at_first + steps * (step_bytes + unit) + 2 * (prepare_bytes + unit) +
                              (has_two_nodes ? 2 : 1) * mebibyte;
  const std::uint64_t grown = others - std::min(others, private_at_first);
  std::printf(
      "memory of the nodes: %.1f MiB at first, %.1f at most, bound %.1f; private memory of the ranks "
      "has grown by %.1f MiB; %llu looks\n",
      static_cast<double>(files_at_first) / mebibyte, static_cast<double>(files) / mebibyte,
      static_cast<double>(bound) / mebibyte, static_cast<double>(grown) / mebibyte,
      static_cast<unsigned long long>(looks));
  expect(files <= bound, "the nodes take more memory than the queue, what is prepared, and their own");
  // A sanitizer keeps what was freed, and memory about memory.
  expect(locum::tests::sanitized || grown <= 2 * step_bytes + 16 * mebibyte,
         "the ranks take memory of their own for steps");
  expect(looks > 10, "the memory was looked at too rarely to prove anything");
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Shared& shared = shared_memory();
  if (argc > 1 && std::string_view(argv[1]) == "watch") {
    return watch(shared);
  }
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm side = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank, 0, &side);
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 512 * mebibyte, .prepare_bytes = prepare_bytes});
    shared.processes.at(static_cast<std::size_t>(rank)) = getpid();
    await([&] { return shared.watched.load(); }, "the memory was looked at");
    const char* const seconds = std::getenv("LOCUM_TEST_SECONDS");
    const std::chrono::seconds time(seconds == nullptr ? 1 : std::atoi(seconds));
    Totals mine = rank == 0 ? produce(runtime, side, shared, time) : consume(runtime, side, shared);
    Totals produced = mine;
    MPI_Bcast(&produced, sizeof produced, MPI_BYTE, 0, MPI_COMM_WORLD);
    if (rank == 1) {
      expect(mine.last == produced.last, "the last step that was kept was not read");
      if (policy() != locum::WhenFull::drop_oldest) {
        expect(
            mine.steps == produced.steps && mine.sum == produced.sum,
            std::to_string(produced.steps) + " steps were kept, and " + std::to_string(mine.steps) + " read");
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    shared.done = true;
  }
  MPI_Comm_free(&side);
  std::printf("rank %d: %d failures\n", rank, failures);
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
