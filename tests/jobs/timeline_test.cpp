#include "jobs/gray_scott/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace {

using gray_scott::Event;
using gray_scott::Phase;
using gray_scott::TimelineRow;
using jobs::Color;
using jobs::Picture;

constexpr Color simulation_color{58, 110, 178};
constexpr Color analysis_color{46, 157, 114};

long count(const Picture& picture, Color color) {
  const std::vector<Color> pixels = picture.pixels();
  return std::ranges::count(pixels, color);
}

TEST(Timeline, GivesEachPhaseItsShareOfTheBars) {
  const std::vector<TimelineRow> rows{
      {"sim 0", {{Phase::simulation, 0.0, 3.0}, {Phase::analysis, 3.0, 4.0}}}};
  const Picture picture = gray_scott::draw_timeline("a run", "part", rows, {0.0, 4.0});
  const Picture empty = gray_scott::draw_timeline("a run", "part", {{"sim 0", {}}}, {0.0, 4.0});
  // The colours of the legend occur in both pictures.
  const auto simulation =
      static_cast<double>(count(picture, simulation_color) - count(empty, simulation_color));
  const auto analysis = static_cast<double>(count(picture, analysis_color) - count(empty, analysis_color));
  EXPECT_NEAR(simulation / analysis, 3.0, 0.03);
}

TEST(Timeline, ShowsAShortEventLargerInThePartThatIsEnlarged) {
  const std::vector<TimelineRow> rows{
      {"sim 0",
       {{Phase::simulation, 0.0, 9.99}, {Phase::publishing, 9.99, 10.01}, {Phase::simulation, 10.01, 20.0}}}};
  const Picture picture = gray_scott::draw_timeline("a run", "part", rows, {9.95, 10.05});
  const Picture without = gray_scott::draw_timeline(
      "a run", "part", {{"sim 0", {{Phase::simulation, 0.0, 20.0}}}}, {9.95, 10.05});
  const Color publishing{238, 130, 38};
  // A fifth of the enlarged bar, 26 pixels high, of at least 1000 pixels.
  EXPECT_GT(count(picture, publishing) - count(without, publishing), 200 * 26);
}

TEST(Timeline, DrawsRowsOfNothingAndEventsOfNoLength) {
  const Picture picture =
      gray_scott::draw_timeline("", "", {{"a", {}}, {"b", {{Phase::waiting, 0.0, 0.0}}}}, {0.0, 0.0});
  EXPECT_GT(picture.width(), 0);
}

}  // namespace
