#include "jobs/steps_viewer/print.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

using steps_viewer::Box;
using steps_viewer::print;
using steps_viewer::PrintOptions;
using steps_viewer::Slice;
using steps_viewer::Values;

template <class T>
Values values_of(std::vector<std::uint64_t> extents, const std::vector<T>& elements) {
  const auto copy = std::make_shared<T[]>(elements.size());
  for (std::size_t at = 0; at < elements.size(); ++at) {
    copy[static_cast<std::ptrdiff_t>(at)] = elements[at];
  }
  return {std::move(extents), Values::Array<T>(copy)};
}

/// Counts from 0.
Values ascending(std::vector<std::uint64_t> extents, int count) {
  std::vector<int> elements;
  for (int at = 0; at < count; ++at) {
    elements.push_back(at);
  }
  return values_of(std::move(extents), elements);
}

std::string printed(const Values& values, const PrintOptions& options = {}) {
  return print(values, Slice().of(values.extents()), options);
}

TEST(Print, FillsLinesWithOneDimension) {
  EXPECT_EQ(printed(ascending({12}, 12), {.width = 40}),
            "   0:   0   1   2   3   4\n"
            "   5:   5   6   7   8   9\n"
            "  10:  10  11\n");
}

TEST(Print, AlignsPlanesUnderTheirIndices) {
  const Values values = values_of<double>({2, 3}, {1, 2.5, -3, 1e-9, 1.0 / 3.0, 1e20});
  EXPECT_EQ(print(values, {{10, 2, 1}, {0, 3, 4}}),
            "          0         4      8\n"
            "  10      1       2.5     -3\n"
            "  11  1e-09  0.333333  1e+20\n");
}

TEST(Print, PutsPlanesBelowEachOther) {
  EXPECT_EQ(print(ascending({2, 1, 2, 2}, 8), {{4, 2, 3}, {7, 1, 1, true}, {0, 2, 1}, {0, 2, 1}}),
            "  [4,7,:,:]\n"
            "     0  1\n"
            "  0  0  1\n"
            "  1  2  3\n"
            "  [7,7,:,:]\n"
            "     0  1\n"
            "  0  4  5\n"
            "  1  6  7\n");
}

TEST(Print, LeavesOutTheMiddleOfWhatIsTooLong) {
  const Values values = ascending({100, 100}, 10'000);
  std::istringstream lines(printed(values, {.width = 50}));
  std::string line;
  std::vector<std::string> all;
  while (std::getline(lines, line)) {
    all.push_back(line);
  }
  ASSERT_EQ(all.size(), 18U);
  EXPECT_EQ(all[0], "         0     1     2     3  …    97    98    99");
  EXPECT_EQ(all[1], "   0     0     1     2     3  …    97    98    99");
  EXPECT_EQ(all[9], "   …     …     …     …     …  …     …     …     …");
  EXPECT_EQ(all[17], "  99  9900  9901  9902  9903  …  9997  9998  9999");
  EXPECT_EQ(printed(values, {.width = 50, .all = true}).find("…"), std::string::npos);

  const std::string line_of_many = printed(ascending({10'000}, 10'000));
  EXPECT_NE(line_of_many.find("     …\n"), std::string::npos);
  EXPECT_NE(line_of_many.find("  9990:  9990"), std::string::npos);
  EXPECT_EQ(printed(ascending({10'000}, 10'000), {.all = true}).find("…"), std::string::npos);
}

TEST(Print, ShowsEachType) {
  EXPECT_EQ(printed(values_of<float>({1}, {0.1F})), "  0:  0.1\n") << "not the digits of a double";
  EXPECT_EQ(printed(values_of<double>({}, {0.1}), {.digits = 3}), "  0.1\n");
  EXPECT_EQ(printed(values_of<bool>({2}, {true, false})), "  0:   true  false\n");
  EXPECT_EQ(printed(values_of<std::byte>({1}, {std::byte{0xa0}})), "  0:  a0\n");
  EXPECT_EQ(printed(values_of<std::int8_t>({2}, {-128, 65})), "  0:  -128    65\n");
  EXPECT_EQ(printed(values_of<std::uint64_t>({1}, {std::numeric_limits<std::uint64_t>::max()})),
            "  0:  18446744073709551615\n");
  EXPECT_EQ(printed(values_of<char>({4}, {'r', 'u', 'n', '\n'})), "  \"run\\x0a\"\n");
  EXPECT_EQ(printed(values_of<double>({0}, {})), "  no elements\n");
}

TEST(Values, AreSelectedByTheirLastIndex) {
  const Values selected = ascending({2, 6}, 12).selected(1, 2, 3);
  EXPECT_EQ(selected.extents(), (std::vector<std::uint64_t>{2, 2}));
  EXPECT_EQ(printed(selected), "     0   1\n  0  1   4\n  1  7  10\n");
}

TEST(Statistics, LeaveOutWhatIsNoNumber) {
  steps_viewer::Statistics found;
  found.add(values_of<double>({4}, {3, -1, std::numeric_limits<double>::quiet_NaN(), 4}));
  found.add(values_of<double>({2}, {6, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ(found.minimum, -1);
  EXPECT_EQ(found.maximum, 6);
  EXPECT_DOUBLE_EQ(found.mean, 3);
  EXPECT_EQ(found.finite, 4U);
  EXPECT_EQ(found.others, 2U);
}

}  // namespace
