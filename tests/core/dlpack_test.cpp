#include "core/dlpack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/core/code_of.hpp"

namespace locum::tests {
namespace {

/// A tensor of this test, which counts how often it is deleted.
struct GivenTensor {
  std::vector<float> elements{0, 1, 2, 3, 4, 5};
  std::array<std::int64_t, 2> extents{2, 3};
  std::array<std::int64_t, 2> strides{3, 1};
  int deleted = 0;
  DLManagedTensor managed{};

  GivenTensor() {
    managed.dl_tensor = {.data = elements.data(),
                         .device = {kDLCPU, 0},
                         .ndim = 2,
                         .dtype = {kDLFloat, 32, 1},
                         .shape = extents.data(),
                         .strides = nullptr,
                         .byte_offset = 0};
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* self) { ++static_cast<GivenTensor*>(self->manager_ctx)->deleted; };
  }
};

TEST(Dlpack, TensorsBecomeArraysInPlace) {
  GivenTensor given;
  {
    const Array array = array_of_dlpack(&given.managed).value();
    const Array copy = array;
    EXPECT_EQ(copy.data(), reinterpret_cast<const std::byte*>(given.elements.data()));
    EXPECT_EQ(copy.element().name(), "f32");
    EXPECT_EQ(copy.as<float>().value()(1, 2), 5);
    EXPECT_EQ(given.deleted, 0);
  }
  EXPECT_EQ(given.deleted, 1);
}

TEST(Dlpack, TensorsHaveStridesAndOffsets) {
  GivenTensor given;
  given.extents = {3, 2};
  given.strides = {1, 3};
  given.managed.dl_tensor.strides = given.strides.data();
  const Array turned = array_of_dlpack(&given.managed).value();
  EXPECT_EQ(turned.as<float>().value()(2, 1), 5);
  GivenTensor behind;
  behind.extents = {1, 2};
  behind.managed.dl_tensor.byte_offset = 4 * sizeof(float);
  EXPECT_EQ(array_of_dlpack(&behind.managed).value(), Array(locum::array(&behind.elements[4], {1, 2})));
}

TEST(Dlpack, WhatCannotBeShownIsRefusedAndStaysTheCallers) {
  GivenTensor given;
  DLTensor& tensor = given.managed.dl_tensor;
  tensor.device = {kDLCUDA, 1};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::unsupported);
  tensor.device = {kDLCUDAHost, 0};
  tensor.dtype = {kDLFloat, 16, 1};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::type_mismatch);
  tensor.dtype = {kDLFloat, 32, 4};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::type_mismatch);
  tensor.dtype = {kDLInt, 7, 1};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::type_mismatch);
  tensor.dtype = {kDLOpaqueHandle, 64, 1};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::type_mismatch);
  tensor.dtype = {kDLFloat, 32, 1};
  tensor.ndim = 99;
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::invalid_argument);
  tensor.ndim = 2;
  given.extents = {-1, 3};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::invalid_argument);
  given.extents = {std::numeric_limits<std::int64_t>::max(), 3};
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::invalid_argument);
  tensor.strides = given.strides.data();
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::invalid_argument);
  tensor.strides = nullptr;
  given.extents = {2, 3};
  tensor.data = nullptr;
  EXPECT_EQ(code_of(array_of_dlpack(&given.managed)), Errc::invalid_argument);
  EXPECT_EQ(code_of(array_of_dlpack(static_cast<DLManagedTensor*>(nullptr))), Errc::invalid_argument);
  EXPECT_EQ(given.deleted, 0);
}

template <class T>
void expect_both_ways(std::uint8_t code) {
  const Array array(locum::array(std::vector<T>(6).data(), {2, 3}));
  DLManagedTensor* const tensor = dlpack_of(array).value();
  EXPECT_EQ(tensor->dl_tensor.dtype.code, code) << array.element().name();
  EXPECT_EQ(tensor->dl_tensor.dtype.bits, 8 * sizeof(T));
  EXPECT_NE(tensor->dl_tensor.data, array.data());
  const Array back = array_of_dlpack(tensor).value();  // ends the tensor
  EXPECT_EQ(back, array);
}

TEST(Dlpack, EveryNumberGoesBothWays) {
  expect_both_ways<std::int8_t>(kDLInt);
  expect_both_ways<std::int16_t>(kDLInt);
  expect_both_ways<std::int32_t>(kDLInt);
  expect_both_ways<std::int64_t>(kDLInt);
  expect_both_ways<std::uint8_t>(kDLUInt);
  expect_both_ways<std::uint16_t>(kDLUInt);
  expect_both_ways<std::uint32_t>(kDLUInt);
  expect_both_ways<std::uint64_t>(kDLUInt);
  expect_both_ways<float>(kDLFloat);
  expect_both_ways<double>(kDLFloat);
  expect_both_ways<std::complex<float>>(kDLComplex);
  expect_both_ways<std::complex<double>>(kDLComplex);
  const bool truths[] = {true, false};
  DLManagedTensor* const tensor = dlpack_of(Array(locum::array(truths, {2}))).value();
  EXPECT_EQ(tensor->dl_tensor.dtype.code, 6);
  EXPECT_EQ(array_of_dlpack(tensor).value(), Array(locum::array(truths, {2})));
}

TEST(Dlpack, ArraysAreShownInPlaceToWhoWritesNothing) {
  const std::vector<double> field{0, 1, 2, 3, 4, 5};
  std::weak_ptr<const void> kept;
  DLManagedTensor* tensor = nullptr;
  {
    const auto owner = std::make_shared<int>(1);
    kept = owner;
    const std::array<std::int64_t, 2> strides{-24, 16};
    const Array array(owner, ConstRawArray(&field[3], ElementType::of<double>(), {2, 2}, strides));
    tensor = dlpack_in_place(array).value();
  }
  EXPECT_FALSE(kept.expired());
  EXPECT_EQ(tensor->dl_tensor.data, &field[3]);
  EXPECT_EQ(tensor->dl_tensor.strides[0], -3);
  EXPECT_EQ(tensor->dl_tensor.strides[1], 2);
  tensor->deleter(tensor);
  EXPECT_TRUE(kept.expired());
  const std::array<std::int64_t, 1> odd{9};
  EXPECT_EQ(code_of(dlpack_in_place(
                Array(nullptr, ConstRawArray(field.data(), ElementType::of<double>(), {2}, odd)))),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(dlpack_of(Array())), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
