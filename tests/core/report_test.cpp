#include "core/report.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace locum {
namespace {

RankReport some_rank(int rank, int node) {
  RankReport report;
  report.rank = rank;
  report.node = node;
  report.memory.limit = std::uint64_t{1} << 30U;
  report.memory.committed = std::uint64_t{64} << 20U;
  report.memory.highest = std::uint64_t{80} << 20U;
  report.memory.own_used = 1536;
  report.memory.own_highest = 2560;
  report.memory.own_objects = 3;
  report.memory.own_copies = static_cast<std::uint64_t>(node);
  report.memory.own_copy_bytes = 512 * static_cast<std::uint64_t>(node);
  report.reads[static_cast<std::size_t>(Path::shm_view)] = {5, 1000};
  report.writes[static_cast<std::size_t>(Path::shm_copy)] = {3, 2048};
  report.misses = 1;
  return report;
}

TEST(Report, CountsWhatMetricsCount) {
  Metrics metrics;
  metrics.count_read(Path::shm_view, 10);
  metrics.count_read(Path::shm_view, 20);
  metrics.count_write(Path::rma, 5);
  Metrics::increment(metrics.misses);
  Metrics::increment(metrics.evictions);
  Metrics::increment(metrics.decodes);
  Metrics::increment(metrics.decoded_hits);
  Metrics::increment(metrics.messages);
  const RankReport report = snapshot(metrics);
  EXPECT_EQ(report.reads[0].operations, 2U);
  EXPECT_EQ(report.reads[0].bytes, 30U);
  EXPECT_EQ(report.writes[3].bytes, 5U);
  Metrics::add(metrics.transfer_ns, 70);
  Metrics::add(metrics.waited_ns, 30);
  EXPECT_EQ(snapshot(metrics).transfer_ns, 70U);
  EXPECT_EQ(snapshot(metrics).waited_ns, 30U);
  EXPECT_EQ(report.misses + report.evictions + report.decodes + report.decoded_hits + report.messages, 5U);
}

TEST(Report, PrintsTablesWithTotals) {
  const std::vector<RankReport> ranks{some_rank(0, 0), some_rank(1, 0), some_rank(2, 1)};
  EXPECT_EQ(to_text(ranks),
            "locum: memory by node\n"
            "  node  ranks    memory  committed    highest      used  pinned  objects  copies  their bytes\n"
            "  0         2  1.00 GiB  64.00 MiB  80.00 MiB  3.00 KiB     0 B        6       0          0 B\n"
            "  1         1  1.00 GiB  64.00 MiB  80.00 MiB  1.50 KiB     0 B        3       1        512 B\n"
            "locum: objects and traffic by rank\n"
            "  rank  objects      used   highest  puts   written  gets      read  misses  evictions  decodes "
            " decoded "
            "hits\n"
            "  0           3  1.50 KiB  2.50 KiB     3  2.00 KiB     5    1000 B       1          0        0 "
            "           "
            " 0\n"
            "  1           3  1.50 KiB  2.50 KiB     3  2.00 KiB     5    1000 B       1          0        0 "
            "           "
            " 0\n"
            "  2           3  1.50 KiB  2.50 KiB     3  2.00 KiB     5    1000 B       1          0        0 "
            "           "
            " 0\n"
            "  all         9  4.50 KiB         -     9  6.00 KiB    15  2.93 KiB       3          0        0 "
            "           "
            " 0\n"
            "locum: how the bytes moved\n"
            "  path      puts   written  gets      read\n"
            "  shm_view     0       0 B    15  2.93 KiB\n"
            "  shm_copy     9  6.00 KiB     0       0 B\n"
            "  messages sent on the data path: 0\n");
}

TEST(Report, TellsHowMuchOfTheTransfersWasHidden) {
  std::vector<RankReport> ranks{some_rank(0, 0), some_rank(1, 1)};
  ranks[0].transfer_ns = 2'000'000'000;
  ranks[0].waited_ns = 500'000'000;
  const std::string text = to_text(ranks);
  EXPECT_NE(text.find("locum: objects of other nodes\n"
                      "  rank  under way  waited for  hidden\n"
                      "  0       2.000 s     0.500 s  75.0 %\n"
                      "  1       0.000 s     0.000 s   0.0 %\n"
                      "  all     2.000 s     0.500 s  75.0 %\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(hidden_share(0, 0), 0.0);
  EXPECT_EQ(hidden_share(10, 0), 1.0);
  EXPECT_EQ(hidden_share(10, 11), 0.0) << "several threads waited at the same time";
}

TEST(Report, SaysHowLongCallsTookWhereTheyWereTimed) {
  std::vector<RankReport> ranks{some_rank(0, 0), some_rank(1, 1)};
  EXPECT_EQ(to_text(ranks).find("how long"), std::string::npos);
  ranks[0].reads[static_cast<std::size_t>(Path::rma)] = {3, 300, 3, 1500, 20'000};
  ranks[1].reads[static_cast<std::size_t>(Path::rma)] = {1, 100, 1, 2500, 2500};
  ranks[1].writes[static_cast<std::size_t>(Path::storage)] = {1, 100, 1, 1'000'000, 1'000'000};
  const std::string text = to_text(ranks);
  EXPECT_NE(text.find("locum: how long calls took\n"
                      "  path         calls  median, slowest rank  p99, slowest rank\n"
                      "  rma get          4                2.5 us            20.0 us\n"
                      "  storage put      1             1000.0 us          1000.0 us\n"),
            std::string::npos)
      << text;
}

TEST(Report, SaysHowManyMessagesCameFromElsewhere) {
  Metrics metrics;
  const std::string line = "  messages dropped that no rank of this job has sent: ";
  std::array<RankReport, 2> ranks{snapshot(metrics), snapshot(metrics)};
  EXPECT_EQ(to_text(ranks).find(line), std::string::npos);
  Metrics::add(metrics.foreign_messages, 3);
  ranks = {snapshot(metrics), snapshot(metrics)};
  EXPECT_NE(to_text(ranks).find(line + "6\n"), std::string::npos) << to_text(ranks);
}

TEST(Report, OfOneRankHasNoTotals) {
  const RankReport one = some_rank(4, 0);
  const std::string text = to_text(std::span(&one, 1));
  EXPECT_EQ(text.find("all "), std::string::npos) << text;
  EXPECT_NE(text.find("\n  4 "), std::string::npos) << text;
}

TEST(Report, SaysWhatIsOnDiskOnlyIfAnythingIs) {
  std::array<RankReport, 3> ranks{some_rank(0, 0), some_rank(1, 0), some_rank(2, 1)};
  EXPECT_EQ(to_text(ranks).find("on disk"), std::string::npos);
  ranks[0].memory.own_on_disk = 2;
  ranks[0].memory.own_disk_bytes = 3 << 20U;
  ranks[1].memory.own_on_disk = 4;
  ranks[1].memory.own_disk_bytes = 5 << 20U;
  const std::string text = to_text(ranks);
  EXPECT_NE(text.find("rank 1         4  5.00 MiB"), std::string::npos) << text;
  EXPECT_NE(text.find("node 0         6  8.00 MiB"), std::string::npos) << text;
  EXPECT_EQ(text.find("node 1"), std::string::npos) << text;
}

TEST(Report, ShortensBytesForPeople) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.00 KiB");
  EXPECT_EQ(human_bytes(1536), "1.50 KiB");
  EXPECT_EQ(human_bytes((std::uint64_t{1} << 20U) - 1), "1.00 MiB");
  EXPECT_EQ(human_bytes(std::uint64_t{1} << 40U), "1.00 TiB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16384.00 PiB");
}

}  // namespace
}  // namespace locum
