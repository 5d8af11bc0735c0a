// The format .msgpack.

#include "transport/storage/formats/msgpack/msgpack.hpp"

#include <gtest/gtest.h>

#include <complex>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/text_sample.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests::of_msgpack {
namespace {

using namespace std::string_literals;

const Format& msgpack() {
  static const auto format = storage::msgpack_format();
  return *format;
}

Record msgpack_of(std::string_view bytes) {
  auto loaded = load_text(msgpack(), bytes);
  EXPECT_TRUE(loaded) << loaded.error().what();
  return loaded ? *loaded : Record();
}

/// An array as msgpack-numpy describes it.
std::string numpy_array(const std::string& type, const std::string& shape, const std::string& data) {
  return "\x85\xC4\x02nd\xC3\xC4\x04type"s + static_cast<char>(0xA0 + type.size()) + type +
         "\xC4\x04kind\xC4\x00"s + "\xC4\x05shape" + shape + "\xC4\x04" + "data\xC4" +
         static_cast<char>(data.size()) + data;
}

TEST(Msgpack, ReadsAllKindsOfValues) {
  EXPECT_EQ(msgpack_of("\xC0"), Record());
  EXPECT_EQ(msgpack_of("\x95\xC2\xC3\x7F\xE0\xCA\x3F\x80\x00\x00"s),
            Record::list({false, true, 127, -32, 1.0}));
  EXPECT_EQ(
      msgpack_of(
          "\x94\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xD3\x80\x00\x00\x00\x00\x00\x00\x00\xD1\xFF\x7F\xCD\x01\x00"s),
      Record::list({~std::uint64_t{0}, std::numeric_limits<std::int64_t>::min(), -129, 256}));
  EXPECT_EQ(
      msgpack_of("\x82\xA1z\xC4\x02\x00\xFF\xD9\x01\x61\x80"s),
      Record::members({{"z", Record::Bytes{std::byte{0}, std::byte{255}}}, {"a", Record::members({})}}));
  EXPECT_EQ(msgpack_of("\xDC\x00\x01\xDF\x00\x00\x00\x00"s), Record::list({Record::members({})}));
}

TEST(Msgpack, NamesTheByteOfAnError) {
  const auto error = [](std::string_view bytes, Errc code) { return load_error(msgpack(), bytes, code); };
  EXPECT_EQ(error("\x92\x01\xC1", Errc::corrupt).substr(0, 10), "at byte 2:");
  EXPECT_EQ(error("\x91\xD6\xFF\x00\x00\x00\x00"s, Errc::unsupported).substr(0, 18), "at byte 1: a time ");
  EXPECT_NE(error("\xC7\x00\x05"s, Errc::unsupported).find("type 5"), std::string::npos);
  EXPECT_EQ(error("\x81\x01\x01", Errc::unsupported).substr(0, 18), "at byte 1: the key");
  EXPECT_EQ(error("\x82\xA1x\x01\xA1x\x01", Errc::corrupt).substr(0, 19), "at byte 4: the name");
  EXPECT_EQ(error("\xA2\x61\xFF", Errc::corrupt).substr(0, 10), "at byte 2:");
  EXPECT_EQ(error("\x01\x02", Errc::unsupported).substr(0, 10), "at byte 1:");
  EXPECT_FALSE(error("\xDD\xFF\xFF\xFF\xFF\x01", Errc::corrupt).empty());
  EXPECT_FALSE(error("\xDF\xFF\xFF\xFF\xFF\xA0", Errc::corrupt).empty());
  EXPECT_FALSE(error("\xC6\xFF\xFF\xFF\xFF\x01", Errc::corrupt).empty());
  EXPECT_FALSE(error("", Errc::corrupt).empty());
  EXPECT_EQ(msgpack_of(std::string(255, '\x91') + "\x90").kind(), Record::Kind::list);
  EXPECT_NE(error(std::string(100000, '\x91'), Errc::unsupported).find("256 levels"), std::string::npos);
}

TEST(Msgpack, ReadsArraysOfNumpy) {
  const Record array = msgpack_of(numpy_array("<i2", "\x92\x02\x01", "\x01\x00\xFF\xFF"s));
  EXPECT_EQ(elements_of<std::int16_t>(array), (std::vector<std::int16_t>{1, -1}));
  EXPECT_EQ(array.array().extents(), Extents(2, 1));
  EXPECT_EQ(elements_of<std::uint16_t>(msgpack_of(numpy_array(">u2", "\x91\x01", "\x01\x02"))),
            std::vector<std::uint16_t>{0x0102});
  EXPECT_EQ(msgpack_of(numpy_array("|u1", "\x90", "\x07")).array().value<std::uint8_t>().value(), 7);
  const auto error = [](const std::string& bytes, Errc code) { return load_error(msgpack(), bytes, code); };
  EXPECT_FALSE(error(numpy_array("<i2", "\x91\x03", "\x01\x00\xFF\xFF"s), Errc::corrupt).empty());
  EXPECT_FALSE(error(numpy_array("<i2", "\x91\xFF", "\x01\x00"s), Errc::corrupt).empty());
  EXPECT_FALSE(
      error(numpy_array("<i2", "\x92\xCF\x80\x00\x00\x00\x00\x00\x00\x00\x02"s, ""), Errc::corrupt).empty());
  EXPECT_FALSE(
      error(numpy_array("<i2", "\x92\xCF\x7F\x00\x00\x00\x00\x00\x00\x00\x04"s, ""), Errc::corrupt).empty());
  EXPECT_FALSE(error(numpy_array("|b1", "\x91\x01", "\x02"), Errc::corrupt).empty());
  EXPECT_NE(error(numpy_array("<f2", "\x91\x01", "xx"), Errc::unsupported).find("'<f2'"), std::string::npos);
  EXPECT_FALSE(error(numpy_array("|O", "\x91\x01", "xx"), Errc::unsupported).empty());
  EXPECT_FALSE(error(numpy_array("|u1", "\x99\1\1\1\1\1\1\1\1\1", "x"), Errc::unsupported).empty());
  EXPECT_FALSE(error("\x81\xC4\x01x\x01", Errc::unsupported).empty());
}

TEST(Msgpack, LoadsWhatItSaved) {
  Record value =
      Record::members({{"n", Record()},
                       {"i", Record::list({0, 127, 128, 255, 256, 65535, 65536, 4294967296, ~std::uint64_t{0},
                                           -1, -32, -33, -128, -129, -32769, -2147483649})},
                       {"r", 0.1},
                       {"c", std::complex<double>(1, -0.0)},
                       {"b", Record::Bytes(300)},
                       {"t", std::string(70000, 'x')},
                       {"a", std::vector<double>{1, 2, 3}},
                       {"m", Record::members({})}});
  Record many = Record::list({});
  for (int at = 0; at < 70000; ++at) {
    many.append(at);
  }
  value.set("many", many);
  for (int at = 0; at < 20; ++at) {
    value.set("name" + std::to_string(at), at % 2 == 0);
  }
  EXPECT_EQ(msgpack_of(saved_text(msgpack(), value).value()), value);
  EXPECT_FALSE(saved_text(msgpack(), "\xFF"));
  EXPECT_FALSE(saved_text(msgpack(), std::vector<char>{'x'}.size() == 1 ? Record(RawProxy()) : Record()));
}

TEST(Msgpack, DoesNoHarmWhenItIsDamaged) {
  read_damaged(msgpack(),
               "\x84\xA1"
               "a\x93\x01\xCB\x3F\xF0\x00\x00\x00\x00\x00\x00\xC4\x02xy\xA1"
               "b\xDC\x00\x02\xC0\xD0\x80\xA1"
               "c\xD9\x02\xC3\xA9\xA1"
               "d\x81\xA1x\xCE\x00\x01\x00\x00"s);
  read_damaged(msgpack(), numpy_array("<i2", "\x92\x02\x01", "\x01\x00\xFF\xFF"s));
  read_damaged(msgpack(),
               "\x83\xC4\x02nd\xC2\xC4\x04type\xA4<c16\xC4\x04"
               "data\xC4\x10"
               "0123456789abcdef"s);
  read_damaged(msgpack(),
               "\x82\xC4\x07"
               "complex\xC3\xC4\x04"
               "data\xAE(1.5e+3-infj)\x00"s.substr(0, 36));
}

TEST(Msgpack, IsReadByPythonAndReadsWhatItWrites) {
  const std::string python = python_with("msgpack, msgpack_numpy");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3 with msgpack and msgpack_numpy (Debian: python3-msgpack-numpy)";
  }
  const TemporaryFolder temporary;
  const std::filesystem::path folder = temporary.path();
  const std::vector<double> numbers = any_doubles(10000);
  const Array array = Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<double>(),
                                                   {std::size_t{2}, numbers.size() / 2}))
                          .value();
  const bool truth = true;
  const Record value = Record::members(
      {{"list", Record::list(Record::List(numbers.begin(), numbers.end()))},
       {"array", array},
       {"integers", Record::list({0, 127, 128, ~std::uint64_t{0}, -32, -33, -129, std::numeric_limits<std::int64_t>::min(), 65536})},
       {"bytes", Record::Bytes{std::byte{0}, std::byte{255}}},
       {"text", [] { std::string text; for (int at = 0; at < 300; ++at) { text += "é"; } return text; }()},
       {"null", Record()},
       {"complex", std::complex<double>(1, -2)},
       {"truths", Array::copy_of(ConstRawArray(&truth, ElementType::of<bool>(), {1})).value()},
       {"scalar", Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<double>(), {})).value()}});
  write_file(folder / "bits.bin", std::as_bytes(std::span(numbers)));
  const std::string saved = saved_text(msgpack(), value).value();
  write_file(folder / "ours.msgpack", std::as_bytes(std::span(saved)));
  ASSERT_TRUE(run_script(python, "text_check.py", "msgpack '" + folder.string() + "'"));
  const auto bytes = bytes_of_file(folder / "theirs.msgpack");
  const Record theirs = msgpack_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  std::vector<double> list;
  for (const Record& one : theirs["list"].list()) {
    list.push_back(one.as<double>().value());
  }
  EXPECT_EQ(different_doubles(list, numbers), 0U);
  EXPECT_EQ(different_doubles(elements_of<double>(theirs["array"]), numbers), 0U);
  EXPECT_EQ(elements_of<std::int32_t>(theirs["fortran"]), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(theirs["complex"], Record(std::complex<double>(1.5, -2)));
  EXPECT_EQ(theirs["number"], Record(double{0.1F}));
  EXPECT_EQ(theirs["integers"], value["integers"]);
  EXPECT_EQ(elements_of<float>(theirs["single"]), (std::vector<float>{1.5F, 2.5F}));
  EXPECT_EQ(elements_of<std::complex<double>>(theirs["complexes"]),
            (std::vector<std::complex<double>>{{1, 2}}));
  EXPECT_EQ(theirs["truth"], Record(true));
  EXPECT_EQ(theirs["bytes"], Record(Record::Bytes{std::byte{1}}));
}

}  // namespace
}  // namespace locum::tests::of_msgpack
