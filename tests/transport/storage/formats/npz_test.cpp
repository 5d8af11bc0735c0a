// The format .npz: what NumPy writes is loaded, and what is saved is read by NumPy.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/formats/npz_sample.hpp"
#include "tests/transport/storage/formats/numpy_check.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/zip/zip_reader.hpp"

namespace locum::tests::of_npz {
namespace {

Array array_of(std::vector<std::byte> bytes, const ElementType& element, const Extents& extents) {
  return Array::copy_of(ConstRawArray(bytes.data(), element, extents)).value();
}
std::vector<std::int64_t> count_to(std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  for (std::size_t at = 0; at < count; ++at) {
    numbers[at] = static_cast<std::int64_t>(at);
  }
  return numbers;
}
/// Returns the arrays of write_archives() in npy_check.py.
Record arrays_of_numpy() {
  const auto f32 = ElementType::of<float>();
  const std::array<std::int64_t, 3> strides{4, 12, 48};
  const Array rows = array_of(numpy_pattern(240, false), f32, {3, 4, 5});
  auto memory = std::make_shared<std::vector<std::byte>>(240);
  const Array columns(memory, ConstRawArray(memory->data(), f32, Extents(3, 4, 5), strides));
  const auto bytes = rows.bytes();
  for (std::size_t at = 0; at < 60; ++at) {
    const std::size_t place = at / 20 + at / 5 % 4 * 3 + at % 5 * 12;
    std::memcpy(memory->data() + place * 4, bytes.data() + at * 4, 4);
  }
  return {{"T", array_of(numpy_pattern(480, false), ElementType::of<double>(), {3, 4, 5})},
          {"größe", array_of(numpy_pattern(20, false), ElementType::of<std::int32_t>(), {5})},
          {"deep/name", array_of(numpy_pattern(16, false), ElementType::named("c128").value(), {})},
          {"big", Array(count_to(60000))},
          {"F", columns},
          {"texts", Record::list({"ab", "c"})}};
}

class NpzAgainstNumpy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python_with_numpy().empty()) {
      GTEST_SKIP() << no_numpy;
    }
  }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const {
    return std::filesystem::path(folder_.path()) / (name + ".npz");
  }
  [[nodiscard]] std::vector<std::byte> bytes(const std::string& name) const {
    return bytes_of_file(path(name));
  }

  const TemporaryFolder folder_;
};

TEST_F(NpzAgainstNumpy, LoadsWhatItWrites) {
  ASSERT_EQ(check_with_numpy("write archives", folder_.path()), "");
  const Record expected = arrays_of_numpy();
  for (const char* name : {"stored", "deflated"}) {
    for (const bool is_mapped : {false, true}) {
      const auto value = load_npz_bytes(bytes(name), {}, is_mapped);
      ASSERT_TRUE(value) << name << value.error().what();
      EXPECT_EQ(*value, expected) << name;
      EXPECT_EQ((*value)["F"].array().stride(0), 4);
    }
  }
  EXPECT_EQ(load_npz_bytes(bytes("empty")).value(), Record::members({}));
  const auto mixed = load_npz_bytes(bytes("mixed")).value();
  EXPECT_EQ(mixed.size(), 2U);
  EXPECT_EQ(mixed["notes.txt"].as<Record::Bytes>().value().size(), 7U);
  EXPECT_EQ(mixed["x"], Record(Array(std::vector<std::int32_t>{0, 1, 2})));
  EXPECT_EQ(load_npz_bytes(bytes("streamed")).value(),
            Record::members({{"x", Array(std::vector<std::int32_t>{0, 1, 2})},
                             {"y", Array(std::vector<float>{0, 1, 2, 3})}}));
  EXPECT_NE(load_npz_bytes(bytes("bzip2")).error().text().find("method 12"), std::string::npos);
}

TEST_F(NpzAgainstNumpy, ReadsWhatIsSaved) {
  Record value = arrays_of_numpy();
  value.set("notes.txt", Record(Record::Bytes(bytes_of_text("read me"))));
  write_file(path("own_stored"), saved_npz(value).value());
  write_file(path("own_deflated"), saved_npz(value, {{"compress", true}, {"level", 1}}).value());
  write_file(path("own_empty"), saved_npz(Record::members({})).value());
  Record many = Record::members({});
  for (int at = 0; at < 66000; ++at) {
    many.set(std::to_string(at), at);
  }
  const auto archive = saved_npz(many).value();
  write_file(path("own_many"), archive);
  EXPECT_EQ(check_with_numpy("read archives", folder_.path()), "");
  for (const char* name : {"own_stored", "own_deflated"}) {
    EXPECT_EQ(load_npz_bytes(bytes(name)).value(), value) << name;
  }
  EXPECT_EQ(load_npz_bytes(archive).value().size(), 66000U);
}

