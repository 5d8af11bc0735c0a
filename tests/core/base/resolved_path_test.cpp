#include "core/base/resolved_path.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace locum {
namespace {

class ResolvedPath : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "locum_path_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = std::filesystem::canonical(pattern);
    std::filesystem::create_directories(folder_ / "a/b");
    std::ofstream(folder_ / "a/file");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string in_folder(const std::string& path) const { return (folder_ / path).string(); }
  void link(const std::string& target, const std::string& path) const {
    std::filesystem::create_symlink(target, folder_ / path);
  }

  std::filesystem::path folder_;
};

TEST_F(ResolvedPath, BeginsAtTheRoot) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_ / "a");
  EXPECT_EQ(resolved_path("file"), in_folder("a/file"));
  EXPECT_EQ(resolved_path("./b/../file"), in_folder("a/file"));
  EXPECT_EQ(resolved_path("../none/new"), in_folder("none/new")) << "neither is there";
  std::filesystem::current_path(before);
  EXPECT_EQ(resolved_path(in_folder("a/file")), in_folder("a/file"));
  EXPECT_EQ(resolved_path(""), "");
}

TEST_F(ResolvedPath, IsThatOfTheFileToWhichLinksLead) {
  link("a/file", "relative");
  link(in_folder("relative"), "a/b/whole");
  link("b", "a/c");
  link("a/b/new", "dangling");
  EXPECT_EQ(resolved_path(in_folder("relative")), in_folder("a/file"));
  EXPECT_EQ(resolved_path(in_folder("a/c/whole")), in_folder("a/file"));
  EXPECT_EQ(resolved_path(in_folder("a/c/new")), in_folder("a/b/new"));
  EXPECT_EQ(resolved_path(in_folder("dangling")), in_folder("a/b/new")) << "a file that is to be made";
}

TEST_F(ResolvedPath, OfARingOfLinksIsThePathItself) {
  link("two", "one");
  link("one", "two");
  EXPECT_EQ(resolved_path(in_folder("one")), in_folder("one"));
}

}  // namespace
}  // namespace locum
