#include "transport/storage/zarr/fill_value.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"
#include "transport/storage/formats/npy/half_number.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::zarr_fill_of;
using storage::zarr_fill_record;
using storage::ZarrType;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T>
void expect_same_back(const T& value, const Record& said, int version) {
  const ZarrType type{.element = ElementType::of<T>()};
  const auto written = zarr_fill_record(bytes_of(value), type, version);
  ASSERT_TRUE(written) << written.error().text();
  EXPECT_EQ(*written, said) << "version " << version << ": " << *written;
  const auto read = zarr_fill_of(said, type, version);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, bytes_of(value)) << said;
}

template <class T>
void expect_all_integers() {
  using Limits = std::numeric_limits<T>;
  const ZarrType type{.element = ElementType::of<T>()};
  for (const int version : {2, 3}) {
    for (const T value : {Limits::min(), T{0}, T{1}, T{77}, Limits::max()}) {
      expect_same_back(value, Record(value), version);
    }
    if constexpr (sizeof(T) < 8) {
      const auto above = static_cast<std::int64_t>(Limits::max()) + 1;
      const auto below = static_cast<std::int64_t>(Limits::min()) - 1;
      expect_zarr_error(zarr_fill_of(Record(above), type, version), Errc::corrupt, "fill_value");
      expect_zarr_error(zarr_fill_of(Record(below), type, version), Errc::corrupt, "fill_value");
    }
    for (const Record& wrong :
         {Record(0.5), Record("1"), Record(true), Record::list({Record(1)}), Record(1e300)}) {
      expect_zarr_error(zarr_fill_of(wrong, type, version), Errc::corrupt, "no integer");
    }
  }
  // NumPy took 0.0 for a fill value of integers, and Zarr wrote it.
  EXPECT_EQ(zarr_fill_of(Record(3.0), type, 2).value(), bytes_of(T{3}));
  expect_zarr_error(zarr_fill_of(Record(3.0), type, 3), Errc::corrupt, "no integer");
}

TEST(ZarrFillValue, IsExactForAllIntegers) {
  expect_all_integers<std::int8_t>();
  expect_all_integers<std::uint8_t>();
  expect_all_integers<std::int16_t>();
  expect_all_integers<std::uint16_t>();
  expect_all_integers<std::int32_t>();
  expect_all_integers<std::uint32_t>();
  expect_all_integers<std::int64_t>();
  expect_all_integers<std::uint64_t>();
  const ZarrType u64{.element = ElementType::of<std::uint64_t>()};
  const ZarrType i64{.element = ElementType::of<std::int64_t>()};
  expect_zarr_error(zarr_fill_of(Record(-1), u64, 3), Errc::corrupt, "integer of 64 bits");
  expect_zarr_error(zarr_fill_of(Record(std::uint64_t{1} << 63U), i64, 3), Errc::corrupt, "with a sign");
}

TEST(ZarrFillValue, OfTruthValues) {
  for (const int version : {2, 3}) {
    expect_same_back(true, Record(true), version);
    expect_same_back(false, Record(false), version);
  }
  const ZarrType type{.element = ElementType::of<bool>()};
  EXPECT_EQ(zarr_fill_of(Record(1), type, 2).value(), bytes_of(true));
  expect_zarr_error(zarr_fill_of(Record(1), type, 3), Errc::corrupt, "no truth value");
  expect_zarr_error(zarr_fill_of(Record(2), type, 2), Errc::corrupt, "no truth value");
  expect_zarr_error(zarr_fill_record(bytes_of(std::uint8_t{2}), type, 3), Errc::invalid_argument, "truth");
}

TEST(ZarrFillValue, OfReals) {
  for (const int version : {2, 3}) {
    for (const double value : {0.0, -0.0, 0.1, 5e-324, 1.7976931348623157e308, -1.0}) {
      expect_same_back(value, Record(value), version);
    }
    for (const float value : {0.0F, -0.0F, 0.1F, 1e-45F, 3.4028235e38F, -1.0F}) {
      expect_same_back(value, Record(static_cast<double>(value)), version);
    }
    expect_same_back(infinity, Record("Infinity"), version);
    expect_same_back(-infinity, Record("-Infinity"), version);
    expect_same_back(std::bit_cast<double>(0x7FF8000000000000U), Record("NaN"), version);
    expect_same_back(-std::numeric_limits<float>::infinity(), Record("-Infinity"), version);
    expect_same_back(std::bit_cast<float>(0x7FC00000U), Record("NaN"), version);
    expect_same_back(std::complex<float>(1, -2), Record::list({Record(1.0), Record(-2.0)}), version);
    expect_same_back(std::complex<double>(-infinity, 0.1), Record::list({Record("-Infinity"), Record(0.1)}),
                     version);
  }
  // Negative zeros are told apart by their bits.
  EXPECT_NE(zarr_fill_of(Record(-0.0), {.element = ElementType::of<double>()}, 3).value(), bytes_of(0.0));
}

