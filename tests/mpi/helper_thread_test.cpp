// The thread that serves other nodes while this rank does not wait: without requests it costs nothing.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "mpi/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/thread_load.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr const char* helper_name = "locum helper";

TEST(HelperThread, SleepsWhileNothingIsAskedOfIt) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("idle");
  const std::string own = "of rank " + std::to_string(job::rank());
  const std::string next = "of rank " + std::to_string((job::rank() + 1) % job::size());
  ASSERT_TRUE(store.put(own, job::rank()));
  ASSERT_TRUE(store.wait<int>(next, 20s));
  auto helper = tests::thread_named(helper_name);
  // The thread's first step is to set its name, which may be later than this on a busy machine.
  for (const Deadline::Clock::time_point soon = Deadline::Clock::now() + 20s;
       !helper && !job::one_node() && Deadline::Clock::now() < soon;) {
    std::this_thread::sleep_for(1ms);
    helper = tests::thread_named(helper_name);
  }
  ASSERT_EQ(helper.has_value(), !job::one_node()) << "with several nodes a thread must serve the others";
  if (helper) {
    const std::uint64_t blocked = tests::status_of(*helper, "SigBlk", 16);
    for (const int signal : {SIGTERM, SIGINT, SIGALRM, SIGUSR1}) {
      EXPECT_TRUE((blocked >> static_cast<unsigned>(signal - 1)) & 1U)
          << "signal " << signal << " is for the application's threads";
    }
  }
  if (helper && job::size() == 2) {       // no more would be seen with more ranks
    std::this_thread::sleep_for(1500ms);  // its sleeps grow longer until then: to a second
    const tests::ThreadLoad before = tests::load_of(*helper);
    std::this_thread::sleep_for(2s);
    const tests::ThreadLoad after = tests::load_of(*helper);
    // A wake-up a second, and some for UCX's own events; each takes some 50 us. MPI is asked every
    // millisecond.
    EXPECT_LE(after.wake_ups - before.wake_ups, job::over_mpi() ? 2'100U : 20U);
    EXPECT_LE(after.cpu_ns - before.cpu_ns, job::over_mpi() ? 100'000'000U : 10'000'000U)
        << "0.5 % of a core; over MPI 5 %";
    EXPECT_GE(after.wake_ups, 1U) << "these are this thread's figures";
  }
  job::barrier();
}

}  // namespace
}  // namespace locum
