// Opening and closing a runtime, and the errors if it cannot be opened.
#include "mpi/runtime/runtime.hpp"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/open_sessions.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/environment.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions small{.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 20s};

Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no exception";
  return Error(Errc::system, "nothing was thrown");
}

Error refusal(const RuntimeOptions& options, MPI_Comm communicator = MPI_COMM_WORLD) {
  return error_of([&] { const Runtime runtime(communicator, options); });
}

TEST(Runtime, KnowsItsCommunicator) {
  const Runtime runtime(MPI_COMM_WORLD, small);
  EXPECT_EQ(runtime.rank(), job::rank());
  EXPECT_EQ(runtime.size(), job::size());
  EXPECT_EQ(runtime.options(), with_environment(small).value());
  EXPECT_NE(runtime.incarnation(), 0U);
  EXPECT_EQ(runtime.incarnation(), job::from(0, runtime.incarnation()));
}

TEST(Runtime, WarnsOfALauncherThatDoesNotFit) {
  if (job::size() > 1) {
    GTEST_SKIP() << "needs a world of one rank";
  }
  const Environment variable("PMI_SIZE", "4");
  testing::internal::CaptureStderr();
  { const Runtime runtime(MPI_COMM_WORLD, small); }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("PMI_SIZE=4"), std::string::npos) << said;
}

TEST(Runtime, LeavesTheCommunicatorAlone) {
  MPI_Comm mine = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &mine);
  MPI_Comm_set_errhandler(mine, MPI_ERRORS_ARE_FATAL);
  const int next = (job::rank() + 1) % job::size();
  int received = -1;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(&received, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, mine, &request);
  {
    // The receive from any source must not get a message of the runtime.
    Runtime runtime(mine, small);
    runtime.drop("nothing");
    int done = 1;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    EXPECT_EQ(done, 0);
  }
  const int sent = 4711;
  MPI_Send(&sent, 1, MPI_INT, next, 0, mine);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  EXPECT_EQ(received, 4711);
  MPI_Errhandler handler = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(mine, &handler);
  EXPECT_EQ(handler, MPI_ERRORS_ARE_FATAL);
  MPI_Errhandler_free(&handler);
  MPI_Comm_free(&mine);
}

TEST(Runtime, TakesTheEnvironmentBeforeTheProgram) {
  const Environment variable("LOCUM_MEMORY_BYTES", "48M");
  const Runtime runtime(MPI_COMM_WORLD, small);
  EXPECT_EQ(runtime.options().memory_bytes, 48_MiB);
}

TEST(Runtime, TellsAllRanksThatOneOfThemHasOtherOptions) {
  if (job::size() == 1) {
    GTEST_SKIP() << "one rank agrees with itself";
  }
  for (int other = 0; other < job::size(); ++other) {
    RuntimeOptions options = small;
    options.memory_bytes = job::rank() == other ? 32_MiB : 64_MiB;
    const Error error = refusal(options);
    EXPECT_EQ(error.code(), Errc::options_differ);
    EXPECT_EQ(error.rank(), other == 0 ? 1 : other);
    EXPECT_NE(error.text().find("memory_bytes"), std::string::npos) << error.what();
    EXPECT_EQ(error.text().find("timeout"), std::string::npos) << "names only what differs: " << error.what();
    EXPECT_TRUE(job::same_everywhere(error.what())) << error.what();
  }
}

TEST(Runtime, TakesTheOptionsOfTheOthers) {
  if (job::size() == 1) {
    GTEST_SKIP() << "there are no others";
  }
  const std::string name = "options of the others, a name that no small string holds";
  for (int giver = 0; giver < job::size(); ++giver) {
    RuntimeOptions given = small;
    given.memory_bytes = 48_MiB;
    given.timeout = 7s;
    given.one_sided = OneSided::automatic;
    given.name = name;
    const bool gives = job::rank() == giver;
    std::optional<Environment> variable;
    if (!gives) {
      variable.emplace("LOCUM_MEMORY_BYTES", "32M");  // of no effect
    }
    const Runtime runtime(MPI_COMM_WORLD, gives ? given : RuntimeOptions{.as_others = true});
    EXPECT_EQ(runtime.options().name, name);
    EXPECT_EQ(runtime.options().timeout, 7s);
    EXPECT_FALSE(runtime.options().as_others);
    EXPECT_TRUE(job::same_everywhere(to_string(runtime.options())));
    const Store fields = runtime.store("fields");
    if (gives) {
      (void)fields.put("there", 1).value();
    }
    EXPECT_EQ(**fields.wait<int>("there"), 1);
    job::barrier();
  }
}

