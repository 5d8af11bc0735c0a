#include "core/steps/enclosed_blocks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/detail/representation.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/object/object_wire.hpp"
#include "core/session.hpp"
#include "core/store.hpp"

namespace locum::detail {
namespace {

/// What a step's record was before it could enclose blocks, as files of steps have it.
struct RecordWithoutBlocks {
  static constexpr std::string_view locum_type_name = "test.record";

  StepRecord::State state = StepRecord::State::ready;
  std::int32_t lost_rank = -1;
  std::uint64_t part = 0;
  std::vector<VariableRecord> variables;
  std::vector<BlockRecord> blocks;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(state, lost_rank, part, variables, blocks);
  }
};

template <class T>
std::vector<std::byte> stored(const T& value) {
  std::vector<std::byte> bytes(stored_bytes(value).value());
  store_value(value, bytes).value();
  return bytes;
}

class EnclosedBlocks : public ::testing::Test {
 protected:
  static constexpr int node = 3;

  EnclosedBlocks() { session_.announce(); }

  void add(const std::string& name, const std::string& type, const Key& key, int of_node = node) {
    step_.variables.push_back({name, type, {}});
    step_.blocks.push_back({.key = key,
                            .size_bytes = store_.info(key).value().size_bytes,
                            .variable = static_cast<std::uint32_t>(step_.variables.size() - 1),
                            .node = of_node});
  }
  Key put_array(std::size_t count, double first) {
    std::vector<double> values(count);
    std::iota(values.begin(), values.end(), first);
    return store_.put(std::span(values)).value();
  }
  void enclose() { enclose_blocks(step_, connector(), node, 4096); }
  [[nodiscard]] Connector& connector() { return session_.state()->connector(); }
  /// As a reader on another node has it.
  [[nodiscard]] StepRecord received() const { return *load_value<StepRecord>(stored(step_), {}).value(); }
  [[nodiscard]] std::vector<std::uint32_t> enclosed() const {
    std::vector<std::uint32_t> blocks;
    std::ranges::transform(step_.enclosed, std::back_inserter(blocks), &EnclosedRecord::block);
    return blocks;
  }

  Session session_{open_local({}), std::make_shared<Metrics>()};
  Store store_ = session_.open("s").value();
  StepRecord step_;
};

TEST_F(EnclosedBlocks, AreTheObjectsOfTheirKeys) {
  const Key array = put_array(7, 1.5);
  const Key value = store_.put(std::string("some text")).value();
  add("a", std::string(store_.info(array).value().type), array);
  add("b", std::string(store_.info(value).value().type), value);
  enclose();
  const StepRecord there = received();
  ASSERT_TRUE(there.is_valid());
  for (const BlockRecord& block : there.blocks) {
    const auto copy = enclosed_block(there, block);
    ASSERT_TRUE(copy);
    const auto object = connector().get(Address(block.key), {}).value();
    EXPECT_TRUE(std::ranges::equal(copy->bytes(), object.bytes()));
    const ObjectFacts one = copy->facts();
    const ObjectFacts other = object.facts();
    EXPECT_EQ(one.key, other.key);
    EXPECT_EQ(one.type_name, other.type_name);
    EXPECT_EQ(one.type_hash, other.type_hash);
    EXPECT_EQ(one.layout, other.layout);
    EXPECT_EQ(one.element_bytes, other.element_bytes);
    EXPECT_EQ(one.extents, other.extents);
    EXPECT_EQ(copy->path(), Path::inline_value);
  }
}

TEST_F(EnclosedBlocks, OutliveTheRecord) {
  add("a", "f64[]", put_array(3, 8));
  enclose();
  auto there = std::make_unique<StepRecord>(received());
  const auto copy = enclosed_block(*there, there->blocks.front());
  there.reset();
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->bytes().size(), 3 * sizeof(double));
  EXPECT_EQ(copy->facts().type_name, "f64[]");
}

