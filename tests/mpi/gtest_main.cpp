// The main of all tests that run under mpiexec. Rank 0 prints GoogleTest's usual output, every other rank
// prints its failures with its number, and all ranks agree on the outcome at the end of each test, so that a
// failure anywhere is a failure everywhere and no rank runs ahead into the next test. The watchdog names a
// rank that hangs.
//
// LOCUM_TEST_THREAD_LEVEL  single|funneled|serialized|multiple (default): requested of MPI_Init_thread
// LOCUM_TEST_RANKS         ranks that the job must have (default: any number)
// LOCUM_TEST_TIMEOUT_S     seconds that one test may take (default 100)
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/mpi/job.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define LOCUM_TEST_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCUM_TEST_LEAK_CHECK 1
#endif
#endif
#ifdef LOCUM_TEST_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr int hang_exit_code = 70;

/// Ends the process, and through the launcher the job, when a test takes too long, and says where each rank
/// was. Owned by main. Its thread makes no MPI call, so any thread level will do.
class Watchdog {
 public:
  Watchdog(std::string rank_name, std::chrono::seconds limit)
      : rank_name_(std::move(rank_name)), limit_(limit), thread_([this] { run(); }) {}

  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on the rank is inside `what`, with the whole limit for it.
  void watch(std::string what) { set(std::move(what), limit_); }

  /// The rank has done its part and waits for the others: these may report first.
  void watch_others(std::string what) { set(std::move(what), limit_ + std::chrono::seconds(2)); }

 private:
  void set(std::string what, std::chrono::seconds limit) {
    {
      const std::lock_guard lock(mutex_);
      what_ = std::move(what);
      deadline_ = Clock::now() + limit;
    }
    changed_.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (!deadline_) {
        changed_.wait(lock);
      } else if (Clock::now() < *deadline_) {
        changed_.wait_until(lock, Clock::time_point(*deadline_));
      } else {
        std::fprintf(stderr, "%s HANGS: %s\n", rank_name_.c_str(), what_.c_str());
        std::fflush(stderr);
        // One second in which the other ranks can report, too, since the launcher ends the job with this one.
        changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_; });
        std::_Exit(hang_exit_code);
      }
    }
  }

  const std::string rank_name_;
  const std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Clock::time_point> deadline_;
  std::string what_;
  bool stopping_ = false;
  std::thread thread_;
};

std::string full_name(const testing::TestInfo& test) {
  return std::string(test.test_suite_name()) + "." + test.name();
}

/// Prints this rank's failures and makes all ranks agree at the end of each test. Owned by GoogleTest; main
/// thread only.
class Agreement : public testing::EmptyTestEventListener {
 public:
  Agreement(MPI_Comm communicator, std::string rank_name, Watchdog& watchdog)
      : communicator_(communicator), rank_name_(std::move(rank_name)), watchdog_(watchdog) {
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &ranks_);
  }

  void OnTestStart(const testing::TestInfo& test) override { watchdog_.watch(full_name(test)); }

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (rank_ == 0 || (!result.failed() && !result.skipped())) {  // rank 0 has GoogleTest's own printer
      return;
    }
    std::ostringstream text;
    text << rank_name_ << ' ' << (result.failed() ? "FAILED" : "SKIPPED") << ' '
         << (result.file_name() != nullptr ? result.file_name() : "?") << ':' << result.line_number() << '\n'
         << result.message() << '\n';
    std::fputs(text.str().c_str(), stderr);
    std::fflush(stderr);
  }

  // Rank 0's printer comes after this listener, and so shows the agreed result.
  void OnTestEnd(const testing::TestInfo& test) override {
    watchdog_.watch_others(full_name(test) + " (done here, waiting for the other ranks)");
    const std::vector<int> failed = gather(test.result()->Failed() ? 1 : 0);
    watchdog_.watch("between tests, after " + full_name(test));
    std::string failed_ranks;
    for (int rank = 0; rank < ranks_; ++rank) {
      if (failed[static_cast<std::size_t>(rank)] != 0) {
        failed_ranks += ' ' + std::to_string(rank);
      }
    }
    if (!failed_ranks.empty() && !test.result()->Failed() && rank_ == 0) {
      ADD_FAILURE() << "failed on rank" << failed_ranks;
    }
    any_failed_ = any_failed_ || !failed_ranks.empty();
  }

  /// The exit code of the process: the same on all ranks.
  int exit_code(int own_result) {
    watchdog_.watch_others("end of all tests (done here, waiting for the other ranks)");
    for (const int failed : gather(own_result != 0 ? 1 : 0)) {
      any_failed_ = any_failed_ || failed != 0;
    }
    return any_failed_ ? 1 : 0;
  }

 private:
  std::vector<int> gather(int value) {
    std::vector<int> values(static_cast<std::size_t>(ranks_));
    MPI_Request request;
    MPI_Iallgather(&value, 1, MPI_INT, values.data(), 1, MPI_INT, communicator_, &request);
    locum::job::complete(request);
    return values;
  }

  MPI_Comm communicator_;
  std::string rank_name_;
  Watchdog& watchdog_;
  int rank_ = 0;
  int ranks_ = 0;
  bool any_failed_ = false;
};

