// The format .npy: what NumPy writes is loaded, and what is saved is read by NumPy.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/formats/npy_sample.hpp"
#include "tests/transport/storage/formats/numpy_check.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/formats/npy/half_number.hpp"

namespace locum::tests::of_npy {
namespace {

Record texts(std::initializer_list<Record> list) {
  return Record::list(list);
}

/// Returns a row-major copy of the elements.
std::vector<std::byte> packed(const Array& array) {
  const Array copy = array.packed().value();
  return {copy.bytes().begin(), copy.bytes().end()};
}
template <class T>
std::vector<T> elements(const Record& value) {
  const auto bytes = packed(value.array());
  std::vector<T> made(bytes.size() / sizeof(T));
  std::memcpy(made.data(), bytes.data(), bytes.size());
  EXPECT_EQ(value.array().element(), ElementType::of<T>());
  return made;
}

class NpyAgainstNumpy : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    if (!python_with_numpy().empty()) {
      ASSERT_EQ(check_with_numpy("write arrays others", folder_->path()), "");
    }
  }
  static void TearDownTestSuite() { folder_.reset(); }
  void SetUp() override {
    if (python_with_numpy().empty()) {
      GTEST_SKIP() << no_numpy;
    }
  }
  static void check(const std::string& what) {
    EXPECT_EQ(check_with_numpy("read " + what, folder_->path()), "");
  }
  [[nodiscard]] static std::filesystem::path path(const std::string& name) {
    return std::filesystem::path(folder_->path()) / (name + ".npy");
  }
  [[nodiscard]] static Result<Record> load(const std::string& name, const Record& options = {}) {
    return load_npy_bytes(bytes_of_file(path(name)), options);
  }
  static void save(const std::string& name, const Record& value, const Record& options = {}) {
    const auto bytes = saved_npy(value, options);
    ASSERT_TRUE(bytes) << name << ": " << bytes.error().what();
    write_file(path(name), *bytes);
  }

  static inline std::unique_ptr<TemporaryFolder> folder_;
};

TEST_F(NpyAgainstNumpy, HasTheBitsOfEachTypeOrderAndShapeBothWays) {
  std::size_t count = 0;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder_->path())) {
    if (const std::string name = entry.path().stem(); name.find("e_C_") == 4 || name.find("e_F_") == 4 ||
                                                      name.find("e_C_") == 5 || name.find("e_F_") == 5) {
      paths.push_back(entry.path());
    }
  }
  for (const std::filesystem::path& each : paths) {
    const std::string name = each.stem();
    const std::vector<std::byte> file = bytes_of_file(each);
    for (const bool is_mapped : {false, true}) {
      const auto value = load_npy_bytes(file, {}, is_mapped);
      ASSERT_TRUE(value) << name << ": " << value.error().what();
      const Array array = value->array();
      const auto expected = numpy_pattern(array.size_bytes(), name.starts_with("b1"));
      EXPECT_EQ(packed(array), expected) << name;
      std::string shape;
      for (const std::uint64_t extent : array.extents().span()) {
        shape.append(shape.empty() ? "" : "x").append(std::to_string(extent));
      }
      EXPECT_TRUE(name.ends_with("_" + shape)) << name << " is loaded as " << shape;
      if (name.find("_le_") != std::string::npos) {
        save("saved_" + name, *value);
      }
    }
    ++count;
  }
  EXPECT_EQ(count, 13U * 2 * 2 * 6);
  check("arrays");
}

TEST_F(NpyAgainstNumpy, LoadsTexts) {
  const Record expected = Record::list({texts({"a", "Grüße", ""}), texts({"日本", "😀!", "end"})});
  for (const char* name : {"texts_le", "texts_be", "texts_fortran"}) {
    const auto value = load(name);
    ASSERT_TRUE(value) << value.error().what();
    EXPECT_EQ(*value, expected) << name << *value;
  }
  EXPECT_EQ(load("text").value(), Record("one"));
  EXPECT_EQ(load("no_texts").value(), Record::list({Record::list({}), Record::list({})}));
  EXPECT_EQ(load("bytes").value(), texts({std::string("ab\0c", 4), "x", "", "12345"}));
}