TEST(Runtime, TellsAllRanksThatNobodyGivesOptions) {
  const Error error = refusal({.as_others = true});
  EXPECT_EQ(error.code(), Errc::invalid_argument);
  EXPECT_NE(error.text().find("as_others"), std::string::npos) << error.what();
  EXPECT_TRUE(job::same_everywhere(error.what())) << error.what();
}

TEST(Runtime, ComparesTheOptionsOfThoseThatGiveThem) {
  if (job::size() < 3) {
    GTEST_SKIP() << "needs two ranks that give their options, and one that does not";
  }
  RuntimeOptions options = small;
  options.memory_bytes = job::rank() == 1 ? 32_MiB : 64_MiB;
  const Error error = refusal(job::rank() == 0 ? RuntimeOptions{.as_others = true} : options);
  EXPECT_EQ(error.code(), Errc::options_differ);
  EXPECT_NE(error.text().find("memory_bytes"), std::string::npos) << error.what();
  EXPECT_TRUE(job::same_everywhere(error.what())) << error.what();
}

TEST(Runtime, TellsAllRanksThatOneEnvironmentIsWrong) {
  std::optional<Environment> variable;
  if (job::rank() == job::last()) {
    variable.emplace("LOCUM_TIMEOUT_MS", "soon");
  }
  const Error error = refusal(small);
  EXPECT_EQ(error.code(), Errc::invalid_argument);
  EXPECT_EQ(error.rank(), job::last());
  EXPECT_NE(error.text().find("LOCUM_TIMEOUT_MS"), std::string::npos) << error.what();
  EXPECT_TRUE(job::same_everywhere(error.what())) << error.what();
}

/// During its lifetime this process can open no descriptor.
class NoDescriptorLeft {
 public:
  NoDescriptorLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    for (const auto& open : std::filesystem::directory_iterator("/proc/self/fd")) {
      last_ = std::max(last_, std::stoi(open.path().filename()));
    }
    few.rlim_cur = static_cast<rlim_t>(last_) + 1;
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int filler = ::dup(STDOUT_FILENO); filler >= 0; filler = ::dup(STDOUT_FILENO)) {
      fillers_.push_back(filler);
    }
  }
  NoDescriptorLeft(const NoDescriptorLeft&) = delete;
  NoDescriptorLeft& operator=(const NoDescriptorLeft&) = delete;
  ~NoDescriptorLeft() {
    std::ranges::for_each(fillers_, ::close);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  int last_ = 0;
  std::vector<int> fillers_;
};

TEST(Runtime, TellsAllRanksWhichOneCouldNotOpenItsNodesMemory) {
  if (tests::sanitized) {
    GTEST_SKIP() << "UndefinedBehaviorSanitizer checks types with a pipe, and here none can be opened";
  }
  { const Runtime connected(MPI_COMM_WORLD, small); }  // opens what MPI opens at first use
  RuntimeOptions options = small;
  options.timeout = 2s;
  std::optional<NoDescriptorLeft> poor;
  if (job::rank() == job::last()) {
    poor.emplace();
  }
  const Error error = refusal(options);
  poor.reset();
  EXPECT_EQ(error.rank(), job::last());
  EXPECT_TRUE(job::same_everywhere(error.what())) << error.what();
}

TEST(Runtime, SpansNodes) {
  const Environment variable("LOCUM_RANKS_PER_NODE", "1");
  Runtime runtime(MPI_COMM_WORLD, small);
  int level = MPI_THREAD_SINGLE;
  MPI_Query_thread(&level);
  if (level < MPI_THREAD_MULTIPLE && runtime.describe().find("between nodes: mpi") != std::string::npos) {
    GTEST_SKIP() << "ranks that wait in a barrier serve nobody: only_in_calls_test.cpp has what works";
  }
  Store store = runtime.store("s");
  const std::string name = "of rank " + std::to_string(job::rank());
  const Key key = store.put(name, job::rank()).value();
  const std::vector<Key> keys = job::everybodys(key);
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ(*store.get<int>(keys[static_cast<std::size_t>(rank)]).value(), rank);
    EXPECT_EQ(*store.get<int>("of rank " + std::to_string(rank)).value(), rank);
  }
  EXPECT_EQ(store.keys().value().size(), static_cast<std::size_t>(job::size()));
  EXPECT_TRUE(runtime.lost_ranks().empty());
  job::barrier();
}

