#include "jobs/table.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using jobs::format_bytes;
using jobs::format_seconds;
using jobs::Table;

TEST(Table, AlignsItsColumns) {
  Table table({"role", "time"});
  table.add({"simulation", "1.50 s"});
  table.add({"all", "12.0 ms"});
  EXPECT_EQ(table.text(),
            "  role           time\n"
            "  ----------  -------\n"
            "  simulation   1.50 s\n"
            "  all         12.0 ms\n");
}

TEST(Table, RefusesARowOfAnotherLength) {
  Table table({"a", "b"});
  EXPECT_THROW(table.add({"only one"}), std::invalid_argument);
}

TEST(Table, WritesNumbersWithThreeDigitsAndAUnit) {
  EXPECT_EQ(format_seconds(0.0), "0 s");
  EXPECT_EQ(format_seconds(83.456), "83.5 s");
  EXPECT_EQ(format_seconds(1.5), "1.50 s");
  EXPECT_EQ(format_seconds(0.9999), "1.00 s");
  EXPECT_EQ(format_seconds(0.01234), "12.3 ms");
  EXPECT_EQ(format_seconds(4.2e-6), "4.20 us");
  EXPECT_EQ(format_seconds(1.3e-7), "130 ns");
  EXPECT_EQ(format_bytes(0.0), "0 B");
  EXPECT_EQ(format_bytes(64.0), "64 B");
  EXPECT_EQ(format_bytes(1536.0), "1.50 KiB");
  EXPECT_EQ(format_bytes(0x1p30 * 12.5), "12.5 GiB");
}

}  // namespace
