#include "core/job_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace locum {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30U;

RankFacts rank_of(int node, std::string_view host) {
  RankFacts facts;
  facts.node = node;
  facts.thread_level = 3;
  facts.cores_online = 16;
  facts.cores_allowed = 4;
  facts.ranks_on_machine = 2;
  facts.numa_nodes = 2;
  facts.memory_bytes = 8 * gib;
  facts.physical_bytes = 64 * gib;
  facts.shm_bytes = 32 * gib;
  facts.open_files = 1024;
  facts.locked_bytes = 8U << 20U;
  std::ranges::copy(host, facts.host.begin());
  return facts;
}

std::vector<RankFacts> two_nodes() {
  return {rank_of(0, "a"), rank_of(0, "a"), rank_of(1, "b"), rank_of(1, "b")};
}

const JobFacts over_ucx{
    .transport = "ucx", .transport_details = "UCX 1.13.1", .mpi = "an MPI", .one_sided = "off"};

/// The text of the one piece of advice of this severity that contains the words; empty if there is none.
std::string advice_with(const JobFacts& job, const std::vector<RankFacts>& ranks, Severity severity,
                        std::string_view words) {
  for (const Advice& one : advice(job, ranks)) {
    if (one.severity == severity && one.text.find(words) != std::string::npos) {
      EXPECT_EQ(one.text.find('\n'), std::string::npos) << "one line";
      return one.text;
    }
  }
  return {};
}

TEST(JobReport, ShowsNodesThatAreAlikeInOneLine) {
  const std::string text = describe(over_ucx, two_nodes());
  EXPECT_NE(text.find(": 4 ranks on 2 nodes\n"), std::string::npos) << text;
  EXPECT_NE(text.find("nodes 0-1: a …, ranks 0-3; each 2 ranks, 16 cores, 8.00 GiB for objects"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("between nodes: ucx, UCX 1.13.1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("MPI: an MPI, MPI_THREAD_MULTIPLE"), std::string::npos) << text;
  EXPECT_EQ(text.find("on disk"), std::string::npos) << text;
}

TEST(JobReport, ShowsWhereObjectsGoThatHaveNoRoom) {
  JobFacts job = over_ucx;
  job.spill_folder = "/local/scratch";
  job.spill_bytes = 100 * gib;
  std::string text = describe(job, two_nodes());
  EXPECT_NE(text.find("on disk below '/local/scratch' of each node, at most 100.00 GiB\n"), std::string::npos)
      << text;
  job.spill_bytes = 0;
  text = describe(job, two_nodes());
  EXPECT_NE(text.find("of each node, as far as that has room\n"), std::string::npos) << text;
}

TEST(JobReport, ShowsANodeThatDiffersInALineOfItsOwn) {
  auto ranks = two_nodes();
  ranks[2].memory_bytes = ranks[3].memory_bytes = 4 * gib;
  const std::string text = describe(over_ucx, ranks);
  EXPECT_NE(text.find("node 0: a, ranks 0-1; 2 ranks, 16 cores, 8.00 GiB"), std::string::npos) << text;
  EXPECT_NE(text.find("node 1: b, ranks 2-3; 2 ranks, 16 cores, 4.00 GiB"), std::string::npos) << text;
}

TEST(JobReport, NamesNoTransportOnOneNode) {
  const std::string text = describe({.mpi = "an MPI"}, std::vector{rank_of(0, "a")});
  EXPECT_NE(text.find(": 1 rank on 1 node\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("between nodes"), std::string::npos) << text;
}

TEST(JobReport, AdvisesNothingWhereAllIsWell) {
  EXPECT_TRUE(advice(over_ucx, two_nodes()).empty());
}

TEST(JobReport, AdvisesAgainstASmallSharedMemory) {
  auto ranks = two_nodes();
  ranks[2].shm_bytes = 64U << 20U;
  EXPECT_EQ(advice_with(over_ucx, ranks, Severity::warning, "/dev/shm"), "") << "told to take more";
  ranks[2].memory_bytes = 32U << 20U;
  const std::string text = advice_with(over_ucx, ranks, Severity::warning, "/dev/shm has 64.00 MiB");
  EXPECT_NE(text.find("rank 2 on b"), std::string::npos) << text;
  EXPECT_NE(text.find("--shm-size"), std::string::npos) << text;
}

TEST(JobReport, AdvisesAgainstRanksThatAreBoundToOneCore) {
  auto ranks = two_nodes();
  ranks[1].cores_allowed = 1;
  EXPECT_NE(advice_with(over_ucx, ranks, Severity::warning, "bound to one core (rank 1 on a)"), "");
  ranks.resize(2);
  EXPECT_EQ(advice_with({}, ranks, Severity::warning, "bound to one core"), "")
      << "on one node no thread serves others";
}

TEST(JobReport, AdvisesAgainstFewOpenFiles) {
  auto ranks = two_nodes();
  ranks[3].open_files = 100;
  EXPECT_NE(advice_with(over_ucx, ranks, Severity::warning, "100 files (rank 3 on b)"), "");
}

TEST(JobReport, AdvisesAboutMpiAsTransport) {
  JobFacts job = over_ucx;
  job.transport = "mpi";
  EXPECT_NE(advice_with(job, two_nodes(), Severity::note, "the transport is mpi"), "");
  EXPECT_EQ(advice_with(job, two_nodes(), Severity::warning, "MPI_THREAD_MULTIPLE"), "");
  job.only_in_calls = true;
  EXPECT_NE(advice_with(job, two_nodes(), Severity::warning, "MPI_THREAD_MULTIPLE"), "");
  const auto all = advice(job, two_nodes());
  EXPECT_TRUE(std::ranges::is_sorted(all, std::ranges::greater(), &Advice::severity)) << "warnings first";
}

TEST(JobReport, NotesWhatIsNormalInTests) {
  auto ranks = two_nodes();
  for (RankFacts& rank : ranks) {
    rank.ranks_on_machine = 40;
  }
  JobFacts job = over_ucx;
  job.splits_machines = true;
  EXPECT_NE(advice_with(job, ranks, Severity::note, "40 ranks share 16 cores"), "");
  EXPECT_NE(advice_with(job, ranks, Severity::note, "LOCUM_RANKS_PER_NODE"), "");
}

TEST(JobReport, TakesAnUnendedHostName) {
  auto ranks = two_nodes();
  ranks[0].host.fill('x');
  EXPECT_NE(describe(over_ucx, ranks).find(std::string(64, 'x')), std::string::npos);
}

}  // namespace
}  // namespace locum