// Total of all threads of this process so far: how often they went to sleep, and clock ticks of processor
// time.
struct Activity {
  long sleeps = 0;
  long ticks = 0;
};

Activity activity_so_far() {
  Activity all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string word; status >> word;) {
      if (word == "voluntary_ctxt_switches:") {
        long sleeps = 0;
        status >> sleeps;
        all.sleeps += sleeps;
      }
    }
    std::ifstream stat(task.path() / "stat");
    const std::string line((std::istreambuf_iterator<char>(stat)), {});
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) {
      fields >> skipped;
    }
    long user = 0;
    long system = 0;
    fields >> user >> system;
    all.ticks += user + system;
  }
  return all;
}

// With open connections to other nodes, and no request.
TEST(Runtime, SleepsWhileNothingIsAskedOfIt) {
  Runtime runtime(MPI_COMM_WORLD, small);
  Store store = runtime.store("s");
  const std::vector<Key> keys = job::everybodys(store.put(job::rank()).value());
  for (const Key& key : keys) {
    EXPECT_TRUE(store.get<int>(key));
  }
  job::barrier();
  // Seconds are measured here. The first ones still contain work of the last operations.
  Activity second{.sleeps = -1, .ticks = -1};
  const auto calm = [&] {
    // The watch checks once a second, or polls twenty times without notifications; MPI's own threads may
    // wake, too. Over MPI the helper asks every millisecond.
    return second.sleeps >= 0 && second.sleeps <= (job::over_mpi() ? 1'100 : 30) &&
           second.ticks <= (job::over_mpi() ? 5 : 1);
  };
  for (int measured = 0; !calm() && measured < 10; ++measured) {
    const Activity before = activity_so_far();
    std::this_thread::sleep_for(1s);
    const Activity after = activity_so_far();
    second = {after.sleeps - before.sleeps, after.ticks - before.ticks};
  }
  EXPECT_TRUE(calm()) << second.sleeps << " times that a thread went to sleep, and " << second.ticks
                      << " hundredths of a second of processor time in a second";
  job::barrier();
}

TEST(Runtime, RefusesWhatIsNoCommunicator) {
  EXPECT_EQ(refusal(small, MPI_COMM_NULL).code(), Errc::invalid_argument);
}

TEST(Runtime, WorksOnPartOfTheRanks) {
  MPI_Comm part = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, job::rank() % 2, job::rank(), &part);
  {
    Runtime runtime(part, small);
    EXPECT_EQ(runtime.rank(), job::rank() / 2);
    Store store = runtime.store("fields");
    if (runtime.rank() == 0) {
      EXPECT_TRUE(store.put("parity", job::rank() % 2));
    }
    MPI_Barrier(part);
    EXPECT_EQ(*store.get<int>("parity").value(), job::rank() % 2);
    MPI_Barrier(part);
  }
  MPI_Comm_free(&part);
}

TEST(Runtime, NamesTheNodeOfARank) {
  const Runtime runtime(MPI_COMM_WORLD, small);
  EXPECT_EQ(runtime.nodes() == 1, job::one_node());
  int last = 0;
  const int own = runtime.node();
  MPI_Allreduce(&own, &last, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  EXPECT_EQ(last + 1, runtime.nodes());
  const Store store = runtime.store("of a const runtime");
  store.put(std::to_string(runtime.rank()), std::vector<int>{own}).value();
  const std::string next = std::to_string((runtime.rank() + 1) % runtime.size());
  const auto found = store.wait<int[]>(next, {}).value();
  EXPECT_TRUE(found[0] != own || found.path() == Path::shm_view) << "in place on the same node";
}

TEST(Runtime, LivesSideBySideWithOthers) {
  auto first = std::make_unique<Runtime>(MPI_COMM_WORLD, small);
  auto second = std::make_unique<Runtime>(MPI_COMM_WORLD, small);
  EXPECT_NE(first->incarnation(), second->incarnation());

  Store a = first->store("same name");
  Store b = second->store("same name");
  const std::string own = "x" + std::to_string(job::rank());
  const Key key = a.put(own, 1).value();
  EXPECT_TRUE(b.put(own, 2));
  job::barrier();
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ(*a.get<int>("x" + std::to_string(rank)).value(), 1);
    EXPECT_EQ(*b.get<int>("x" + std::to_string(rank)).value(), 2);
  }
  const Handle handle = a.put_proxy(std::vector<int>{1, 2, 3}).value().handle();
  const auto foreign = second->proxy<int[]>(handle).get();
  EXPECT_FALSE(foreign.has_value()) << "a handle of one runtime resolved in another";
  job::barrier();

  first.reset();  // in the order in which they were made: any order works that is the same on all ranks
  EXPECT_EQ(*b.get<int>("x0").value(), 2);
  EXPECT_EQ(a.get<int>(key).error().code(), Errc::closed);
  job::barrier();
}

