#include "core/object/received_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>

#include "core/object/object_tail.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum {
namespace {

ObjectWire wire_of_bytes(std::size_t size_bytes, bool has_checksum) {
  ObjectWire wire;
  wire.key = {7, 1, 5};
  wire.record.store = 7;
  wire.record.size_bytes = size_bytes;
  wire.record.type_hash = text_hash("byte[]");
  wire.record.type_name_bytes = 6;
  wire.record.extra_words = has_checksum ? 1 : 0;
  return wire;
}

std::shared_ptr<ReceivedBlock> held(const ObjectWire& wire, std::uint64_t seed) {
  auto object = ReceivedBlock::make(wire.record.block_bytes(), wire.record.size_bytes);
  std::byte* const block = object->memory().data();
  std::ranges::copy(tests::pattern(seed, wire.record.size_bytes), block);
  write_tail(block, wire.record, {.extents = {}, .type_name = "byte[]", .name = {}});
  if (wire.record.has_checksum()) {
    const std::uint32_t sum = checksum_of(block, wire.record);
    std::memcpy(block + checksum_at(wire.record), &sum, sizeof sum);
  }
  return object;
}

TEST(ReceivedBlock, LiesAsItsElementsMayNeedIt) {
  for (const auto& [size, alignment] :
       {std::pair{0, 64}, {1, 64}, {64, 64}, {128, 128}, {384, 128}, {4096, 4096}, {1 << 20, 4096}}) {
    const auto bytes = static_cast<std::uint64_t>(size);
    EXPECT_EQ(ReceivedBlock::alignment_of(bytes), static_cast<std::uint64_t>(alignment)) << size;
    const auto object = ReceivedBlock::make(bytes + 5, bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object->memory().data()) % ReceivedBlock::alignment_of(bytes),
              0U);
    EXPECT_EQ(object->memory().size(), bytes + 5);
  }
  EXPECT_EQ(ReceivedBlock::make(~std::uint64_t{0}, 1), nullptr);
}

TEST(ReceivedBlock, LivesAsLongAsAViewOfIt) {
  const ObjectWire wire = wire_of_bytes(1000, false);
  auto object = held(wire, 3);
  const std::weak_ptr<ReceivedBlock> watched = object;
  auto view = ReceivedBlock::view(object, wire, Path::shm_copy);
  ASSERT_TRUE(view) << view.error();
  object.reset();
  {
    const ObjectView copy = *view;
    *view = ObjectView();
    EXPECT_TRUE(tests::holds(copy, tests::pattern(3, 1000)));
    EXPECT_EQ(copy.facts().type_name, "byte[]");
    EXPECT_EQ(copy.path(), Path::shm_copy);
  }
  EXPECT_TRUE(watched.expired());
}

TEST(ReceivedBlock, ABlockOfAnotherLengthOrSumIsCorrupt) {
  const ObjectWire wire = wire_of_bytes(100, true);
  EXPECT_TRUE(ReceivedBlock::view(held(wire, 1), wire, Path::shm_copy));
  ObjectWire longer = wire;
  ++longer.record.size_bytes;
  EXPECT_EQ(tests::code_of(ReceivedBlock::view(held(wire, 1), longer, Path::shm_copy)), Errc::corrupt);
  for (std::size_t at = 0; at < wire.record.block_bytes(); ++at) {
    const auto object = held(wire, 1);
    object->memory()[at] ^= std::byte{4};
    EXPECT_EQ(tests::code_of(ReceivedBlock::view(object, wire, Path::shm_copy)), Errc::corrupt) << at;
  }
}

}  // namespace
}  // namespace locum
