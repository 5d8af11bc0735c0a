// One changed byte in the files of a store, closed or left by a killed process: opening or reading is an
// error, or the value is right. It is never an older one, and no name disappears or comes back in silence.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/containers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace flipped_byte_test {

namespace fs = std::filesystem;

constexpr int most_names = 12;
constexpr int evicted_name = 5;
/// Of each file: positions spread over it, and as many at its end, where what a killed process leaves looks
/// like damage.
constexpr std::size_t most_positions = 16;
constexpr std::chrono::seconds patience{60};

std::vector<double> values(int name, int version) {
  const bool is_large = name == 3;
  std::vector<double> all(static_cast<std::size_t>(is_large ? 9'000 : 4 + 3 * name));
  for (std::size_t at = 0; at < all.size(); ++at) {
    all[at] = 1000 * name + 100 * version + static_cast<double>(at) / 2;
  }
  return all;
}

// Every second name is stored twice, one of these is evicted. What is stored last is not looked at: of a
// store that nobody closed, it may be what was just being written.
Store write_all(const std::string& url) {
  auto store = open(url, {.timeout = patience}).value();
  for (int version = 0; version < 2; ++version) {
    for (int name = version; name < most_names; name += 1 + version) {
      store.replace(std::to_string(name), values(name, version)).value();
    }
  }
  EXPECT_TRUE(store.evict(std::to_string(evicted_name)).value());
  store.put("last", 1).value();
  return store;
}

/// What is wrong with the store, in words; empty: nothing, or it reported that it is damaged.
std::string silently_wrong(const std::string& url) {
  const auto store = open(url, {.timeout = patience});
  if (!store) {
    return {};
  }
  bool is_reported = false;
  for (int name = 0; name < most_names; ++name) {
    const std::string text = std::to_string(name);
    const auto found = store->get<std::vector<double>>(text);
    if (found && name == evicted_name) {
      return text + " is back";
    }
    if (found && **found != values(name, name % 2)) {
      return text + (**found == values(name, 0) ? " is older" : " is wrong");
    }
    if (code_of(found) == Errc::not_found && name != evicted_name) {
      return text + " is missing";
    }
    is_reported = is_reported || (!found && name != evicted_name);
  }
  const auto names = store->keys();
  if (!names || is_reported) {
    return {};
  }
  const auto count = names->size() - static_cast<std::size_t>(std::ranges::count(*names, "last"));
  return count == most_names - 1 ? std::string() : "it lists " + std::to_string(count) + " names";
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::size_t> positions_in(std::size_t bytes) {
  std::vector<std::size_t> positions;
  for (std::size_t at = 0; at < bytes; at += std::max<std::size_t>(1, bytes / most_positions)) {
    positions.push_back(at);
  }
  for (std::size_t at = bytes - std::min(bytes, most_positions); at < bytes; ++at) {
    positions.push_back(at);
  }
  return positions;
}

/// The URL of a backend, with `@` in the place of a folder.
class FlippedByte : public ::testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static std::string url_in(const fs::path& folder) {
    std::string text = GetParam();
    return text.replace(text.find('@'), 1, folder.string());
  }

  void expect_none_in_silence() const {
    int flips = 0;
    for (const auto& entry : fs::recursive_directory_iterator(whole_)) {
      if (!entry.is_regular_file()) {
        continue;
      }
      const std::string bytes = bytes_of(entry.path());
      const fs::path changed = damaged_ / fs::relative(entry.path(), whole_);
      for (const std::size_t at : positions_in(bytes.size())) {
        fs::remove_all(damaged_);
        fs::copy(whole_, damaged_, fs::copy_options::recursive);
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x40);
        std::ofstream(changed, std::ios::binary) << flipped;
        EXPECT_EQ(silently_wrong(url_in(damaged_)), "")
            << changed.filename() << ", byte " << at << " of " << bytes.size();
        ++flips;
      }
    }
    EXPECT_GE(flips, static_cast<int>(most_positions));
  }

  const TemporaryFolder folder_;
  const fs::path whole_ = fs::path(folder_.path()) / "whole";
  const fs::path damaged_ = fs::path(folder_.path()) / "damaged";
};

class FlippedBit : public ::testing::Test {
 protected:
  /// An empty one.
  [[nodiscard]] std::string folder(const std::string& name) const {
    const fs::path path = fs::path(folder_.path()) / name;
    fs::remove_all(path);
    fs::create_directory(path);
    return path.string();
  }

  const TemporaryFolder folder_;
};

TEST_P(FlippedByte, OfAClosedStoreIsReported) {
  fs::create_directory(whole_);
  static_cast<void>(write_all(url_in(whole_)));
  ASSERT_EQ(silently_wrong(url_in(whole_)), "");
  expect_none_in_silence();
}

TEST_P(FlippedByte, OfAStoreOfAKilledProcessIsReported) {
  fs::create_directory(whole_);
  const Ending killed = in_child([&] {
    const Store store = write_all(url_in(whole_));
    (void)::kill(::getpid(), SIGKILL);
    return std::string();
  });
  ASSERT_EQ(killed.signal, SIGKILL) << killed.said;
  expect_none_in_silence();
}

#if LOCUM_WITH_ROCKSDB
/// Where the headers of the first records of a RocksDB log are, each of which fits into its first block.
std::vector<std::size_t> first_records(const std::string& log) {
  std::vector<std::size_t> positions;
  for (std::size_t at = 0; at + 7 <= std::min<std::size_t>(log.size(), 32'000) && positions.size() < 4;) {
    positions.push_back(at);
    const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(log[at + place]); };
    at += 7 + byte(4) + 256U * byte(5);
  }
  return positions;
}

// By the type of a record of a recycled log RocksDB takes all that follows for older than the log.
TEST_F(FlippedBit, OfATypeInARocksDbLogIsReported) {
  const std::string whole = folder("whole");
  const Ending killed = in_child([&] {
    const Store store = write_all("rocksdb:" + whole);
    (void)::kill(::getpid(), SIGKILL);
    return std::string();
  });
  ASSERT_EQ(killed.signal, SIGKILL) << killed.said;
  int flips = 0;
  for (const auto& entry : fs::directory_iterator(whole)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".log") && !name.starts_with("MANIFEST-")) {
      continue;
    }
    const std::string bytes = bytes_of(entry.path());
    for (const std::size_t at : first_records(bytes)) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        const std::string damaged = folder("damaged");
        fs::copy(whole, damaged, fs::copy_options::recursive);
        std::string flipped = bytes;
        flipped[at + 6] = static_cast<char>(static_cast<unsigned char>(flipped[at + 6]) ^ (1U << bit));
        std::ofstream(fs::path(damaged) / name, std::ios::binary) << flipped;
        EXPECT_EQ(silently_wrong("rocksdb:" + damaged), "")
            << name << ", record at " << at << ", bit " << bit;
        ++flips;
      }
    }
  }
  EXPECT_GE(flips, 40);
}