TEST(Runtime, IsFoundByItsNameAndByItsHandles) {
  const auto named = [](const std::string& name) {  // the text ends with the call
    RuntimeOptions options = small;
    options.name = name;
    return std::make_unique<Runtime>(MPI_COMM_WORLD, options);
  };
  const auto first = named("simulation of this rank, a name that no small string holds");
  const auto second = named("analysis");
  const Handle in_first = first->store("same name").put_proxy(std::vector<int>{1}).value().handle();
  const Handle in_second = second->store("same name").put_proxy(std::vector<int>{2}).value().handle();
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ((*proxy<int[]>(job::from(rank, in_first)).get())[0], 1);
    EXPECT_EQ((*proxy<int[]>(job::from(rank, in_second)).get())[0], 2);
  }
  EXPECT_EQ(find_store("same name").error().code(), Errc::invalid_argument) << "there are two";
  const Store found = find_store("same name", "analysis").value();
  EXPECT_EQ((*found.get<int[]>(in_second.key))[0], 2);
  job::barrier();
  first->close();
  EXPECT_EQ(first->options().name, "simulation of this rank, a name that no small string holds");
  EXPECT_EQ((*find_store("same name").value().get<int[]>(in_second.key))[0], 2) << "the only one left";
  EXPECT_EQ(proxy<int[]>(in_first).get().error().code(), Errc::closed);
  job::barrier();
}

// Neighbours in a ring of pairs: every rank is in two communicators, none of which contains the other.
TEST(Runtime, LivesOnOverlappingCommunicators) {
  const int ranks = job::size();
  std::vector<MPI_Comm> pairs(static_cast<std::size_t>(ranks), MPI_COMM_NULL);
  for (int first = 0; first < ranks; ++first) {
    const bool member = job::rank() == first || job::rank() == (first + 1) % ranks;
    MPI_Comm_split(MPI_COMM_WORLD, member ? 0 : MPI_UNDEFINED, job::rank(),
                   &pairs[static_cast<std::size_t>(first)]);
  }
  std::vector<std::unique_ptr<Runtime>> runtimes;
  for (const MPI_Comm pair : pairs) {  // the same order on all ranks, so that no deadlock is possible
    runtimes.push_back(pair == MPI_COMM_NULL ? nullptr : std::make_unique<Runtime>(pair, small));
  }
  for (int first = 0; first < ranks; ++first) {
    if (const auto& runtime = runtimes[static_cast<std::size_t>(first)]) {
      EXPECT_EQ(runtime->size(), ranks == 1 ? 1 : 2);
      EXPECT_TRUE(runtime->store("pair").put("by " + std::to_string(job::rank()), first));
    }
  }
  job::barrier();
  for (int first = 0; first < ranks; ++first) {
    if (const auto& runtime = runtimes[static_cast<std::size_t>(first)]) {
      Store store = runtime->store("pair");
      for (const int member : {first, (first + 1) % ranks}) {
        EXPECT_EQ(*store.get<int>("by " + std::to_string(member)).value(), first);
      }
      EXPECT_EQ(store.keys().value().size(), ranks == 1 ? 1U : 2U);
    }
  }
  job::barrier();
  for (auto& runtime : runtimes) {
    runtime.reset();
  }
  for (MPI_Comm& pair : pairs) {
    if (pair != MPI_COMM_NULL) {
      MPI_Comm_free(&pair);
    }
  }
}

TEST(Runtime, OpensAndClosesManyTimes) {
  std::set<std::uint64_t> incarnations;
  for (int round = 0; round < 20; ++round) {
    const Runtime runtime(MPI_COMM_WORLD, small);
    incarnations.insert(runtime.incarnation());
  }
  EXPECT_EQ(incarnations.size(), 20U);
}

TEST(Runtime, DoesNotMindRanksWithDifferentStores) {
  Runtime runtime(MPI_COMM_WORLD, small);
  std::vector<Store> stores;
  for (int i = 0; i < job::rank() * 3; ++i) {
    stores.push_back(runtime.store("store " + std::to_string(job::rank()) + "/" + std::to_string(i)));
    EXPECT_TRUE(stores.back().put("object", i));
  }
}