std::optional<int> asked_thread_level() {
  const char* text = std::getenv("LOCUM_TEST_THREAD_LEVEL");
  const std::string_view asked = text == nullptr ? "multiple" : text;
  constexpr std::array<std::pair<std::string_view, int>, 4> levels{{{"single", MPI_THREAD_SINGLE},
                                                                    {"funneled", MPI_THREAD_FUNNELED},
                                                                    {"serialized", MPI_THREAD_SERIALIZED},
                                                                    {"multiple", MPI_THREAD_MULTIPLE}}};
  for (const auto& [name, level] : levels) {
    if (name == asked) {
      return level;
    }
  }
  return std::nullopt;
}

std::chrono::seconds test_timeout() {
  const char* text = std::getenv("LOCUM_TEST_TIMEOUT_S");
  return std::chrono::seconds(text == nullptr ? 100 : std::strtol(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<int> asked = asked_thread_level();
  if (!asked) {
    std::fprintf(stderr, "LOCUM_TEST_THREAD_LEVEL: want single, funneled, serialized or multiple\n");
    return 2;
  }
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, *asked, &provided);
  testing::InitGoogleTest(&argc, argv);

  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const std::string rank_name = "[rank " + std::to_string(rank) + " of " + std::to_string(ranks) + "]";
  const char* const ranks_wanted = std::getenv("LOCUM_TEST_RANKS");
  if (ranks_wanted != nullptr && std::strtol(ranks_wanted, nullptr, 10) != ranks) {
    std::fprintf(stderr, "%s the job has to have %s ranks: does the launcher fit this MPI?\n",
                 rank_name.c_str(), ranks_wanted);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  if (provided < *asked) {
    std::fprintf(stderr, "%s this MPI does not provide the thread level asked for\n", rank_name.c_str());
    MPI_Abort(MPI_COMM_WORLD, 2);
  }

  MPI_Comm agreement_communicator = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &agreement_communicator);
  int exit_code = 1;
  {
    Watchdog watchdog(rank_name, test_timeout());
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    if (rank != 0) {
      delete listeners.Release(listeners.default_result_printer());
    }
    auto* agreement = new Agreement(agreement_communicator, rank_name, watchdog);
    listeners.Append(agreement);
    const int own_result = RUN_ALL_TESTS();
    exit_code = agreement->exit_code(own_result);
    delete listeners.Release(agreement);
#ifdef LOCUM_TEST_LEAK_CHECK
    // Before MPI_Finalize: what it unloads could not be told apart from leaks.
    watchdog.watch("leak check");
    __lsan_do_leak_check();
#endif
  }
  MPI_Comm_free(&agreement_communicator);
  // MPICH 4.0 over UCX: in MPI_Finalize, ranks that wait for the others do not answer those that still close
  // their connections, and all hang (docs/cluster_tests.md).
  if (std::getenv("LOCUM_TEST_WITHOUT_FINALIZE") != nullptr) {
    MPI_Barrier(MPI_COMM_WORLD);
    std::fflush(nullptr);
    std::_Exit(exit_code);
  }
  MPI_Finalize();
  return exit_code;
}
