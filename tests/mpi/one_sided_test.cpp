// Large objects of other nodes, read one-sidedly from their owner's memory over a real network.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/environment.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t count = (std::size_t{3} << 20U) / sizeof(double);

bool over_sockets_alone() {
  const char* const lanes = std::getenv("UCX_TLS");
  return lanes != nullptr && std::string_view(lanes).starts_with("tcp");
}

std::vector<double> values_of(int rank) {
  std::vector<double> values(count);
  for (std::size_t at = 0; at < count; ++at) {
    values[at] = static_cast<double>(at) + rank;
  }
  return values;
}

// Each rank reads the objects of all others, and checks the path: the one expected, or that of the report.
void read_all(OneSided one_sided, std::optional<Path> path) {
  std::optional<Runtime> runtime(std::in_place, MPI_COMM_WORLD,
                                 RuntimeOptions{.memory_bytes = std::uint64_t{48} << 20U,
                                                .timeout = 60s,
                                                .collective_timeout = 60s,
                                                .one_sided = one_sided});
  const bool says = runtime->report().find("are read one-sidedly") != std::string::npos;
  EXPECT_TRUE(job::same_everywhere(says ? "one-sidedly" : "sent"));
  const Path expected = path.value_or(says ? Path::rma : Path::rendezvous);
  EXPECT_EQ(says, expected == Path::rma) << runtime->report();
  Store store = runtime->store("read");
  const Key own = store.put(values_of(job::rank())).value();
  std::vector<View<double[]>> views;
  const auto& reads = runtime->metrics().reads[static_cast<std::size_t>(expected)];
  const auto before = reads.operations.load();
  int others = 0;
  for (int maker = 0; maker < job::size(); ++maker) {
    const auto view = store.get<double[]>(job::from(maker, own));
    ASSERT_TRUE(view) << view.error();
    ASSERT_EQ(view->size(), count);
    EXPECT_TRUE(std::equal(view->begin(), view->end(), values_of(maker).begin())) << "of rank " << maker;
    others += job::same_node(maker) ? 0 : 1;
    views.push_back(*view);
  }
  EXPECT_EQ(reads.operations.load() - before, static_cast<std::uint64_t>(others));
  job::barrier();
  EXPECT_TRUE(store.evict(own).value());
  job::barrier();
  EXPECT_FALSE(store.exists(own).value());
  runtime.reset();
  EXPECT_EQ(views[static_cast<std::size_t>(job::rank())][count - 1],
            static_cast<double>(count - 1) + job::rank())
      << "views stay valid after the end of the runtime";
}

TEST(OneSidedRanks, ReadOutOfMemoryThatUcxHasAllocated) {
  if (job::one_node()) {
    GTEST_SKIP() << "there is no other node to read from";
  }
  if (job::node_of(job::last()) != job::last()) {
    try {
      const Runtime runtime(MPI_COMM_WORLD, {.collective_timeout = 60s, .one_sided = OneSided::ucx_memory});
      ADD_FAILURE() << "ranks of one node cannot all have their memory in UCX's";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid_argument) << error.what();
    }
    return;
  }
  if (job::over_mpi()) {
    GTEST_SKIP() << "the transport is mpi";
  }
  // With their default protocols UCX 1.16 and later implement such reads by messages.
  const Environment older_protocols("UCX_PROTO_ENABLE", "n");
  read_all(OneSided::ucx_memory, over_sockets_alone() ? Path::rendezvous : Path::rma);
}

// Open MPI reads a window by copies between processes (CMA), where the system allows these. The runtime tries
// it, and a busy machine may make it look slower than it is.
TEST(OneSidedRanks, ReadTheWindowOfMpi) {
  if (!job::over_mpi() || job::one_node() || job::node_of(job::last()) != job::last()) {
    GTEST_SKIP() << "the transport is not mpi, there is no other node, or its ranks share copies";
  }
  const char* const copies = std::getenv("OMPI_MCA_btl_vader_single_copy_mechanism");
  std::string found;
  {
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{48} << 20U});
    found = runtime.describe();
  }
  const bool must = copies != nullptr && std::string_view(copies) == "cma" &&
                    found.find("MPI: Open MPI v4") != std::string::npos &&
                    found.find("(CMA) allowed") != std::string::npos;
  read_all(OneSided::automatic, must ? std::optional(Path::rma) : std::nullopt);
}

// On a machine without RDMA no lane reads registered memory without its owner's help: the runtime must detect
// that.
TEST(OneSidedRanks, AreSentWhatCannotBeRead) {
  if (job::one_node() || job::node_of(job::last()) != job::last()) {
    GTEST_SKIP() << "there is no other node to read from, or its ranks share copies";
  }
  read_all(OneSided::off, Path::rendezvous);
  if (!job::over_mpi()) {
    read_all(OneSided::automatic, Path::rendezvous);
  }
}

}  // namespace
}  // namespace locum
