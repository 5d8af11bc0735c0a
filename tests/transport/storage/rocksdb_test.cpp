#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/raw_store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/next_process.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/rocksdb/log_check.hpp"

namespace locum::tests {
namespace {

Deadline soon() {
  return std::chrono::seconds(60);
}

class RocksDbBackend : public ::testing::Test {
 protected:
  [[nodiscard]] std::string url(const std::string& options = {}) const {
    return "rocksdb://" + folder_.path() + "/db" + options;
  }
  [[nodiscard]] Result<std::shared_ptr<Backend>> opened(const std::string& options = {}) const {
    return open_backend(url(options));
  }
  static Result<void> store(Backend& to, const RecordKey& key, std::string_view text,
                            Expect expect = Expect::anything) {
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = 7;
    record.expect = expect;
    return to.store(key, record, soon());
  }

  const TemporaryFolder folder_;
};

TEST_F(RocksDbBackend, ResolvesTheHandlesOfAnEarlierProcess) {
  expect_handles_in_the_next_process(url());
}

// As the page says, for programs that know only RocksDB.
TEST_F(RocksDbBackend, KeepsEachStoreInAColumnFamilyOfItsName) {
  {
    ASSERT_TRUE(open(url("?store=fields")).value().put("T", std::vector<double>(100, 2.5)));
    ASSERT_TRUE(open(url("?store=run/17")).value().put("T", 1));
  }
  const std::string path = folder_.path() + "/db";
  std::vector<std::string> families;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, path, &families).ok());
  for (const char* name : {"fields", "run/17"}) {
    EXPECT_EQ(std::ranges::count(families, name), 1) << name;
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> all;
  for (const std::string& name : families) {
    all.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* plain = nullptr;
  ASSERT_TRUE(rocksdb::DB::OpenForReadOnly({}, path, all, &handles, &plain).ok());
  const std::unique_ptr<rocksdb::DB> closed(plain);
  for (rocksdb::ColumnFamilyHandle* const family : handles) {
    std::string value;
    const bool is_there = plain->Get({}, family, "T", &value).ok();
    EXPECT_EQ(is_there, family->GetName() == "fields" || family->GetName() == "run/17") << family->GetName();
    EXPECT_TRUE(family->GetName() != "fields" || value.size() > 100 * sizeof(double)) << value.size();
    EXPECT_TRUE(plain->DestroyColumnFamilyHandle(family).ok());
  }
}

TEST_F(RocksDbBackend, SaysThatItIsOpenElsewhere) {
  const auto first = opened().value();
  const auto second = opened();
  ASSERT_EQ(code_of(second), Errc::system);
  EXPECT_NE(second.error().text().find("is open elsewhere"), std::string::npos) << second.error();
  const Ending other = in_child([&] { return opened().error().text(); });
  EXPECT_NE(other.said.find("is open elsewhere"), std::string::npos) << other.said;
  ASSERT_TRUE(store(*first, {"s", "a"}, "1"));
}

TEST_F(RocksDbBackend, RefusesUrlsThatItCannotOpen) {
  for (const char* options : {"?colour=red", "?sync=2", "?sync=x"}) {
    EXPECT_EQ(code_of(opened(options)), Errc::invalid_argument) << options;
  }
  EXPECT_EQ(code_of(open_backend("rocksdb://host/path")), Errc::invalid_argument);
  const auto nowhere = open_backend("rocksdb://" + folder_.path() + "/a/b/c");
  ASSERT_EQ(code_of(nowhere), Errc::system);
  EXPECT_NE(nowhere.error().text().find("make the folder above it"), std::string::npos) << nowhere.error();
}

// More than is written at once, in another order than that of the names, and one name twice.
TEST_F(RocksDbBackend, StoresALargeBatchInPartsEachRecordAsItExpects) {
  const auto backend = opened().value();
  const std::string text(700'000, 'x');
  const std::vector<RecordKey> keys{{"s", "d"}, {"t", "a"}, {"s", "b"}, {"s", "c"}, {"s", "b"}, {"s", "a"}};
  std::vector<NewRecord> records(keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    records[at].bytes = std::as_bytes(std::span(text)).first(text.size() - at);
    records[at].revision = at + 1;
    records[at].expect = Expect::absent;
  }
  std::vector<Result<void>> stored(keys.size(), Result<void>(no_such_object()));
  backend->batches()->store(keys, records, stored, soon());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const bool is_second = at == 4;
    EXPECT_EQ(stored[at].has_value(), !is_second) << at;
    const auto found = backend->load(keys[at], whole_record, soon());
    ASSERT_TRUE(found) << at;
    EXPECT_EQ(found->revision, is_second ? 3 : at + 1);
    EXPECT_EQ(found->bytes.size(), text.size() - (is_second ? 2 : at));
  }
  EXPECT_EQ(code_of(stored[4]), Errc::key_exists);
}

struct alignas(64) AlignedLine {
  static constexpr std::string_view locum_type_name = "aligned_line";
  std::uint64_t words[8];
};

TEST_F(RocksDbBackend, ShowsElementsWhereTheirTypeMayStand) {
  const Store store = open(url()).value();
  std::vector<AlignedLine> lines(3);
  for (AlignedLine& line : lines) {
    line.words[7] = 5;
  }
  std::vector<View<AlignedLine[]>> views;  // kept, so that each has memory of its own
  for (std::size_t length = 1; length <= 32; ++length) {
    const std::string name(length, 'n');  // the value follows it
    ASSERT_TRUE(store.put(name, lines));
    views.push_back(store.get<AlignedLine[]>(name).value());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(views.back().data()) % alignof(AlignedLine), 0U) << length;
    EXPECT_EQ(views.back()[2].words[7], 5U);
  }
}

struct alignas(128) AlignedPair {
  static constexpr std::string_view locum_type_name = "aligned_pair";
  std::uint64_t words[16];
};

TEST_F(RocksDbBackend, RefusesElementsThatItCannotPlace) {
  const Store store = open(url()).value();
  const auto refused = store.put("pairs", std::vector<AlignedPair>(3));
  ASSERT_EQ(code_of(refused), Errc::unsupported);
  EXPECT_NE(refused.error().text().find("multiples of 128 bytes"), std::string::npos) << refused.error();
  // Known by its name, a type of that size is taken to need no more.
  auto writer = store.raw().create("states", ElementType::named("state{128}").value(), {3}).value();
  EXPECT_TRUE(writer.seal());
  EXPECT_EQ(store.info("states").value().element, ElementType::named("state{128}").value());
}

TEST_F(RocksDbBackend, KeepsABatchFromWhatAnotherProgramStored) {
  {
    rocksdb::DB* plain = nullptr;
    rocksdb::Options options;
    options.create_if_missing = true;
    ASSERT_TRUE(rocksdb::DB::Open(options, folder_.path() + "/db", &plain).ok());
    const std::unique_ptr<rocksdb::DB> closed(plain);
    for (const char* name : {"a", "b", "c"}) {
      ASSERT_TRUE(plain->Put({}, name, "short").ok());  // it has no revision
    }
  }
  const auto backend = opened().value();
  const std::vector<RecordKey> keys{{"default", "a"}, {"default", "b"}, {"default", "d"}};
  std::vector<NewRecord> records(keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    records[at].bytes = std::as_bytes(std::span("abcd")).subspan(at, 1);
    records[at].revision = at + 1;
    records[at].expect = at == 0 ? Expect::anything : Expect::absent;
  }
  std::vector<Result<void>> stored(keys.size(), Result<void>(no_such_object()));
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0]) << "it may replace whatever is there";
  EXPECT_EQ(code_of(stored[1]), Errc::corrupt);
  EXPECT_TRUE(stored[2]);
  const std::vector<RecordKey> others{{"default", "c"}, {"default", "d"}};
  std::vector<Result<bool>> removed(others.size(), Result<bool>(false));
  backend->batches()->remove(others, removed, soon());
  EXPECT_EQ(code_of(removed[0]), Errc::corrupt);
  EXPECT_TRUE(removed[1] && *removed[1]);
}

