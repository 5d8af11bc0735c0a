// One rank dies by SIGKILL, under a launcher that lets the others continue; they do. dead_rank.sh runs it
// once for each LOCUM_TEST_DEATH:
//
//   computing   the rank has sealed its objects, and does not use the store
//   pinning     it has a view of an object that another one evicts
//   creating    it has memory that is not sealed
//   collective  the others already wait for it in a collective call
//   closing     the others already wait for it in close()
//   promising   it has made a promise, for which the others wait, in a thread and without one
//   loading     it loads a file for all, for which the others wait
//   released    it has met the others in close() and left the node, but not told them that it has closed
//   point       it puts, replaces, reads and evicts, until it reaches the kill point LOCUM_TEST_POINT
//
// With LOCUM_TEST_END=destructor the destructor closes. Survivors end by _Exit: MPI_Finalize of Open MPI 4
// waits for ever in some of these jobs, with or without this library.
#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "mpi/runtime/runtime.hpp"
#include "shm/segment/kill_point.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"
#include "transport/storage/files/files.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using locum::tests::expect;
using locum::tests::failures;
using locum::tests::rank_of_this;
using locum::tests::setting;

constexpr int victim = 1;
constexpr std::uint64_t memory_bytes = std::uint64_t{64} << 20U;
constexpr std::size_t large = (std::size_t{40} << 20U) / sizeof(double);  // of these the memory holds one
constexpr auto promised = 200ms;
// For a machine that does ten times as much beside it: who does not learn of the death waits for 10 s or
// more.
constexpr auto slack = 5'000ms;

// Polls a condition without a notification, every few milliseconds.
template <class Condition>
bool comes_true(Condition condition, Clock::duration patience) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto until = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= until) {
      return false;
    }
    never.wait_for(lock, 2ms);
  }
  return true;
}

int milliseconds_since(Clock::time_point start) {
  return static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
}

[[noreturn]] void die() {
  std::raise(SIGKILL);
  std::abort();
}

std::atomic<const char*> deadly_point = nullptr;  // threads of the library read it

