#include "core/value/handle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <sstream>

#include "core/base/checksum.hpp"

namespace locum {
namespace {

Handle good_handle() {
  Handle handle;
  handle.incarnation = 5;
  handle.key = {1, 2, 3};
  handle.generation = 7;
  handle.size_bytes = 24;
  handle.flags = Handle::named;
  handle.stamp();
  return handle;
}

TEST(Handle, IsWholeOnceStamped) {
  EXPECT_TRUE(good_handle().verify());
  EXPECT_EQ(good_handle(), good_handle());
  EXPECT_EQ(std::hash<Handle>{}(good_handle()), std::hash<Handle>{}(good_handle()));
}

// Whatever the processor computes it with: ranks of one job may run on different ones.
TEST(Handle, CarriesTheCrcOfTheBytesBeforeIt) {
  Handle handle = good_handle();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    handle.key.serial = hash64("serial", i);
    handle.type_hash = hash64("type", i);
    handle.owner_node = static_cast<std::uint16_t>(i);
    handle.stamp();
    const auto bytes = std::bit_cast<std::array<std::byte, sizeof(Handle)>>(handle);
    ASSERT_EQ(handle.checksum, crc32c(std::span(bytes).first(offsetof(Handle, checksum))));
  }
}

TEST(Handle, NoticesEveryFlippedBit) {
  auto bytes = std::bit_cast<std::array<unsigned char, sizeof(Handle)>>(good_handle());
  for (unsigned char& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<unsigned char>(byte ^ (1 << bit));
      const auto verified = std::bit_cast<Handle>(bytes).verify();
      ASSERT_FALSE(verified);
      EXPECT_EQ(verified.error().code(), Errc::invalid_argument);
      byte = static_cast<unsigned char>(byte ^ (1 << bit));
    }
  }
}

TEST(Handle, SaysWhichVersionItCannotRead) {
  Handle handle = good_handle();
  handle.version = 9;
  handle.stamp();
  EXPECT_NE(handle.verify().error().text().find("version 9"), std::string::npos);
}

TEST(Handle, OfZerosIsNone) {
  EXPECT_FALSE(Handle{}.verify());
  Handle stamped;
  stamped.stamp();
  EXPECT_FALSE(stamped.verify());
}

TEST(Handle, PrintsKeySizeAndGeneration) {
  std::ostringstream out;
  out << good_handle();
  EXPECT_EQ(out.str(), "handle{1/2/3, 24 bytes, generation 7}");
}

}  // namespace
}  // namespace locum
