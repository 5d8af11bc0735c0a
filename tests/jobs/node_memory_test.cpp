#include "jobs/gray_scott/node_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>

namespace {

using gray_scott::DemoOptions;
using gray_scott::needed_bytes;
using gray_scott::Publish;

TEST(NodeMemory, CountsFieldsAndFrames) {
  DemoOptions options;
  options.grid = 512;
  constexpr std::uint64_t field = std::uint64_t{1} << 30U;
  options.publish = Publish::create;
  EXPECT_EQ(needed_bytes(options, 2), 8 * field + field / 8);
  EXPECT_EQ(needed_bytes(options, 3), 10 * field + field / 8);
  options.publish = Publish::put;
  EXPECT_EQ(needed_bytes(options, 2), 8 * field + field / 8) << "the store copies from the field itself";
  options.steps = options.every;  // one frame, which is all that can be in flight
  EXPECT_EQ(needed_bytes(options, 2), 6 * field + field / 8);
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
