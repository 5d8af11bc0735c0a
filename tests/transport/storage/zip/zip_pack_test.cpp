// Archives that are made of folders.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <locum/files.hpp>

#include "core/base/descriptor.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "tests/transport/storage/zip/zip_samples.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/zip/zip_archive.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

/// A folder, and Files on it.
class ZipPack : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path_of(const std::string& name) const { return folder_.path() + '/' + name; }

  const TemporaryFolder folder_;
  const Files files_{"file:" + folder_.path() + "?sync=0"};
};

std::vector<std::string> names_in_order(const std::string& path) {
  const auto archive = storage::ZipArchive::open(path).value();
  storage::ZipArchiveBytes bytes(*archive);
  std::vector<std::string> names;
  for (const storage::ZipEntry& entry : storage::read_zip_directory(bytes).value()) {
    EXPECT_EQ(entry.method, storage::zip_stored);
    names.push_back(entry.name);
  }
  return names;
}

TEST_F(ZipPack, HasAllFilesThoseOfMetadataFirst) {
  for (const char* const name : {"g/zarr.json", "g/T/c/0/0", "g/T/zarr.json", "g/a.txt", "g/v2/0.0",
                                 "g/v2/.zarray", "g/v2/.zattrs", "g/.zgroup"}) {
    files_.save(name, name, {.format = "text"}).value();
  }
  files_.make_dirs("g/none/at/all").value();
  files_.save("g/v2/.lock", "", {.format = "text"}).value();
  files_.save("g/a/.lock", "no lock", {.format = "text"}).value();
  files_.pack("g", "deep/g.zip").value();
  EXPECT_EQ(names_in_order(path_of("deep/g.zip")),
            (std::vector<std::string>{".zgroup", "zarr.json", "T/zarr.json", "T/c/0/0", "a/.lock", "a.txt",
                                      "none/at/all/", "v2/.zarray", "v2/.zattrs", "v2/0.0"}));
  const Files packed("zip:" + path_of("deep/g.zip"));
  EXPECT_EQ(packed.load<std::string>("T/c/0/0", {.format = "text"}).value(), "g/T/c/0/0");
  EXPECT_TRUE(packed.is_dir("none/at/all").value());
}

TEST_F(ZipPack, IsTheSameForEqualFolders) {
  for (const char* const folder : {"a", "b"}) {
    files_.save(std::string(folder) + "/x/T.npy", std::vector<double>(100, 1.5)).value();
    files_.save(std::string(folder) + "/t.txt", "as ever").value();
    files_.pack(folder, std::string(folder) + ".zip").value();
  }
  EXPECT_EQ(bytes_of_file(path_of("a.zip")), bytes_of_file(path_of("b.zip")));
  const Files memory("memory:");
  memory.save("a/x/T.npy", std::vector<double>(100, 1.5)).value();
  memory.save("a/t.txt", "as ever").value();
  memory.pack("a", "a.zip").value();
  const auto bytes = memory.load<std::vector<std::uint8_t>>("a.zip", {.format = "bytes"}).value();
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(bytes)), bytes_of_file(path_of("a.zip"))));
}

TEST_F(ZipPack, ReplacesAnArchiveOrLeavesIt) {
  files_.save("a/t.txt", "old").value();
  files_.pack("a", "a.zip").value();
  const auto old = bytes_of_file(path_of("a.zip"));
  std::ofstream(path_of("a/\xFF.txt")) << "a name that is not UTF-8";
  const auto refused = files_.pack("a", "a.zip");
  ASSERT_EQ(code_of(refused), Errc::type_mismatch);
  EXPECT_EQ(bytes_of_file(path_of("a.zip")), old);
  fs::remove(path_of("a/\xFF.txt"));
  files_.save("a/t.txt", "new").value();
  files_.pack("a", "a.zip").value();
  EXPECT_EQ(Files("zip:" + path_of("a.zip")).load<std::string>("t.txt").value(), "new");
  for (const auto& entry : fs::directory_iterator(path_of(".tmp"))) {
    ADD_FAILURE() << entry << " is left over";
  }
}

