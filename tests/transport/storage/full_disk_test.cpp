// A disk that somebody else fills while a checkpoint is written to it: the checkpoint fails, or has taken its
// room before. Either way one of the two is whole, and the next one succeeds when there is room again.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/value/error.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum::storage {
namespace {

constexpr std::array<std::size_t, 3> sizes{200'000, 100, 70'000};

/// All bytes are one number.
class EqualBytes final : public PartObjects {
 public:
  explicit EqualBytes(int number) : bytes_(sizes[0], static_cast<std::byte>(number)) {}
  [[nodiscard]] std::size_t size() const noexcept override { return sizes.size(); }
  [[nodiscard]] ObjectFacts facts(std::size_t at) const override {
    return {.key = {1, 0, at + 1},
            .size_bytes = sizes[at],
            .layout = Layout::array,
            .extents = {},
            .type_name = "i8[]",
            .name = names_[at]};
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t at) override {
    return std::span(bytes_).first(sizes[at]);
  }
  void release(std::size_t /*at*/) noexcept override {}

 private:
  const std::array<std::string, 3> names_{"a", "b", "c"};
  const std::vector<std::byte> bytes_;
};

/// Takes all room of a file system but for some bytes, while it lives.
class Filler {
 public:
  Filler(std::string path, std::uintmax_t left) : path_(std::move(path)) {
    const std::uintmax_t free = std::filesystem::space(std::filesystem::path(path_).parent_path()).available;
    const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (free > left && ::posix_fallocate(file, 0, static_cast<::off_t>(free - left)) != 0) {
      throw std::runtime_error("the disk cannot be filled");
    }
    ::close(file);
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  ~Filler() { ::unlink(path_.c_str()); }

 private:
  const std::string path_;
};

/// The moments at which the disk is filled.
enum class Moment : std::uint8_t {
  before,
  part_is_made,
  all_is_made,
  part_is_written,
  last = part_is_written
};

/// False: there was no room.
bool write(const std::string& path, int number, std::optional<Moment> when = {}, std::uintmax_t left = 0) {
  std::optional<Filler> filler;
  const auto now = [&](Moment moment) {
    if (when == moment) {
      filler.emplace(folder_of(path) + "/filler", left);
    }
  };
  MasterFile master;
  master.facts = {.id = static_cast<std::uint64_t>(number), .parts = 1};
  master.origins = {{.incarnation = 5, .store = 1}};
  master.parts_folder = parts_folder(path);
  std::filesystem::create_directory(master.parts_folder);
  try {
    now(Moment::before);
    PartWriter part(master.parts_folder + '/' + part_file(master.facts.id, 0), master.facts,
                    std::make_unique<EqualBytes>(number), {});
    now(Moment::part_is_made);
    master.parts.push_back(part.row());
    MasterWriter writer(path, master);
    now(Moment::all_is_made);
    part.write();
    now(Moment::part_is_written);
    writer.publish();
    remove_other_parts(path, part_names(writer.master()));
    return true;
  } catch (const Error& error) {
    if (error.code() != Errc::system) {
      throw;
    }
    return false;
  }
}

int whole_number(const std::string& path) {
  const MasterFile master = read_master(path);
  PartReader part = open_part(master, 0);
  const auto number = static_cast<int>(master.facts.id);
  for (const ObjectRow& row : part.rows()) {
    std::vector<std::byte> bytes(row.size_bytes);
    part.read(row, bytes);
    if (bytes != std::vector<std::byte>(row.size_bytes, static_cast<std::byte>(number))) {
      throw std::runtime_error("an object is of another checkpoint");
    }
  }
  return part.rows().size() == sizes.size() ? number : -1;
}

/// Tries all moments, with more and less that is left; how many checkpoints found no room.
int fill_at_each_moment(const std::string& path) {
  int number = 1;
  int failed = 0;
  if (!write(path, number)) {
    throw std::runtime_error("the first one needs more room than there is");
  }
  for (std::uint8_t moment = 0; moment <= static_cast<std::uint8_t>(Moment::last); ++moment) {
    for (const std::uintmax_t left : {0U, 4096U, 65'536U, 200'000U, 300'000U, 340'000U, 400'000U}) {
      const int there = number++;
      const bool written = write(path, number, static_cast<Moment>(moment), left);
      const int found = whole_number(path);
      if (found != (written ? number : there)) {
        throw std::runtime_error("moment " + std::to_string(moment) + ", " + std::to_string(left) +
                                 " bytes left: found " + std::to_string(found));
      }
      failed += written ? 0 : 1;
      if (!write(path, ++number)) {
        throw std::runtime_error("there is room again, and the next one fails");
      }
    }
  }
  return failed;
}

TEST(FullDisk, LeavesTheOldCheckpointOrTheNewOne) {
  const tests::TemporaryFolder folder;
  const tests::Ending ending = tests::in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=4m") != 0) {
      return std::string("no small disk: ") + std::strerror(errno);
    }
    const int failed = fill_at_each_moment(folder.path() + "/step.h5");
    EXPECT_GE(failed, 6) << "most where the disk is filled before";
    return std::string("tried");
  });
  ASSERT_EQ(ending.exit_code, 0) << ending.said;
  if (ending.said != "tried") {
    GTEST_SKIP() << ending.said;
  }
}

}  // namespace
}  // namespace locum::storage