TEST(Runtime, GivesClosedAfterItsEnd) {
  Runtime runtime(MPI_COMM_WORLD, small);
  Store store = runtime.store("fields");
  const std::vector<double> values(5000, job::rank());
  const Proxy<double[]> resolved = store.put_proxy(values).value();
  const Handle handle = resolved.handle();
  const Proxy<double[]> unresolved = runtime.proxy<double[]>(handle);
  const View<double[]> view = store.get<double[]>(resolved.key()).value();
  runtime.close();
  runtime.close();

  EXPECT_EQ(view[4999], job::rank());
  EXPECT_EQ(store.put(values).error().code(), Errc::closed);
  EXPECT_EQ(store.get<double[]>(resolved.key()).error().code(), Errc::closed);
  EXPECT_EQ(store.evict(resolved.key()).error().code(), Errc::closed);
  EXPECT_EQ(unresolved.get().error().code(), Errc::closed);
  EXPECT_EQ(error_of([&] { (void)runtime.store("fields"); }).code(), Errc::closed);
  EXPECT_EQ(error_of([&] { (void)runtime.proxy<double[]>(handle); }).code(), Errc::closed);
  EXPECT_EQ(error_of([&] { runtime.drop("fields"); }).code(), Errc::closed);
  EXPECT_EQ(error_of([&] { (void)runtime.report_all(); }).code(), Errc::closed);
  EXPECT_EQ(runtime.rank(), job::rank());
}

TEST(Runtime, LeavesViewsValidBehind) {
  std::optional<View<double[]>> own;
  std::optional<View<double[]>> of_rank_0;
  {
    Runtime runtime(MPI_COMM_WORLD, small);
    Store store = runtime.store("fields");
    const std::vector<double> values(100'000, 3.25);
    const Key key = store.put(values).value();
    own = store.get<double[]>(key).value();
    of_rank_0 = store.get<double[]>(job::from(0, key)).value();
    job::barrier();
  }
  for (const double value : *own) {
    ASSERT_EQ(value, 3.25);
  }
  EXPECT_EQ((*of_rank_0)[99'999], 3.25);
}

TEST(Runtime, WaitsForAbsentRanksNoLongerThanTold) {
  Runtime runtime(MPI_COMM_WORLD, small);
  if (job::rank() != 0) {
    job::barrier();  // until rank 0 has given up
    try {
      runtime.close(200ms);
      EXPECT_FALSE(runtime.lost_ranks().empty()) << "it has closed without rank 0";
    } catch (const Error& error) {  // if no rank of its node reports that it closes alone
      EXPECT_EQ(error.code(), Errc::timeout);
      EXPECT_FALSE(job::one_node());
    }
    return;
  }
  if (job::size() > 1) {
    const auto start = Deadline::Clock::now();
    const Error error = error_of([&] { runtime.close(200ms); });
    EXPECT_EQ(error.code(), Errc::timeout);
    EXPECT_NE(error.text().find("closing the runtime"), std::string::npos) << error.what();
    EXPECT_GE(Deadline::Clock::now() - start, 200ms);
    EXPECT_LT(Deadline::Clock::now() - start, 10s);
  }
  job::barrier();
}

TEST(Runtime, NoticesRanksInDifferentCalls) {
  if (job::size() == 1) {
    GTEST_SKIP() << "one rank is in one call";
  }
  Runtime runtime(MPI_COMM_WORLD, small);
  const std::string name = job::rank() == job::last() ? "other" : "fields";
  const Error error = error_of([&] { runtime.drop(name); });
  EXPECT_EQ(error.code(), Errc::invalid_argument);
  EXPECT_NE(error.text().find("drop \"fields\""), std::string::npos) << error.what();
  EXPECT_NE(error.text().find("drop \"other\""), std::string::npos) << error.what();
  EXPECT_TRUE(job::same_everywhere(error.what()));
}

TEST(Runtime, LetsAnExceptionOfAllRanksThrough) {
  const auto start = Deadline::Clock::now();
  EXPECT_THROW(
      {
        const Runtime runtime(MPI_COMM_WORLD, small);
        throw std::runtime_error("on all ranks");
      },
      std::runtime_error);
  EXPECT_LT(Deadline::Clock::now() - start, 10s);
}

TEST(Runtime, LetsAnExceptionOfOneRankThroughWhereTheOthersAreDone) {
  try {
    const Runtime runtime(MPI_COMM_WORLD, small);
    if (job::rank() == job::last()) {
      throw std::runtime_error("on one rank");
    }
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(job::rank(), job::last());
    EXPECT_STREQ(error.what(), "on one rank");
  }
}

// A runtime that begins and ends while an older exception is active is not ended by that one: it waits as
// long as usual for a late rank, here longer than the two seconds after an exception.
TEST(Runtime, IsNotConcernedByAnOlderException) {
  struct OpensInItsDestructor {
    ~OpensInItsDestructor() {
      Runtime runtime(MPI_COMM_WORLD, small);
      Store store = runtime.store("fields");
      if (job::size() == 2 && job::rank() == 1) {
        EXPECT_EQ(store.wait<int>("never put", 2500ms).error().code(), Errc::timeout);
      }
    }
  };
  try {
    const OpensInItsDestructor local;
    throw std::runtime_error("older");
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "older");
  }
}

// Whether a process maps memory of a node, according to the kernel.
bool maps_node_memory(int pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  EXPECT_TRUE(maps.is_open());
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/dev/shm/#") != std::string::npos || line.find("memfd:locum") != std::string::npos) {
      return true;
    }
  }
  return false;
}