TEST_F(RocksDbBackend, KeepsWhatAKilledProcessHadStored) {
  const Ending killed = in_child([&] {
    const auto backend = opened().value();
    EXPECT_TRUE(store(*backend, {"s", "a"}, "1"));
    EXPECT_TRUE(store(*backend, {"default", "b"}, std::string(200'000, 'x')));
    (void)::kill(::getpid(), SIGKILL);
    return std::string();
  });
  ASSERT_EQ(killed.signal, SIGKILL);
  const auto backend = opened().value();
  EXPECT_EQ(backend->load({"s", "a"}, whole_record, soon()).value().bytes.size(), 1U);
  EXPECT_EQ(backend->load({"default", "b"}, whole_record, soon()).value().bytes.size(), 200'000U);
  EXPECT_EQ(backend->drop("default", soon()).value(), 1U) << "the family that RocksDB always has";
}

TEST_F(RocksDbBackend, StoresWhileSpacesAreDropped) {
  const auto backend = opened().value();
  std::vector<std::thread> writers;
  for (int mine = 0; mine < 3; ++mine) {
    writers.emplace_back([&, mine] {
      for (int at = 0; at < 60; ++at) {
        EXPECT_TRUE(store(*backend, {"s", std::to_string(mine * 100 + at)}, "x"));
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(backend->drop("s", soon()));
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_TRUE(backend->drop("s", soon()));
  EXPECT_TRUE(backend->list("s", {}, soon()).value().empty());
  EXPECT_TRUE(store(*backend, {"s", "a"}, "1", Expect::absent));
}

TEST_F(RocksDbBackend, SeesInABatchWhatStandsBeforeInIt) {
  const auto backend = opened().value();
  const std::vector<RecordKey> keys{{"s", "a"}, {"t", "a"}, {"s", "a"}, {"t", "b"}};
  std::vector<NewRecord> records(keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    records[at].bytes = std::as_bytes(std::span("abcd")).subspan(at, 1);
    records[at].revision = at + 1;
    records[at].expect = Expect::absent;
  }
  std::vector<Result<void>> stored(keys.size());
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0] && stored[1] && stored[3]);
  EXPECT_EQ(code_of(stored[2]), Errc::key_exists);
  EXPECT_EQ(backend->load({"t", "b"}, whole_record, soon()).value().revision, 4U);
  EXPECT_EQ(backend->load({"s", "a"}, whole_record, soon()).value().revision, 1U);
}

// The first records of such logs have other types than ours; the same types made by damage have a wrong
// checksum.
TEST(RocksDbLogs, OfProgramsThatCompressOrRecycleThemAreNotDamaged) {
  for (const bool compresses : {true, false}) {
    const TemporaryFolder open_folder;
    const TemporaryFolder folder;
    rocksdb::Options options;
    options.create_if_missing = true;
    if (compresses) {
      options.wal_compression = rocksdb::kZSTD;
    } else {
      options.recycle_log_file_num = 2;
      options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;  // others refuse it
    }
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, open_folder.path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> database(opened);
    for (int round = 0; round < 4; ++round) {
      EXPECT_TRUE(database->Put({}, std::to_string(round), std::string(5'000, 'x')).ok());
      EXPECT_TRUE(database->Flush({}).ok());  // the log is full, and another one begins
    }
    EXPECT_TRUE(database->Put({}, "last", "x").ok());
    ASSERT_TRUE(database->PauseBackgroundWork().ok());  // it removes files: none while they are copied
    std::filesystem::copy(open_folder.path(), folder.path(), std::filesystem::copy_options::recursive);
    ASSERT_TRUE(database->ContinueBackgroundWork().ok());
    const auto checked = storage::check_logs(folder.path());
    EXPECT_TRUE(checked) << checked.error().what();
    int logs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      if (entry.path().extension() != ".log" || std::filesystem::file_size(entry.path()) == 0) {
        continue;
      }
      ++logs;
      std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
      const int type = file.seekg(6).get();
      EXPECT_GT(type, 4) << "the test shows nothing";
      const char damaged = static_cast<char>(file.seekg(0).get() ^ 1);
      file.seekp(0).put(damaged);
      file.close();
      EXPECT_EQ(code_of(storage::check_logs(folder.path())), Errc::corrupt);
      break;
    }
    EXPECT_EQ(logs, 1);
  }
}

}  // namespace
}  // namespace locum::tests
