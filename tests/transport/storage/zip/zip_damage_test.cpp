// Archives that are damaged, or made to do harm: errors, and never other bytes than those that were packed.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zip/zip_samples.hpp"

namespace locum::tests {
namespace {

const ZipMembers& members_of_damaged() {
  static const ZipMembers members{
      {".zarray", some_text(120, 2)}, {"a/b/0.0", some_text(300, 3)}, {"a/c", "c"}};
  return members;
}

/// Reads all of an archive in all ways. Returns how many files could be read; adds failures for those that
/// hold what was not packed.
std::size_t files_read_of(storage::FileArea& area, const std::string& folder, std::size_t depth = 0) {
  std::size_t read = 0;
  const auto entries = area.list(folder);
  for (const storage::AreaEntry& entry : entries ? *entries : std::vector<storage::AreaEntry>()) {
    const std::string path = folder.empty() ? entry.name : folder + '/' + entry.name;
    if (entry.is_folder) {
      read += depth < 10 ? files_read_of(area, path, depth + 1) : 0;
      continue;
    }
    const auto text = text_in_area(area, path);
    read += text ? 1U : 0U;
    EXPECT_TRUE(!text || std::ranges::find(members_of_damaged(), *text, &ZipMembers::value_type::second) !=
                             members_of_damaged().end())
        << path;
    for (const bool maps : {false, true}) {
      const auto file = area.open(path, {.maps = maps});
      if (!file) {
        continue;
      }
      std::vector<std::byte> part(static_cast<std::size_t>((*file)->size_bytes() / 3));
      (void)(*file)->read((*file)->size_bytes() - part.size(), part);
      if (const auto all = (*file)->in_place()) {
        read += std::ranges::count(all->bytes, std::byte{0}) > 1'000'000 ? 1U : 0U;  // touches each byte
      }
    }
  }
  return read;
}

TEST(ZipDamage, OfEachPrefixIsSeen) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a.zip";
  for (const int level : {0, 6}) {
    const auto bytes = zip_of(members_of_damaged(), level);
    write_file(path, bytes);
    ASSERT_EQ(files_read_of(*zip_area_of(path).value(), ""), 3U);
    for (std::size_t size = bytes.size(); size-- > 0;) {
      std::filesystem::resize_file(path, size);
      EXPECT_EQ(code_of(zip_area_of(path)), Errc::corrupt) << size;
    }
  }
}

TEST(ZipDamage, OfEachByteShowsNothingElse) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a.zip";
  std::size_t opened = 0;
  for (const int level : {0, 6}) {
    const auto bytes = zip_of(members_of_damaged(), level);
    write_file(path, bytes);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto set = [&file](std::size_t at, std::byte byte) {
      file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
    };
    for (std::size_t at = 0; at < bytes.size(); set(at, bytes[at]), ++at) {
      for (const unsigned change : {1U, 0x2EU, 0x80U, 0xFFU}) {
        set(at, bytes[at] ^ static_cast<std::byte>(change));
        if (const auto area = zip_area_of(path)) {
          ++opened;
          (void)files_read_of(**area, "");
        }
      }
    }
  }
  EXPECT_GT(opened, 1000U);
}

TEST(ZipDamage, OfSeveralBytesShowsNothingElse) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a.zip";
  std::minstd_rand random(17);
  std::size_t opened = 0;
  for (const int level : {0, 6}) {
    const auto bytes = zip_of(members_of_damaged(), level);
    const std::size_t directory = storage::zip_u32(bytes, bytes.size() - storage::zip_end_bytes + 16);
    write_file(path, bytes);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (int round = 0; round < 2000; ++round) {
      auto damaged = bytes;
      for (auto changes = random() % 4 + 2; changes > 0; --changes) {
        // Mostly in the directory, of small numbers, which more often fit.
        const std::size_t from = random() % 4 == 0 ? 0 : directory;
        const std::size_t at = from + random() % (bytes.size() - from);
        damaged[at] =
            random() % 2 == 0 ? bytes[random() % bytes.size()] : static_cast<std::byte>(random() % 8);
      }
      file.seekp(0).write(reinterpret_cast<const char*>(damaged.data()),
                          static_cast<std::streamsize>(damaged.size()));
      file.flush();
      if (const auto area = zip_area_of(path)) {
        ++opened;
        (void)files_read_of(**area, "");
      }
    }
  }
  EXPECT_GT(opened, 100U);
}

TEST(ZipDamage, OfAnArchiveThatIsCutWhileItIsOpenIsSeen) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a.zip";
  for (const int level : {0, 6}) {
    write_file(path, zip_of(members_of_damaged(), level));
    const auto area = zip_area_of(path).value();
    const auto file = area->open("a/b/0.0", {}).value();
    std::filesystem::resize_file(path, 300);
    std::vector<std::byte> all(300);
    EXPECT_EQ(code_of(file->read(0, all)), Errc::corrupt);
    EXPECT_EQ(code_of(area->open("a/c", {})), Errc::stale);
  }
}

/// An archive of one deflated member, whose sizes can be changed.
class BombTest : public ::testing::Test {
 protected:
  void claim(std::uint32_t size) {
    const std::string text = some_text(4'000'000);
    auto bytes = zip_of({{"t.bin", text}}, 1);
    const std::size_t directory = storage::zip_u32(bytes, bytes.size() - storage::zip_end_bytes + 16);
    for (const std::size_t at : {std::size_t{22}, directory + 24}) {
      std::vector<std::byte> record;
      storage::add_zip_number(record, size);
      std::ranges::copy(record, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    write_file(path_, bytes);
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/a.zip";
};

TEST_F(BombTest, IsRefusedByTheSizeThatItClaims) {
  claim(0x6000'0000);
  const auto area = zip_area_of(path_).value();
  const auto file = area->open("t.bin", {});
  ASSERT_EQ(code_of(file), Errc::unsupported);
  EXPECT_NE(file.error().text().find("1610612736 bytes, more than 1 GiB"), std::string::npos);
}

TEST_F(BombTest, ThatClaimsWhatItHasNotIsCorrupt) {
  claim(0x3000'0000);
  const auto area = zip_area_of(path_).value();
  const auto file = area->open("t.bin", {}).value();
  std::vector<std::byte> part(10);
  EXPECT_EQ(code_of(file->read(0, part)), Errc::corrupt);
  EXPECT_EQ(code_of(file->in_place()), Errc::corrupt);
  claim(3'999'999);  // it has more
  EXPECT_EQ(code_of(text_in_area(*zip_area_of(path_).value(), "t.bin")), Errc::corrupt);
}

TEST_F(BombTest, OfMembersThatOverlapIsRefused) {
  auto bytes = zip_of({{"a", some_text(500)}, {"b", some_text(500)}});
  const std::size_t directory = storage::zip_u32(bytes, bytes.size() - storage::zip_end_bytes + 16);
  const std::size_t second = directory + storage::zip_entry_bytes + 1;
  for (const std::uint32_t at : {0U, 100U}) {  // the same bytes once more
    std::vector<std::byte> record;
    storage::add_zip_number(record, at);
    std::ranges::copy(record, bytes.begin() + static_cast<std::ptrdiff_t>(second + 42));
    write_file(path_, bytes);
    const auto area = zip_area_of(path_);
    ASSERT_EQ(code_of(area), Errc::corrupt);
    EXPECT_NE(area.error().text().find("overlaps"), std::string::npos) << area.error();
  }
}

}  // namespace
}  // namespace locum::tests
