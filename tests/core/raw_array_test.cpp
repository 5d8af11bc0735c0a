// Arrays whose element type is known at run time, in memory with any strides.
#include "core/raw_array.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/raw_store.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;
using Strides = std::array<std::int64_t, 2>;

const ElementType f64 = ElementType::of<double>();

/// 0, 1, 2 …
std::vector<double> numbers(std::size_t count) {
  std::vector<double> all(count);
  std::iota(all.begin(), all.end(), 0.0);
  return all;
}

std::vector<double> stored(const Store& store, const Result<Key>& key) {
  const auto view = store.get<std::vector<double>>(key.value()).value();
  return *view;
}

TEST(RawArray, IsStoredWithoutItsGaps) {
  const SessionFixture one;
  const Store store = one.store();
  const auto all = numbers(12);  // 3 x 4
  EXPECT_EQ(stored(store, store.raw().put({all.data(), f64, {3, 4}})), all);
  const Key inner = store.raw().put("inner", {&all[5], f64, {2, 2}, Strides{32, 8}}).value();
  EXPECT_EQ(stored(store, inner), (std::vector<double>{5, 6, 9, 10}));
  EXPECT_EQ(store.info("inner").value().extents, Extents(2, 2));
  const auto view = store.get<double[]>("inner").value();
  EXPECT_EQ(view.array()(1, 0), 9) << "as its C++ type";
  EXPECT_EQ(code_of(store.raw().put("inner", {all.data(), f64, {3, 4}})), Errc::key_exists);
}

TEST(RawArray, MayBeTransposedTurnedOrRepeated) {
  const SessionFixture one;
  const Store store = one.store();
  const auto all = numbers(6);  // 2 x 3
  EXPECT_EQ(stored(store, store.raw().put({all.data(), f64, {3, 2}, Strides{8, 24}})),
            (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(stored(store, store.raw().put({&all[5], f64, {2, 3}, Strides{-24, -8}})),
            (std::vector<double>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(stored(store, store.raw().put({&all[4], f64, {2, 2}, Strides{0, 0}})),
            (std::vector<double>{4, 4, 4, 4}));
  EXPECT_EQ(stored(store, store.raw().put({&all[1], f64, {2, 2}, Strides{0, 8}})),
            (std::vector<double>{1, 2, 1, 2}));
  EXPECT_EQ(stored(store, store.raw().put({nullptr, f64, {0, 3}, Strides{24, 8}})), std::vector<double>());
}

TEST(RawArray, IsReadIntoMemoryOfAnyStrides) {
  const SessionFixture one;
  const Store store = one.store();
  const Key key = store.put("V", locum::array(numbers(12).data(), {3, 4})).value();
  std::vector<double> mine(12, -1);
  EXPECT_EQ(store.raw().read("V", RawArray(mine.data(), f64, {3, 4})).value(), 12U);
  EXPECT_EQ(mine, numbers(12));
  EXPECT_EQ(store.raw().read(key, RawArray(&mine[11], f64, {3, 4}, Strides{-32, -8})).value(), 12U);
  EXPECT_EQ(mine.front(), 11);
  std::vector<double> columns(6, -1);  // 2 x 3, as 3 x 2 by columns
  const RawArray by_columns(columns.data(), f64, {3, 2}, Strides{8, 24});
  EXPECT_EQ(store.raw().read("V", by_columns, {.slab = {.start = {0, 1}, .count = {3, 2}}}).value(), 6U);
  EXPECT_EQ(columns, (std::vector<double>{1, 5, 9, 2, 6, 10}));
}

TEST(RawArray, IsCheckedBeforeAnythingIsCopied) {
  const SessionFixture one;
  const Store store = one.store();
  const auto all = numbers(12);
  ASSERT_TRUE(store.put("V", locum::array(all.data(), {3, 4})));
  std::vector<double> mine(12, -1);
  EXPECT_EQ(code_of(store.raw().read("V", RawArray(mine.data(), f64, {4, 3}))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().read("V", RawArray(mine.data(), f64, {3, 4}, Strides{32, 8}),
                                     {.slab = {.start = {0, 0}, .count = {4, 4}}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().read("V", RawArray(mine.data(), ElementType::of<std::int64_t>(), {3, 4}))),
            Errc::type_mismatch);
  EXPECT_EQ(code_of(store.raw().read("V", RawArray(mine.data(), ElementType(), {3, 4}))),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().read("none", RawArray(mine.data(), f64, {3, 4}))), Errc::not_found);
  EXPECT_EQ(mine, std::vector<double>(12, -1));
  const std::array<std::int64_t, 1> one_stride{8};
  EXPECT_EQ(code_of(store.raw().put({all.data(), f64, {3, 4}, one_stride})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put({all.data(), ElementType(), {3, 4}})), Errc::invalid_argument);
  Extents too_many(1, 1, 1, 1, 1, 1, 1, 1);
  too_many.rank = 9;
  EXPECT_EQ(code_of(store.raw().put({all.data(), f64, too_many})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put("T", {std::as_bytes(std::span(all).first(1)), f64, too_many})),
            Errc::invalid_argument);
}

TEST(RawArray, IsMadeOfATypedOne) {
  const SessionFixture one;
  const Store store = one.store();
  auto all = numbers(12);
  const auto inner = locum::array(&all[5], {2, 2}, {4, 1});
  const ConstRawArray raw = inner;
  EXPECT_EQ(raw.element(), f64);
  EXPECT_EQ(raw.stride(0), 32);
  EXPECT_EQ(stored(store, store.raw().put(raw)), (std::vector<double>{5, 6, 9, 10}));
  static_assert(!std::is_constructible_v<RawArray, StridedArray<const double>>, "which cannot be written");
  static_assert(!std::is_constructible_v<RawArray, ConstRawArray>);
}

}  // namespace
}  // namespace locum
