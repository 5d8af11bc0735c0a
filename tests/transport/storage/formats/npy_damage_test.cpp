// The format .npy: files that are damaged, or made to do harm.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/npy_sample.hpp"

namespace locum::tests::of_npy_damage {
namespace {

TEST(NpyDamage, RefusesWrongHeaders) {
  const std::string right = npy_dict("'<i4'", "(2,)");
  for (const std::string& header : {std::string(),
                                    std::string("{}"),
                                    right + "x",
                                    npy_dict("'<i4'", "[2]"),
                                    npy_dict("'<i4'", "(-2,)"),
                                    npy_dict("'<i4'", "(2)"),
                                    npy_dict("'<i4'", "(02,)"),
                                    npy_dict("'<i4'", "(2.0,)"),
                                    npy_dict("'<i4'", "(,)"),
                                    npy_dict("'<i4'", "(2 2)"),
                                    npy_dict("'<i4'", "(99999999999999999999,)"),
                                    npy_dict("'<i3'", "(2,)"),
                                    npy_dict("'<i4' '<i4'", "(2,)"),
                                    npy_dict("open('x')", "(2,)"),
                                    npy_dict("'<i4'", "(2,)", "0"),
                                    npy_dict("''", "(2,)"),
                                    npy_dict("'<U99999999999999999999'", "(0,)"),
                                    npy_dict("'<S-1'", "(0,)"),
                                    npy_dict("[('x',)]", "(0,)"),
                                    npy_dict("[('', '<i4')]", "(0,)"),
                                    npy_dict("[('x', '<i4'), ('x', '<i4')]", "(0,)"),
                                    npy_dict("[1]", "(0,)"),
                                    npy_dict("'<i4', 'descr': '<i4'", "(2,)"),
                                    npy_dict("'\\q'", "(2,)"),
                                    npy_dict("'\\ud800'", "(2,)"),
                                    npy_dict("'<i4", "(2,)"),
                                    npy_dict("'<M8ns'", "(0,)"),
                                    std::string(300, '('),
                                    std::string(300, '['),
                                    npy_dict(std::string(200, '[') + std::string(200, ']'), "(0,)")}) {
    const auto value = load_npy_bytes(npy_file(header, 8));
    ASSERT_FALSE(value) << header;
    EXPECT_EQ(value.error().code(), Errc::corrupt) << header << ": " << value.error().what();
    EXPECT_NE(value.error().text().find("byte"), std::string::npos) << value.error().what();
  }
  EXPECT_EQ(load_npy_bytes(npy_file(npy_dict("[('\xFF', '<i4')]", "(2,)"), 8, 3)).error().code(),
            Errc::corrupt);
  EXPECT_TRUE(load_npy_bytes(npy_file(npy_dict("[('\xFF', '<i4')]", "(2,)"), 8)).value()["ÿ"].array());
}

TEST(NpyDamage, RefusesSizesThatTheFileDoesNotHave) {
  for (const std::string& header :
       {npy_dict("'<f8'", "(1000000000000,)"), npy_dict("'<f8'", "(4294967296, 4294967296)"),
        npy_dict("'<f8'", "(0, 4294967296, 4294967296)"), npy_dict("'|S0'", "(1000000000000,)"),
        npy_dict("'<U1'", "(1000000000000, 0)"), npy_dict("[]", "(1000000000000,)"),
        npy_dict("[('x', '|S0', (1000000000000,))]", "(1,)"),
        npy_dict("[('x', '|V0', (9223372036854775807, 3))]", "(1,)"),
        npy_dict("[('x', [('y', '|V0')], (1000000000000,))]", "(1,)"),
        npy_dict("'|S9223372036854775807'", "(1,)"),
        npy_dict("[('x', '<f8', (1152921504606846976,)), ('y', '<f8', (1152921504606846976,))]", "(1,)")}) {
    for (const bool is_mapped : {false, true}) {
      const auto value = load_npy_bytes(npy_file(header, 8), {}, is_mapped);
      ASSERT_FALSE(value) << header;
      EXPECT_TRUE(value.error().code() == Errc::corrupt || value.error().code() == Errc::unsupported)
          << header;
    }
  }
  const auto short_one = load_npy_bytes(npy_file(npy_dict("'<f8'", "(3,)"), 20));
  EXPECT_NE(short_one.error().text().find("need 24 bytes, but only 20 follow"), std::string::npos);
}

TEST(NpyDamage, TakesNoTimeForManyFieldsWithoutBytes) {
  std::string empty = "[('x', '|u1')";
  std::string texts = empty;
  for (int at = 0; at < 2000; ++at) {
    const std::string name = std::to_string(at);
    empty.append(", ('e").append(name).append("', '<f8', (0,))");
    texts.append(", ('t").append(name).append("', '|S0')");
  }
  constexpr std::size_t rows = 1000000;
  const std::string shape = "(" + std::to_string(rows) + ",)";
  const auto value = load_npy_bytes(npy_file(npy_dict(empty + "]", shape), rows));
  ASSERT_TRUE(value) << value.error().what();
  EXPECT_EQ(value->size(), 2001U);
  EXPECT_EQ(load_npy_bytes(npy_file(npy_dict(texts + "]", shape), rows)).error().code(), Errc::corrupt);
}

TEST(NpyDamage, RefusesWrongElements) {
  std::vector<std::byte> file = npy_file(npy_dict("'|b1'", "(4,)"), 0);
  file.resize(file.size() + 3);
  file.push_back(std::byte{2});
  for (const bool is_mapped : {false, true}) {
    EXPECT_NE(load_npy_bytes(file, {}, is_mapped).error().text().find("element 3"), std::string::npos);
  }
  for (const std::uint32_t wrong : {0xD800U, 0x110000U, 0xFFFFFFFFU}) {
    std::vector<std::byte> text = npy_file(npy_dict("'<U2'", "(1,)"), 0);
    const std::array<std::uint32_t, 2> characters{'a', wrong};
    const auto bytes = std::as_bytes(std::span(characters));
    text.insert(text.end(), bytes.begin(), bytes.end());
    EXPECT_EQ(load_npy_bytes(text).error().code(), Errc::corrupt);
  }
}

TEST(NpyDamage, RefusesEachPrefixOfAFile) {
  const std::vector<std::byte> file = npy_file(npy_dict("[('x', '<f8'), ('s', '<U2')]", "(2,)"), 32);
  for (std::size_t size = 0; size < file.size(); ++size) {
    for (const bool is_mapped : {false, true}) {
      EXPECT_EQ(load_npy_bytes(std::span(file).first(size), {}, is_mapped).error().code(), Errc::corrupt)
          << size;
    }
  }
}

TEST(NpyDamage, BearsAnyByteOfItsHeader) {
  std::size_t loaded = 0;
  for (const char* description : {"'<f8'", "[('x', '<f4'), ('s', '|S2', (2,))]"}) {
    const std::vector<std::byte> file = npy_file(npy_dict(description, "(2, 1)", "True"), 16);
    for (std::size_t at = 0; at < file.size() - 16; ++at) {
      for (unsigned value = 0; value < 256; value += 3) {
        std::vector<std::byte> damaged = file;
        damaged[at] = static_cast<std::byte>(value);
        loaded += load_npy_bytes(damaged, {}, value % 2 == 1).has_value() ? 1U : 0U;
      }
    }
  }
  EXPECT_GT(loaded, 0U);
}

}  // namespace
}  // namespace locum::tests::of_npy_damage
