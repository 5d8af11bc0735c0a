#pragma once

// What connectors do, beside ConnectorContract, whose objects are in memory: they hand out that memory, read
// it in place, count it, and run out of it. Instantiated as that one is.

#include "tests/core/connector_contract.hpp"

namespace locum::tests {

class MemoryConnectorContract : public ConnectorContract {};

TEST_P(MemoryConnectorContract, AlignsWhatItHandsOut) {
  for (const std::uint32_t alignment : {16U, 32U, 64U, 256U, 4096U}) {
    for (const std::uint64_t size_bytes : {0U, 1U, 32U, 63U, 64U, 65U, 128U, 4097U, 100'000U}) {
      ObjectMeta meta = plain_meta(1);
      meta.alignment = alignment;
      const auto draft = connector_->create(size_bytes, meta, {}).value();
      const auto address = reinterpret_cast<std::uintptr_t>(draft.bytes.data());
      EXPECT_EQ(address % std::max(alignment, size_bytes >= 128 ? 64U : 16U), 0U) << size_bytes;
      const auto sealed = connector_->seal(draft, {}, {}).value();
      // Sealing publishes the memory that was filled: nothing moves.
      EXPECT_EQ(connector_->get(sealed.key, {}).value().bytes().data(), draft.bytes.data());
    }
  }
}

TEST_P(MemoryConnectorContract, CountsWhatIsEvictedButViewedAsPinned) {
  const auto key = put(*connector_, 1, {}, pattern(1, 100'000)).value().key;
  const MemoryUsage before = connector_->usage();
  EXPECT_GE(before.own_used, 100'000U);
  EXPECT_EQ(before.own_pinned, 0U);
  auto view = std::make_unique<ObjectView>(connector_->get(key, {}).value());
  EXPECT_TRUE(connector_->evict(key, {}).value());
  const MemoryUsage pinned = connector_->usage();
  EXPECT_GE(pinned.own_pinned, 100'000U);
  EXPECT_EQ(pinned.own_objects + 1, before.own_objects);
  view.reset();
  const MemoryUsage after = connector_->usage();
  EXPECT_EQ(after.own_pinned, 0U);
  EXPECT_LT(after.own_used, before.own_used);
}

TEST_P(MemoryConnectorContract, SaysWhenMemoryIsFullAndGoesOnAfterEvicting) {
  constexpr std::uint64_t limit = std::uint64_t{64} << 20U;
  constexpr std::uint64_t piece = std::uint64_t{1} << 20U;
  const auto small = GetParam().make(limit);
  for (const std::uint64_t absurd : {limit * 2, std::uint64_t{1} << 62U, ~std::uint64_t{0}}) {
    const auto refused = small->create(absurd, plain_meta(1), {});
    ASSERT_EQ(code_of(refused), Errc::out_of_memory) << absurd;
    EXPECT_NE(refused.error().text().find(std::to_string(absurd)), std::string::npos) << refused.error();
  }
  for (int round = 0; round < 2; ++round) {
    std::vector<Key> keys;
    for (;;) {
      const auto draft = small->create(piece, plain_meta(1), {});
      if (!draft) {
        EXPECT_EQ(code_of(draft), Errc::out_of_memory);
        break;
      }
      keys.push_back(small->seal(*draft, {}, {}).value().key);
      ASSERT_LE(keys.size(), limit / piece);
    }
    EXPECT_GE(keys.size(), limit / piece / 8) << "a rank may use only its part of the node's memory";
    for (const Key& key : keys) {
      EXPECT_TRUE(small->evict(key, {}).value());
    }
  }
}

// A change of a sealed object's bytes is detected at their first use.
TEST_P(MemoryConnectorContract, ChecksAChecksumOnFirstUse) {
  for (const std::size_t size_bytes : {1U, 8U, 100U, 7000U}) {
    const std::string name = "summed/" + std::to_string(size_bytes);
    ObjectMeta meta = plain_meta(1, name);
    meta.checksum = true;
    const auto bytes = pattern(size_bytes, size_bytes);
    const auto draft = connector_->create(size_bytes, meta, {}).value();
    std::memcpy(draft.bytes.data(), bytes.data(), size_bytes);
    const Key key = connector_->seal(draft, {}, {}).value().key;
    const std::size_t step = size_bytes > 1000 ? 97 : 1;
    for (std::size_t at = 0; at < size_bytes; at += step) {
      draft.bytes[at] ^= std::byte{1} << at % 8;
      const auto refused = connector_->get(key, {});
      EXPECT_EQ(code_of(refused), Errc::corrupt) << at << " of " << size_bytes;
      EXPECT_EQ(refused.error().key(), to_string(key));
      EXPECT_EQ(code_of(connector_->get({1, name}, {})), Errc::corrupt);
      EXPECT_EQ(code_of(connector_->wait({1, name}, {})), Errc::corrupt);
      draft.bytes[at] ^= std::byte{1} << at % 8;
    }
    const auto view = connector_->get(key, {}).value();
    EXPECT_TRUE(holds(view, bytes));
    EXPECT_EQ(view.bytes().data(), draft.bytes.data()) << "checked in place";
    // It is checked once: the next get costs nothing, and does not see this change.
    draft.bytes[0] ^= std::byte{1};
    EXPECT_TRUE(connector_->get(key, {}));
    draft.bytes[0] ^= std::byte{1};
  }
  EXPECT_EQ(connector_->drop(1).value(), 4U) << "a corrupt object can still be evicted";
}

TEST_P(MemoryConnectorContract, ChecksWhatReplacesACheckedObject) {
  const auto sealed = [&](std::uint64_t seed) {
    ObjectMeta meta = plain_meta(1, "clock");
    meta.checksum = true;
    const auto draft = connector_->create(64, meta, {}).value();
    std::memcpy(draft.bytes.data(), pattern(seed, 64).data(), 64);
    EXPECT_TRUE(connector_->seal(draft, {.mode = SealMode::replace}, {}));
    return draft.bytes;
  };
  (void)sealed(1);
  EXPECT_TRUE(holds(connector_->get({1, "clock"}, {}).value(), pattern(1, 64)));
  const std::span<std::byte> second = sealed(2);
  second[5] ^= std::byte{4};
  EXPECT_EQ(code_of(connector_->get({1, "clock"}, {})), Errc::corrupt);
  second[5] ^= std::byte{4};
  EXPECT_TRUE(holds(connector_->get({1, "clock"}, {}).value(), pattern(2, 64)));
}

TEST_P(MemoryConnectorContract, CountsItsObjects) {
  (void)put(*connector_, 1, "name", pattern(1, 100)).value();
  const std::uint64_t objects = connector_->usage().own_objects;
  EXPECT_EQ(code_of(put(*connector_, 1, "name", pattern(2, 100))), Errc::key_exists);
  EXPECT_EQ(connector_->usage().own_objects, objects);
  (void)put(*connector_, 2, "kept", pattern(99, 64)).value();
  EXPECT_EQ(connector_->drop(1).value(), 1U);
  EXPECT_EQ(connector_->usage().own_objects, 1U);
}

}  // namespace locum::tests