TEST(ZarrFillValue, KeepsTheBitsOfNanInVersion3) {
  expect_same_back(std::bit_cast<float>(0xFFC00001U), Record("0xffc00001"), 3);
  expect_same_back(std::bit_cast<double>(0x7FF0000000000001U), Record("0x7ff0000000000001"), 3);
  const ZarrType f32{.element = ElementType::of<float>()};
  EXPECT_EQ(zarr_fill_of(Record("0x7fc00000"), f32, 3).value(), bytes_of(0x7FC00000U));
  EXPECT_EQ(zarr_fill_of(Record("0x3F800000"), f32, 3).value(), bytes_of(1.0F));
  for (const char* wrong :
       {"0x7fc0000", "0x7fc000000", "7fc00000", "0x7fc0000g", "0x-fc00000", "0x", "nan", ""}) {
    expect_zarr_error(zarr_fill_of(Record(wrong), f32, 3), Errc::corrupt, "8 hexadecimal digits");
  }
  expect_zarr_error(zarr_fill_of(Record("0x7fc00000"), f32, 2), Errc::corrupt, "\"NaN\"");
  // Version 2 has one NaN.
  EXPECT_EQ(zarr_fill_record(bytes_of(0xFFC00001U), f32, 2).value(), Record("NaN"));
}

TEST(ZarrFillValue, IsRoundedOnceAndNeverOverflows) {
  const ZarrType f32{.element = ElementType::of<float>()};
  EXPECT_EQ(zarr_fill_of(Record(0.1), f32, 3).value(), bytes_of(0.1F));
  // By way of a double it would be rounded twice: 2^60 + 2^36 + 1 lies above the middle of two floats.
  const std::int64_t above = (std::int64_t{1} << 60U) + (std::int64_t{1} << 36U) + 1;
  EXPECT_EQ(zarr_fill_of(Record(above), f32, 3).value(), bytes_of(0x1.000002p60F));
  expect_zarr_error(zarr_fill_of(Record(1e39), f32, 3), Errc::corrupt, "too large");
  expect_zarr_error(zarr_fill_of(Record(1e39), f32, 2), Errc::corrupt, "too large");
  expect_zarr_error(zarr_fill_of(Record(infinity), f32, 3), Errc::corrupt, "as texts");
  expect_zarr_error(zarr_fill_of(Record(true), f32, 3), Errc::corrupt, "no number");
  const ZarrType c64{.element = ElementType::of<std::complex<float>>()};
  for (const Record& wrong :
       {Record(1), Record::list({Record(1)}), Record::list({Record(1), Record(2), Record(3)})}) {
    expect_zarr_error(zarr_fill_of(wrong, c64, 3), Errc::corrupt, "list of two numbers");
  }
  expect_zarr_error(zarr_fill_record({}, f32, 3), Errc::invalid_argument, "0 bytes");
}

TEST(ZarrFillValue, OfHalfNumbers) {
  const ZarrType half{.element = ElementType::of<float>(), .is_half = true};
  EXPECT_EQ(zarr_fill_of(Record(1.5), half, 3).value(), bytes_of(1.5F));
  EXPECT_EQ(zarr_fill_of(Record("NaN"), half, 3).value(), bytes_of(0x7FC00000U));
  EXPECT_EQ(zarr_fill_of(Record("0x3c00"), half, 3).value(), bytes_of(1.0F));
  EXPECT_EQ(zarr_fill_of(Record(65519), half, 2).value(), bytes_of(65504.0F));
  expect_zarr_error(zarr_fill_of(Record(65520), half, 2), Errc::corrupt, "16 bits");
  expect_zarr_error(zarr_fill_of(Record("0x7fc00000"), half, 3), Errc::corrupt, "4 hexadecimal digits");
  expect_zarr_error(zarr_fill_record(bytes_of(0.1F), half, 3), Errc::invalid_argument, "float16");
  expect_zarr_error(zarr_fill_record(bytes_of(1e6F), half, 3), Errc::invalid_argument, "float16");
  // Each number of 16 bits comes back, the NaN among them by their bits.
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const std::vector<std::byte> fill =
        bytes_of(storage::float_bits_of_half(static_cast<std::uint16_t>(bits)));
    const auto said = zarr_fill_record(fill, half, 3);
    ASSERT_TRUE(said) << bits << said.error().text();
    ASSERT_EQ(zarr_fill_of(*said, half, 3).value(), fill) << bits << " " << *said;
  }
}

TEST(ZarrFillValue, HalfNumbersAreTheNearest) {
  double before = 0;
  for (std::uint16_t bits = 0; bits < 0x7C00; ++bits) {
    const double number = std::bit_cast<float>(storage::float_bits_of_half(bits));
    ASSERT_EQ(storage::half_bits_of(number), bits);
    ASSERT_EQ(storage::half_bits_of(-number), bits | 0x8000);
    if (bits > 0) {
      const double middle = (before + number) / 2;
      const auto even = static_cast<std::uint16_t>(bits % 2 == 0 ? bits : bits - 1);
      ASSERT_EQ(storage::half_bits_of(middle), even) << bits;
      ASSERT_EQ(storage::half_bits_of(std::nextafter(middle, 0.0)), bits - 1) << bits;
      ASSERT_EQ(storage::half_bits_of(std::nextafter(middle, infinity)), bits) << bits;
    }
    before = number;
  }
  EXPECT_EQ(storage::half_bits_of(65519.999), 0x7BFF);
  EXPECT_EQ(storage::half_bits_of(65520.0), std::nullopt);
  EXPECT_EQ(storage::half_bits_of(infinity), 0x7C00);
  EXPECT_EQ(storage::half_bits_of(5e-324), 0);
}

}  // namespace
}  // namespace locum::tests::of_zarr
