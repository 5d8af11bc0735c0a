#include "transport/storage/file_series.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "transport/storage/hdf5/xdmf.hpp"

namespace locum::storage {
namespace {

TEST(FileSeries, IsFoundByTheLastNumberBeforeTheExtension) {
  struct Case {
    const char* path;
    const char* folder;
    const char* before;
    const char* after;
    std::uint64_t number;
  };
  for (const Case& each : std::vector<Case>{{"run17/step0042.h5", "run17/", "step", ".h5", 42},
                                            {"step0042.h5", "", "step", ".h5", 42},
                                            {"/a.1/plt00007", "/a.1/", "plt", "", 7},
                                            {"chk.0010", "", "chk.", "", 10},
                                            {"a/2-3-t.h5", "a/", "2-", "-t.h5", 3},
                                            {"5.h5", "", "", ".h5", 5}}) {
    const auto series = series_of(each.path);
    ASSERT_TRUE(series) << each.path;
    EXPECT_EQ(series->folder, each.folder) << each.path;
    EXPECT_EQ(series->before, each.before) << each.path;
    EXPECT_EQ(series->after, each.after) << each.path;
    EXPECT_EQ(number_of(each.path), each.number);
  }
  for (const char* path : {"latest.h5", "run17/latest", "", "x.h5", "a1/"}) {
    EXPECT_FALSE(series_of(path)) << path;
    EXPECT_EQ(number_of(path), 0U);
  }
}

TEST(FileSeries, IsFoundByAPattern) {
  const auto series = series_like("run*/x");
  EXPECT_FALSE(series) << "the number is in the name of the file";
  EXPECT_FALSE(series_like("run17/step.h5"));
  EXPECT_FALSE(series_like("run17/step*-*.h5"));
  EXPECT_EQ(series_like("run17/step*.h5")->number("step0042.h5"), 42U);
}

TEST(FileSeries, HasOnlyNamesWithANumberInTheMiddle) {
  const FileSeries series = series_of("step0042.h5").value();
  EXPECT_EQ(series.number("step0.h5"), 0U);
  EXPECT_EQ(series.number("step00000000000000000000007.h5"), 7U);
  for (const char* name :
       {"step.h5", "stepx.h5", "step-1.h5", "step 1.h5", "step+1.h5", "xstep1.h5", "step1.h5.tmp",
        "step1.h5.parts", "step1", "Step1.h5", "step99999999999999999999.h5", ""}) {
    EXPECT_FALSE(series.number(name)) << name;
  }
}

// Where a number is all that the names of a series differ in, it is no extension.
TEST(XdmfFile, IsOneForEachOfASeries) {
  EXPECT_EQ(xdmf_file("run17/step0042.h5"), "run17/step0042.xdmf");
  EXPECT_EQ(xdmf_file("run.0041"), "run.0041.xdmf");
  EXPECT_EQ(xdmf_file("run"), "run.xdmf");
  EXPECT_EQ(xdmf_file("v1.2/run"), "v1.2/run.xdmf");
}

}  // namespace
}  // namespace locum::storage
