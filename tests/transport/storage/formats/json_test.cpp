// The format .json.

#include "transport/storage/formats/json/json.hpp"

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

namespace locum::tests::of_json {
namespace {

const Format& json() {
  static const auto format = storage::json_format();
  return *format;
}

Record json_of(std::string_view text, const Record& options = no_options) {
  auto loaded = load_text(json(), text, options);
  EXPECT_TRUE(loaded) << text << ": " << loaded.error().what();
  return loaded ? *loaded : Record();
}

TEST(Json, ReadsAllKindsOfValues) {
  const Record value = json_of(
      " {\"n\": null, \"b\" : [true,false], \"i\": [0, -0, -9223372036854775808, 18446744073709551615],\n"
      "\"r\": [1.0, -0.0, 1e5, 5e-324, 1e-400], \"\": \"\\u00e9\\ud834\\udd1e\\n\\/\", \"m\": {}, \"l\": "
      "[]}\n");
  EXPECT_TRUE(value["n"].is_null());
  EXPECT_EQ(value["b"], Record::list({true, false}));
  EXPECT_EQ(value["i"], Record::list({0, 0, std::numeric_limits<std::int64_t>::min(), ~std::uint64_t{0}}));
  EXPECT_EQ(value["r"], Record::list({1.0, -0.0, 1e5, 5e-324, 0.0}));
  EXPECT_TRUE(std::signbit(value["r"][1].as<double>().value()));
  EXPECT_EQ(value[""].text(), "é𝄞\n/");
  EXPECT_EQ(value["m"], Record::members({}));
  EXPECT_EQ(value["l"], Record::list({}));
  std::string names;
  for (const auto& [name, member] : value.members()) {
    names += name + ";";
  }
  EXPECT_EQ(names, "n;b;i;r;;m;l;");
  EXPECT_EQ(json_of("\xEF\xBB\xBF 7"), Record(7));
}

TEST(Json, NamesLineAndColumnOfAnError) {
  const auto error = [](std::string_view text) { return load_error(json(), text, Errc::corrupt); };
  EXPECT_EQ(error("{\n  \"é\": tru }").substr(0, 20), "line 2, column 8: a ");
  EXPECT_EQ(error("{\"a\": 1,\n\"a\": 2}").substr(0, 28), "line 2, column 1: the name \"");
  EXPECT_EQ(error("[1, 2").substr(0, 17), "line 1, column 6:");
  for (const std::string_view text : {"",
                                      " ",
                                      "[",
                                      "{",
                                      "[1,]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "[1 2]",
                                      "01",
                                      "-",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "nul",
                                      "True",
                                      "\"",
                                      "\"\\",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\n\"",
                                      "1 2",
                                      "[1]]",
                                      "NaN",
                                      "-Infinity",
                                      "Infinity",
                                      "\"\xFF\"",
                                      "\"\xC0\x80\"",
                                      "'a'",
                                      "/* */ 1",
                                      "\"\\u+123\""}) {
    EXPECT_FALSE(error(text).empty()) << text;
  }
}

TEST(Json, BoundsTheDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(saved_text(json(), json_of(nested(256)), {{"indent", 0}}).value(), nested(256) + "\n");
  EXPECT_NE(load_error(json(), nested(257), Errc::unsupported).find("column 257"), std::string::npos);
  EXPECT_FALSE(load_error(json(), std::string(1000000, '['), Errc::unsupported).empty());
}

TEST(Json, TakesNumbersThatNeedAnOption) {
  EXPECT_NE(load_error(json(), "[\n18446744073709551616]", Errc::unsupported).find("line 2, column 1"),
            std::string::npos);
  EXPECT_EQ(json_of("-9223372036854775809", {{"big_integers", "text"}}), Record("-9223372036854775809"));
  EXPECT_EQ(json_of("18446744073709551616", {{"big_integers", "real"}}), Record(18446744073709551616.0));
  EXPECT_FALSE(load_error(json(), "1e999", Errc::unsupported).empty());
  const Record literals = json_of("[NaN, Infinity, -Infinity, -1e999]", {{"nan", "literal"}});
  EXPECT_TRUE(std::isnan(literals[0].as<double>().value()));
  EXPECT_EQ(literals[3], Record(-HUGE_VAL));
  EXPECT_EQ(saved_text(json(), literals, {{"nan", "literal"}}).value(),
            "[NaN, Infinity, -Infinity, -Infinity]\n");
  EXPECT_EQ(saved_text(json(), literals, {{"nan", "null"}}).value(), "[null, null, null, null]\n");
  EXPECT_EQ(saved_text(json(), {{"a", Record::list({1, literals[0]})}}).error().text().substr(0, 40),
            "the value at /a/1 is NaN or infinite, wh");
}

TEST(Json, MakesArraysOfNestedLists) {
  const Record arrays = {{"arrays", true}};
  const Record value = json_of(
      "{\"a\": [[1, 2], [3, 4.5]], \"i\": [1, -2], \"u\": [1, 18446744073709551615], \"x\": "
      "[9007199254740993, 0.5],"
      "\"ragged\": [[1], [1, 2]], \"empty\": [], \"t\": [1, \"x\"], \"n\": 3, \"zero\": [[0.5]]}",
      arrays);
  EXPECT_EQ(elements_of<double>(value["a"]), (std::vector<double>{1, 2, 3, 4.5}));
  EXPECT_EQ(value["a"].array().extents(), Extents(2, 2));
  EXPECT_EQ(elements_of<std::int64_t>(value["i"]), (std::vector<std::int64_t>{1, -2}));
  EXPECT_EQ(elements_of<std::uint64_t>(value["u"])[1], ~0ULL);
  EXPECT_EQ(value["x"].kind(), Record::Kind::list);
  EXPECT_EQ(value["ragged"].kind(), Record::Kind::list);
  EXPECT_EQ(elements_of<std::int64_t>(value["ragged"][1]), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(value["empty"], Record::list({}));
  EXPECT_EQ(value["t"], Record::list({1, "x"}));
  EXPECT_EQ(value["n"], Record(3));
  // An array has at most 8 dimensions.
  const Record deep = json_of(std::string(10, '[') + "1" + std::string(10, ']'), arrays);
  EXPECT_EQ(deep[std::size_t{0}][std::size_t{0}].array().extents().size(), 8U);
}

TEST(Json, WritesValues) {
  const std::vector<float> numbers{0.5F, 1, 2, 3, 4, 5};
  const Array array = Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<float>(), {2, 3})).value();
  const Record value = Record::members(
      {{"a", array},
       {"l", Record::list({"x", 1})},
       {"m", Record::members({})},
       {"one", Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<float>(), {})).value()},
       {"r", 1.0}});
  EXPECT_EQ(
      saved_text(json(), value).value(),
      "{\n  \"a\": [\n    [0.5, 1.0, 2.0],\n    [3.0, 4.0, 5.0]\n  ],\n  \"l\": [\n    \"x\",\n    1\n  ],\n"
      "  \"m\": {},\n  \"one\": 0.5,\n  \"r\": 1.0\n}\n");
  EXPECT_EQ(saved_text(json(), value, {{"indent", 0}}).value(),
            "{\"a\":[[0.5,1.0,2.0],[3.0,4.0,5.0]],\"l\":[\"x\",1],\"m\":{},\"one\":0.5,\"r\":1.0}\n");
  const Record bytes = Record::Bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{255}};
  EXPECT_EQ(saved_text(json(), bytes, {{"bytes", "base64"}}).value(), "\"AQID/w==\"\n");
  EXPECT_FALSE(saved_text(json(), bytes));
  EXPECT_FALSE(saved_text(json(), std::complex<double>(1, 2)));
  EXPECT_FALSE(saved_text(json(), std::vector<std::complex<double>>{1}));
  EXPECT_FALSE(saved_text(json(), "\xFF"));
  EXPECT_FALSE(saved_text(json(), 1, {{"indent", 99}}));
}

