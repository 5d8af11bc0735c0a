#include "jobs/steps_viewer/options.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "jobs/steps_viewer/element.hpp"

namespace {

using namespace steps_viewer;

ViewerOptions accepted(const std::vector<std::string>& arguments) {
  const auto parsed = parse_options(arguments);
  if (const auto* error = std::get_if<UsageError>(&parsed)) {
    throw std::runtime_error(error->message);
  }
  return std::get<ViewerOptions>(parsed);
}

std::string refusal(const std::vector<std::string>& arguments) {
  const auto parsed = parse_options(arguments);
  const auto* const error = std::get_if<UsageError>(&parsed);
  return error != nullptr ? error->message : "it was accepted";
}

TEST(ViewerOptions, AreThoseOfTheCommandLine) {
  const ViewerOptions list = accepted({"list", "heat"});
  EXPECT_EQ(list.command, Command::list);
  EXPECT_EQ(list.stream, "heat");
  EXPECT_EQ(list.splits, 1);
  EXPECT_FALSE(list.latest);
  const ViewerOptions print = accepted(
      {"print", "heat", "T", "--slice", "-1,:", "--every", "5", "--steps", "2", "--splits", "0", "--all"});
  EXPECT_EQ(print.command, Command::print);
  EXPECT_EQ(print.variables, std::vector<std::string>{"T"});
  EXPECT_EQ(print.slice->of(std::vector<std::uint64_t>{4, 4})[0].start, 3U);
  EXPECT_EQ(print.every, 5U);
  EXPECT_EQ(print.steps, 2U);
  EXPECT_EQ(print.splits, 0);
  EXPECT_TRUE(print.all);
  const ViewerOptions draw = accepted({"draw", "heat", "a/b%", "--min", "-1", "--max", "1e3", "--latest"});
  EXPECT_EQ(draw.output, "a_b%%-%05d.png");
  EXPECT_EQ(draw.minimum, -1);
  EXPECT_EQ(draw.maximum, 1000);
  EXPECT_TRUE(draw.latest);
  EXPECT_EQ(accepted({"stat", "heat", "T", "U"}).variables.size(), 2U);
}

TEST(ViewerOptions, SayWhatIsWrong) {
  EXPECT_NE(refusal({}).find("subcommand"), std::string::npos);
  EXPECT_NE(refusal({"list"}).find("STREAM"), std::string::npos);
  EXPECT_NE(refusal({"print", "heat"}).find("VARIABLE"), std::string::npos);
  EXPECT_NE(refusal({"print", "heat", "T", "--slice", "a"}).find("\"a\" in the slice"), std::string::npos);
  EXPECT_NE(refusal({"list", "heat", "--every", "0"}).find("--every"), std::string::npos);
  EXPECT_NE(refusal({"draw", "heat", "T", "--output", "x%s.png"}).find("%05d"), std::string::npos);
  EXPECT_NE(refusal({"draw", "heat", "T", "--min", "1", "--max", "1"}).find("--min"), std::string::npos);
  EXPECT_NE(refusal({"draw", "heat", "T", "--terminal", "--output", "x.png"}).find("--terminal"),
            std::string::npos);
}

TEST(ViewerOptions, ExplainThemselves) {
  const auto help = parse_options({"--help"});
  EXPECT_NE(std::get<HelpWanted>(help).text.find("mpirun"), std::string::npos);
  const auto of_draw = parse_options({"draw", "--help"});
  EXPECT_NE(std::get<HelpWanted>(of_draw).text.find("--terminal"), std::string::npos);
}

TEST(PathOfStep, HasTheNumber) {
  EXPECT_EQ(path_of_step("T-%05d.png", 42), "T-00042.png");
  EXPECT_EQ(path_of_step("%d/%3d%%", 1234), "1234/1234%");
  EXPECT_EQ(path_of_step("now.png", 7), "now.png");
  for (const char* pattern : {"%", "%5", "%x", "%-5d", "%99d"}) {
    EXPECT_THROW((void)path_of_step(pattern, 1), std::invalid_argument) << pattern;
  }
}

TEST(ElementName, IsTakenToPieces) {
  const ElementName vectors = ElementName::parse("f32[3][]");
  EXPECT_EQ(vectors.element, "f32");
  EXPECT_EQ(vectors.inner, std::vector<std::uint64_t>{3});
  EXPECT_TRUE(vectors.is_array);
  EXPECT_TRUE(vectors.can_be_shown());
  EXPECT_TRUE(ElementName::parse("u8[]").can_be_shown());
  EXPECT_FALSE(ElementName::parse("bool").is_array);
  EXPECT_TRUE(ElementName::parse("bool").can_be_shown());
  for (const char* type :
       {"map<char[],i32>", "particle{48}[]", "f64[5][]", "i32[3][]", "f64[3][3][]", "f64[]@f32", ""}) {
    EXPECT_FALSE(ElementName::parse(type).can_be_shown()) << type;
  }
}

}  // namespace