TEST_F(NpyAgainstNumpy, LoadsStructuredArrays) {
  for (const char* name : {"fields", "fields_aligned"}) {
    const auto value = load(name);
    ASSERT_TRUE(value) << value.error().what();
    EXPECT_EQ(value->size(), 3U) << name;
    EXPECT_EQ(elements<double>((*value)["x"]), (std::vector<double>{0.5, -1.5, 1e300})) << name;
    EXPECT_EQ(elements<std::int16_t>((*value)["n"]), (std::vector<std::int16_t>{1, 2, 3, 4, -5, 6})) << name;
    EXPECT_EQ((*value)["n"].array().extents(), Extents(3, 2)) << name;
    EXPECT_EQ(packed((*value)["inner"]["flag"].array()),
              (std::vector<std::byte>{std::byte{1}, std::byte{0}, std::byte{1}}));
    EXPECT_EQ((*value)["inner"]["name"], texts({"a", "bcd", "é"})) << name;
  }
  const auto tiled = load("fields_fortran").value();
  EXPECT_EQ(tiled["n"].array().extents(), Extents(2, 3, 2));
  EXPECT_EQ(elements<std::int16_t>(tiled["n"]),
            (std::vector<std::int16_t>{1, 2, 3, 4, -5, 6, 1, 2, 3, 4, -5, 6}));
  EXPECT_EQ(tiled["inner"]["name"], Record::list({texts({"a", "bcd", "é"}), texts({"a", "bcd", "é"})}));
  EXPECT_EQ(elements<std::int32_t>(load("fields_titled").value()["name"]), (std::vector<std::int32_t>{7, 8}));
  const auto points = load("fields_nested").value()["points"];
  EXPECT_EQ(elements<std::int16_t>(points["x"]), (std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(elements<std::int16_t>(points["y"]), (std::vector<std::int16_t>{-1, -2, -3, -4, -5, -6}));
  EXPECT_EQ(load("fields_many").value().size(), 3000U);
  const auto latin = load("fields_latin").value();
  EXPECT_TRUE(latin["größe"].array() && latin["it's"].array() && latin["a\nb"].array()) << latin;
  EXPECT_TRUE(load("fields_unicode").value()["温度"].array());
  EXPECT_EQ(load("version_2").value().array().size(), 4U);
  EXPECT_EQ(elements<std::int32_t>(load("two").value()), (std::vector<std::int32_t>{0, 1, 2}));
}

TEST_F(NpyAgainstNumpy, LoadsHalvesAndTimesIfItIsAskedTo) {
  const auto expected = bytes_of_file(std::filesystem::path(folder_->path()) / "half.raw");
  for (const char* name : {"half_le", "half_be"}) {
    EXPECT_NE(load(name).error().text().find("half = \"f32\""), std::string::npos);
    const auto value = load(name, {{"half", "f32"}});
    ASSERT_TRUE(value) << value.error().what();
    EXPECT_EQ(value->array().element().name(), "f32");
    EXPECT_EQ(packed(value->array()), expected) << name;
  }
  EXPECT_NE(load("times").error().text().find("times = \"i64\""), std::string::npos);
  EXPECT_EQ(elements<std::int64_t>(load("times", {{"times", "i64"}}).value()),
            (std::vector<std::int64_t>{1, std::numeric_limits<std::int64_t>::min(), 10957}));
  EXPECT_EQ(elements<std::int64_t>(load("spans", {{"times", "i64"}}).value()),
            (std::vector<std::int64_t>{1, -2, 3}));
}

TEST_F(NpyAgainstNumpy, RefusesOtherTypesByName) {
  const std::vector<std::pair<std::string, std::string>> cases{{"objects", "pickled objects of Python"},
                                                               {"object_fields", "in field 'o'"},
                                                               {"void", "void[3]"},
                                                               {"long_double", "longdouble"},
                                                               {"nine", "9 dimensions"}};
  for (const auto& [name, part] : cases) {
    const auto value = load(name);
    EXPECT_EQ(value.error().code(), Errc::unsupported) << name;
    EXPECT_NE(value.error().text().find(part), std::string::npos) << value.error().what();
  }
}

TEST_F(NpyAgainstNumpy, SavesOtherValuesThatItReads) {
  save("own_texts", Record::list({texts({"a", "Grüße", ""}), texts({"日本", "😀!", "end"})}));
  save("own_text", "one");
  save("own_real", 2.5);
  save("own_large", ~std::uint64_t{0});
  save("own_complex", std::complex<double>(1, -2));
  save("own_flag", true);
  save("own_integers", Record::list({Record::list({1, 2, 3}), Record::list({4, 5, 6})}));
  save("own_mixed", Record::list({1, 2.5}));
  save("own_nothing", Record::list({}));
  std::vector<std::int32_t> numbers(24);
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    numbers[at] = static_cast<std::int32_t>(at);
  }
  // In each dimension the last one first; of the innermost one every second.
  const std::array<std::int64_t, 3> strides{-48, -24, -8};
  save("own_strided",
       Array::copy_of(ConstRawArray(&numbers[23], ElementType::of<std::int32_t>(), Extents(2, 2, 2), strides))
           .value());
  save("own_strided",
       Array(std::make_shared<int>(0),
             ConstRawArray(&numbers[23], ElementType::of<std::int32_t>(), Extents(2, 2, 2), strides)));
  std::vector<std::int64_t> wide(600000);
  for (std::size_t at = 0; at < wide.size(); ++at) {
    wide[at] = static_cast<std::int64_t>(at);
  }
  const std::array<std::int64_t, 2> steps{200000 * 8, 16};
  save("own_wide", Array(std::make_shared<int>(0), ConstRawArray(wide.data(), ElementType::of<std::int64_t>(),
                                                                 Extents(3, 100000), steps)));
  save("own_letters", Array(std::vector<char>{'a', 'b'}));
  save("own_octets", Array(std::vector<std::byte>{std::byte{1}, std::byte{255}}));
  const std::vector<std::int32_t> four{1, 2, 3, 4};
  const Record columns = {
      {"x", Array(std::vector<double>{0.5, 1.5})},
      {"größe",
       Array::copy_of(ConstRawArray(four.data(), ElementType::of<std::int32_t>(), Extents(2, 2))).value()},
      {"it's", texts({"abc", "d"})}};
  save("own_columns", columns, {{"columns", true}});
  EXPECT_EQ(load("own_columns").value(), columns);
  save("own_unicode", Record::members({{"温度", Array(std::vector<float>{1})}}), {{"columns", true}});
  Record many = Record::members({});
  for (int at = 0; at < 3000; ++at) {
    many.set("a field of a long name " + std::to_string(at), Array(std::vector<double>{1, 2}));
  }
  save("own_many", many, {{"columns", true}});
  EXPECT_EQ(load("own_many").value(), many);
  check("others");
}

TEST(NpyFormat, ConvertsEachHalf) {
  EXPECT_EQ(std::bit_cast<float>(storage::float_bits_of_half(0x3C00)), 1.0F);
  EXPECT_EQ(std::bit_cast<float>(storage::float_bits_of_half(0x0001)), 0x1p-24F);
  EXPECT_EQ(std::bit_cast<float>(storage::float_bits_of_half(0x83FF)), -0x1.ff8p-15F);
  EXPECT_EQ(std::bit_cast<float>(storage::float_bits_of_half(0xFBFF)), -65504.0F);
  EXPECT_EQ(storage::float_bits_of_half(0xFC00), 0xFF800000U);
  EXPECT_EQ(storage::float_bits_of_half(0x8000), 0x80000000U);
}

TEST(NpyFormat, ReadsOnceStraightToTheMemoryThatIsMade) {
  for (const std::string order : {"False", "True"}) {
    MemoryFile file(npy_file(npy_dict("'<f8'", "(3, 4)", order), 96));
    const std::byte* memory = nullptr;
    Extents made;
    const auto value = npy().load(file, {}, [&](const ElementType& element, const Extents& extents) {
      auto draft = ArrayDraft::make(element, extents);
      memory = draft->bytes().data();
      made = extents;
      return draft;
    });
    ASSERT_TRUE(value) << value.error().what();
    EXPECT_EQ(value->array().data(), memory);
    EXPECT_EQ(made, order == "True" ? Extents(4, 3) : Extents(3, 4));
    EXPECT_EQ(value->array().extents(), Extents(3, 4));
    EXPECT_EQ(value->array().stride(0), order == "True" ? 8 : 32);
    EXPECT_EQ(file.reads(), 3U);  // beginning, header, elements
  }
}

TEST(NpyFormat, ShowsMappedElementsInPlaceIfTheyAreAligned) {
  const std::vector<std::byte> aligned = saved_npy(Array(std::vector<double>(1000, 1.5))).value();
  MemoryFile file(aligned, true);
  const auto value = npy().load(file, {}, make_own).value();
  EXPECT_EQ(value.array().data(), file.bytes().data() + 128);
  EXPECT_EQ(value.array().owner(), file.in_place().value().owner);
  EXPECT_LE(file.bytes_read(), 128U);
  MemoryFile odd(npy_file(npy_dict("'<f8'", "(5,)") + " ", 40), true);
  if ((10 + npy_dict("'<f8'", "(5,)").size() + 1) % 8 != 0) {
    EXPECT_NE(npy().load(odd, {}, make_own).value().array().data(),
              odd.bytes().data() + odd.size_bytes() - 40);
  }
  MemoryFile swapped(npy_file(npy_dict("'>f8'", "(5,)"), 40), true);
  EXPECT_EQ(npy().load(swapped, {}, make_own).value().array().size(), 5U);
}

TEST(NpyFormat, ReportsWhatAFileHolds) {
  const auto info_of = [](const std::vector<std::byte>& bytes) {
    MemoryFile file(bytes);
    const auto info = npy().info(file, {});
    EXPECT_LE(file.bytes_read(), 200U);
    return info.value();
  };
  EXPECT_EQ(info_of(npy_file(npy_dict("'>f8'", "(3, 4)"), 96)),
            Record::members({{"type", "f64"}, {"extents", Record::list({3, 4})}}));
  EXPECT_EQ(info_of(npy_file(npy_dict("'<M8[ns]'", "()"), 8)),
            Record::members({{"type", "datetime64[ns]"}, {"extents", Record::list({})}}));
  EXPECT_EQ(info_of(npy_file(npy_dict("[('x', '<f2'), ('s', '|S3', (2,))]", "(2,)"), 16)),
            Record::members({{"x", {{"type", "f16"}, {"extents", Record::list({2})}}},
                             {"s", {{"type", "text"}, {"extents", Record::list({2, 2})}}}}));
  EXPECT_TRUE(npy().recognises(npy_file(npy_dict("'<f8'", "()"), 8)));
  EXPECT_FALSE(npy().recognises({}));
}

TEST(NpyFormat, TakesHeadersOfOldPythonAndOfOtherPrograms) {
  for (const char* header :
       {"{'descr': '<i4', 'fortran_order': False, 'shape': (2L, 2L)}",
        "{\"shape\":(2,2,),\"fortran_order\":False,\"descr\":\"i4\"}\n",
        "{'descr': u'<i4', 'fortran_order': False, 'shape': (2, 2)}   \n",
        "\t{ 'descr' : '\\x3ci4' , 'fortran_order' : False , 'shape' : ( 2 , 2 ) , } "}) {
    const auto value = load_npy_bytes(npy_file(header, 16));
    ASSERT_TRUE(value) << header << value.error().what();
    EXPECT_EQ(value->array().extents(), Extents(2, 2));
  }
}

TEST(NpyFormat, RefusesValuesThatNumpyDoesNotHave) {
  const std::vector<double> two{1, 2};
  const std::vector<std::pair<Record, std::string>> cases{
      {Record(), "null"},
      {Record(Record::Bytes(3)), "raw bytes"},
      {{{"x", Array(two)}}, "columns = true"},
      {Record::list({1, "a"}), "a text"},
      {Record::list({Record::list({1}), Record::list({1, 2})}), "different lengths"},
      {Record::list({Record::list({1}), 2}), "different lengths or depths"},
      {Record::list({(std::int64_t{1} << 53) + 1, 0.5}), "exactly"},
      {Record::list({-1, ~std::uint64_t{0}}), "exactly"},
      {Record::list({true, 1}), "exactly"},
      {Record::list({Record()}), "null"},
      {Record(std::string("ends\0", 5)), "ends with a zero"},
      {Record("\xFF"), "UTF-8"},
      {Array(nullptr, ConstRawArray(two.data(), ElementType::named("pair{16}").value(), Extents(1))),
       "pair{16}"},
  };
  for (const auto& [value, part] : cases) {
    const auto bytes = saved_npy(value);
    ASSERT_FALSE(bytes) << part;
    EXPECT_EQ(bytes.error().code(), Errc::type_mismatch) << bytes.error().what();
    EXPECT_NE(bytes.error().text().find(part), std::string::npos) << bytes.error().what();
  }
  for (const Record& columns : {Record::members({}), Record::members({{"x", Array(two)}, {"y", 1}}),
                                Record::members({{"", Array(two)}}),
                                Record::members({{"x", Array(two)}, {"y", Array(std::vector<double>(3))}})}) {
    EXPECT_EQ(saved_npy(columns, {{"columns", true}}).error().code(), Errc::type_mismatch);
  }
}

TEST(NpyFormat, RefusesWrongOptions) {
  const auto file = npy_file(npy_dict("'<f8'", "()"), 8);
  for (const Record& options :
       {Record{{"half", "f64"}}, Record{{"half", true}}, Record{{"times", 1}}, Record{{"columns", "yes"}}}) {
    EXPECT_EQ(load_npy_bytes(file, options).error().code(), Errc::invalid_argument);
    EXPECT_EQ(saved_npy(1, options).error().code(), Errc::invalid_argument);
    EXPECT_NE(load_npy_bytes(file, options).error().text().find(options.members().begin()->first),
              std::string::npos);
  }
  MemoryDraft full(100);
  EXPECT_EQ(npy().save(Array(std::vector<double>(10)), full, {}).error().code(), Errc::system);
}

}  // namespace
}  // namespace locum::tests::of_npy
