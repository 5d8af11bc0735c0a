// usage: checkpoint_restart_tests write|read|rewrite|lazy|relazy|repeat|repeat_async|warned|latest PATH
// [incremental], or put|resolve URLS. One job of several that write a checkpoint and restore it on other
// numbers of ranks: the objects are the same whoever made them. `lazy` restores it lazily, `relazy` writes
// what was restored so and not read. `repeat` writes one checkpoint after the other to the same path until it
// is killed, and prints the number of each that is complete; `repeat_async` does so in the background, while
// it replaces and evicts the objects; `warned` makes steps until the scheduler says that the job ends soon,
// and then writes one; `latest` restores the last one, and prints its number. `put` puts the objects into a
// store over each backend of the URLs, between blanks, and `resolve` finds them there by name and by handle.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "mpi/runtime/runtime.hpp"

namespace {

using namespace locum;

constexpr int objects = 60;

std::vector<std::uint64_t> content(int number) {
  // From none to 200 KiB, so that some are packed and some have datasets of their own.
  std::vector<std::uint64_t> values(static_cast<std::size_t>(number) * number * 7);
  for (std::size_t at = 0; at < values.size(); ++at) {
    values[at] = at * 2654435761U + static_cast<std::uint64_t>(number);
  }
  return values;
}

std::string name_of(const char* stem, int number) {
  return std::string(stem) + '/' + std::to_string(number);
}

void expect(bool holds, const std::string& what) {
  if (!holds) {
    throw std::runtime_error(what);
  }
}

// Each object, by name; and by a handle that is the content of another object.
void make(const Store& store, int rank, int ranks) {
  for (int number = rank; number < objects; number += ranks) {
    const std::vector<std::uint64_t> values = content(number);
    (void)store.put(name_of("named", number), locum::array(values.data(), {7U, values.size() / 7})).value();
    const Handle handle = store.put_proxy(content(number)).value().handle();
    (void)store.put(name_of("handle", number), handle).value();
  }
}

void check(Runtime& runtime, const Store& store) {
  expect(store.keys().value().size() == 2 * objects, "there are other names than those that were written");
  for (int number = 0; number < objects; ++number) {
    const auto named = store.get<std::uint64_t[]>(name_of("named", number)).value();
    const std::vector<std::uint64_t> wanted = content(number);
    expect(std::vector(named->begin(), named->end()) == wanted,
           name_of("named", number) + " is another value");
    const auto handle = store.get<Handle>(name_of("handle", number)).value();
    const auto by_handle = runtime.proxy<std::uint64_t[]>(*handle).get().value();
    expect(std::vector(by_handle->begin(), by_handle->end()) == wanted,
           name_of("handle", number) + " leads to another value");
  }
}

constexpr int rounds = 1000;
constexpr std::uint64_t most_steps = 10'000;
constexpr std::uint64_t afterwards = 1'000'000;  // what is put while a checkpoint is written, and upwards
constexpr std::size_t large = 200'000;           // 1.6 MB, which goes to the disk past the system's cache

// All objects of a round say its number.
void put_round(const Store& store, int rank, std::uint64_t round) {
  (void)store.replace(name_of("large", rank), std::vector<std::uint64_t>(large, round)).value();
  (void)store.replace(name_of("small", rank), round).value();
}

// What is the same in all rounds.
void put_lasting(const Store& store, int rank) {
  (void)store.put(name_of("lasting", rank), std::vector<std::uint64_t>(2 * large, most_steps)).value();
}

// The path of a round: one for all, or with a `*` one of a series of which two stay.
struct Target {
  std::string path;
  bool incremental = false;
  [[nodiscard]] std::size_t star() const { return path.find('*'); }
  [[nodiscard]] std::string of(std::uint64_t round) const {
    std::string one = path;
    return star() == std::string::npos ? one : one.replace(star(), 1, std::to_string(round));
  }
  [[nodiscard]] CheckpointOptions options() const {
    return {.keep = star() == std::string::npos ? 0U : 2U, .incremental = incremental, .xdmf = true};
  }
};

void repeat(Runtime& runtime, const Store& store, const Target& target) {
  put_lasting(store, runtime.rank());
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    put_round(store, runtime.rank(), round);
    (void)runtime.checkpoint("fields", target.of(round), target.options()).value();
    if (runtime.rank() == 0) {
      std::printf("%llu\n", static_cast<unsigned long long>(round));
      std::fflush(stdout);
    }
  }
}

void repeat_async(Runtime& runtime, const Store& store, const Target& target) {
  put_lasting(store, runtime.rank());
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    put_round(store, runtime.rank(), round);
    const auto begun = runtime.checkpoint_async("fields", target.of(round), target.options());
    for (std::uint64_t other = afterwards; !begun.ready(); ++other) {
      put_round(store, runtime.rank(), other);
      (void)store.evict(name_of("small", runtime.rank())).value();
    }
    (void)begun.get().value();
    if (runtime.rank() == 0) {
      std::printf("%llu\n", static_cast<unsigned long long>(round));
      std::fflush(stdout);
    }
  }
}