TEST_F(EnclosedBlocks, AreThoseOfThisNodeThatComeAlongWithTheRecord) {
  add("a", "f64[]", put_array(most_bytes_along / sizeof(double), 0));
  add("b", "f64[]", put_array(100, 0));
  add("c", "f64[]", put_array(10, 0), node + 1);
  add("d", "f64[]", put_array(10, 0));
  enclose();
  EXPECT_EQ(enclosed(), (std::vector<std::uint32_t>{1, 3}));
  EXPECT_FALSE(enclosed_block(step_, step_.blocks[0]));
  EXPECT_FALSE(enclosed_block(step_, step_.blocks[2]));
}

TEST_F(EnclosedBlocks, AreOneOf64KiBOrManySmallOnes) {
  add("v", "f64[]", put_array(8192, 0));
  enclose();
  EXPECT_EQ(step_.enclosed.size(), 1U);
  step_ = {};
  for (int block = 0; block < 60; ++block) {
    add("v" + std::to_string(block), "f64[]", put_array(200, block));
  }
  enclose();
  EXPECT_GT(step_.enclosed.size(), 30U);
  EXPECT_LT(step_.enclosed.size(), 60U);
  EXPECT_LE(stored(step_).size(), most_bytes_along);
}

TEST_F(EnclosedBlocks, OfAnEvictedObjectAreLeftOut) {
  const Key key = put_array(3, 0);
  add("a", "f64[]", key);
  ASSERT_TRUE(store_.evict(key).value());
  enclose();
  EXPECT_TRUE(step_.enclosed.empty());
}

TEST_F(EnclosedBlocks, OfARecordThatHasNoneTakeNoBytes) {
  add("a", "f64[]", put_array(3, 0));
  step_.part = 9;
  const RecordWithoutBlocks before{step_.state, step_.lost_rank, step_.part, step_.variables, step_.blocks};
  EXPECT_EQ(stored(step_), stored(before));
}

TEST_F(EnclosedBlocks, AreFewerWhereLessComesAlong) {
  add("a", "f64[]", put_array(2048 / sizeof(double), 0));
  enclose_blocks(step_, connector(), node, 128);
  EXPECT_TRUE(step_.enclosed.empty());
  enclose_blocks(step_, connector(), node, 256);
  EXPECT_EQ(step_.enclosed.size(), 1U);
}

// They come from another node: whoever reads a box of one would read behind it.
TEST_F(EnclosedBlocks, ThatContradictThemselvesAreFetched) {
  add("a", "f64[]", put_array(6, 0));
  enclose();
  ASSERT_TRUE(enclosed_block(step_, step_.blocks.front()));
  const auto refuses = [this](auto change) {
    StepRecord other = step_;
    change(other.enclosed.front());
    return other.is_valid() && !enclosed_block(other, other.blocks.front());
  };
  EXPECT_TRUE(refuses([](EnclosedRecord& one) { one.extents[0] = 7; }));
  EXPECT_TRUE(refuses([](EnclosedRecord& one) { one.element_bytes = 5; }));
  EXPECT_TRUE(refuses([](EnclosedRecord& one) { one.layout = static_cast<std::uint32_t>(Layout::flat); }));
}

TEST_F(EnclosedBlocks, OutsideTheRecordMakeItInvalid) {
  add("a", "f64[]", put_array(3, 0));
  enclose();
  ASSERT_TRUE(step_.is_valid());
  const auto breaks = [this](auto change) {
    StepRecord broken = step_;
    change(broken);
    return !broken.is_valid();
  };
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().block = 1; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().at = 1; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().at = ~std::uint64_t{0}; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().rank = max_rank + 1; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().layout = 4; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.front().element_bytes = 0; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.blocks.front().size_bytes += 1; }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed_bytes.pop_back(); }));
  EXPECT_TRUE(breaks([](StepRecord& step) { step.enclosed.push_back(step.enclosed.front()); }));
}

}  // namespace
}  // namespace locum::detail
