// All kinds of threads that the library starts in a rank, at one time: their names, the signals that they
// take, and a fork beside them.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/async_result.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/forked_child.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/thread_load.hpp"
#include "transport/storage/open.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;
constexpr RuntimeOptions beside_all{.memory_bytes = 256_MiB, .timeout = 20s, .collective_timeout = 60s};

const std::set<std::string> kinds{"locum prepare", "locum watch",   "locum-names",    "locum futures",
                                  "locum expiry",  "locum backend", "locum promises", "locum pack",
                                  "locum files",   "locum writer",  "locum steps",    "locum helper",
                                  "locum worker",  "locum.save"};

constexpr std::uint64_t own_signals_of_the_c_library = std::uint64_t{3} << 31U;  // 32 and 33

/// The threads of this process with a name of the library's: the signals that each blocks. Without threads
/// that end meanwhile: the C library blocks all signals then, also its own, which no mask of a program has.
std::multimap<std::string, std::uint64_t> threads() {
  std::multimap<std::string, std::uint64_t> all;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    if (std::getline(std::ifstream(thread.path() / "comm"), name) && name.starts_with("locum")) {
      const auto blocked = tests::status_of(thread.path(), "SigBlk", 16);
      if (blocked && (*blocked & own_signals_of_the_c_library) == 0) {
        all.emplace(name, *blocked);
      }
    }
  }
  return all;
}

/// What starts each kind of thread, and what shows that it still works.
class AllThreads : public testing::Test {
 protected:
  void SetUp() override {
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    has_all_ = level == MPI_THREAD_MULTIPLE;
    (void)store_.put(of_rank("checkpointed"), std::vector<double>(1 << 18, 1.0)).value();
    (void)runtime_->checkpoint("fields", folder_ / "first.h5").value();
    (void)runtime_->restore("lazy", folder_ / "first.h5", {.lazy = true}).value();
    expected_ = {"locum prepare", "locum watch",    "locum futures", "locum expiry",
                 "locum backend", "locum promises", "locum pack",    "locum files"};
    start_futures();
    start_expiry();
    start_pack();
    start_backend();
    start_files();
    start_writer();
    start_steps();
    job::barrier();
  }

