// The formats .csv and .tsv.

#include "transport/storage/formats/csv/csv.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/text_sample.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/formats/csv/csv_table.hpp"

namespace locum::tests::of_csv {
namespace {

const Format& csv() {
  static const auto format = storage::csv_format();
  return *format;
}

Record table_of(std::string_view text, const Record& options = no_options) {
  auto loaded = load_text(csv(), text, options);
  EXPECT_TRUE(loaded) << loaded.error().what();
  return loaded ? *loaded : Record();
}

std::vector<std::string> texts_of(const Record& value) {
  EXPECT_EQ(value.kind(), Record::Kind::list);
  std::vector<std::string> texts;
  for (const Record& one : value.list()) {
    texts.push_back(one.is_null() ? "<null>" : std::string(one.text()));
  }
  return texts;
}
using Texts = std::vector<std::string>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Csv, FindsTheTypeOfEachColumnFromAllOfItsFields) {
  const Record table =
      table_of("i,r,b,t,u\n1,1,true,1,18446744073709551615\n-2,2.5,False,x,0\n+3,-1e3,TRUE,,7\n");
  EXPECT_EQ(elements_of<std::int64_t>(table["i"]), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(elements_of<double>(table["r"]), (std::vector<double>{1, 2.5, -1000}));
  EXPECT_EQ(table["b"].array().element(), ElementType::of<bool>());
  EXPECT_EQ(texts_of(table["t"]), (Texts{"1", "x", "<null>"}));
  EXPECT_EQ(elements_of<std::uint64_t>(table["u"]), (std::vector<std::uint64_t>{~0ULL, 0, 7}));
}

TEST(Csv, ChangesTheTypeOfAColumnInItsLastRow) {
  std::string text = "a,b,c,d,e\n";
  for (int row = 0; row < 1000; ++row) {
    text += std::to_string(row) + "," + std::to_string(row) + ",true,0.5,\n";
  }
  const Record table = table_of(text + "0.5,x,1,x,4\n");
  EXPECT_EQ(elements_of<double>(table["a"])[999], 999.0);
  EXPECT_EQ(texts_of(table["b"])[999], "999");
  EXPECT_EQ(texts_of(table["c"])[0], "true");
  EXPECT_EQ(texts_of(table["d"])[1], "0.5");
  EXPECT_TRUE(std::isnan(elements_of<double>(table["e"])[0]));
  EXPECT_EQ(elements_of<double>(table["e"])[1000], 4.0);
}

TEST(Csv, ReadsNumbersAsPythonDoes) {
  const Record table =
      table_of("r\n +1 \n.5\n5.\n-0\n1e400\n-1e400\n1e-400\n-inf\nInfinity\n-nan\n\t1E+05\n");
  const std::vector<double> expected{1, 0.5, 5, -0.0, HUGE_VAL, -HUGE_VAL, 0, -HUGE_VAL, HUGE_VAL, nan, 1e5};
  EXPECT_EQ(different_doubles(elements_of<double>(table["r"]), expected), 0U);
  // A minus 0 that an integer column turned real later keeps its sign.
  EXPECT_EQ(
      different_doubles(elements_of<double>(table_of("r\n-0\n0.5\n")["r"]), std::vector<double>{-0.0, 0.5}),
      0U);
  EXPECT_EQ(elements_of<std::int64_t>(table_of("i\n-0\n007\n-9223372036854775808\n")["i"]),
            (std::vector<std::int64_t>{0, 7, std::numeric_limits<std::int64_t>::min()}));
  for (const std::string text :
       {"1_000", "0x10", "1e", "1e+", "--1", "1.2.3", "1 2", "nane", "1d0", "+", "."}) {
    EXPECT_EQ(texts_of(table_of("t\n" + text + "\n")["t"]), Texts{text});
  }
}

TEST(Csv, RefusesIntegersThatAreNotExactAsReals) {
  const std::string error = load_error(csv(), "id,x\n9007199254740993,1\n,2\n", Errc::unsupported);
  EXPECT_NE(error.find("line 2: column 1 (\"id\") has \"9007199254740993\""), std::string::npos) << error;
  EXPECT_NE(load_error(csv(), "a\n1.5\n123456789012345678901\n", Errc::unsupported).find("line 3"),
            std::string::npos);
  EXPECT_FALSE(load_error(csv(), "a\n-1\n18446744073709551615\n", Errc::unsupported).empty());
  EXPECT_EQ(elements_of<double>(table_of("a\n1.5\n9007199254740992\n100000000000000000000\n")["a"])[2], 1e20);
  EXPECT_EQ(elements_of<double>(table_of("a\n9007199254740993\n\n0.5", {{"types", {{"a", "f64"}}}})["a"])[0],
            9007199254740992.0);
  EXPECT_EQ(texts_of(table_of("a\n123456789012345678901\n", {{"types", "text"}})["a"]),
            Texts{"123456789012345678901"});
}

TEST(Csv, TakesTheTypesThatTheCallerGives) {
  const Record types = {{"types", {{"a", "i8"}, {"b", "f32"}, {"c", "bool"}, {"d", "text"}, {"e", "u16"}}}};
  const Record table = table_of("a,b,c,d,e\n-128,0.1,1,7,65535\n127,NA,false,NA,0\n", types);
  EXPECT_EQ(elements_of<std::int8_t>(table["a"]), (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(elements_of<float>(table["b"])[0], 0.1F);
  EXPECT_TRUE(std::isnan(elements_of<float>(table["b"])[1]));
  EXPECT_EQ(table["c"].array().element(), ElementType::of<bool>());
  EXPECT_EQ(texts_of(table["d"]), (Texts{"7", "<null>"}));
  EXPECT_EQ(elements_of<std::uint16_t>(table["e"]), (std::vector<std::uint16_t>{65535, 0}));
  for (const std::string row : {"128,0,1,x,0", "0,x,1,x,0", "0,0,2,x,0", "0,0,1,x,-1", "0,0,1,x,65536",
                                "NA,0,1,x,0", "0,0,NA,x,0", "0.0,0,1,x,0"}) {
    EXPECT_NE(load_error(csv(), "a,b,c,d,e\n" + row, Errc::type_mismatch, types).find("line 2: column"),
              std::string::npos)
        << row;
  }
  EXPECT_FALSE(load_error(csv(), "a\n1", Errc::invalid_argument, {{"types", {{"b", "f64"}}}}).empty());
  EXPECT_FALSE(load_error(csv(), "a\n1", Errc::invalid_argument, {{"types", {{"a", "f16"}}}}).empty());
}

TEST(Csv, ReadsQuotesAndEndsOfLinesAsRfc4180) {
  const Record table =
      table_of("\xEF\xBB\xBF\"a, \"\"b\"\"\",c\r\n\"x\ny\",1\r\n\r\n\"\"\"\",2\n   \n\"\",3\r\"q\" ,4");
  EXPECT_EQ(texts_of(table["a, \"b\""]), (Texts{"x\ny", "\"", "", "q"}));
  EXPECT_EQ(elements_of<std::int64_t>(table["c"]), (std::vector<std::int64_t>{1, 2, 3, 4}));
  // Fields in quotes are texts, unless the caller wants them as values.
  EXPECT_EQ(texts_of(table_of("a\n\"1\"\n")["a"]), Texts{"1"});
  EXPECT_EQ(elements_of<std::int64_t>(table_of("a\n\"1\"\n", {{"quoted_values", true}})["a"])[0], 1);
  EXPECT_EQ(texts_of(table_of("a\n5\" pipe\n", {{"quote", ""}})["a"]), Texts{"5\" pipe"});
  EXPECT_NE(load_error(csv(), "a\n1\n5\" pipe\n", Errc::corrupt).find("line 3: a quote"), std::string::npos);
  EXPECT_NE(load_error(csv(), "a\n\"x\ny\n", Errc::corrupt).find("line 2: a field in quotes does not end"),
            std::string::npos);
  EXPECT_NE(load_error(csv(), "a\n\"x\ny\"z\n", Errc::corrupt).find("goes on behind"), std::string::npos);
}

TEST(Csv, RefusesRowsThatDoNotFit) {
  EXPECT_NE(load_error(csv(), "a,b,c\n1,2,3\n\n1,2\n", Errc::corrupt)
                .find("line 4: the row has 2 fields, and the table has 3 columns"),
            std::string::npos);
  EXPECT_NE(load_error(csv(), "a,b\n1,2,3,4\n", Errc::corrupt).find("has 4 fields"), std::string::npos);
  EXPECT_NE(load_error(csv(), "a,a\n1,2\n", Errc::corrupt).find("two columns have the name \"a\""),
            std::string::npos);
  EXPECT_NE(load_error(csv(), "", Errc::corrupt).find("line 1"), std::string::npos);
  EXPECT_NE(load_error(csv(), "a\nx\n\xFF\n", Errc::corrupt).find("line 3: a byte is no UTF-8"),
            std::string::npos);
  EXPECT_NE(load_error(csv(), "a\xFF\nx\n", Errc::corrupt).find("line 1"), std::string::npos);
}

TEST(Csv, TakesItsOptions) {
  const Record table =
      table_of("junk\n# note\na;b;c\n1,5;-999;x # note\n2,5;4;y\n", {{"separator", ";"},
                                                                     {"decimal", ","},
                                                                     {"comment", "#"},
                                                                     {"skip_rows", 1},
                                                                     {"missing", Record::list({"-999"})},
                                                                     {"columns", Record::list({"b", "a"})}});
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table.members().begin()->first, "a");
  EXPECT_EQ(elements_of<double>(table["a"]), (std::vector<double>{1.5, 2.5}));
  EXPECT_TRUE(std::isnan(elements_of<double>(table["b"])[0]));
  const Record plain = table_of("1,x\n2,y", {{"header", false}});
  EXPECT_EQ(elements_of<std::int64_t>(plain["c0"]), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(texts_of(plain["c1"]), (Texts{"x", "y"}));
  EXPECT_EQ(texts_of(table_of("a\n\xE9\n", {{"encoding", "latin-1"}})["a"]), Texts{"é"});
  const auto tsv = storage::tsv_format();
  EXPECT_EQ(elements_of<std::int64_t>(load_text(*tsv, "a\tb\n 1\t2 \n").value()["b"])[0], 2);
  EXPECT_EQ(texts_of(load_text(*tsv, "a\tb\n1,5\t\n").value()["a"]), Texts{"1,5"});
  for (const Record& wrong :
       {Record{{"separator", ""}}, Record{{"separator", "ab"}}, Record{{"separator", "e"}},
        Record{{"header", 1}}, Record{{"comment", ","}}, Record{{"missing", "NA"}},
        Record{{"columns", Record::list({"z"})}}, Record{{"skip_rows", -1}}, Record{{"encoding", "cp1252"}},
        Record{{"decimal", ","}}}) {
    EXPECT_FALSE(load_error(csv(), "a\n1", Errc::invalid_argument, wrong).empty()) << wrong;
  }
}

TEST(Csv, LoadsWhatItSaved) {
  const std::vector<double> reals{1.0, -0.0, 0.1, nan, HUGE_VAL, 1e300};
  const std::vector<std::int64_t> integers{0, -1, 2, 3, std::numeric_limits<std::int64_t>::min(), 5};
  const std::vector<std::uint64_t> large{0, ~0ULL, 2, 3, 4, 5};
  const std::vector<float> singles{0.1F, 1, 2, 3, 4, -0.0F};
  const Record text = Record::list({"1", "", Record(), " x", "a,\"b\"\r\n", "NA"});
  const Record truths = Record::list({true, false, Record(), true, true, true});
  Record table =
      Record::members({{"r", Record(reals)},
                       {"i", Record(integers)},
                       {"u", Record(large)},
                       {"s", Record(singles)},
                       {"t", text},
                       {"b", truths},
                       {"#, \"é\"", Record::list({"true", "-inf", "1e5", "+3", "x", "\xEF\xBB\xBF"})}});
  for (const Record& options :
       {no_options, Record{{"separator", ";"}, {"decimal", ","}}, Record{{"comment", "#"}}}) {
    const std::string saved = saved_text(csv(), table, options).value();
    const Record loaded = table_of(saved, options);
    EXPECT_EQ(different_doubles(elements_of<double>(loaded["r"]), reals), 0U) << saved;
    EXPECT_EQ(elements_of<std::int64_t>(loaded["i"]), integers);
    EXPECT_EQ(elements_of<std::uint64_t>(loaded["u"]), large);
    EXPECT_EQ(elements_of<double>(loaded["s"]), (std::vector<double>(singles.begin(), singles.end())));
    EXPECT_EQ(loaded["t"], text);
    EXPECT_EQ(loaded["b"], truths);
    EXPECT_EQ(loaded["#, \"é\""], table["#, \"é\""]);
    EXPECT_EQ(saved_text(csv(), loaded, options).value(), saved);
  }
  EXPECT_EQ(saved_text(csv(), {{"x", std::vector<double>{1, -0.0, nan}}}).value(), "x\n1.0\n-0.0\nnan\n");
  // A table of one column has no empty lines, which would be passed over.
  const Record alone = Record::members({{"", Record::list({Record(), "", "x"})}});
  EXPECT_EQ(saved_text(csv(), alone).value(), "\"\"\nNA\n\"\"\nx\n");
  EXPECT_EQ(table_of("\"\"\nNA\n\"\"\nx\n"), alone);
}

TEST(Csv, SavesArraysOfTwoDimensions) {
  const std::vector<std::int32_t> numbers{1, 2, 3, 4, 5, 6};
  const Array rows =
      Array::copy_of(ConstRawArray(numbers.data(), ElementType::of<std::int32_t>(), {3, 2})).value();
  EXPECT_EQ(saved_text(csv(), rows).value(), "c0,c1\n1,2\n3,4\n5,6\n");
  const std::array<std::int64_t, 2> columns_first{4, 12};
  const Array turned(rows.owner(),
                     ConstRawArray(numbers.data(), ElementType::of<std::int32_t>(), {3, 2}, columns_first));
  EXPECT_EQ(saved_text(csv(), turned, {{"header", false}}).value(), "1,4\n2,5\n3,6\n");
}

TEST(Csv, RefusesWhatATableDoesNotHold) {
  const auto refused = [](const Record& value, const Record& options = no_options) {
    const auto saved = saved_text(csv(), value, options);
    EXPECT_FALSE(saved);
    return saved.error().text();
  };
  EXPECT_NE(refused({{"a", std::vector<int>{1}}, {"b", std::vector<int>{1, 2}}}).find("has 2 rows"),
            std::string::npos);
  EXPECT_NE(refused({{"z", std::vector<std::complex<double>>{1}}}).find("c128"), std::string::npos);
  EXPECT_FALSE(refused({{"a", Record::list({1, "x"})}}).empty());
  EXPECT_FALSE(refused({{"a", Record::list({1, Record()})}}).empty());
  EXPECT_FALSE(refused({{"a", Record::list({"\xFF"})}}).empty());
  EXPECT_FALSE(refused({{"a", Record::list({"x,y"})}}, {{"quote", ""}}).empty());
  EXPECT_FALSE(refused(Record::members({})).empty());
  EXPECT_FALSE(refused(Record(1)).empty());
}

TEST(Csv, ReportsTheNamesFromTheFirstLine) {
  MemoryFile file("a,\"b\nc\"\n" + std::string(1U << 20U, 'x'));
  const Record info = csv().info(file, no_options).value();
  EXPECT_EQ(info["columns"].as<int>().value(), 2);
  EXPECT_EQ(info["names"], Record::list({"a", "b\nc"}));
  EXPECT_LT(file.bytes_read(), 100000U);
}

TEST(Csv, ReadsATableInPieces) {
  std::string text = "i,r,t,m\n";
  for (int row = 0; row < 500; ++row) {
    text += std::to_string(row) + (row == 400 ? ".5," : ",") + std::to_string(row) + ".25,\"a\n\"\"" +
            std::to_string(row) + "\"," + (row < 450 ? "" : "-0") + "\n";
  }
  storage::CsvOptions options;
  const Record whole = storage::csv_load_table(text, options, make_own, {}).value();
  for (const std::size_t pieces : {2U, 3U, 7U, 64U, 2000U}) {
    const auto split = storage::csv_load_table(text, options, make_own, {.pieces = pieces});
    ASSERT_TRUE(split) << split.error().what();
    EXPECT_EQ(saved_text(csv(), *split).value(), saved_text(csv(), whole).value()) << pieces;
    const auto wrong = storage::csv_load_table(text + "1,2\n", options, make_own, {.pieces = pieces});
    EXPECT_NE(wrong.error().text().find("line 1002: the row has 2 fields"), std::string::npos)
        << wrong.error().what();
  }
}

TEST(Csv, DoesNoHarmWhenItIsDamaged) {
  read_damaged(csv(), "a,\"b \"\"x\",c\n1,0.5,true\n-2,\"q\n\",\n,NA,x\n");
  read_damaged(csv(), "1;2,5;#\r\n3;4,5;é",
               {{"separator", ";"}, {"decimal", ","}, {"comment", "#"}, {"header", false}});
  read_damaged(csv(), "a,b\n1,9007199254740993\n18446744073709551615,.5e-3\n", {{"quoted_values", true}});
}

class CsvByPython : public ::testing::Test {
 protected:
  void SetUp() override {
    python_ = python_with("pandas");
    if (python_.empty()) {
      GTEST_SKIP() << "there is no python3 with pandas (Debian: python3-pandas)";
    }
  }
  std::string python_;
  TemporaryFolder folder_;
};

TEST_F(CsvByPython, HasTheBitsOfEachDoubleBothWays) {
  const std::filesystem::path folder = folder_.path();
  const std::vector<double> numbers = any_doubles(100000);
  write_file(folder / "bits.bin", std::as_bytes(std::span(numbers)));
  const std::string saved = saved_text(csv(), {{"x", numbers}, {"y", numbers}}).value();
  write_file(folder / "ours.csv", std::as_bytes(std::span(saved)));
  ASSERT_TRUE(run_script(python_, "text_check.py", "csv '" + folder.string() + "'"));
  const auto load = [&](const char* name) {
    const auto bytes = bytes_of_file(folder / name);
    return table_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  const Record theirs = load("theirs.csv");
  EXPECT_EQ(different_doubles(elements_of<double>(theirs["x"]), numbers), 0U);
  // Decimal numbers of all lengths and exponents, and what Python's float() makes of them.
  const Record decimals = load("decimals.csv");
  const auto expected = bytes_of_file(folder / "decimals.bin");
  EXPECT_EQ(
      different_doubles(elements_of<double>(decimals["x"]),
                        {reinterpret_cast<const double*>(expected.data()), expected.size() / sizeof(double)}),
      0U);
}

}  // namespace
}  // namespace locum::tests::of_csv
