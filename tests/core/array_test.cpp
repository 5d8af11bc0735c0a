// Arrays whose type is known at run time, with what keeps them.
#include "core/array.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/containers.hpp"
#include "core/raw_store.hpp"
#include "core/raw_view.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;

const ElementType f64_elements = ElementType::of<double>();

/// 0, 1, 2 …
std::vector<double> counted(std::size_t count) {
  std::vector<double> all(count);
  std::iota(all.begin(), all.end(), 0.0);
  return all;
}

std::vector<double> values_of(const Array& array) {
  const Array packed = array.packed().value();
  std::vector<double> values(packed.size());
  std::ranges::copy(packed.bytes(), std::as_writable_bytes(std::span(values)).begin());
  return values;
}

bool is_aligned(const std::byte* at, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(at) % alignment == 0;
}

struct alignas(128) Wide {
  static constexpr std::string_view locum_type_name = "wide";
  double values[16];
};

TEST(Array, IsNoneByDefaultAndAfterAMove) {
  const Array none;
  EXPECT_FALSE(static_cast<bool>(none));
  EXPECT_EQ(none.size_bytes(), 0U);
  EXPECT_EQ(none, Array());
  EXPECT_EQ(code_of(none.as<double>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(none.value<double>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Array::copy_of(none.raw())), Errc::invalid_argument);
  Array one(counted(3));
  const Array other = std::move(one);
  EXPECT_FALSE(static_cast<bool>(one)) << "nothing keeps its elements any more";  // NOLINT: moved from
  EXPECT_EQ(other.size(), 3U);
  EXPECT_NE(other, none);
}

TEST(Array, CopiesRangesAndArrays) {
  const auto all = counted(12);
  const Array flat(all);
  EXPECT_EQ(flat.element(), f64_elements);
  EXPECT_EQ(flat.extents(), Extents(12));
  EXPECT_EQ(flat.size_bytes(), 96U);
  EXPECT_EQ(values_of(flat), all);
  EXPECT_NE(flat.data(), reinterpret_cast<const std::byte*>(all.data()));
  EXPECT_TRUE(is_aligned(flat.data(), 64));

  const Array points(std::vector<std::array<double, 3>>(4, {1, 2, 3}));
  EXPECT_EQ(points.element(), f64_elements);
  EXPECT_EQ(points.extents(), Extents(4, 3)) << "an array of arrays has more dimensions";

  const Array inner(locum::array(&all[5], {2, 2}, {4, 1}));  // of 3 x 4
  EXPECT_EQ(inner.extents(), Extents(2, 2));
  EXPECT_EQ(values_of(inner), (std::vector<double>{5, 6, 9, 10}));
  EXPECT_THROW((void)Array(locum::array(all.data(), {12}, {1, 1})), Error) << "strides for other extents";

  const Array letters(std::string("abc"));
  EXPECT_EQ(letters.element().name(), "char");
  EXPECT_EQ(letters.size(), 3U);
  EXPECT_TRUE(is_aligned(Array(std::vector<Wide>(2)).data(), 128)) << "as its type asks for";
}

TEST(Array, CopyIsRowMajorWhateverTheStrides) {
  const auto all = counted(6);  // 2 x 3
  const auto copied = [&](std::size_t first, const Extents& extents, std::vector<std::int64_t> strides) {
    const auto copy = Array::copy_of({&all[first], f64_elements, extents, strides}).value();
    EXPECT_TRUE(copy.is_contiguous());
    EXPECT_EQ(copy.extents(), extents);
    return values_of(copy);
  };
  EXPECT_EQ(copied(0, {3, 2}, {8, 24}), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(copied(5, {2, 3}, {-24, -8}), (std::vector<double>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(copied(1, {2, 2}, {0, 8}), (std::vector<double>{1, 2, 1, 2})) << "one row, repeated";
  EXPECT_TRUE(copied(0, {2, 0, 3}, {24, 8, 8}).empty());
  const auto one = Array::copy_of({&all[4], f64_elements, {}}).value();
  EXPECT_EQ(one.extents().size(), 0U);
  EXPECT_EQ(one.value<double>().value(), 4);
}

TEST(Array, CopyChecksTypeExtentsAndSize) {
  const double one = 1;
  constexpr std::uint64_t huge = std::uint64_t{1} << 32U;
  EXPECT_EQ(code_of(Array::copy_of({&one, {}, {1}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(Array::copy_of({std::as_bytes(std::span(&one, 1)), f64_elements, {2}})),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(Array::copy_of({&one, f64_elements, {huge, huge}, std::array<std::int64_t, 2>{0, 0}})),
            Errc::invalid_argument)
      << "2^67 bytes";
  EXPECT_EQ(
      code_of(Array::copy_of({&one, f64_elements, {huge, huge / 16}, std::array<std::int64_t, 2>{0, 0}})),
      Errc::out_of_memory)
      << "2^63 bytes";
}

TEST(Array, IsContiguousWithoutGaps) {
  const auto all = counted(12);
  const auto contiguous = [&](const Extents& extents, std::vector<std::int64_t> strides) {
    return Array(nullptr, {all.data(), f64_elements, extents, strides}).is_contiguous();
  };
  EXPECT_TRUE(contiguous({3, 4}, {32, 8}));
  EXPECT_FALSE(contiguous({2, 3}, {32, 8}));
  EXPECT_FALSE(contiguous({4, 3}, {8, 32}));
  EXPECT_TRUE(contiguous({1, 4, 1}, {-1000, 8, 3})) << "extents of 1 have no neighbours";
  EXPECT_TRUE(contiguous({4, 0}, {7, -9}));
  EXPECT_FALSE(contiguous({3}, {0}));
  EXPECT_TRUE(Array(nullptr, {all.data(), f64_elements, {}}).is_contiguous());
  const Array flat(all);
  EXPECT_EQ(flat.packed()->data(), flat.data()) << "it is the same one";
  EXPECT_EQ(
      Array(nullptr, {all.data(), f64_elements, {1ULL << 40U, 1ULL << 40U}, std::array<std::int64_t, 2>{}})
          .size(),
      std::numeric_limits<std::uint64_t>::max())
      << "more elements than there are numbers";
}

TEST(Array, IsReadAsItsTypeOnly) {
  const auto all = counted(6);
  const Array array(locum::array(all.data(), {2, 3}));
  const auto typed = array.as<double>().value();
  EXPECT_EQ(typed(1, 2), 5);
  const Array turned(nullptr, {&all[5], f64_elements, {2, 3}, std::array<std::int64_t, 2>{-24, -8}});
  EXPECT_EQ(turned.as<double>().value()(1, 2), 0);
  EXPECT_EQ(code_of(array.as<float>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(array.as<std::uint64_t>()), Errc::type_mismatch);
  EXPECT_NE(std::string(array.as<float>().error().what()).find("f64, not f32"), std::string::npos);
  EXPECT_EQ(code_of(array.value<double>()), Errc::invalid_argument) << "there are six";
  EXPECT_EQ(Array(counted(1)).value<double>().value(), 0);
  EXPECT_EQ(code_of(Array(counted(0)).value<double>()), Errc::invalid_argument);
  const Array one = Array::copy_of({all.data(), f64_elements, {}}).value();
  EXPECT_EQ(code_of(one.as<double>()), Errc::invalid_argument) << "it has no extents";
  EXPECT_EQ(code_of(one.value<float>()), Errc::type_mismatch);
}

TEST(Array, IsReadAsItsTypeWhereItIsAligned) {
  const std::vector<std::byte> bytes(64);
  const auto readable = [&](std::size_t offset, const Extents& extents, std::vector<std::int64_t> strides) {
    const Array array(nullptr, {&bytes[offset], f64_elements, extents, strides});
    return code_of(array.as<double>());
  };
  EXPECT_EQ(readable(0, {2}, {16}), Errc{});
  EXPECT_EQ(readable(4, {2}, {16}), Errc::invalid_argument);
  EXPECT_EQ(readable(0, {2}, {12}), Errc::invalid_argument);
  EXPECT_EQ(readable(0, {1}, {12}), Errc{}) << "no second element is there";
  EXPECT_EQ(readable(4, {0}, {12}), Errc{}) << "no element is there";
  const Array rows(nullptr, {&bytes[4], f64_elements, {2}, std::array<std::int64_t, 1>{12}});
  const Array copy = rows.packed().value();
  EXPECT_EQ(code_of(copy.as<double>()), Errc{});
}

TEST(Array, CopiesShareTheElements) {
  std::optional<Array> first(counted(3));
  const Array second = *first;
  EXPECT_EQ(second.data(), first->data());
  first.reset();
  EXPECT_EQ(values_of(second), counted(3));
}

TEST(Array, ComparesTypesExtentsAndBytes) {
  const auto all = counted(6);
  const Array array(locum::array(all.data(), {2, 3}));
  EXPECT_EQ(array, Array(locum::array(all.data(), {2, 3})));
  EXPECT_NE(array, Array(all)) << "other extents";
  EXPECT_NE(Array(std::vector<float>{0}), Array(std::vector<std::int32_t>{0})) << "other types";
  EXPECT_NE(array, Array(locum::array(&all[0], {2, 3}, {2, 1})));
  const Array columns =
      Array::copy_of({all.data(), f64_elements, {3, 2}, std::array<std::int64_t, 2>{8, 24}}).value();
  const Array transposed(nullptr, {all.data(), f64_elements, {3, 2}, std::array<std::int64_t, 2>{8, 24}});
  EXPECT_EQ(columns, transposed) << "where they are does not count";
  EXPECT_EQ(transposed, columns);
  const double nan = std::nan("");
  EXPECT_EQ(Array(std::vector{nan}), Array(std::vector{nan}));
  EXPECT_NE(Array(std::vector{0.0}), Array(std::vector{-0.0}));
  EXPECT_EQ(Array(counted(0)), Array(counted(0)));
}

TEST(Array, ShowsAnObjectInPlaceAndPinsIt) {
  const SessionFixture one;
  const Store store = one.store();
  const auto all = counted(6);
  const Key key = store.put("V", locum::array(all.data(), {2, 3})).value();
  std::optional<RawView> view = store.raw().get("V").value();
  const auto* const stored = view->bytes().data();
  const Array array = Array::of(*view).value();
  view.reset();
  EXPECT_TRUE(store.evict(key).value());
  EXPECT_EQ(array.data(), stored);
  EXPECT_EQ(array.extents(), Extents(2, 3));
  EXPECT_EQ(values_of(array), all);

  (void)store.put("flat", 2.5).value();
  const Array flat = Array::of(store.raw().get("flat").value()).value();
  EXPECT_EQ(flat.value<double>().value(), 2.5);
  EXPECT_EQ(flat.extents().size(), 0U);

  (void)store.put("list", std::vector<std::string>{"a", "b"}).value();
  const auto list = Array::of(store.raw().get("list").value());
  EXPECT_EQ(code_of(list), Errc::type_mismatch);
  EXPECT_NE(std::string(list.error().what()).find("vector<char[]>"), std::string::npos);
  EXPECT_EQ(code_of(Array::of(RawView())), Errc::invalid_argument);

  (void)store.put_bytes("raw", std::as_bytes(std::span(all))).value();
  const Array raw = Array::of(store.raw().get("raw").value()).value();
  EXPECT_EQ(raw.element().name(), "u8");
  EXPECT_EQ(raw.extents(), Extents(48));
}

TEST(ArrayDraft, MakesMemoryAndThenTheArray) {
  auto draft = ArrayDraft::make(f64_elements, {2, 3}).value();
  EXPECT_EQ(draft.bytes().size(), 48U);
  EXPECT_TRUE(is_aligned(draft.bytes().data(), 64));
  const auto all = counted(6);
  std::memcpy(draft.bytes().data(), all.data(), 48);
  const auto* const made = draft.bytes().data();
  const Array array = std::move(draft).finish();
  EXPECT_EQ(array.data(), made);
  EXPECT_EQ(array.extents(), Extents(2, 3));
  EXPECT_EQ(values_of(array), all);

  EXPECT_EQ(ArrayDraft::make(f64_elements, {})->bytes().size(), 8U) << "one element";
  EXPECT_EQ(ArrayDraft::make(f64_elements, {0, 5})->bytes().size(), 0U);
  EXPECT_EQ(std::move(*ArrayDraft::make(f64_elements, {0, 5})).finish().size(), 0U);
  EXPECT_EQ(code_of(ArrayDraft::make({}, {1})), Errc::invalid_argument);
  EXPECT_EQ(code_of(ArrayDraft::make(f64_elements, {-1})), Errc::invalid_argument);
  EXPECT_EQ(code_of(ArrayDraft::make(f64_elements, {std::uint64_t{1} << 62U})), Errc::invalid_argument);
  EXPECT_EQ(code_of(ArrayDraft::make(ElementType::of<char>(), {std::uint64_t{1} << 63U})),
            Errc::out_of_memory);
}

TEST(ArrayDraft, UsesMemoryOfTheCaller) {
  const auto memory = std::make_shared<std::array<std::byte, 16>>();
  std::optional<Array> array =
      ArrayDraft(memory, *memory, ElementType::of<std::complex<double>>(), {1}).finish();
  EXPECT_EQ(array->data(), memory->data());
  EXPECT_EQ(memory.use_count(), 2);
  array.reset();
  EXPECT_EQ(memory.use_count(), 1);
}

}  // namespace
}  // namespace locum
