// The formats .txt and .bin.

#include "transport/storage/formats/text/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/text_sample.hpp"
#include "transport/storage/formats/bytes/bytes.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::tests::of_text {
namespace {

using namespace std::string_literals;

const Format& text() {
  static const auto format = storage::text_format();
  return *format;
}
const Format& bytes() {
  static const auto format = storage::bytes_format();
  return *format;
}

TEST(Text, IsTheTextOfTheFile) {
  for (const std::string& one : {""s, "a\r\nb\n"s, "\xEF\xBB\xBFx\0é𝄞"s}) {
    EXPECT_EQ(load_text(text(), one).value(), Record(one));
    EXPECT_EQ(saved_text(text(), Record(one)).value(), one);
  }
  EXPECT_EQ(load_text(text(), "\xE9\xFF", {{"encoding", "latin-1"}}).value(), Record("éÿ"));
  EXPECT_EQ(saved_text(text(), "éÿ", {{"encoding", "latin-1"}}).value(), "\xE9\xFF");
  EXPECT_NE(saved_text(text(), "aé€", {{"encoding", "latin-1"}}).error().text().find("byte 3"),
            std::string::npos);
  EXPECT_EQ(load_error(text(),
                       "a\nb\xFF"
                       "c",
                       Errc::corrupt)
                .substr(0, 22),
            "at byte 3, in line 2: ");
  EXPECT_FALSE(saved_text(text(), "\xFF"));
  EXPECT_FALSE(saved_text(text(), Record(1)));
  EXPECT_FALSE(load_error(text(), "x", Errc::invalid_argument, {{"encoding", 1}}).empty());
}

TEST(Text, RefusesWhatIsNoUtf8) {
  for (const std::string& wrong :
       {"\x80"s, "\xC1\x80"s, "\xC3"s, "\xC3("s, "\xE0\x9F\x80"s, "\xED\xA0\x80"s, "\xF0\x8F\x80\x80"s,
        "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xE2\x82"s, "\xFE"s}) {
    EXPECT_EQ(storage::valid_utf8_bytes("12345678" + wrong), 8U);
    EXPECT_EQ(storage::valid_utf8_bytes(wrong + "12345678"), 0U);
  }
  for (const char32_t point : {U'a', U'\x7F', U'\x80', U'\x7FF', U'\x800', U'\xD7FF', U'\xE000', U'\xFFFF',
                               U'\x10000', U'\x10FFFF'}) {
    std::string one;
    storage::append_utf8(one, point);
    EXPECT_TRUE(storage::is_utf8(one)) << static_cast<std::uint32_t>(point);
  }
}

TEST(Bytes, AreAnArrayOfTheGivenTypeAndExtents) {
  EXPECT_EQ(elements_of<std::uint8_t>(load_text(bytes(), "abc").value()),
            (std::vector<std::uint8_t>{'a', 'b', 'c'}));
  const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  const Record options = {{"type", "f32"}, {"extents", {2, 3}}};
  for (const bool is_mapped : {false, true}) {
    MemoryFile file(std::as_bytes(std::span(numbers)), is_mapped);
    const Record loaded = bytes().load(file, options, make_own).value();
    EXPECT_EQ(elements_of<float>(loaded), numbers);
    EXPECT_EQ(loaded.array().extents(), Extents(2, 3));
    EXPECT_EQ(loaded.array().data() == file.bytes().data(), is_mapped);
    EXPECT_EQ(saved_text(bytes(), loaded).value(),
              std::string(reinterpret_cast<const char*>(numbers.data()), sizeof(float) * 6));
    EXPECT_EQ(bytes().info(file, options).value(),
              Record::members({{"type", "f32"}, {"extents", Record::list({2, 3})}}));
  }
  EXPECT_EQ(saved_text(bytes(), Record(Record::Bytes{std::byte{'x'}})).value(), "x");
  EXPECT_EQ(saved_text(bytes(), "é").value(), "é");
  EXPECT_FALSE(saved_text(bytes(), Record(1)));
  EXPECT_NE(load_error(bytes(), "abc", Errc::corrupt, {{"type", "f32"}}).find("3 bytes"), std::string::npos);
  EXPECT_NE(load_error(bytes(), "abcd", Errc::corrupt, {{"extents", {3, 2}}})
                .find("4 elements of u8, which are not 3 x 2"),
            std::string::npos);
  EXPECT_FALSE(load_error(bytes(), "a", Errc::invalid_argument, {{"type", "f33"}}).empty());
  EXPECT_FALSE(load_error(bytes(), "a", Errc::invalid_argument, {{"extents", Record::list({-1})}}).empty());
  EXPECT_FALSE(load_error(bytes(), "a", Errc::invalid_argument, {{"extents", Record::list({})}}).empty());
  EXPECT_NE(load_error(bytes(), "\1\2", Errc::corrupt, {{"type", "bool"}}).find("at byte 1"),
            std::string::npos);
}

TEST(Bytes, DoNoHarmWhenTheyAreDamaged) {
  read_damaged(text(), "aé€𝄞\r\n");
  read_damaged(text(), "aé€𝄞\r\n", {{"encoding", "latin-1"}});
  read_damaged(bytes(), "\0\1\1\0"s, {{"type", "bool"}, {"extents", {2, 2}}});
  read_damaged(bytes(), "01234567"s, {{"type", "i16"}});
}

}  // namespace
}  // namespace locum::tests::of_text
