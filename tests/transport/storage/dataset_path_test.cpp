// Names of objects as paths in an HDF5 file, and back.
#include "transport/storage/hdf5/dataset_path.hpp"

#include <gtest/gtest.h>

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace locum::storage {
namespace {

TEST(DatasetPath, IsTheNameWhereHdf5CanHoldIt) {
  EXPECT_EQ(dataset_path("T/0042/3"), "/T/0042/3");
  EXPECT_EQ(dataset_path("a b.c"), "/a b.c");
  EXPECT_EQ(dataset_path("\xc3\xa4"), "/\xc3\xa4");
  EXPECT_EQ(dataset_path("x/.locum"), "/x/.locum");
}

TEST(DatasetPath, EscapesWhatItCannot) {
  EXPECT_EQ(dataset_path("50%"), "/50%25");
  EXPECT_EQ(dataset_path(std::string("a\0b", 3)), "/a%00b");
  EXPECT_EQ(dataset_path("../x"), "/%2E./x");
  EXPECT_EQ(dataset_path("./x"), "/%2E/x");
  EXPECT_EQ(dataset_path("/x"), "/%/x");
  EXPECT_EQ(dataset_path("x/"), "/x/%");
  EXPECT_EQ(dataset_path("a//b"), "/a/%/b");
  EXPECT_EQ(dataset_path(".locum/objects"), "/%2Elocum/objects");
  EXPECT_EQ(dataset_path("\xff"), "/%FF");
  EXPECT_EQ(dataset_path("\xc0\xaf"), "/%C0%AF") << "an overlong slash";
  EXPECT_EQ(dataset_path("\xed\xa0\x80"), "/%ED%A0%80") << "a surrogate";
}

TEST(DatasetPath, KnowsPathsOfNoName) {
  for (const char* path : {"", "x", "/%4", "/%zz", "/%41", "/a/..", "/.locum/objects", "/a//b", "/%2e."}) {
    EXPECT_FALSE(name_of_dataset(path)) << path;
  }
}

TEST(DatasetPath, IsAGroupIfAnotherOneIsBelow) {
  DatasetPaths paths;
  for (const char* name : {"T", "T/1/2", "U-", "U"}) {
    paths.add(dataset_path(name));
  }
  paths.sort();
  EXPECT_TRUE(paths.is_group("/T"));
  EXPECT_TRUE(paths.is_group("/T/1"));
  EXPECT_FALSE(paths.is_group("/T/1/2"));
  EXPECT_FALSE(paths.is_group("/U")) << "'-' comes before '/'";
  EXPECT_FALSE(paths.is_group("/V"));
  EXPECT_FALSE(DatasetPaths().is_group("/T"));
}

// Few different bytes, so that dots, slashes and percent signs meet.
RC_GTEST_PROP(DatasetPath, LeadsBackToTheName, ()) {
  const auto name = *rc::gen::nonEmpty(rc::gen::container<std::string>(
      rc::gen::element('/', '.', '%', 'a', '2', 'E', '\0', '\xc3', '\xa4', '\xff')));
  const std::string path = dataset_path(name);
  RC_ASSERT(name_of_dataset(path) == name);
  RC_ASSERT(name_of_dataset(path + std::string(beside_a_group)) == name);
  RC_ASSERT(path.find("//") == std::string::npos);
  RC_ASSERT(path.find('\0') == std::string::npos);
}

}  // namespace
}  // namespace locum::storage
