#include "jobs/gray_scott/node_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>

namespace {

using gray_scott::DemoOptions;
using gray_scott::frames_bytes;
using gray_scott::needed_bytes;

TEST(NodeMemory, CountsFieldsAndFrames) {
  DemoOptions options;
  options.grid = 512;
  constexpr std::uint64_t field = std::uint64_t{1} << 30U;
  options.analysis_ranks = 1;
  EXPECT_EQ(frames_bytes(options), 4 * field) << "two frames of U and V in one stream";
  EXPECT_EQ(needed_bytes(options), 8 * field + field / 8);
  options.analysis_ranks = 3;
  EXPECT_EQ(frames_bytes(options), 12 * field);
  EXPECT_EQ(needed_bytes(options), 16 * field + field / 8);
  options.steps = options.every;  // one frame in all
  EXPECT_EQ(frames_bytes(options), 2 * field);
  EXPECT_EQ(needed_bytes(options), 6 * field + field / 8);
}

TEST(NodeMemory, ReadsWhatTheKernelHas) {
  const auto available = gray_scott::available_bytes();
  ASSERT_TRUE(available.has_value());
  const auto installed =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_GT(*available, installed / 1000);
  EXPECT_LE(*available, installed);
}

}  // namespace
