#include "jobs/gray_scott/summary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace {

using gray_scott::Phase;
using gray_scott::Publish;
using gray_scott::RunRecord;
using gray_scott::SimulationRecord;
using gray_scott::worst_mass_difference;

SimulationRecord two_frames() {
  return {.masses = {{100.0, 10.0}, {90.0, 20.0}},
          .reports = {{.frame = 0, .mass_u = 100.0, .mass_v = 10.0},
                      {.frame = 1, .mass_u = 90.0, .mass_v = 20.0}}};
}

TEST(Summary, TakesTheWorstDifferenceOfMasses) {
  SimulationRecord record = two_frames();
  EXPECT_EQ(worst_mass_difference(record), 0.0);
  record.reports[0].mass_u = 101.0;
  record.reports[1].mass_v = 19.0;
  EXPECT_DOUBLE_EQ(worst_mass_difference(record), 0.05);
}

TEST(Summary, TakesNoNumberForNoDifference) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  SimulationRecord record = two_frames();
  record.reports[0].mass_v = std::nan("");
  EXPECT_EQ(worst_mass_difference(record), infinity);
  record = two_frames();
  record.reports.pop_back();
  EXPECT_EQ(worst_mass_difference(record), infinity);
  record = two_frames();
  std::swap(record.reports[0], record.reports[1]);
  EXPECT_EQ(worst_mass_difference(record), infinity);
}

RunRecord small_run() {
  RunRecord record;
  record.options.simulation_ranks = 2;
  record.options.analysis_ranks = 1;
  record.options.grid = 32;
  record.options.steps = 20;
  record.options.every = 10;
  record.alone_s = 10.0;
  record.coupled_s = 12.5;
  record.simulation = two_frames();
  record.events = {
      {{Phase::simulation, 0.0, 4.0}, {Phase::publishing, 4.0, 4.25}, {Phase::publishing, 5.0, 5.5}},
      {{Phase::simulation, 0.0, 2.0}, {Phase::publishing, 2.0, 2.25}, {Phase::publishing, 5.0, 5.5}},
      {{Phase::waiting, 0.0, 5.5},
       {Phase::fetching, 5.5, 5.625},
       {Phase::fetching, 5.625, 6.0},
       {Phase::analysis, 6.0, 7.0}}};
  record.traffic = {{"put shm_view", 4, 2048}};
  return record;
}

bool has_line(const std::string& text, const std::string& words) {
  // The number of blanks between columns is tested elsewhere (table).
  std::string squeezed;
  for (const char character : text) {
    if (character != ' ' || squeezed.empty() || (squeezed.back() != ' ' && squeezed.back() != '\n')) {
      squeezed += character;
    }
  }
  return squeezed.find('\n' + words + '\n') != std::string::npos;
}

TEST(Summary, TellsTimesBytesAndWhatTheCouplingCosts) {
  const std::string text = gray_scott::summary_text(small_run());
  EXPECT_TRUE(has_line(text, "simulation 3.00 s 4.00 s 0 s 0 s")) << text;
  EXPECT_TRUE(has_line(text, "publishing 750 ms 750 ms 0 s 0 s")) << text;
  EXPECT_TRUE(has_line(text, "waiting 0 s 0 s 5.50 s 5.50 s")) << text;
  EXPECT_TRUE(has_line(text, "fetching 0 s 0 s 500 ms 500 ms")) << text;
  EXPECT_TRUE(has_line(text, "read in place: all are on one node 2 375 ms 250 ms 375 ms")) << text;
  EXPECT_TRUE(has_line(text, "analysis 0 s 0 s 1.00 s 1.00 s")) << text;
  EXPECT_TRUE(has_line(text, "simulation alone 10.0 s")) << text;
  EXPECT_TRUE(has_line(text, "with analysis 12.5 s +25.0 %")) << text;
  EXPECT_TRUE(has_line(text, "create: the solver writes into the store 2 250 ms 250 ms 250 ms")) << text;
  EXPECT_TRUE(has_line(text, "put: the store copies its field, without ghosts 2 500 ms 500 ms 500 ms"))
      << text;
  EXPECT_TRUE(has_line(text, "put shm_view 4 2.00 KiB")) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
  EXPECT_NE(text.find("the same to round-off"), std::string::npos) << text;
}

TEST(Summary, SaysWhetherFieldsWereFetchedAhead) {
  RunRecord record = small_run();
  record.transfers = {.under_way_s = 2.0, .waited_for_s = 0.5};
  std::string text = gray_scott::summary_text(record);
  EXPECT_TRUE(has_line(text, "overlap: fetched ahead of use 2 375 ms 250 ms 375 ms")) << text;
  record.options.overlap = false;
  text = gray_scott::summary_text(record);
  EXPECT_TRUE(has_line(text, "no overlap: fetched when used 2 375 ms 250 ms 375 ms")) << text;
}

TEST(Summary, TellsHowMuchOfTheTransfersWasHidden) {
  RunRecord record = small_run();
  record.transfers = {.under_way_s = 2.0, .waited_for_s = 0.5};
  const std::string text = gray_scott::summary_text(record);
  EXPECT_TRUE(has_line(text, "fields under way from other nodes 2.00 s, waited for 500 ms: 75 % hidden"))
      << text;
}

TEST(Summary, SaysWhenMassesDiffer) {
  RunRecord record = small_run();
  record.simulation.reports[1].mass_u = 91.0;
  EXPECT_NE(gray_scott::summary_text(record).find("DIFFERENT"), std::string::npos);
}

TEST(Summary, LeavesOutAWayOfPublishingThatWasNotTaken) {
  RunRecord record = small_run();
  record.options.publish = Publish::put;
  const std::string text = gray_scott::summary_text(record);
  EXPECT_EQ(text.find("create:"), std::string::npos) << text;
  EXPECT_TRUE(has_line(text, "put: the store copies its field, without ghosts 4 500 ms 375 ms 500 ms"))
      << text;
}

TEST(Summary, NamesTheRanksOfTheTimeline) {
  const auto rows = gray_scott::timeline_rows(small_run());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].label, "sim 1");
  EXPECT_EQ(rows[2].label, "analysis 2");
  EXPECT_EQ(rows[2].events.size(), 4U);
}

TEST(Summary, FindsWhenAFrameWasHandedOver) {
  RunRecord record = small_run();
  record.events[2] = {{Phase::analysis, 4.5, 5.0}, {Phase::analysis, 6.0, 7.0}};
  const auto window = gray_scott::window_of_frame(record, 1);
  EXPECT_DOUBLE_EQ(window.begin_s, 4.8);  // a tenth of 5.0 to 7.0 on each side
  EXPECT_DOUBLE_EQ(window.end_s, 7.2);
}

}  // namespace
