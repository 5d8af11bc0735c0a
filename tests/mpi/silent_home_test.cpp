// The process stands still in whose node the records of a stream of steps are, and nobody takes it for dead
// yet. The other writer and the reader get their errors soon after their deadlines, though each of the small
// requests behind a call would wait for a minute.
#include <gtest/gtest.h>
#include <mpi.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>
#include <unistd.h>

#include <locum/locum.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr auto soon = 30s;

class Stopped {
 public:
  explicit Stopped(pid_t process) : process_(process) {
    EXPECT_EQ(::kill(process_, SIGSTOP), 0);
    const auto until = std::chrono::steady_clock::now() + soon;
    while (!stands_still() && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(stands_still());
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { EXPECT_EQ(::kill(process_, SIGCONT), 0); }

 private:
  // A thread that runs takes some time to see the signal.
  [[nodiscard]] bool stands_still() const {
    const auto threads = std::filesystem::directory_iterator("/proc/" + std::to_string(process_) + "/task");
    return std::ranges::all_of(threads, [](const std::filesystem::directory_entry& thread) {
      std::string stat;
      std::getline(std::ifstream(thread.path() / "stat"), stat);
      const std::size_t name_end = stat.rfind(") ");
      return name_end != std::string::npos && stat[name_end + 2] == 'T';
    });
  }

  pid_t process_;
};

int receive(int from) {
  int value = 0;
  MPI_Recv(&value, 1, MPI_INT, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return value;
}

void send(int to, int value) {
  MPI_Send(&value, 1, MPI_INT, to, 0, MPI_COMM_WORLD);
}

/// Expects the error of a call soon after its deadline, and that it names the rank which is silent.
template <class Call>
void expect_silence(const char* what, Call call) {
  const auto began = std::chrono::steady_clock::now();
  const std::optional<Error> error = call();
  EXPECT_LT(std::chrono::steady_clock::now() - began, soon) << what;
  ASSERT_TRUE(error) << what;
  EXPECT_EQ(error->code(), Errc::timeout) << what << ": " << *error;
  EXPECT_EQ(error->rank(), 0) << what << ": " << *error;
  EXPECT_NE(error->text().find("the node of rank 0, which keeps the records"), std::string::npos)
      << what << ": " << *error;
}

template <class T>
std::optional<Error> error_of(Result<T> result) {
  return result ? std::nullopt : std::optional(result.error());
}

TEST(SilentHome, EndsNoCallLongAfterItsDeadline) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm side = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank == 2 ? 1 : 0, 0, &side);
  RuntimeOptions options{.memory_bytes = 64_MiB};
  options.timeout = 60s;
  options.peer_timeout = 120s;
  {
    Runtime runtime(MPI_COMM_WORLD, options);
    if (rank == 2) {
      StepReader in(runtime, "field", side);
      EXPECT_TRUE(in.next(20s));
      send(1, 1);
      receive(1);
      expect_silence("next", [&] { return error_of(in.next(200ms)); });
      send(1, 1);
      receive(1);  // this rank leaves when the other one can be told
    } else {
      const WhenFull policy = WhenFull::fail;
      StepWriter out(runtime, "field", side, {.queue_steps = 1, .when_full = policy});
      EXPECT_FALSE(error_of(out.begin({.deadline = 20s}).value().end()));
      if (rank == 0) {
        send(1, static_cast<int>(::getpid()));
        receive(1);
      } else {
        const auto first = static_cast<pid_t>(receive(0));
        receive(2);
        {
          const Stopped stopped(first);
          send(2, 1);
          expect_silence("begin", [&] { return error_of(out.begin({.deadline = 200ms})); });
          expect_silence("close", [&] { return error_of(out.close({.deadline = 200ms})); });
          receive(2);
        }
        send(0, 1);
        send(2, 1);
      }
      (void)out.close({.deadline = 1s});
    }
  }
  MPI_Comm_free(&side);
}

}  // namespace
}  // namespace locum
