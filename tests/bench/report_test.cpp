#include "bench/scaling/report.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using scaling::Machine;
using scaling::Row;
using scaling::table_head;
using scaling::table_row;
using scaling::to_json;

Row row() {
  Row row;
  row.name = "put";
  row.mode = "weak";
  row.bytes = 4096;
  row.repetitions = 100;
  row.operations = 10;
  row.all_operations = 40;
  row.all_bytes = 40 * 4096;
  row.ours = {2e-6, 3e-6, 1e-3, {2e-6, 2.1e-6}};
  row.has_twin = true;
  row.twin = {1e-6, 1e-6, 2e-6, {1e-6, 1e-6}};
  row.ratio = 2;
  row.ratio_batches = {2, 2.1};
  return row;
}

TEST(Report, HasColumnsBelowEachOther) {
  const Row first = row();
  EXPECT_EQ(table_row(first, nullptr),
            "  put         4.00 KiB  2.00 us  3.00 us  1.00 ms    2.00 M/s   7.63 GiB/s  1.00 us   2.00      "
            "100\n");
  EXPECT_EQ(table_row(first, &first).substr(0, 22), "              4.00 KiB");
  const std::string head = table_head("weak");
  const std::string line = table_row(first, nullptr);
  EXPECT_EQ(head.substr(head.rfind('\n', head.size() - 2) + 1).size(), line.size());
}

TEST(Report, SaysWhyThereIsNoTwin) {
  Row alone = row();
  alone.has_twin = false;
  alone.no_twin = "a single rank sends no messages";
  EXPECT_NE(table_row(alone, nullptr).find("no twin: a single rank"), std::string::npos);
  EXPECT_NE(to_json(Machine(), {alone}, {}).find("\"ratio\": null"), std::string::npos);
}

TEST(Report, SaysWhatIsUnusualAboutATwin) {
  Row unusual = row();
  unusual.twin_note = "twin: MPI_Isend, MPI_Recv";
  EXPECT_NE(table_row(unusual, nullptr).find("\n                       twin: MPI_Isend"), std::string::npos);
  EXPECT_EQ(table_row(unusual, &unusual).find("MPI_Isend"), std::string::npos);
  EXPECT_NE(to_json(Machine(), {unusual}, {}).find("\"twin_note\": \"twin: MPI_Isend"), std::string::npos);
}

TEST(Report, CountsTheRatesOfAllRanks) {
  EXPECT_DOUBLE_EQ(row().operations_rate(), 2e6);
  EXPECT_DOUBLE_EQ(row().bytes_rate(), 8.192e9);
}

TEST(Report, WarnsOfWhatTheMachineDoesToTheFigures) {
  Machine machine;
  machine.ranks = 4;
  machine.nodes = 2;
  machine.hosts = 2;
  machine.cores = 2;
  EXPECT_EQ(table_foot(machine).find("more ranks than cores"), std::string::npos);
  EXPECT_EQ(table_foot(machine).find("Several nodes are one host"), std::string::npos);
  machine.hosts = 1;
  EXPECT_NE(table_foot(machine).find("more ranks than cores"), std::string::npos);
  EXPECT_NE(table_foot(machine).find("Several nodes are one host"), std::string::npos);
}

}  // namespace
