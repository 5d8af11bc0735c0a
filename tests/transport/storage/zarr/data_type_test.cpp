#include "transport/storage/zarr/data_type.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/transport/storage/zarr/zarr_metadata.hpp"

namespace locum::tests::of_zarr {
namespace {

using storage::write_zarr;

TEST(ZarrType, NamesOfTypesBothWays) {
  for (const auto& [name, v2, v3] : names_of_types()) {
    const storage::ZarrType type{.element = ElementType::named(name).value()};
    EXPECT_EQ(storage::zarr_v2_name_of(type).value(), v2);
    EXPECT_EQ(storage::zarr_v3_name_of(type).value(), v3);
    for (const auto& read : {storage::zarr_type_of_v2(Record(v2)), storage::zarr_type_of_v3(Record(v3)),
                             storage::zarr_type_of_v3(Record::members({{"name", Record(v3)}}))}) {
      ASSERT_TRUE(read) << read.error().text();
      EXPECT_EQ(read->element, type.element);
      EXPECT_FALSE(read->is_half);
      EXPECT_FALSE(read->is_big_endian);
    }
    if (v2.front() == '<') {
      const std::string big = ">" + v2.substr(1);
      const auto read = storage::zarr_type_of_v2(Record(big));
      ASSERT_TRUE(read) << read.error().text();
      EXPECT_TRUE(read->is_big_endian);
      EXPECT_EQ(storage::zarr_v2_name_of(*read).value(), big);
      expect_zarr_error(storage::zarr_type_of_v2(Record("|" + v2.substr(1))), Errc::corrupt,
                        "order of bytes");
      expect_zarr_error(storage::zarr_type_of_v2(Record(v2.substr(1))), Errc::corrupt, "no type");
    }
  }
  for (const char* half : {"<f2", ">f2"}) {
    const auto read = storage::zarr_type_of_v2(Record(half));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_TRUE(read->is_half);
    EXPECT_EQ(read->element, ElementType::of<float>());
    EXPECT_EQ(read->stored_bytes(), 2U);
    EXPECT_EQ(storage::zarr_v2_name_of(*read).value(), half);
  }
  EXPECT_EQ(storage::zarr_v3_name_of(storage::zarr_type_of_v3(Record("float16")).value()).value(), "float16");
}

TEST(ZarrType, RefusesOthersByName) {
  for (const char* name : {"|O", "|S3", "<U5", "<M8[ns]", ">m8[s]", "|V8", "<f16", "<c32", "|S1"}) {
    expect_zarr_error(storage::zarr_type_of_v2(Record(name)), Errc::unsupported, name);
  }
  expect_zarr_error(storage::zarr_type_of_v2(Record("|O")), Errc::unsupported, "objects of Python");
  expect_zarr_error(storage::zarr_type_of_v2(Record::list({Record::list({Record("a"), Record("<f4")})})),
                    Errc::unsupported, "structured");
  for (const char* name :
       {"", "f", "<f3", "<i16", "<", "|b2", "=f8", "<f8 ", "float64", "<f99999999999999999999"}) {
    expect_zarr_error(storage::zarr_type_of_v2(Record(name)), Errc::corrupt, "dtype");
  }
  for (const char* name : {"string", "bytes", "r16", "numpy.datetime64", "struct", "bfloat16", "<f8", ""}) {
    expect_zarr_error(storage::zarr_type_of_v3(Record(name)), Errc::unsupported, name);
  }
  expect_zarr_error(storage::zarr_type_of_v3(Record(3)), Errc::corrupt, "data_type");
  expect_zarr_error(storage::zarr_type_of_v3(Record::members({{"name", Record(1)}})), Errc::corrupt,
                    "data_type");
  expect_zarr_error(storage::zarr_type_of_v3(Record::members(
                        {{"name", "int8"}, {"configuration", Record::members({{"unit", "ns"}})}})),
                    Errc::unsupported, "configuration");
  ZarrMetadata metadata = some_metadata(3);
  for (const char* name : {"char", "particle{8}"}) {
    metadata.element = ElementType::named(name).value();
    expect_zarr_error(write_zarr(metadata), Errc::unsupported, name);
  }
  metadata.element = ElementType();
  expect_zarr_error(write_zarr(metadata), Errc::invalid_argument, "type");
}

}  // namespace
}  // namespace locum::tests::of_zarr