TEST(Json, DoesNoHarmWhenItIsDamaged) {
  const std::string sample =
      "{\"a\": [[1, -2.5e-3], [3, 18446744073709551615]], \"b\\u00e9\": \"\\ud834\\udd1e\xC3\xA9\", "
      "\"c\": [true, null, {}]}";
  read_damaged(json(), sample);
  read_damaged(json(), sample,
               {{"arrays", true}, {"big_integers", "text"}, {"nan", "literal"}, {"indent", 0}});
}

TEST(Json, IsRecognised) {
  const auto recognised = [](std::string_view text) {
    return json().recognises(std::as_bytes(std::span(text)));
  };
  EXPECT_TRUE(recognised(" {\n\"a\""));
  EXPECT_TRUE(recognised("[[1"));
  EXPECT_FALSE(recognised("{a"));
  EXPECT_FALSE(recognised("[section]"));
  EXPECT_FALSE(recognised(""));
}

TEST(Json, HasTheBitsOfEachDoubleInPython) {
  const std::string python = python_with("json");
  if (python.empty()) {
    GTEST_SKIP() << "there is no python3";
  }
  const TemporaryFolder temporary;
  const std::filesystem::path folder = temporary.path();
  const std::vector<double> numbers = any_doubles(100000);
  Record::List list(numbers.begin(), numbers.end());
  const Array array = Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<double>(),
                                                   {std::size_t{100}, numbers.size() / 100}))
                          .value();
  const Record value = Record::members(
      {{"list", Record::list(list)},
       {"array", array},
       {"text", "\"\\/\b\f\n\r\t\x01é€𝄞\x7f"},
       {"integers", Record::list({0, -1, ~std::uint64_t{0}, std::numeric_limits<std::int64_t>::min()})},
       {"null", Record()},
       {"truths", Record::list({true, false})}});
  const Record options = {{"nan", "literal"}, {"arrays", true}};
  write_file(folder / "bits.bin", std::as_bytes(std::span(numbers)));
  const std::string saved = saved_text(json(), value, options).value();
  write_file(folder / "ours.json", std::as_bytes(std::span(saved)));
  ASSERT_TRUE(run_script(python, "text_check.py", "json '" + folder.string() + "'"));
  const auto bytes = bytes_of_file(folder / "theirs.json");
  const Record theirs = json_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, options);
  EXPECT_EQ(different_doubles(elements_of<double>(theirs["list"]), numbers), 0U);
  EXPECT_EQ(theirs["text"], value["text"]);
}

}  // namespace
}  // namespace locum::tests::of_json