TEST(NpzFormat, LoadsOneArrayWithoutReadingTheOthers) {
  const auto archive =
      saved_npz({{"a", Array(count_to(100000))}, {"b", Array(count_to(3))}, {"c", 1}}).value();
  for (const char* name : {"b", "b.npy"}) {
    MemoryFile file(archive);
    const auto value = npz().load(file, {{"only", name}}, make_own);
    ASSERT_TRUE(value) << value.error().what();
    EXPECT_EQ(value->array(), Array(count_to(3)));
    EXPECT_LT(file.bytes_read(), archive.size() / 5);
  }
  const auto missing = load_npz_bytes(archive, {{"only", "d"}});
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  EXPECT_NE(missing.error().text().find("'a', 'b', 'c'"), std::string::npos);
}

TEST(NpzFormat, ShowsMappedElementsInPlace) {
  const Record value = {{"a", Array(count_to(100000))}, {"odd name", Array(std::vector<double>{1, 2, 3})}};
  MemoryFile file(saved_npz(value).value(), true);
  const auto loaded = npz().load(file, {}, make_own).value();
  EXPECT_EQ(loaded, value);
  for (const auto& [name, array] : loaded.members()) {
    EXPECT_EQ(array.array().owner(), file.in_place().value().owner) << name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.array().data()) % 64, 0U) << name;
  }
}

TEST(NpzFormat, ReadsOnlyHeadersForInfo) {
  const Record value = {{"a", Array(count_to(100000))}, {"n", Record(Record::Bytes(3))}};
  const Record expected = {{"a", {{"type", "i64"}, {"extents", Record::list({100000})}}},
                           {"n", {{"type", "bytes"}, {"extents", Record::list({3})}}}};
  for (const Record& options : {Record::members({}), Record{{"compress", true}}}) {
    MemoryFile file(saved_npz(value, options).value());
    EXPECT_EQ(npz().info(file, {}).value(), expected);
    EXPECT_LT(file.bytes_read(), 30000U);
    EXPECT_EQ(npz().info(file, {{"only", "a"}}).value(), expected["a"]);
    EXPECT_TRUE(npz().recognises(file.bytes().first(100)));
  }
}

TEST(NpzFormat, MakesEqualBytesOfEqualValues) {
  const Record value = {{"a", Array(count_to(1000))}, {"b", "text"}};
  EXPECT_EQ(saved_npz(value).value(), saved_npz(value).value());
  EXPECT_LT(saved_npz(value, {{"compress", true}}).value().size(), saved_npz(value).value().size() / 2);
}

TEST(NpzFormat, KeepsStructuredArraysOfMembersOfMembers) {
  const Record value = {{"table", {{"x", Array(count_to(3))}, {"y", Record::list({"a", "b", "c"})}}}};
  const auto archive = saved_npz(value, {{"columns", true}, {"compress", true}}).value();
  EXPECT_EQ(load_npz_bytes(archive).value(), value);
  EXPECT_NE(saved_npz(value).error().text().find("in member 'table'"), std::string::npos);
}

TEST(NpzFormat, DecodesNamesOfCodePage437) {
  EXPECT_EQ(storage::from_code_page_437("gr\x94\xE1"
                                        "e\xFF"),
            "größe\u00A0");
}

TEST(NpzFormat, RefusesWhatAnArchiveDoesNotHold) {
  const Record array = Array(count_to(2));
  for (const Record& value :
       {Record(), array, Record::list({array}), Record::members({{"x", Record()}}),
        Record::members({{"x.npy", Record(Record::Bytes(3))}}),
        Record::members({{"x/", Record(Record::Bytes(3))}}), Record::members({{"\xFF", array}}),
        Record::members({{std::string("a\0b", 3), array}}),
        Record::members({{std::string(66000, 'x'), array}})}) {
    EXPECT_EQ(saved_npz(value).error().code(), Errc::type_mismatch);
  }
  for (const Record& options :
       {Record{{"only", 1}}, Record{{"compress", 1}}, Record{{"compress", true}, {"level", 10}},
        Record{{"compress", true}, {"level", 0}}, Record{{"level", 3}}, Record{{"half", "f64"}}}) {
    EXPECT_EQ(saved_npz(Record::members({}), options).error().code(), Errc::invalid_argument);
    EXPECT_NE(saved_npz(Record::members({}), options).error().text().find("option"), std::string::npos);
  }
  MemoryDraft full(300);
  EXPECT_EQ(npz().save({{"a", array}, {"b", array}}, full, {}).error().code(), Errc::system);
}

}  // namespace
}  // namespace locum::tests::of_npz