TEST_F(ZipPack, RefusesWhatIsNoFolderOrHoldsTheArchive) {
  files_.save("a/t.txt", "1").value();
  EXPECT_EQ(code_of(files_.pack("b", "b.zip")), Errc::not_found);
  EXPECT_EQ(code_of(files_.pack("a/t.txt", "b.zip")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files_.pack("a", "a/a.zip")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files_.pack("a", "a")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files_.pack("", "a.zip")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files_.pack("a", "../a.zip")), Errc::invalid_argument);
  EXPECT_EQ(code_of(files_.pack("a", "b.zip", {.backend = "none"})), Errc::not_found);
  files_.make_dirs("c").value();
  EXPECT_EQ(code_of(files_.pack("a", "c")), Errc::invalid_argument);
  EXPECT_EQ(files_.pack("b", "b.zip").error().key(), "b");
  files_.pack("c", "c.zip").value();
  EXPECT_TRUE(names_in_order(path_of("c.zip")).empty());
  fs::create_directory_symlink(path_of("a"), path_of("a/again"));
  const auto circle = files_.pack("a", "a.zip");
  ASSERT_EQ(code_of(circle), Errc::unsupported);
  EXPECT_FALSE(fs::exists(path_of("a.zip")));
}

TEST_F(ZipPack, IsStaleIfTheFolderChangesMeanwhile) {
  files_.save("a/1.txt", "1").value();
  files_.save("a/2.txt", "2").value();
  const auto area =
      storage::open_folder_area(parse_url("file:" + folder_.path() + "?sync=0").value()).value();
  AreaCounts counts;
  const std::vector<std::function<void()>> changes{
      [&] { files_.save("a/1.txt", "other").value(); }, [&] { files_.save("a/3.txt", "3").value(); },
      [&] { files_.remove("a/3.txt").value(); },
      [&] { std::ofstream(path_of("a/2.txt"), std::ios::app) << "2"; }};
  for (const auto& change : changes) {
    counts.opened = 0;
    counts.when_opened = [&] {
      if (counts.opened == 1) {  // the first file was read
        change();
      }
    };
    const auto packed = storage::pack_zip(std::make_shared<CountingArea>(area, counts), "a", "a.zip");
    EXPECT_EQ(code_of(packed), Errc::stale);
    EXPECT_FALSE(fs::exists(path_of("a.zip")));
  }
  counts.when_opened = [] {};
  EXPECT_TRUE(storage::pack_zip(std::make_shared<CountingArea>(area, counts), "a", "a.zip"));
}

/// A file of zeros that takes no room, beside what is not zero.
class SparseDraft final : public FileDraft {
 public:
  explicit SparseDraft(const std::string& path)
      : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {}
  ~SparseDraft() override { EXPECT_EQ(::ftruncate(file_.number(), static_cast<off_t>(size_)), 0); }
  SparseDraft(const SparseDraft&) = delete;
  SparseDraft& operator=(const SparseDraft&) = delete;

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    const bool is_zero = bytes.size() > 4096 && bytes.front() == std::byte{0};
    const int error = is_zero ? 0 : storage::write_at(file_, size_, bytes);
    size_ += bytes.size();
    return error == 0 ? Result<void>() : system_error("writing", error);
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const int error = storage::write_at(file_, offset, bytes);
    return error == 0 ? Result<void>() : system_error("writing", error);
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return size_; }

 private:
  Descriptor file_;
  std::uint64_t size_ = 0;
};

TEST_F(ZipPack, OfMoreThanFourGibIsRead) {
  constexpr std::uint64_t size = (std::uint64_t{4} << 30U) + 5;
  {
    SparseDraft draft(path_of("large.zip"));
    storage::ZipWriter zip(draft, 0);
    const std::vector<std::byte> zeros(std::size_t{64} << 20U);
    zip.begin("zeros.bin", size).value();
    for (std::uint64_t left = size; left > 0;) {
      const auto piece =
          std::span(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size())));
      zip.write(piece).value();
      left -= piece.size();
    }
    zip.end().value();
    zip.begin("behind.txt", 6).value();
    zip.write(std::as_bytes(std::span("behind", 6))).value();
    zip.end().value();
    zip.finish().value();
  }
  const Files files("zip:" + path_of("large.zip"));
  EXPECT_EQ(files.load<std::string>("behind.txt").value(), "behind");
  const auto area = zip_area_of(path_of("large.zip")).value();
  const auto file = area->open("zeros.bin", {}).value();
  ASSERT_EQ(file->size_bytes(), size);
  std::vector<std::byte> last(5, std::byte{1});
  file->read(size - 5, last).value();
  EXPECT_EQ(last, std::vector<std::byte>(5));
  const auto mapped = area->open("zeros.bin", {.maps = true}).value()->in_place().value();
  EXPECT_EQ(mapped.bytes.size(), size);
  EXPECT_EQ(mapped.bytes[size - 1], std::byte{0});
}

}  // namespace
}  // namespace locum::tests
