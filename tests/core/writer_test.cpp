#include "core/writer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/raw_store.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::SessionFixture;

using tests::code_of;

TEST(Writer, WritesStraightIntoWhatReadersSee) {
  const SessionFixture one;
  Store store = one.store();
  auto writer = store.create<double>("T/0042/3", {2, 3, 4}).value();
  ASSERT_EQ(writer.size(), 24U);
  EXPECT_EQ(writer.extents().size(), 3U);
  EXPECT_EQ(writer.extents()[1], 3U);
  double* const where = writer.data();
  std::iota(writer.begin(), writer.end(), 0.0);
  EXPECT_FALSE(store.exists("T/0042/3").value());
  const Key key = writer.seal().value();
  const auto view = store.get<double[]>("T/0042/3").value();
  EXPECT_EQ(view.data(), where);
  EXPECT_EQ(view.key(), key);
  EXPECT_EQ(view[23], 23.0);
  EXPECT_EQ(view.extents(), writer.extents());
  EXPECT_EQ(one.writes(Path::shm_view), 1U);
  EXPECT_EQ(one.writes(Path::shm_copy), 0U);
}

TEST(Writer, IsEmptyAndUnsealableOnceSealed) {
  const SessionFixture one;
  Store store = one.store();
  auto writer = store.create<int>({3}).value();
  writer.seal().value();
  EXPECT_EQ(writer.data(), nullptr);
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_TRUE(writer.span().empty());
  EXPECT_EQ(code_of(writer.seal()), Errc::invalid_argument);
}

TEST(Writer, ReplacesWhatTheNameHas) {
  const SessionFixture one;
  Store store = one.store();
  ASSERT_TRUE(store.put("T", std::vector<int>{1}));
  const auto old = store.get<int[]>("T").value();
  auto writer = store.create<int>("T", {2}).value();
  writer[0] = 5;
  writer[1] = 6;
  const int* const memory = writer.data();
  ASSERT_TRUE(writer.replace());
  EXPECT_EQ(code_of(writer.replace()), Errc::invalid_argument);
  const auto changed = store.get<int[]>("T").value();
  EXPECT_EQ(changed.data(), memory);
  EXPECT_EQ(changed[1], 6);
  EXPECT_EQ(old[0], 1);

  const auto generation = store.info("T").value().generation;
  auto late = store.create<int>("T", {1}).value();
  late[0] = 7;
  ASSERT_TRUE(late.replace({}, generation));
  auto later = store.create<int>("T", {1}).value();
  later[0] = 8;
  EXPECT_EQ(code_of(later.replace({}, generation)), Errc::stale);
  EXPECT_EQ(later.data(), nullptr);
  EXPECT_EQ(store.get<int[]>("T").value()[0], 7);
  auto first = store.create<int>("new", {1}).value();
  first[0] = 9;
  ASSERT_TRUE(first.replace());
  EXPECT_EQ(store.get<int[]>("new").value()[0], 9);
  auto unnamed = store.create<int>({1}).value();
  EXPECT_EQ(code_of(unnamed.replace()), Errc::invalid_argument);
}

// What the caller encodes is where readers find it.
TEST(Writer, OfAnEncodedValueIsReadInPlace) {
  const SessionFixture one;
  Store store = one.store();
  auto writer =
      store.raw().create("mesh", EncodedMemory{.type = "mesh", .codec = "own", .size_bytes = 5}).value();
  ASSERT_EQ(writer.size(), 5U);
  std::ranges::fill(writer, std::byte{7});
  const std::byte* const memory = writer.data();
  ASSERT_TRUE(writer.seal());
  const auto view = store.raw().get(std::string_view("mesh")).value();
  EXPECT_EQ(view.bytes().data(), memory);
  EXPECT_EQ(view.bytes().size(), 5U);
  EXPECT_EQ(view.info().value().type, "mesh");
  EXPECT_EQ(view.info().value().codec, "own");
  EXPECT_EQ(code_of(store.raw().create("x", EncodedMemory{.type = "f64[]", .size_bytes = 8})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().create("x", EncodedMemory{.type = "", .size_bytes = 8})),
            Errc::invalid_argument);
}

TEST(Writer, IsSealedWithoutWaiting) {
  const SessionFixture one;
  Store store = one.store();
  auto named = store.create<int>("T", {3}).value();
  auto unnamed = store.create<int>({3}).value();
  auto again = store.create<int>("U", {3}).value();
  ASSERT_TRUE(store.put("U", 7));
  const std::uint64_t used = one.connector->usage().own_used;
  named[2] = 5;
  int* const where = named.data();
  const auto sealed = named.seal_async();
  EXPECT_EQ(named.data(), nullptr);
  EXPECT_EQ(store.get<int[]>("T").value()->data(), where);
  EXPECT_EQ(store.get<int[]>(sealed.get().value()).value()[2], 5);
  EXPECT_TRUE(unnamed.seal_async().get());
  EXPECT_EQ(code_of(again.seal_async().get()), Errc::key_exists);
  EXPECT_LT(one.connector->usage().own_used, used) << "that object's memory is freed";
  EXPECT_EQ(code_of(named.seal_async().get()), Errc::invalid_argument);
  EXPECT_EQ(one.writes(Path::shm_view), 2U);
  EXPECT_EQ(one.writes(Path::shm_copy), 1U);
}