  [[nodiscard]] std::string of_rank(const std::string& name) const {
    return name + '/' + std::to_string(job::rank());
  }
  // Between nodes the worker checks what was set: no thread waits for that operation itself.
  void start_futures() {
    auto promise = store_.promise<double>().value();
    const auto promised = promise.proxy().get_async();
    ASSERT_TRUE(promise.set(1.0));
    EXPECT_TRUE(promised.then([](const Result<View<double>>&) {}).get());
    if (job::one_node()) {
      expected_.insert("locum-names");
    } else if (has_all_) {
      expected_.insert({"locum helper", "locum worker"});
    }
  }
  void start_expiry() { ASSERT_TRUE(store_.put(of_rank("expires"), 1, {.lifetime = 1h})); }
  void start_pack() {
    pack_ = open("pack:" + folder_.path() + "/" + std::to_string(job::rank()) + ".pack?sync=0").value();
    for (int round = 0; round < 4; ++round) {  // of which all but the last are replaced
      ASSERT_TRUE(pack_->replace("large", std::vector<double>(1 << 20, round)));
    }
  }
  void start_backend() {
    awaited_ = pack_->wait_async<int>("awaited", patience);
    EXPECT_FALSE(awaited_->wait_for(1ms));
  }
  void start_files() {
    const auto view = runtime_->store("lazy").get_async<double[]>(of_rank("checkpointed")).get(20s);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->size(), std::size_t{1} << 18);
  }
  void start_writer() {
    if (has_all_) {
      written_ = runtime_->store(
          "written", {.connector = "nodes+file:" + folder_.path() + "/written?sync=0&nodes.write=back"});
      ASSERT_TRUE(written_->put(of_rank("written"), 1));
      expected_.insert("locum writer");
    }
  }
  void start_steps() {
    steps_.emplace(*runtime_, "steps", MPI_COMM_WORLD);
    if (job::rank() == 0 && job::size() > 1) {
      expected_.insert("locum steps");
    }
  }
  /// Writes checkpoints in the background until rank 0 has seen the thread for it, which ends with each:
  /// `then` is called while it is there.
  void save(const std::function<void()>& then) {
    int seen = 0;
    for (int round = 0; round < 100 && seen == 0; ++round) {
      const auto begun = runtime_->checkpoint_async("fields", folder_ / "saved.h5");
      while (seen == 0 && !begun.ready()) {
        seen = tests::thread_named("locum.save").has_value() ? 1 : 0;
      }
      if (seen != 0) {
        then();
      }
      EXPECT_TRUE(begun.get(patience)) << begun.get().error();
      MPI_Bcast(&seen, 1, MPI_INT, 0, MPI_COMM_WORLD);
    }
    EXPECT_EQ(seen, 1) << "no checkpoint was seen while it was written";
  }
  /// The threads, once all are there: a thread gives itself its name.
  [[nodiscard]] std::multimap<std::string, std::uint64_t> all_threads() const {
    const auto moment = Deadline::Clock::now() + patience;
    for (;;) {
      auto all = threads();
      const bool is_complete =
          std::ranges::all_of(expected_, [&all](const auto& name) { return all.contains(name); });
      if (is_complete || Deadline::Clock::now() >= moment) {
        return all;
      }
      std::this_thread::sleep_for(1ms);
    }
  }
  void check(const std::multimap<std::string, std::uint64_t>& all) const {
    for (const std::string& name : expected_) {
      EXPECT_TRUE(all.contains(name)) << name << " is not there";
    }
    for (const auto& [name, blocked] : all) {
      EXPECT_TRUE(kinds.contains(name)) << name << " is not one of this list";
      const auto blocks = [blocked](int signal) {
        return ((blocked >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
      };
      for (const int signal : {SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPROF}) {
        EXPECT_TRUE(blocks(signal)) << name << " takes signal " << signal;
      }
      for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
        EXPECT_FALSE(blocks(signal)) << name << " would not report its own fault " << signal;
      }
    }
  }
  /// Has each thread do something.
  void expect_that_all_work() {
    auto promise = store_.promise<int>().value();
    const auto promised = promise.proxy().get_async();
    ASSERT_TRUE(promise.set(7));
    EXPECT_EQ(promised.then([](const Result<View<int>>& view) { return **view; }).get(patience).value(), 7);
    ASSERT_TRUE(pack_->put("awaited", 3));
    EXPECT_EQ(**awaited_->get(patience), 3);
    for (int round = 0; round < 4; ++round) {
      ASSERT_TRUE(pack_->replace("large", std::vector<double>(1 << 20, round)));
    }
    EXPECT_EQ((*pack_->get<std::vector<double>>("large"))->front(), 3.0);
    EXPECT_TRUE(runtime_->store("lazy").get<double[]>(of_rank("checkpointed")));
    if (written_) {
      EXPECT_TRUE(written_->replace(of_rank("written"), 2));
      EXPECT_TRUE(runtime_->flush(patience));
    }
    ASSERT_TRUE(store_.put(of_rank("short"), 1, {.lifetime = 20ms}));
    const auto moment = Deadline::Clock::now() + patience;
    while (store_.get<int>(of_rank("short")) && Deadline::Clock::now() < moment) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_FALSE(store_.get<int>(of_rank("short")));
    job::barrier();
    EXPECT_TRUE(steps_->close({.deadline = patience}));
  }
  /// As when main() returns.
  void destroy_all() {
    awaited_.reset();
    steps_.reset();
    written_.reset();
    pack_.reset();
    runtime_.reset();
  }

  const job::SharedFolder folder_;
  std::optional<Runtime> runtime_{std::in_place, MPI_COMM_WORLD, beside_all};
  Store store_ = runtime_->store("fields");
  std::optional<Store> pack_;
  std::optional<Store> written_;
  std::optional<Future<int>> awaited_;
  std::optional<StepWriter> steps_;
  std::set<std::string> expected_;
  bool has_all_ = false;
};

TEST_F(AllThreads, AreNamedAndTakeNoSignals) {
  check(all_threads());
  save([this] { check(all_threads()); });
  expect_that_all_work();
}

TEST_F(AllThreads, AreLeftToTheirProcessByAFork) {
  check(all_threads());
  const auto fork_now = [this] {
    EXPECT_EQ(tests::status_of_child([this] {
                const bool has_none = threads().empty();
                destroy_all();
                return has_none ? 0 : 1;
              }),
              0);
  };
  fork_now();
  save(fork_now);
  check(all_threads());
  expect_that_all_work();
}

}  // namespace
}  // namespace locum
