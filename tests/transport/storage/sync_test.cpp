// What waits for the disk before a put returns: the calls of fsync and fdatasync are counted here, in front
// of those of the C library.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/serializers.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

/// What has been synced below a folder: "." for the folder itself, and so the folders in it by their names;
/// "file" for any file, whose name may be one that it has only then.
class SyncLog {
 public:
  void watch(const std::string& folder) {
    const MutexLock lock(mutex_);
    folder_ = folder;
    synced_.clear();
  }
  void note(int descriptor) {
    const MutexLock lock(mutex_);
    if (folder_.empty()) {
      return;
    }
    std::array<char, 4096> path{};
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
    const std::string target(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    struct stat facts {};
    if (!target.starts_with(folder_) || ::fstat(descriptor, &facts) != 0) {
      return;
    }
    synced_.push_back(!S_ISDIR(facts.st_mode) ? "file"
                      : target == folder_     ? "."
                                              : target.substr(folder_.size() + 1));
  }
  /// Since it was asked the last time, in their order.
  [[nodiscard]] std::vector<std::string> take() {
    const MutexLock lock(mutex_);
    return std::exchange(synced_, {});
  }

 private:
  Mutex mutex_;
  std::string folder_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::string> synced_ LOCUM_GUARDED_BY(mutex_);
};

SyncLog& sync_log() {
  static SyncLog log;
  return log;
}

}  // namespace
}  // namespace locum::tests

extern "C" int fsync(int descriptor) {
  locum::tests::sync_log().note(descriptor);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}
extern "C" int fdatasync(int descriptor) {
  locum::tests::sync_log().note(descriptor);
  return static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}

namespace locum::tests {
namespace {

using Synced = std::vector<std::string>;

class Sync : public ::testing::Test {
 protected:
  void SetUp() override { sync_log().watch(std::filesystem::canonical(folder_.path()).string()); }
  void TearDown() override { sync_log().watch({}); }
  [[nodiscard]] static bool has(const Synced& synced, const std::string& one) {
    return std::ranges::find(synced, one) != synced.end();
  }

  TemporaryFolder folder_;
};

// First the bytes, then the name: the other way round a loss of power leaves a name of nothing.
TEST_F(Sync, OfAFileIsItsOwnAndThatOfItsFolder) {
  const Store store = open("file:" + folder_.path() + "/root?store=s").value();
  EXPECT_TRUE(has(sync_log().take(), ".")) << "the root is a new folder";
  ASSERT_TRUE(store.put("a", 1));
  EXPECT_EQ(sync_log().take(), (Synced{"file", "root", "root/s"})) << "that of the store is new";
  ASSERT_TRUE(store.put("b", 1));
  EXPECT_EQ(sync_log().take(), (Synced{"file", "root/s"}));
  ASSERT_TRUE(store.replace("a", 2));
  EXPECT_EQ(sync_log().take(), (Synced{"file", "root/s"}));
  ASSERT_TRUE(store.evict("a").value());
  EXPECT_EQ(sync_log().take(), (Synced{"root/s"})) << "or it might be there again";
  ASSERT_TRUE(store.get<int>("a").error().code() == Errc::not_found);
  EXPECT_EQ(sync_log().take(), Synced()) << "who reads does not wait for the disk";
}

TEST_F(Sync, OfAPackIsOneForAPutOrABatch) {
  const Store store = open("pack:" + folder_.path() + "/p").value();
  EXPECT_TRUE(has(sync_log().take(), ".")) << "it is a new file";
  ASSERT_TRUE(store.put("a", 1));
  EXPECT_EQ(sync_log().take(), Synced{"file"});
  std::map<std::string, int> many;
  for (int at = 0; at < 100; ++at) {
    many[std::to_string(at)] = at;
  }
  for (const auto& put : store.put_batch(many)) {
    ASSERT_TRUE(put) << put.error();
  }
  EXPECT_EQ(sync_log().take(), Synced{"file"}) << "one for all of them";
}

TEST_F(Sync, OfAPackForEachCollectionIsAlsoThatOfItsFolders) {
  const Store store = open("pack:" + folder_.path() + "/p?files=collection&store=s").value();
  const Store step = store.collection("c").value();
  (void)sync_log().take();
  ASSERT_TRUE(step.put("a", 1));
  const Synced made = sync_log().take();
  EXPECT_TRUE(has(made, "p")) << "the folder of the store is new";
  EXPECT_TRUE(has(made, "p/s")) << "and so is the file";
  EXPECT_TRUE(has(made, "file"));
  ASSERT_TRUE(step.evict("a").value());
  EXPECT_TRUE(has(sync_log().take(), "p/s")) << "or the file might be there again";
}

TEST_F(Sync, IsNotWaitedForWithoutTheOption) {
  for (const std::string& url :
       {"file:" + folder_.path() + "/root?sync=0", "pack:" + folder_.path() + "/p?sync=0"}) {
    const Store store = open(url).value();
    (void)sync_log().take();
    ASSERT_TRUE(store.put("a", 1));
    ASSERT_TRUE(store.replace("a", 2));
    ASSERT_TRUE(store.evict("a").value());
    EXPECT_EQ(sync_log().take(), Synced()) << url;
  }
}

}  // namespace
}  // namespace locum::tests
