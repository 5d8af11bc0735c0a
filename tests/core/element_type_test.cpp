#include "core/element_type.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/raw_store.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;

struct alignas(32) Cell {
  static constexpr std::string_view locum_type_name = "cell";
  double values[4];
};

TEST(ElementType, HasTheNameThatItsCppTypeHas) {
  EXPECT_EQ(ElementType::of<double>(), ElementType::named("f64").value());
  EXPECT_EQ(ElementType::of<std::int16_t>().name(), "i16");
  EXPECT_EQ(ElementType::of<std::int16_t>().bytes(), 2U);
  EXPECT_EQ(ElementType::of<bool>(), ElementType::named("bool").value());
  const auto cell = ElementType::named("cell{32}").value();
  EXPECT_EQ(cell, ElementType::of<Cell>());
  EXPECT_EQ(cell.bytes(), 32U);
  EXPECT_EQ(cell.alignment(), 32U) << "an object read in place as a Cell has its alignment";
  EXPECT_EQ(ElementType::named("big{8192}").value().alignment(), 4096U);
  EXPECT_FALSE(ElementType());
  for (const auto& complex : {ElementType::named("c64").value(), ElementType::named("c128").value()}) {
    EXPECT_EQ(complex.bytes(), complex.name() == "c64" ? 8U : 16U);
    EXPECT_EQ(complex.alignment(), 16U);
    EXPECT_FALSE(complex.alignment_is_guess());
  }
}

TEST(ElementType, IsRefusedWhereTheNameIsOfNoElement) {
  for (const std::string_view name :
       {"", "f65", "double", "f64[]", "cell", "cell{}", "cell{0}", "cell{-8}", "{8}", "cell{8}@f32",
        "cell{4294967296}", "cell{3000000000}", "f64[3]"}) {
    EXPECT_EQ(code_of(ElementType::named(name)), Errc::invalid_argument) << name;
  }
}

TEST(ElementType, DescribesAnArrayAtRunTime) {
  const SessionFixture one;
  const Store store = one.store();
  const auto type = ElementType::named("f64").value();
  auto writer = store.raw().create("T", type, {2, 3}).value();
  ASSERT_EQ(writer.size(), 48U);
  EXPECT_EQ(writer.extents(), Extents(2, 3));
  const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  std::memcpy(writer.data(), numbers.data(), 48);
  ASSERT_TRUE(writer.seal());
  const auto view = store.get<double[]>("T").value();
  EXPECT_EQ(view.array()(1, 2), 6.0);
  const auto info = store.info("T").value();
  EXPECT_EQ(info.element, type);
  EXPECT_EQ(info.extents, Extents(2, 3));

  const auto bytes = std::as_bytes(std::span(numbers));
  const Key copy = store.raw().put("U", {bytes, info.element, info.extents}).value();
  EXPECT_EQ(store.get<double[]>(copy).value().extents(), Extents(2, 3));
  EXPECT_EQ(store.get<std::vector<double>>(store.raw().put({bytes, type, {6}}).value()).value()->back(), 6.0);
  EXPECT_TRUE(store.raw().create(type, {6}).value().seal());
}

TEST(ElementType, IsGivenBackOfArraysAndFlatValues) {
  const SessionFixture one;
  const Store store = one.store();
  EXPECT_EQ(store.info(store.put(std::vector<Cell>(2)).value()).value().element, ElementType::of<Cell>());
  EXPECT_EQ(store.info(store.put(std::string("text")).value()).value().element, ElementType::of<char>());
  EXPECT_EQ(store.info(store.put(1.5).value()).value().element, ElementType::of<double>());
  EXPECT_FALSE(store.info(store.put(std::vector<std::string>{"a"}).value()).value().element);
}

TEST(ElementType, IsCheckedBeforeAnythingIsStored) {
  const SessionFixture one;
  const Store store = one.store();
  const std::vector<std::byte> bytes(24);
  const auto type = ElementType::of<double>();
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, type, {4}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, ElementType(), {24}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, type, Extents()})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, type, {1ULL << 62U}})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, type, {1ULL << 50U}})), Errc::invalid_argument)
      << "before memory is allocated";
  EXPECT_EQ(code_of(store.raw().create("", type, {3})), Errc::invalid_argument);
  EXPECT_FALSE(store.exists("T").value());
  ASSERT_TRUE(store.raw().put("T", {bytes, type, {3}}));
  EXPECT_EQ(code_of(store.raw().put("T", {bytes, type, {3}})), Errc::key_exists);
}

}  // namespace
}  // namespace locum
