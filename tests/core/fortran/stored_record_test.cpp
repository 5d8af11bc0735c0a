// Stored Records as the module for Fortran reads them, and bytes that are none.
#include "core/fortran/stored_record.hpp"

#include <gtest/gtest.h>

#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/detail/representation.hpp"
#include "core/record.hpp"
#include "core/record_archive.hpp"

namespace locum::fortran {

namespace {

std::vector<std::byte> stored(const Record& record) {
  std::vector<std::byte> bytes(detail::stored_bytes(record).value());
  detail::store_value(record, bytes).value();
  return bytes;
}

/// A value of each kind.
Record one_of_each() {
  const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  return {{"null", nullptr},
          {"no", false},
          {"yes", true},
          {"least", std::numeric_limits<std::int64_t>::min()},
          {"most", std::numeric_limits<std::uint64_t>::max()},
          {"real", 0.1},
          {"complex", std::complex<double>(1, -2)},
          {"text", "a text"},
          {"bytes", Record::Bytes(3, std::byte{7})},
          {"array", locum::array(numbers.data(), {2, 3})},
          {"one", Array::copy_of({numbers.data(), ElementType::of<double>(), {}}).value()},
          {"none", std::vector<std::int16_t>()},
          {"class", Array::copy_of({numbers.data(), ElementType::named("point{24}").value(), {2}}).value()},
          {"list", {1, "two", {3.0}, Record::list({})}},
          {"members", {{"x", {{"y", Record::members({})}}}}},
          {"stand-in", RawProxy()}};
}

bool skips(const std::vector<std::byte>& bytes) {
  StoredRecord record(bytes.data(), bytes.size());
  return record.skip();
}

TEST(FortranStoredRecord, TakesWhatIsAskedFor) {
  const auto bytes = stored({{"type", "f64"}, {"extents", {-2, 3}}, {"rest", one_of_each()}});
  StoredRecord record(bytes.data(), bytes.size());
  std::uint64_t members = 0;
  ASSERT_TRUE(record.is_members() && record.begin_members(members));
  EXPECT_EQ(members, 3);
  locum_text name{};
  locum_text text{};
  ASSERT_TRUE(record.take_name(name) && record.is_text() && record.take_text(text));
  EXPECT_TRUE(text_is(name, "type") && text_is(text, "f64") && !text_is(text, "f6") &&
              !text_is(text, "f644"));
  std::uint64_t extents = 0;
  ASSERT_TRUE(record.take_name(name) && record.is_list() && record.begin_list(extents));
  EXPECT_EQ(extents, 2);
  std::int64_t first = 0;
  std::int64_t second = 0;
  ASSERT_TRUE(record.is_integer() && record.take_integer(first) && record.take_integer(second));
  EXPECT_TRUE(first == -2 && second == 3);
  ASSERT_TRUE(record.take_name(name) && record.is_members() && record.skip());
  EXPECT_FALSE(record.is_text() || record.is_integer() || record.is_list() || record.is_members());
  EXPECT_FALSE(record.take_name(name)) << "there is no more";
}

TEST(FortranStoredRecord, PassesOverEachKind) {
  auto bytes = stored(one_of_each());
  EXPECT_TRUE(skips(bytes));
  const auto behind = stored("text");
  bytes.insert(bytes.end(), behind.begin() + 1, behind.end());
  StoredRecord record(bytes.data(), bytes.size());
  locum_text text{};
  ASSERT_TRUE(record.skip() && record.is_text() && record.take_text(text));
  EXPECT_TRUE(text_is(text, "text")) << "it ends where the value does";
}

TEST(FortranStoredRecord, KnowsTheTypesOfElements) {
  EXPECT_EQ(type_named({"c128", 4}).type, LOCUM_C128);
  EXPECT_EQ(type_named({"c128", 3}).type, LOCUM_NO_TYPE);
  EXPECT_EQ(type_named({nullptr, 0}).type, LOCUM_NO_TYPE);
}

TEST(FortranStoredRecord, RefusesEachPrefix) {
  const auto whole = stored(one_of_each());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_FALSE(skips(cut)) << size << " bytes";
  }
  EXPECT_FALSE(StoredRecord(nullptr, 0).is_members());
}

TEST(FortranStoredRecord, PassesOverChangedBytesIfTheyAreARecord) {
  const auto whole = stored(one_of_each());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned flip : {1U, 2U, 4U, 8U, 0x80U, 0xFFU}) {
      auto changed = whole;
      changed[at] ^= static_cast<std::byte>(flip);
      const bool passed = skips(changed);
      if (decode_record(nullptr, changed, {})) {
        ASSERT_TRUE(passed) << "byte " << at << ", " << flip;
      }
    }
  }
}

TEST(FortranStoredRecord, NestsSoDeepAndNoDeeper) {
  Record deep = 1;
  for (std::size_t level = 0; level < max_nesting; ++level) {
    deep = Record::list({deep});
  }
  auto bytes = stored(deep);
  EXPECT_TRUE(skips(bytes));
  const std::vector<std::byte> one_more(bytes.begin() + 1, bytes.begin() + 10);
  bytes.insert(bytes.begin() + 1, one_more.begin(), one_more.end());
  EXPECT_FALSE(skips(bytes));
}

TEST(FortranStoredRecord, BelievesNoLength) {
  for (const int tag : {7, 8, 9, 10, 11}) {
    std::vector<std::byte> bytes(10, std::byte{0xFF});
    bytes[0] = std::byte{1};
    bytes[1] = static_cast<std::byte>(tag);
    EXPECT_FALSE(skips(bytes)) << tag;
  }
  auto array = stored(std::vector<double>(2, 1.5));  // 1 version, 1 tag, 8 length, "f64", 1 rank, 8 extent
  for (std::size_t at = 14; at < 22; ++at) {
    array[at] = std::byte{0x80};
  }
  EXPECT_FALSE(skips(array)) << "the product of extents and bytes overflows";
}

}  // namespace

}  // namespace locum::fortran