void until_warned(Runtime& runtime, const Store& store, const std::string& path) {
  for (std::uint64_t step = 1; step <= most_steps; ++step) {
    put_round(store, runtime.rank(), step);
    if (runtime.checkpoint_requested()) {
      (void)runtime.checkpoint("fields", path).value();
      std::printf("rank %d: warned in step %llu\n", runtime.rank(), static_cast<unsigned long long>(step));
      return;
    }
    if (step == 1 && runtime.rank() == 0) {
      std::printf("running\n");
      std::fflush(stdout);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the work of a step
  }
  expect(false, "no warning came");
}

void find_latest(Runtime& runtime, const Store& store, const std::string& path, bool of_repeat) {
  const bool is_series = path.find('*') != std::string::npos;
  const auto restored = is_series ? runtime.restore_latest("fields", path) : runtime.restore("fields", path);
  std::uint64_t round = 0;
  if (restored) {
    for (const std::string& name : store.keys("small/").value()) {
      const std::uint64_t small = *store.get<std::uint64_t>(name).value();
      const auto all = store.get<std::uint64_t[]>("large/" + name.substr(name.find('/') + 1)).value();
      expect(round == 0 || small == round, "objects of two checkpoints are mixed");
      expect(small < afterwards, "an object is of the time after the checkpoint had begun");
      expect(all.size() == large && std::ranges::count(all, small) == static_cast<std::ptrdiff_t>(large),
             "an object is of another checkpoint");
      if (of_repeat) {
        const auto lasting = store.get<std::uint64_t[]>("lasting/" + name.substr(name.find('/') + 1)).value();
        expect(lasting.size() == 2 * large && lasting[large] == most_steps,
               "an object that lasts has changed");
      }
      round = small;
    }
    expect(round > 0, "a checkpoint without objects");
  } else {
    expect(restored.error().code() == Errc::not_found, restored.error().what());
  }
  if (runtime.rank() == 0) {
    std::printf("latest %llu\n", static_cast<unsigned long long>(round));
  }
}

void put_or_resolve(std::string_view mode, const std::string& urls) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  std::istringstream all(urls);
  for (std::string url; all >> url;) {
    const Store store = runtime.store("fields", {.connector = url});
    if (mode == "put") {
      make(store, runtime.rank(), runtime.size());
    } else {
      check(runtime, store);
    }
    if (runtime.rank() == 0) {
      std::printf("%s: %d ranks, %s\n", std::string(mode).c_str(), runtime.size(), url.c_str());
    }
  }
}

void run(std::string_view mode, const std::string& path, bool incremental) {
  const Target target{path, incremental};
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  Store store = runtime.store("fields");
  if (mode == "repeat") {
    return repeat(runtime, store, target);
  }
  if (mode == "repeat_async") {
    return repeat_async(runtime, store, target);
  }
  if (mode == "warned") {
    return until_warned(runtime, store, path);
  }
  if (mode == "latest") {
    return find_latest(runtime, store, path, incremental);
  }
  if (mode == "write") {
    make(store, runtime.rank(), runtime.size());
  } else {
    const bool lazy = mode == "lazy" || mode == "relazy";
    const CheckpointReport restored = runtime.restore("fields", path, {.lazy = lazy}).value();
    expect(restored.objects == 3 * objects, "restored " + std::to_string(restored.objects) + " objects");
    if (mode != "relazy") {
      check(runtime, store);
    }
  }
  if (mode != "read" && mode != "lazy") {
    if (incremental) {
      (void)runtime.checkpoint("fields", path, target.options()).value();  // whose file the next one shares
    }
    const CheckpointReport written = runtime.checkpoint("fields", path, target.options()).value();
    expect((written.reused_bytes > 0) == incremental, "it shares another number of bytes");
    expect(written.objects == 3 * objects, "wrote " + std::to_string(written.objects) + " objects");
  }
  if (runtime.rank() == 0) {
    std::printf("%s: %d ranks on %d nodes\n", std::string(mode).c_str(), runtime.size(), runtime.nodes());
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Slurm signals one host after the other: the last ones perhaps when all ranks have saved and closed.
  (void)std::signal(SIGUSR1, SIG_IGN);
  MPI_Init(&argc, &argv);
  int status = 0;
  try {
    const bool incremental = argc == 4 && std::string_view(argv[3]) == "incremental";
    expect(argc == 3 || incremental,
           "usage: checkpoint_restart_tests write|read|rewrite|lazy|relazy|repeat|repeat_async|warned|latest "
           "PATH [incremental], or put|resolve URLS");
    if (const std::string_view mode = argv[1]; mode == "put" || mode == "resolve") {
      put_or_resolve(mode, argv[2]);
    } else {
      run(mode, argv[2], incremental);
    }
  } catch (const std::exception& error) {
    std::printf("FAILED: %s\n", error.what());
    std::fflush(stdout);  // MPI_Abort does not
    status = 1;
  }
  if (status != 0) {
    MPI_Abort(MPI_COMM_WORLD, status);
  }
  MPI_Finalize();
  return 0;
}