TEST(Writer, LeavesNothingIfSealedWithoutWaitingInADroppedStore) {
  const SessionFixture one;
  Store store = one.store();
  const std::uint64_t used = one.connector->usage().own_used;
  auto named = store.create<int>("T", {3000}).value();
  auto unnamed = store.create<int>({3000}).value();
  ASSERT_TRUE(one.session->drop("fields"));
  EXPECT_EQ(code_of(named.seal_async().get()), Errc::closed);
  EXPECT_EQ(code_of(unnamed.seal_async().get()), Errc::closed);
  EXPECT_LE(one.connector->usage().own_used, used);
}

TEST(Writer, LeavesNothingIfDestroyedUnsealed) {
  const SessionFixture one;
  Store store = one.store();
  const std::uint64_t used = one.connector->usage().own_used;
  {
    const auto writer = store.create<double>("draft", {1000}).value();
    EXPECT_EQ(one.connector->usage().own_used, used + 8000);
  }
  EXPECT_EQ(one.connector->usage().own_used, used);
  EXPECT_FALSE(store.exists("draft").value());
  EXPECT_TRUE(store.keys().value().empty());
}

TEST(Writer, MovesAndLeavesNothingBehindTwice) {
  static_assert(!std::is_copy_constructible_v<Writer<double>>);
  const SessionFixture one;
  Store store = one.store();
  const std::uint64_t used = one.connector->usage().own_used;
  auto first = store.create<double>({10}).value();
  auto second = store.create<double>({20}).value();
  first = std::move(second);
  EXPECT_EQ(first.size(), 20U);
  auto third = std::move(first);
  EXPECT_EQ(third.size(), 20U);
  third.seal().value();
  { const auto gone = std::move(second); }
  EXPECT_EQ(one.connector->usage().own_used, used + 160);
}

TEST(Writer, ReportsATakenNameWhenItIsSealed) {
  const SessionFixture one;
  Store store = one.store();
  auto first = store.create<int>("x", {1}).value();
  auto second = store.create<int>("x", {1}).value();
  first[0] = 1;
  second[0] = 2;
  second.seal().value();
  const std::uint64_t used = one.connector->usage().own_used;
  const auto refused = first.seal();
  ASSERT_EQ(code_of(refused), Errc::key_exists);
  EXPECT_EQ(refused.error().key(), "x");
  EXPECT_EQ(store.get<int[]>("x").value()[0], 2);
  EXPECT_EQ(one.connector->usage().own_used, used - 4);
}

TEST(Writer, TakesExtentsOfOneToEightDimensions) {
  const SessionFixture one;
  Store store = one.store();
  EXPECT_EQ(store.create<char>({1, 2, 1, 2, 1, 2, 1, 2}).value().size(), 16U);
  EXPECT_EQ(store.create<char>({0, 5}).value().size(), 0U);
  const std::size_t nx = 2;
  const std::size_t ny = 3;
  auto plane = store.create<float>({nx, ny}).value();
  EXPECT_EQ(plane.size(), 6U);
  auto table = store.create<float>({nx, 3}).value();  // integers of several types
  EXPECT_EQ(table.size(), 6U);
  EXPECT_EQ(table.extents(), plane.extents());
  EXPECT_EQ(code_of(store.create<char>({nx, -1})), Errc::invalid_argument);
  EXPECT_EQ(store.create<int>(plane.extents()).value().extents(), plane.extents());
  EXPECT_EQ(code_of(store.create<char>(Extents{})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create<char>({3, -1})), Errc::invalid_argument);
  constexpr std::uint64_t huge = std::uint64_t{1} << 62U;
  EXPECT_EQ(code_of(store.create<double>({huge, huge})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create<double>({std::numeric_limits<std::uint64_t>::max()})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create<char>({std::uint64_t{1} << 63U})), Errc::out_of_memory);
}

TEST(Writer, SaysEachOfItsExtents) {
  constexpr Extents extents{4, 5, 6};
  static_assert(extents.size() == 3 && extents[0] == 4 && extents[1] == 5 && extents[2] == 6);
  static_assert(Extents().size() == 0 && Extents(7).size() == 1);
  const SessionFixture one;
  const auto writer = one.store().create<char>(extents).value();
  std::uint64_t elements = 1;
  for (std::size_t dimension = 0; dimension < writer.extents().size(); ++dimension) {
    elements *= writer.extents()[dimension];
  }
  EXPECT_EQ(elements, writer.size());
}

TEST(Writer, OutlivesItsSessionWithoutATrace) {
  auto one = std::make_unique<SessionFixture>();
  const auto connector = one->connector;
  auto writer = std::make_unique<Writer<double>>(one->store().create<double>({1000}).value());
  const std::uint64_t used = connector->usage().own_used;
  one->session->close();
  one.reset();
  (*writer)[999] = 1;
  writer.reset();
  EXPECT_EQ(connector->usage().own_used, used - 8000);
}

}  // namespace
}  // namespace locum
