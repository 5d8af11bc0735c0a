#include "jobs/gray_scott/options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using gray_scott::DemoOptions;
using gray_scott::HelpWanted;
using gray_scott::parse_options;
using gray_scott::Publish;
using gray_scott::UsageError;

auto parse(std::vector<std::string> arguments, int ranks = 4) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  return parse_options(pointers, ranks);
}

DemoOptions accepted(const std::vector<std::string>& arguments, int ranks = 4) {
  const auto parsed = parse(arguments, ranks);
  if (const auto* error = std::get_if<UsageError>(&parsed)) {
    ADD_FAILURE() << error->message;
  }
  return std::holds_alternative<DemoOptions>(parsed) ? std::get<DemoOptions>(parsed) : DemoOptions{};
}

void expect_refused(const std::vector<std::string>& arguments, const std::string& words, int ranks = 4) {
  const auto parsed = parse(arguments, ranks);
  const auto* error = std::get_if<UsageError>(&parsed);
  ASSERT_NE(error, nullptr) << words;
  EXPECT_NE(error->message.find(words), std::string::npos) << error->message;
}

TEST(Options, HaveDefaults) {
  const DemoOptions options = accepted({});
  EXPECT_EQ(options.simulation_ranks, 3);
  EXPECT_EQ(options.analysis_ranks, 1);
  EXPECT_EQ(options.publish, Publish::both);
  EXPECT_TRUE(options.overlap);
  EXPECT_GE(options.frames(), 20U);
  EXPECT_LE(options.frames(), 30U);
}

TEST(Options, ReadAll) {
  const DemoOptions options =
      accepted({"--sim-ranks", "5", "--analysis-ranks", "2", "--grid", "64", "--steps", "105", "--every",
                "10", "--no-overlap", "--publish", "put", "--output", "a folder"},
               7);
  EXPECT_EQ(options.simulation_ranks, 5);
  EXPECT_EQ(options.analysis_ranks, 2);
  EXPECT_EQ(options.grid, 64U);
  EXPECT_EQ(options.steps, 105U);
  EXPECT_EQ(options.every, 10U);
  EXPECT_EQ(options.frames(), 10U);
  EXPECT_EQ(options.publish, Publish::put);
  EXPECT_FALSE(options.overlap);
  EXPECT_EQ(options.output, "a folder");
}

TEST(Options, FetchAheadUnlessToldNotTo) {
  EXPECT_TRUE(accepted({"--overlap"}).overlap);
  EXPECT_FALSE(accepted({"--no-overlap"}).overlap);
}

TEST(Options, ShareOutTheRanks) {
  EXPECT_EQ(accepted({}, 2).simulation_ranks, 1);
  EXPECT_EQ(accepted({}, 12).analysis_ranks, 3);
  EXPECT_EQ(accepted({"--sim-ranks", "1"}, 3).analysis_ranks, 2);
  EXPECT_EQ(accepted({"--analysis-ranks", "2"}, 3).simulation_ranks, 1);
}

TEST(Options, RefuseRanksThatDoNotAddUp) {
  expect_refused({"--sim-ranks", "4"}, "start it with mpiexec -n 5");
  expect_refused({"--sim-ranks", "4", "--analysis-ranks", "2"}, "start it with mpiexec -n 6");
  expect_refused({"--analysis-ranks", "4"}, "the job has 4 ranks");
  expect_refused({}, "at least 2 ranks", 1);
}

TEST(Options, RefuseWhatIsNoNumber) {
  for (const std::string name : {"--sim-ranks", "--analysis-ranks", "--grid", "--steps", "--every"}) {
    for (const std::string value : {"0", "-1", "12x", "", "1e3", "99999999999999999999"}) {
      expect_refused({name, value}, name + ": Value " + value + " not in range");
    }
    expect_refused({name}, name + ": ");
  }
  expect_refused({"--grid", "5000"}, "4096");
}

TEST(Options, RefuseTheRest) {
  expect_refused({"--publish", "copy"}, "copy not in {create,put,both}");
  expect_refused({"--publish"}, "--publish");
  expect_refused({"--output"}, "--output");
  expect_refused({"--output", ""}, "wants a folder");
  expect_refused({"--overlap", "--no-overlap"}, "excludes");
  expect_refused({"--girth", "3"}, "not expected: 3 --girth");
  expect_refused({"64"}, "not expected: 64");
  expect_refused({"--steps", "10", "--every", "11"}, "no frame");
}

TEST(Options, ExplainThemselves) {
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(parse({"--grid", "64", "--help"})));
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(parse({"-h"}, 1)));
  for (const std::string name : {"--sim-ranks", "--analysis-ranks", "--grid", "--steps", "--every",
                                 "--publish", "--overlap", "--no-overlap", "--output", "--help"}) {
    EXPECT_NE(gray_scott::usage().find(name + " "), std::string::npos) << name;
  }
}

}  // namespace