TEST(Runtime, HasGivenAllMemoryBackOnceItIsClosedAnywhere) {
  const std::vector<int> pids = job::everybodys(static_cast<int>(getpid()));
  for (int round = 0; round < 10; ++round) {
    Runtime runtime(MPI_COMM_WORLD, small);
    EXPECT_TRUE(runtime.store("fields").put(std::vector<double>(1000)));
    EXPECT_TRUE(maps_node_memory(getpid()));
    runtime.close();
    for (const int pid : pids) {
      EXPECT_FALSE(maps_node_memory(pid)) << "process " << pid;
    }
    job::barrier();
  }
}

TEST(Runtime, TakesATimeoutThatNoClockCanShow) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB,
                                   .timeout = std::chrono::milliseconds::max(),
                                   .collective_timeout = std::chrono::milliseconds::max()});
  Store store = runtime.store("s");
  const std::string name = std::to_string(runtime.rank());
  store.put(name, 1).value();
  EXPECT_TRUE(store.evict(name).value());
  runtime.close();
}

TEST(Runtime, NeedsNoOptions) {
  Runtime runtime(MPI_COMM_WORLD);
  Store store = runtime.store("fields");
  EXPECT_EQ(*store.get<int>(store.put(7).value()).value(), 7);
  job::barrier();
}

TEST(Runtime, IsMadeInAThreadThatMayCallMpi) {
  int level = MPI_THREAD_SINGLE;
  MPI_Query_thread(&level);
  if (level >= MPI_THREAD_SERIALIZED) {
    GTEST_SKIP() << "any thread may call MPI at this level";
  }
  std::optional<Error> error;
  std::thread([&] { error = refusal(small); }).join();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Errc::invalid_argument);
  EXPECT_NE(error->text().find("not the thread that initialised MPI"), std::string::npos) << error->what();
}

TEST(Runtime, ReportsOnThisRankAndOnAll) {
  Runtime runtime(MPI_COMM_WORLD, small);
  Store store = runtime.store("fields");
  const Key key = store.put(std::vector<double>(1000)).value();
  EXPECT_TRUE(store.get<double[]>(key));
  EXPECT_NE(runtime.report().find("shm_view"), std::string::npos) << runtime.report();

  const std::string all = runtime.report_all();
  EXPECT_TRUE(job::same_everywhere(all)) << all;
  EXPECT_NE(all.find("shm_view"), std::string::npos) << all;
  for (const std::string& text : {all, runtime.report()}) {
    EXPECT_EQ(text.find("nodes are connected by") != std::string::npos, !job::one_node()) << text;
  }
  job::barrier();
}

TEST(Runtime, DescribesItsJob) {
  Runtime runtime(MPI_COMM_WORLD, small);
  const std::string text = runtime.describe();
  EXPECT_TRUE(job::same_everywhere(text)) << text;
  EXPECT_NE(text.find(" on " + std::to_string(runtime.nodes()) + " node"), std::string::npos) << text;
  const std::string between = job::over_mpi() ? "between nodes: mpi" : "between nodes: ucx";
  EXPECT_EQ(text.find(between) != std::string::npos, !job::one_node()) << text;
  EXPECT_NE(text.find("MPI_THREAD_"), std::string::npos) << text;
  runtime.close();
  EXPECT_EQ(error_of([&] { (void)runtime.describe(); }).code(), Errc::closed);
}

}  // namespace
}  // namespace locum