TEST_F(FlippedBit, AMissingFileCurrentIsReported) {
  const std::string whole = folder("whole");
  static_cast<void>(write_all("rocksdb:" + whole));
  fs::remove(fs::path(whole) / "CURRENT");
  EXPECT_EQ(code_of(open("rocksdb:" + whole)), Errc::corrupt);
  EXPECT_FALSE(fs::exists(fs::path(whole) / "CURRENT")) << "no new database is made there";
}
#endif

// Plain files and HDF5 have no checksums of values: those of the wrapper are for that.
std::vector<std::string> urls() {
  std::vector<std::string> all{"checksum+file:@/f?sync=0", "pack:@/p.pack?sync=0",
                               "pack:@/packs?files=collection&sync=0"};
#if LOCUM_WITH_HDF5
  all.emplace_back("checksum+hdf5:@/h.h5?sync=0");
#endif
#if LOCUM_WITH_ROCKSDB
  all.emplace_back("rocksdb:@/r");
#endif
  return all;
}

INSTANTIATE_TEST_SUITE_P(OverBackends, FlippedByte, ::testing::ValuesIn(urls()), [](const auto& one) {
  const std::size_t plus = one.param.find('+');
  const std::size_t begin = plus == std::string::npos ? 0 : plus + 1;
  return one.param.substr(begin, one.param.find(':') - begin) + std::to_string(one.index);
});

}  // namespace flipped_byte_test
}  // namespace locum::tests