// Until it reaches the kill point: long before all is done.
void work_until_death(locum::Store& store) {
  static const std::string point = setting("LOCUM_TEST_POINT");
  deadly_point = point.c_str();
  for (int round = 0; round < 1'000; ++round) {
    const std::string name = "busy/" + std::to_string(round % 7);
    const std::vector<double> values(static_cast<std::size_t>(1 + (round * 977) % 20'000), round);
    (void)store.put(name, values);
    (void)store.replace(name, values);
    (void)store.get<double[]>(name);
    if (round % 3 == 0) {
      (void)store.evict(name);
    }
  }
  expect(false, "it never came to the point '" + point + "'");
}

// What all ranks do up to the death.
void prepare(locum::Store& store, const std::string& death) {
  store.put("own/" + std::to_string(rank_of_this), rank_of_this * 10).value();
  if (death == "pinning" && rank_of_this == 0) {
    store.put("looked at", std::vector<double>(large, 1.0)).value();
  }
  if (death == "computing" && rank_of_this == victim) {
    store.put("short-lived", 1, {.lifetime = 1ms}).value();
    store.put("long-lived", 1, {.lifetime = 1h}).value();
  }
  MPI_Barrier(MPI_COMM_WORLD);
  std::optional<locum::View<double[]>> view;
  std::optional<locum::Writer<double>> writer;
  if (rank_of_this == victim && death == "pinning") {
    view.emplace(store.get<double[]>("looked at").value());
  }
  if (rank_of_this == victim && death == "creating") {
    writer.emplace(store.create<double>({large}).value());
  }
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank_of_this == victim) {
    if (death == "point") {
      work_until_death(store);
    }
    if (death == "collective" || death == "closing") {
      (void)store.wait<int>("they wait for me", 10s);
    }
    die();
  }
}

void expect_lost_call(locum::Runtime& runtime) {
  const auto start = Clock::now();
  try {
    runtime.drop("no such store");
    expect(false, "a collective call succeeded without a rank");
  } catch (const locum::Error& error) {
    expect(error.code() == locum::Errc::peer_lost && error.rank() == victim &&
               error.text().find("lost rank 1 ") != std::string::npos,
           std::string("error of the collective call: ") + error.what());
  }
  expect(Clock::now() - start < promised + slack,
         "a collective call took " + std::to_string(milliseconds_since(start)) + " ms");
}

// Before the death of the promise's maker, and after.
void wait_for_what_was_promised(locum::Runtime& runtime, locum::Store& store) {
  locum::Handle handle;
  std::optional<locum::Promise<double[]>> promise;
  if (rank_of_this == victim) {
    promise = store.promise<double[]>().value();
    handle = promise->proxy().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, victim, MPI_COMM_WORLD);
  if (rank_of_this == victim) {
    int ranks = 0;
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    for (int rank = 0; rank < ranks; ++rank) {  // each of the others, also one that the system lets wait
      if (rank != victim) {
        (void)store.wait<int>("waits for me: " + std::to_string(rank), 60s);
      }
    }
    die();
  }
  const bool apart = setting("LOCUM_RANKS_PER_NODE") != "3";
  const auto bound = (apart ? 2s + 2s / 5 : promised + locum::look_interval) + slack;
  const auto future = runtime.proxy<double[]>(handle).get_async(60s);
  std::thread thread([&] {
    const auto got = runtime.proxy<double[]>(handle).get(60s);
    expect(!got && got.error().code() == locum::Errc::peer_lost,
           "a waiting thread did not learn of the death");
  });
  expect(!future.ready(), "a promise that was never set is ready");
  (void)store.put("waits for me: " + std::to_string(rank_of_this), rank_of_this);
  const auto start = Clock::now();
  thread.join();
  const auto late = runtime.proxy<double[]>(handle).get(60s);
  const auto got = future.get(60s);
  expect(!got && got.error().code() == locum::Errc::peer_lost, "a future did not fail with the death");
  expect(!late && late.error().code() == locum::Errc::peer_lost, "a late wait did not learn of the death");
  expect(Clock::now() - start < bound,
         "that it will not be set took " + std::to_string(milliseconds_since(start)) + " ms");
  std::printf("rank %d noticed: not set, after %d ms\n", rank_of_this, milliseconds_since(start));
}

[[noreturn]] void end_here() {
  if (failures == 0) {
    std::printf("rank %d survived\n", rank_of_this);
  }
  std::fflush(stdout);
  std::_Exit(failures);
}

void expect_told(const locum::Result<locum::View<int>>& by_the_other) {
  expect(by_the_other.has_value(),
         "the other survivor did not tell: " +
             (by_the_other ? std::string() : std::string(by_the_other.error().what())));
}

void go_on(locum::Runtime& runtime, locum::Store& store, const std::string& death) {
  const auto start = Clock::now();
  expect(comes_true([&] { return runtime.lost_ranks() == std::vector<int>{victim}; }, promised + slack),
         "the death was not noticed");
  std::printf("rank %d noticed after %d ms\n", rank_of_this, milliseconds_since(start));

  const auto sealed = store.get<int>("own/1");
  expect(sealed && **sealed == 10, "what the dead rank had sealed cannot be read");
  const auto mine = "again/" + std::to_string(rank_of_this);
  expect(
      store.put(mine, 5).has_value() && store.get<int>(mine).has_value() && store.evict(mine).value_or(false),
      "a survivor cannot put, get and evict");
  if (rank_of_this == 0) {
    expect_told(store.wait<int>("rank 2 has read", 60s));
    expect(store.replace("own/1", 11).has_value(), "the dead rank's name cannot be replaced");
    if (death == "pinning") {
      expect(store.evict("looked at").value_or(false),
             "an object that the dead rank looked at cannot be evicted");
    }
    // Only if the memory that the dead rank had pinned, or never sealed, is free.
    expect(comes_true([&] { return store.put("large", std::vector<double>(large, 2.0)).has_value(); }, 5s),
           "the memory did not come back");
    expect(store.put("all there", 1).has_value(), "cannot tell the other survivor");
  } else {
    expect(store.put("rank 2 has read", 1).has_value(), "cannot tell the other survivor");
    expect_told(store.wait<int>("all there", 60s));
  }
  const auto replaced = store.get<int>("own/1");
  expect(replaced && **replaced == 11, "a survivor does not see what the other one replaced");
  if (death == "computing") {
    // Ten times as long as the adopter may take.
    expect(comes_true([&] { return !store.exists("short-lived").value_or(true); }, 20s),
           "what the dead rank had put never expires");
    const auto info = store.info("long-lived");
    expect(info && info->expires_at.has_value(), "another object of the dead rank does not expire");
  }
  // Adoptions are known a little later than losses.
  const bool told = comes_true(
      [&] { return runtime.report().find("locum: lost: rank 1 (adopted by rank ") != std::string::npos; },
      5s);
  expect(told, "the report does not contain the loss: " + runtime.report());
}

/// A format of text; the victim dies while it loads one.
class DeadlyFormat final : public locum::Format {
 public:
  [[nodiscard]] const locum::FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] locum::Result<locum::Record> load(locum::FileBytes& file, const locum::Record&,
                                                  const locum::MakeArray& make) const override {
    if (rank_of_this == victim) {
      MPI_Barrier(MPI_COMM_WORLD);
      (void)shared->wait<int>("they wait for me", 10s);
      die();
    }
    auto draft = make(locum::ElementType::of<std::uint8_t>(), {file.size_bytes()});
    auto read = draft ? file.read(0, draft->bytes()) : locum::Result<void>(draft.error());
    return read ? locum::Result<locum::Record>(std::move(*draft).finish()) : read.error();
  }
  [[nodiscard]] locum::Result<void> save(const locum::Record& value, locum::FileDraft& file,
                                         const locum::Record&) const override {
    return file.write(std::as_bytes(std::span(value.text())));
  }
  [[nodiscard]] locum::Result<locum::Record> info(locum::FileBytes&, const locum::Record&) const override {
    return locum::Record();
  }

  static inline const locum::Store* shared = nullptr;

 private:
  static constexpr std::string_view ending = ".deadly";
  const locum::FormatTraits traits_{
      .name = "deadly", .endings = {&ending, 1}, .holds = "a text", .options = {}};
};

