// Stores of a runtime over a backend: a folder that all ranks see, and where LOCUM_TEST_BACKENDS says so,
// servers. What a backend does is tested with the backends, and in shared_backends_test.cpp.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend_registry.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/code_of.hpp"
#include "tests/mpi/environment.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/shared_urls.hpp"
#include "tests/mpi/store_opening.hpp"
#include "transport/storage/configuration.hpp"
#include "transport/storage/open.hpp"

namespace locum {
namespace {

struct alignas(128) AlignedPair {
  static constexpr std::string_view locum_type_name = "aligned_pair";
  double numbers[16] = {};
};

using job::beside_backends;
using job::code_of_opening;
using job::error_of_store;
using job::SharedFolder;
using tests::code_of;

/// The names that begin so, unless the backend lists none.
void expect_names(const Store& store, std::string_view prefix, int names) {
  const auto found = store.keys(prefix);
  if (found) {
    EXPECT_EQ(found->size(), static_cast<std::size_t>(names));
  } else {
    EXPECT_EQ(found.error().code(), Errc::unsupported) << found.error();
  }
}

void share(const std::string& url) {
  Handle kept;
  {
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store = runtime.store("kept", {.connector = url});
    const std::string mine = "rank/" + std::to_string(runtime.rank());
    ASSERT_TRUE(store.put(mine, runtime.rank()));
    MPI_Barrier(MPI_COMM_WORLD);
    for (int rank = 0; rank < runtime.size(); ++rank) {
      EXPECT_EQ(*store.get<int>("rank/" + std::to_string(rank)).value(), rank);
    }
    expect_names(store, "rank/", runtime.size());

    // A handle, and a key of a named object, travel by MPI as those of other stores.
    std::vector<double> field(1000);
    std::iota(field.begin(), field.end(), 0.0);
    Key named;
    if (runtime.rank() == 0) {
      kept = store.put_proxy(field).value().handle();
      named = store.put("field", field).value();
    }
    MPI_Bcast(&kept, sizeof kept, MPI_BYTE, 0, MPI_COMM_WORLD);
    MPI_Bcast(&named, sizeof named, MPI_BYTE, 0, MPI_COMM_WORLD);
    const auto stand_in = runtime.proxy<double[]>(kept);
    stand_in.prefetch();
    EXPECT_EQ((*stand_in)[999], 999.0);
    const auto by_key = store.get<double[]>(named).value();
    EXPECT_EQ(by_key[998], 998.0);
    const auto later = store.get_async<double[]>("field").get().value();
    EXPECT_EQ(later.size(), 1000U);

    // A store of the nodes' memory of that name is another one.
    EXPECT_EQ(code_of(runtime.store("kept").get<int>("rank/0")), Errc::not_found);
    // The same URL is the same session, and the same store.
    EXPECT_EQ(*runtime.store("kept", {.connector = url}).get<int>("rank/0").value(), 0);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  EXPECT_FALSE(locum::proxy<double[]>(kept).get()) << "the runtime has closed what it opened";
  {
    // Another job, so to speak: what is kept has outlived the runtime.
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store = runtime.store("kept", {.connector = url});
    const auto stand_in = runtime.proxy<double[]>(kept);
    EXPECT_EQ((*stand_in)[7], 7.0);
    EXPECT_EQ(*store.get<int>("rank/0").value(), 0);
    MPI_Barrier(MPI_COMM_WORLD);
    // What one evicts, no other finds.
    const std::string mine = "rank/" + std::to_string(runtime.rank());
    EXPECT_TRUE(store.evict(mine).value());
    MPI_Barrier(MPI_COMM_WORLD);
    for (int rank = 0; rank < runtime.size(); ++rank) {
      EXPECT_EQ(code_of(store.get<int>("rank/" + std::to_string(rank))), Errc::not_found);
    }
    expect_names(store, "rank/", 0);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

/// What the table of times in a report says of these calls; -1 if it does not.
int calls_in(const std::string& report, const std::string& calls) {
  const auto at = report.find("\n  " + calls + ' ');
  return at == std::string::npos ? -1 : std::stoi(report.substr(at + 3 + calls.size()));
}

// Beside those of the nodes' memory, by their path, and in the report of all ranks.
TEST(RuntimeBackends, AreCountedInTheReportsOfTheRuntime) {
  const SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const Store kept = runtime.store("kept", {.connector = "file:" + folder.path() + "?sync=0"});
  const Store fields = runtime.store("fields");
  const Metrics& counted = runtime.metrics();
  constexpr auto storage = static_cast<std::size_t>(Path::storage);
  EXPECT_EQ(counted.writes[storage].operations + counted.reads[storage].operations, 0U);
  const std::string mine = "rank/" + std::to_string(runtime.rank());
  ASSERT_TRUE(kept.put(mine, std::vector<double>(100, 1)));
  ASSERT_TRUE(kept.put_async(mine + "/later", std::vector<double>(100, 2)).get());
  ASSERT_TRUE(fields.put(mine, 3));
  EXPECT_EQ(kept.get<double[]>(mine).value()[0], 1.0);
  const std::uint64_t misses = counted.misses;
  EXPECT_EQ(code_of(kept.get<int>("nobody")), Errc::not_found);
  EXPECT_EQ(counted.misses, misses + 1);
  EXPECT_EQ(counted.writes[storage].operations, 2U);
  EXPECT_EQ(counted.writes[storage].bytes, 1600U);
  EXPECT_EQ(counted.reads[storage].operations, 1U);
  EXPECT_EQ(counted.reads[storage].bytes, 800U);
  EXPECT_EQ(counted.write_times[storage].count(), 2U);
  EXPECT_EQ(counted.read_times[storage].count(), 1U);
  EXPECT_EQ(calls_in(runtime.report(), "storage put"), 2);
  EXPECT_EQ(calls_in(runtime.report(), "storage get"), 1);
  EXPECT_EQ(calls_in(runtime.report_all(), "storage put"), 2 * runtime.size());
  EXPECT_EQ(runtime.report().find("locum: statistics"), std::string::npos) << "nothing else counts";
  runtime.close();
  EXPECT_EQ(calls_in(runtime.report(), "storage put"), 2) << "it is the last one";
}

// By each name once, whatever is over the backend.
TEST(RuntimeBackends, ShowWhatTheirStatisticsCount) {
  const SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const std::string files = "stats+file:" + folder.path() + "?sync=0";
  const Store kept = runtime.store("kept", {.connector = files + "&stats.name=mine"});
  const Store tiered = runtime.store("tiered", {.connector = "nodes+" + files});
  const Store routed = runtime.store(
      "routed", {.connector = "multi:?1.to=stats+file:" + folder.path() + "%3Fsync=0%26stats.name=route"});
  const std::string mine = "rank/" + std::to_string(runtime.rank());
  const auto stored = [](const std::string& report, const std::string& name) {
    const std::string title = "locum: statistics " + name;
    const auto at = report.find(title + '\n');
    if (at == std::string::npos) {
      ADD_FAILURE() << name << " is not in\n" << report;
      return 0;
    }
    const auto end = report.find("locum:", at + title.size());
    return std::max(calls_in(report.substr(at, end - at), "store:"), 0);  // no line: none was made
  };
  const std::string before = runtime.report();
  ASSERT_TRUE(kept.put(mine, 1));
  ASSERT_TRUE(kept.put(mine + "/more", 2));
  ASSERT_TRUE(tiered.put(mine, 3));
  ASSERT_TRUE(routed.put(mine, 4));
  const std::string after = runtime.report();
  EXPECT_EQ(stored(after, "mine") - stored(before, "mine"), 2) << before << after;
  EXPECT_EQ(stored(after, "file") - stored(before, "file"), 1) << before << after;
  EXPECT_EQ(stored(after, "route") - stored(before, "route"), 1) << "within another URL: " << before << after;
  MPI_Barrier(MPI_COMM_WORLD);
}

void wait_for_each_other(const std::string& name, const std::string& url) {
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const Store store = runtime.store(name, {.connector = url});
  const int next = (runtime.rank() + 1) % runtime.size();
  auto promise = store.promise<int>().value();
  Handle mine = promise.proxy().handle();
  Handle theirs;
  const int left = (runtime.rank() + runtime.size() - 1) % runtime.size();
  MPI_Sendrecv(&mine, sizeof mine, MPI_BYTE, next, 0, &theirs, sizeof theirs, MPI_BYTE, left, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  auto named = store.wait<int>("go/" + std::to_string(runtime.rank()), std::chrono::milliseconds(0));
  EXPECT_EQ(code_of(named), Errc::timeout);
  MPI_Barrier(MPI_COMM_WORLD);
  ASSERT_TRUE(store.put("go/" + std::to_string(next), runtime.rank()));
  EXPECT_EQ(*store.wait<int>("go/" + std::to_string(runtime.rank())).value(), left);
  ASSERT_TRUE(promise.set(100 + runtime.rank()));
  EXPECT_EQ(*runtime.proxy<int>(theirs).get().value(), 100 + left);
  MPI_Barrier(MPI_COMM_WORLD);
}

/// By futures, and by stand-ins that are fetched ahead: also for what another program has put before.
void wait_ahead(const std::string& name, const std::string& backend, const std::string& before) {
  const auto name_of = [](const char* kind, int rank) { return kind + std::to_string(rank); };
  {
    const Store other = open(job::with_option(backend, "store=" + name)).value();
    ASSERT_TRUE(other.put(name_of("kept/", job::rank()), job::rank()));
  }
  MPI_Barrier(MPI_COMM_WORLD);
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const Store store = runtime.store(name, {.connector = before + backend});
  const int next = (runtime.rank() + 1) % runtime.size();
  const int left = (runtime.rank() + runtime.size() - 1) % runtime.size();
  auto promise = store.promise<int>().value();
  Handle mine = promise.proxy().handle();
  Handle theirs;
  MPI_Sendrecv(&mine, sizeof mine, MPI_BYTE, next, 0, &theirs, sizeof theirs, MPI_BYTE, left, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  const auto stand_in = runtime.proxy<int>(theirs);
  stand_in.prefetch();
  std::vector<Future<int>> kept;
  std::vector<Future<int>> put;
  for (int rank = 0; rank < runtime.size(); ++rank) {
    kept.push_back(store.wait_async<int>(name_of("kept/", rank)));
    put.push_back(store.wait_async<int>(name_of("put/", rank)));
  }
  EXPECT_EQ(code_of(store.wait_async<int>("never", std::chrono::milliseconds(50)).get()), Errc::timeout);
  EXPECT_FALSE(stand_in.ready());
  MPI_Barrier(MPI_COMM_WORLD);
  ASSERT_TRUE(store.put(name_of("put/", next), next));
  ASSERT_TRUE(promise.set(100 + runtime.rank()));
  for (int rank = 0; rank < runtime.size(); ++rank) {
    EXPECT_EQ(*kept[static_cast<std::size_t>(rank)].get().value(), rank);
    EXPECT_EQ(*put[static_cast<std::size_t>(rank)].get().value(), rank);
  }
  EXPECT_EQ(*stand_in.get().value(), 100 + left);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, AreSharedByAllRanks) {
  const SharedFolder folder;
  for (const std::string& url : job::shared_urls(folder.path())) {
    SCOPED_TRACE(url);
    share(url);
  }
}

TEST(RuntimeBackends, WaitForWhatAnotherRankPuts) {
  const SharedFolder folder;
  for (const std::string& url : job::shared_urls(folder.path())) {
    SCOPED_TRACE(url);
    wait_for_each_other("awaited", url);
    if (job::is_durable(url)) {
      SCOPED_TRACE("nodes+");
      wait_for_each_other("awaited_by_nodes", "nodes+" + url);
    }
  }
}

TEST(RuntimeBackends, WaitAheadForWhatThereIsAndWhatAnotherRankPuts) {
  const SharedFolder folder;
  for (const std::string& url : job::shared_urls(folder.path())) {
    SCOPED_TRACE(url);
    wait_ahead("ahead", url, "");
    if (job::is_durable(url)) {
      SCOPED_TRACE("nodes+");
      wait_ahead("ahead_by_nodes", url, "nodes+");
    }
  }
}

void keep(const std::string& backend) {
  const std::string url = "nodes+" + backend;
  const auto name_of = [](int rank) { return "rank/" + std::to_string(rank); };
  {
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store = runtime.store("fields", {.memory_bytes = 16_MiB, .connector = url});
    ASSERT_TRUE(store.put(name_of(runtime.rank()), std::vector<double>(1000, runtime.rank())));
    const int won = store.put("contested", runtime.rank()) ? 1 : 0;
    int winners = 0;
    MPI_Allreduce(&won, &winners, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    EXPECT_EQ(winners, 1);
    for (int rank = 0; rank < runtime.size(); ++rank) {
      const auto theirs = store.get<double[]>(name_of(rank)).value();
      EXPECT_EQ(theirs[999], rank);
      EXPECT_NE(theirs.path(), Path::storage);
      if (job::same_node(rank)) {
        EXPECT_EQ(theirs.path(), Path::shm_view);
      }
    }
    ASSERT_TRUE(store.replace("clock", runtime.rank()));
    MPI_Barrier(MPI_COMM_WORLD);
    const int clock = *store.get<int>("clock").value();
    EXPECT_EQ(job::from(0, clock), clock);
    const Store kept = locum::open(job::with_option(backend, "store=fields")).value();
    EXPECT_EQ(*kept.get<int>("clock").value(), clock) << "memory and the backend agree on who was the last";
    EXPECT_TRUE(kept.exists(name_of(0)).value());

    Handle unnamed;
    if (runtime.rank() == job::last()) {
      unnamed = store.put_proxy(std::vector<double>(10, 7)).value().handle();
    }
    unnamed = job::from(job::last(), unnamed);
    const auto seven = runtime.proxy<double[]>(unnamed);
    EXPECT_EQ((*seven)[9], 7.0);
    EXPECT_EQ(code_of(runtime.store("fields").get<int>("clock")), Errc::not_found) << "it is another store";
    MPI_Barrier(MPI_COMM_WORLD);
    if (runtime.rank() == 0) {
      EXPECT_TRUE(store.evict("contested").value());
    }
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_EQ(code_of(store.get<int>("contested")), Errc::not_found);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  {
    // Written back: what is flushed is there, and the rest when the runtime is closed.
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    const Store store =
        runtime.store("back", {.connector = job::with_option(url, "nodes.write=back&nodes.unwritten=1MiB")});
    EXPECT_EQ(code_of(store.put("apart", AlignedPair{})), Errc::unsupported) << "nothing is left for later";
    for (int number = 0; number < 20; ++number) {
      ASSERT_TRUE(store.put(name_of(runtime.rank()) + '/' + std::to_string(number),
                            std::vector<double>(1000, number)));
    }
    ASSERT_TRUE(runtime.flush());
    const Store kept = locum::open(job::with_option(backend, "store=back")).value();
    EXPECT_EQ(kept.get<double[]>(name_of(runtime.rank()) + "/19").value()[7], 19.0);
    ASSERT_TRUE(store.put("last/" + std::to_string(runtime.rank()), 17));
    runtime.close();
    EXPECT_EQ(*kept.get<int>("last/" + std::to_string(job::rank())).value(), 17);
    EXPECT_EQ(code_of(runtime.flush()), Errc::closed);
  }
  // The next job.
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const Store store = runtime.store("fields", {.connector = job::with_option(url, "nodes.write=none")});
  EXPECT_EQ(store.keys("rank/").value().size(), static_cast<std::size_t>(runtime.size()));
  for (int rank = 0; rank < runtime.size(); ++rank) {  // all miss the same at once
    const auto theirs = store.get<double[]>(name_of(rank)).value();
    EXPECT_EQ(theirs[999], rank);
    EXPECT_NE(theirs.path(), Path::storage);
  }
  EXPECT_EQ(store.get_async<double[]>(name_of(0)).get().value().size(), 1000U);
  EXPECT_EQ(code_of(store.put("more", 1)), Errc::unsupported);
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, KeepWhatIsInTheMemoryOfTheNodes) {
  const SharedFolder folder;
  for (const std::string& url : job::shared_urls(folder.path())) {
    SCOPED_TRACE(url);
    if (job::is_durable(url)) {
      keep(url);
      continue;
    }
    Runtime runtime(MPI_COMM_WORLD, beside_backends);
    EXPECT_EQ(code_of_opening(runtime, {.connector = "nodes+" + url}), Errc::unsupported);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "fields/rank%2f0"));
}

// Each rank puts in its turn, at the expense of what the others have put before.
TEST(RuntimeBackends, LeaveMemoryThatIsFull) {
  constexpr int objects = 24;
  constexpr std::size_t elements = std::size_t{1} << 15U;  // 256 KiB
  if (job::size() > 3) {
    GTEST_SKIP() << "fewer ranks show the same";
  }
  const SharedFolder folder;
  for (const std::string write : {"through", "back"}) {
    SCOPED_TRACE(write);
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 5_MiB});
    const Store store = runtime.store(
        write,
        {.connector = "nodes+file:" + folder.path() + "?sync=0&nodes.unwritten=1MiB&nodes.write=" + write});
    const auto name_of = [](int rank, int number) {
      return std::to_string(rank) + "/" + std::to_string(number);
    };
    int in_place = 0;
    for (int turn = 0; turn < runtime.size(); ++turn) {
      for (int number = 0; turn == runtime.rank() && number < objects; ++number) {
        const auto put =
            store.put(name_of(turn, number), std::vector<double>(elements, turn * objects + number));
        ASSERT_TRUE(put) << put.error();
        const auto view = store.get<double[]>(name_of(turn, number)).value();
        EXPECT_EQ(view[elements - 1], turn * objects + number);
        in_place += view.path() == Path::storage ? 0 : 1;
      }
      MPI_Barrier(MPI_COMM_WORLD);
    }
    int in_place_of_all = 0;
    MPI_Allreduce(&in_place, &in_place_of_all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    EXPECT_GE(in_place_of_all, objects) << "of the first rank at least";
    for (int number = 0; number < objects; ++number) {  // all at once, the same
      for (int rank = 0; rank < runtime.size(); ++rank) {
        const auto view = store.get<double[]>(name_of(rank, number));
        ASSERT_TRUE(view) << view.error();
        EXPECT_EQ((*view)[0], rank * objects + number);
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST(RuntimeBackends, SayWhatIsWrong) {
  const SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, beside_backends);
  const auto code = [&](const StoreOptions& options) { return code_of_opening(runtime, options); };
  EXPECT_EQ(code({.connector = "tape:reel"}), Errc::unsupported);
  EXPECT_EQ(code({.connector = "nothing"}), Errc::invalid_argument);
  EXPECT_EQ(code({.memory_bytes = 1 << 20, .connector = "simple:"}), Errc::unsupported)
      << "there are no budgets";
  EXPECT_EQ(code({.connector = "checksum+nodes+simple:"}), Errc::invalid_argument);
  EXPECT_EQ(code({.connector = "nodes+simple:?nodes.write=sometimes"}), Errc::invalid_argument);
  EXPECT_EQ(code({.connector = "nodes+simple:?nodes.colour=red"}), Errc::invalid_argument);
  EXPECT_EQ(code({.connector = "nodes+simple:?nodes.write=back&nodes.unwritten=much"}),
            Errc::invalid_argument);
  EXPECT_EQ(code({.connector = "nodes+simple:"}), Errc::unsupported)
      << "it does not keep what memory has no room for";
  EXPECT_EQ(code({.connector = "nodes+default+file:" + folder.path() + "?default.name=usual"}),
            Errc::unsupported)
      << "it would come to memory under another name";
  EXPECT_EQ(code_of(locum::open("nodes+simple:")), Errc::unsupported);
  EXPECT_EQ(code_of(open_session("simple:").value().open("kept", {.connector = "simple:"})),
            Errc::invalid_argument);
  MPI_Barrier(MPI_COMM_WORLD);
}

/// Opens a runtime with these options; the error.
std::optional<Error> error_of_opening(const RuntimeOptions& options) {
  try {
    const Runtime runtime(MPI_COMM_WORLD, options);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Rank 0 writes the file that says what stores are opened with. Collective.
std::string stores_file(const SharedFolder& folder, const std::string& text) {
  const std::string path = folder / "stores.toml";
  if (job::rank() == 0) {
    std::ofstream(path) << text;
  }
  job::barrier();
  return path;
}

/// Whether this build reads such a file; if not, whether the error says what is missing.
bool reads_tables(const std::string& path) {
  const auto read = read_configuration(path);
  if (!read) {
    EXPECT_EQ(read.error().code(), Errc::unsupported) << read.error();
    EXPECT_NE(read.error().text().find("LOCUM_WITH_TOML=ON"), std::string::npos) << read.error();
    EXPECT_NE(read.error().text().find("libtomlplusplus-dev"), std::string::npos) << read.error();
  }
  return read.has_value();
}

TEST(RuntimeBackends, LiveWhereAFileSays) {
  const SharedFolder folder;
  const std::string path =
      stores_file(folder, "[stores.kept]\nconnector = 'file:" + folder.path() +
                              "/kept?sync=0'\nchecksum = true\n"
                              "[stores.fields]\ntimeout = '7 s'\n"
                              "[stores.both]\nconnector = 'nodes+file:" +
                              folder.path() +
                              "/kept?sync=0'\n"
                              "[stores.remote]\nconnector = 'redis://127.0.0.1:1/0?password=env:"
                              "LOCUM_TEST_PLANTED'\n");
  if (!reads_tables(path)) {
    return;
  }
  const Environment stores("LOCUM_STORES", path.c_str());
  const Environment planted("LOCUM_TEST_PLANTED", "hunter2");
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .name = "configured"});
  EXPECT_EQ(runtime.options().stores, path);
  EXPECT_EQ(runtime.store("fields").options().timeout, std::chrono::seconds(7));
  EXPECT_EQ(runtime.store("other").options(), StoreOptions());
  const Store kept = runtime.store("kept");
  EXPECT_TRUE(kept.options().checksum);
  ASSERT_TRUE(kept.put("rank" + std::to_string(runtime.rank()), runtime.rank()));
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_TRUE(std::filesystem::exists(folder / "kept/kept/rank0"));
  EXPECT_EQ(*find_store("kept", "configured").value().get<int>("rank0").value(), 0);
  EXPECT_EQ(*runtime.store("kept").get<int>("rank0").value(), 0);
  EXPECT_EQ(*runtime.store("kept", {.needs = {.is_durable = true}}).get<int>("rank0").value(), 0)
      << "needs alone are no reason to leave the table";
  const auto refused = error_of_store(runtime, {.needs = {.pushes = true}}, "kept");
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->text().find("file: does not wake who waits"), std::string::npos) << *refused;
  MPI_Barrier(MPI_COMM_WORLD);

  // What is for the nodes' memory alone does not go there silently.
  EXPECT_EQ(code_of(runtime.checkpoint("kept", folder / "kept.h5")), Errc::unsupported);
  EXPECT_EQ(code_of(runtime.restore("kept", folder / "kept.h5")), Errc::unsupported);
  runtime.drop("kept");
  EXPECT_FALSE(std::filesystem::exists(folder / "kept/kept/rank0"));
  EXPECT_EQ(code_of(kept.get<int>("rank0")), Errc::closed);
  EXPECT_EQ(code_of(runtime.store("kept").get<int>("rank0")), Errc::not_found);
  const Store both = runtime.store("both");
  ASSERT_TRUE(both.put("rank" + std::to_string(runtime.rank()), runtime.rank()));
  MPI_Barrier(MPI_COMM_WORLD);
  EXPECT_TRUE(std::filesystem::exists(folder / "kept/both/rank0"));
  runtime.drop("both");
  EXPECT_FALSE(std::filesystem::exists(folder / "kept/both/rank0"));
  EXPECT_EQ(code_of(both.get<int>("rank0")), Errc::closed);
  EXPECT_EQ(code_of(runtime.store("both").get<int>("rank0")), Errc::not_found);

  std::string said = runtime.report() + runtime.report_all() + runtime.describe();
  try {
    (void)runtime.store("remote");
    ADD_FAILURE() << "there is no server";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::peer_lost);
    said += error.what();
  }
  EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(RuntimeBackends, SayWhereTheFileIsWrongOnAllRanks) {
  const SharedFolder folder;
  const std::string path = stores_file(folder, "[stores.a]\nconnector = 'redis://me:hunter2@host'\n");
  const auto error = error_of_opening({.memory_bytes = 64_MiB, .stores = path});
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()).find("hunter2"), std::string::npos) << *error;
  if (error->code() != Errc::unsupported) {  // by a build without the parser
    EXPECT_EQ(error->code(), Errc::invalid_argument);
    EXPECT_NE(error->text().find("stores.toml:2: "), std::string::npos) << *error;
    EXPECT_EQ(error->rank(), 0);
  }
  const std::string mine = "stores." + std::to_string(job::rank());
  const auto differing = error_of_opening({.memory_bytes = 64_MiB, .stores = mine});
  ASSERT_TRUE(differing);
  EXPECT_EQ(differing->code(), job::size() == 1 ? Errc::not_found : Errc::options_differ);
}

}  // namespace
}  // namespace locum