void load_what_a_dead_rank_was_loading(locum::Runtime& runtime, locum::Store& store) {
  DeadlyFormat::shared = &store;
  locum::register_format(std::make_shared<const DeadlyFormat>());
  const std::string path = "loaded_" + std::to_string(::getppid()) + ".deadly";
  const locum::Files files =
      runtime.files("file://" + std::filesystem::temp_directory_path().string() + "?sync=0");
  if (rank_of_this == 0) {
    files.save(path, "as ever").value();
  }
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank_of_this == victim) {
    (void)files.load(path);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  (void)store.put("they wait for me", rank_of_this);
  const auto start = Clock::now();
  const auto loaded = files.load(path, {.deadline = 60s});
  expect(loaded && loaded->array().size() == 7, "no survivor has loaded the file");
  expect(Clock::now() - start < promised + locum::look_interval + slack,
         "that the loader has died took " + std::to_string(milliseconds_since(start)) + " ms");
  if (rank_of_this == 0) {
    expect_told(store.wait<int>("rank 2 has loaded", 60s));
    expect(files.remove(path).value_or(false), "the file is not there any more");
  } else {
    expect(store.put("rank 2 has loaded", 1).has_value(), "cannot tell the other survivor");
  }
}

}  // namespace

void locum::shm::reach(const KillPoint& point) noexcept {
  const char* const deadly = deadly_point;
  if (deadly != nullptr && std::strcmp(point.name, deadly) == 0) {
    die();
  }
}

int main(int argc, char** argv) {
  const std::string death = setting("LOCUM_TEST_DEATH");
  const std::string end = setting("LOCUM_TEST_END");
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory_bytes});
    std::optional<locum::Store> opened = runtime.store("shared");
    locum::Store& store = *opened;
    MPI_Barrier(MPI_COMM_WORLD);  // the name of the store may have its home at the victim
    if (death == "promising") {
      store.put("own/" + std::to_string(rank_of_this), rank_of_this * 10).value();
      MPI_Barrier(MPI_COMM_WORLD);  // so may these names
      wait_for_what_was_promised(runtime, store);
      if (setting("LOCUM_RANKS_PER_NODE") != "3") {
        end_here();  // with the rank's node its objects are gone
      }
    } else if (death == "loading") {
      store.put("own/" + std::to_string(rank_of_this), rank_of_this * 10).value();
      MPI_Barrier(MPI_COMM_WORLD);
      load_what_a_dead_rank_was_loading(runtime, store);
    } else if (death != "released") {
      prepare(store, death);
    }
    if (death == "collective" || death == "closing") {
      (void)store.put("they wait for me", rank_of_this);
    }
    if (death == "collective") {
      expect_lost_call(runtime);
    }
    if (death != "closing" && death != "released") {
      go_on(runtime, store, death);
      expect_lost_call(runtime);
    }
    if (end != "destructor") {
      if (death == "released") {
        opened.reset();  // a rank takes part as long as it has a store
        deadly_point = rank_of_this == victim ? "close: life is free" : nullptr;
      }
      const auto start = Clock::now();
      try {
        runtime.close();
      } catch (const locum::Error& error) {
        expect(false, std::string("close() threw ") + error.what());
      }
      expect(rank_of_this != victim, "it never came to the point at which it was to die");
      // The end of a rank that has already left is only noticed by its process, or because it does not reply
      // to probes: otherwise the others would wait for it ten seconds.
      expect(Clock::now() - start < (death == "released" ? 5s : promised + slack),
             "closing took " + std::to_string(milliseconds_since(start)) + " ms");
      std::printf("rank %d noticed: closed in %d ms\n", rank_of_this, milliseconds_since(start));
      expect(death == "released" || runtime.lost_ranks() == std::vector<int>{victim},
             "the loss is forgotten");
    }
  }
  end_here();
}
