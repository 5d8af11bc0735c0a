#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/shm/child.hpp"
#include "tests/transport/storage/next_process.hpp"
#include "tests/transport/storage/pack_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/pack/appending.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::tests {
namespace {

class Pack : public ::testing::Test {
 protected:
  [[nodiscard]] Result<std::shared_ptr<Backend>> opened(const std::string& options = {}) const {
    return pack_of(path_, options);
  }
  static Deadline soon() { return std::chrono::seconds(60); }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/run.pack";
};

TEST_F(Pack, ResolvesTheHandlesOfAnEarlierProcess) {
  expect_handles_in_the_next_process("pack://" + path_);
}

TEST_F(Pack, ShowsRecordsInPlace) {
  const auto pack = opened().value();
  ASSERT_TRUE(store_text(*pack, {"s", "a"}, std::string(100'000, 'a')));
  const auto first = pack->load({"s", "a"}, whole_record, soon()).value();
  const auto second = pack->load({"s", "a"}, whole_record, soon()).value();
  EXPECT_EQ(first.bytes.data(), second.bytes.data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.bytes.data()) % 64, 0U);
}

TEST_F(Pack, IsReadWhileItIsWritten) {
  EXPECT_EQ(code_of(opened("?read=1")), Errc::not_found);
  const auto writer = opened("?sync=0").value();
  const auto reader = opened("?read=1").value();
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "not_found");
  ASSERT_TRUE(store_text(*writer, {"s", "a"}, "1", 7));
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "1");
  ASSERT_TRUE(store_text(*writer, {"s", "a"}, "2", 8));
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "2");
  EXPECT_EQ(reader->load({"s", "a"}, 0, soon()).value().revision, 8U);
  ASSERT_TRUE(writer->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "not_found");
  ASSERT_TRUE(store_text(*writer, {"s", "b"}, "3"));
  EXPECT_EQ(reader->list("s", {}, soon()).value(), std::vector<std::string>{"b"});
  EXPECT_EQ(writer->drop("s", soon()).value(), 1U);
  EXPECT_TRUE(reader->list("s", {}, soon()).value().empty());
  EXPECT_EQ(code_of(store_text(*reader, {"s", "a"}, "4")), Errc::unsupported);
  EXPECT_EQ(code_of(reader->remove({"s", "a"}, 0, soon())), Errc::unsupported);
  EXPECT_EQ(code_of(reader->drop("s", soon())), Errc::unsupported);
}

// As a writer does with a batch for which the disk has no room, when a part of it has been read already.
TEST_F(Pack, IsCutOffWhileItIsRead) {
  const auto writer = opened("?sync=0").value();
  ASSERT_TRUE(store_text(*writer, {"s", "a"}, "1"));
  const auto size = std::filesystem::file_size(path_);
  ASSERT_TRUE(store_text(*writer, {"s", "b"}, std::string(20'000, 'b')));
  const auto reader = opened("?read=1").value();
  EXPECT_EQ(reader->list("s", {}, soon()).value().size(), 2U);
  std::filesystem::resize_file(path_, size);
  EXPECT_EQ(load_text(*reader, {"s", "b"}), "not_found");
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "1");
}

TEST_F(Pack, IsGoneForItsReadersWithItsFile) {
  auto writer = opened("?sync=0").value();
  ASSERT_TRUE(store_text(*writer, {"s", "a"}, "1"));
  const auto reader = opened("?read=1").value();
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "1");
  writer.reset();
  std::filesystem::remove(path_);
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "not_found");
  EXPECT_EQ(code_of(reader->list("s", {}, soon())), Errc::not_found);
  writer = opened("?sync=0").value();
  ASSERT_TRUE(store_text(*writer, {"s", "b"}, "2"));
  EXPECT_EQ(load_text(*reader, {"s", "a"}) + load_text(*reader, {"s", "b"}), "not_found2");
}

TEST_F(Pack, SaysWhoWritesIt) {
  const auto first = opened().value();
  const std::string who = "is being written by process " + std::to_string(::getpid()) + " on ";
  const auto second = opened();
  ASSERT_EQ(code_of(second), Errc::system);
  EXPECT_NE(second.error().text().find(who), std::string::npos) << second.error();
  const Ending other = in_child([&] { return opened().error().text(); });
  EXPECT_NE(other.said.find(who), std::string::npos) << other.said;
}

TEST_F(Pack, RefusesUrlsAndFilesThatItCannotOpen) {
  for (const char* options : {"?colour=red", "?sync=2", "?lock=x", "?read=1&compact=1"}) {
    EXPECT_EQ(code_of(opened(options)), Errc::invalid_argument) << options;
  }
  EXPECT_EQ(code_of(pack_of("host/file")), Errc::invalid_argument);
  EXPECT_EQ(code_of(pack_of(folder_.path() + "/")), Errc::invalid_argument);
  EXPECT_EQ(code_of(pack_of(folder_.path() + "/none/run.pack")), Errc::system);
  EXPECT_FALSE(pack_of(folder_.path())) << "a folder";
  ASSERT_EQ(::mkfifo((folder_.path() + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(pack_of(folder_.path() + "/pipe"));
  EXPECT_FALSE(pack_of(folder_.path() + "/pipe", "?read=1")) << "which nobody writes to";
  for (const std::string& text : {std::string("short"), std::string(1000, 'x')}) {
    std::ofstream(path_) << text;
    EXPECT_EQ(code_of(opened()), Errc::invalid_argument);
    EXPECT_EQ(code_of(opened("?read=1")), Errc::invalid_argument);
    EXPECT_EQ(std::filesystem::file_size(path_), text.size()) << "it is not ours";
  }
}

TEST_F(Pack, LeavesNothingOfARecordForWhichThereIsNoRoom) {
  const Ending limited = in_child([&] {
    const auto pack = opened().value();
    EXPECT_TRUE(store_text(*pack, {"s", "a"}, "1"));
    const rlimit limit{4096, 4096};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto refused = store_text(*pack, {"s", "b"}, std::string(8000, 'b'));
    EXPECT_EQ(code_of(refused), Errc::system);
    EXPECT_TRUE(store_text(*pack, {"s", "c"}, "3"));
    EXPECT_EQ(load_text(*pack, {"s", "b"}), "not_found");
    return refused.error().text();
  });
  ASSERT_EQ(limited.exit_code, 0) << limited.said;
  EXPECT_NE(limited.said.find("ulimit -f"), std::string::npos) << limited.said;
  const auto pack = opened().value();
  EXPECT_EQ(load_text(*pack, {"s", "a"}) + load_text(*pack, {"s", "c"}), "13");
}

// `ulimit -f`, before the program begins: no write may go beyond it, which would end the process.
TEST_F(Pack, EndsNoProcessThatFillsItUpToTheLimit) {
  constexpr std::uint64_t record_bytes = 3 * 64;
  constexpr std::uint64_t most = 128 + 20 * record_bytes;  // then the next write would begin at the limit
  const Ending limited = in_child([&] {
    const rlimit limit{most, most};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto pack = opened().value();
    int stored = 0;
    Result<void> last;
    for (; last && stored < 100; ++stored) {
      last = store_text(*pack, {"s", std::to_string(stored)}, std::string(64, 'x'));
    }
    EXPECT_EQ(stored, 21);
    EXPECT_EQ(std::filesystem::file_size(path_), most);
    EXPECT_EQ(code_of(store_text(*pack, {"s", "0"}, std::string(64, 'x'))), Errc::system);
    return last.error().text();
  });
  ASSERT_EQ(limited.exit_code, 0) << limited.said;
  EXPECT_NE(limited.said.find("ulimit -f"), std::string::npos) << limited.said;
}

TEST_F(Pack, HasWhatItHadAfterABatchForWhichThereIsNoRoom) {
  const Ending limited = in_child([&] {
    const auto pack = opened().value();
    EXPECT_TRUE(store_text(*pack, {"s", "a"}, "1"));
    const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}, {"s", "a"}, {"s", "b"}, {"t", "c"}};
    std::vector<NewRecord> records(keys.size());
    const std::string large(2000, 'x');
    for (NewRecord& record : records) {
      record.bytes = std::as_bytes(std::span(large));
      record.revision = 2;
    }
    std::vector<Result<void>> stored(keys.size());
    const rlimit limit{4096, 4096};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    pack->batches()->store(keys, records, stored, soon());
    for (const Result<void>& each : stored) {
      EXPECT_EQ(code_of(each), Errc::system);
    }
    EXPECT_EQ(load_text(*pack, {"s", "a"}), "1");
    EXPECT_EQ(pack->list("s", {}, soon()).value(), std::vector<std::string>{"a"});
    EXPECT_TRUE(pack->list("t", {}, soon()).value().empty());
    EXPECT_TRUE(store_text(*pack, {"s", "b"}, "2", 1, Expect::absent));
    return std::string();
  });
  ASSERT_EQ(limited.exit_code, 0) << limited.said;
}

TEST(PackAppending, WritesRecordsInTwoPiecesEach) {
  storage::PackAppending appending;
  for (int round = 0; round < 2; ++round) {
    appending.begin(7, storage::pack_first_record, 0);
    const std::string body(1000, 'b');
    constexpr std::size_t count = 300;
    std::uint64_t end = storage::pack_first_record;
    std::string expected;
    for (std::size_t at = 0; at < count; ++at) {
      const std::string name(at, 'n');
      const auto bytes = std::as_bytes(std::span(body)).first(at % 3 == 0 ? 0 : 900 + at % 100);
      const auto record = appending.add({.body_bytes = bytes.size()}, "space", name, bytes);
      EXPECT_EQ(record.position, end);
      end = record.end();
      expected.append(reinterpret_cast<const char*>(&record), sizeof record).append("space").append(name);
      expected.resize(storage::pack_rounded(expected.size()));
      expected.append(body.substr(0, bytes.size()));
      expected.resize(storage::pack_rounded(expected.size()));
    }
    std::string written;
    for (const ::iovec& piece : appending.pieces()) {
      written.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    EXPECT_TRUE(written == expected);
    EXPECT_LE(appending.pieces().size(), 2 * count + 1);
    EXPECT_EQ(appending.end(), end);
  }
}

TEST_F(Pack, SeesInABatchWhatStandsBeforeInIt) {
  const auto pack = opened().value();
  const std::vector<RecordKey> keys{{"s", "a"}, {"t", "a"}, {"s", "a"}, {"t", "b"}};
  std::vector<NewRecord> records(keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    records[at].bytes = std::as_bytes(std::span("abcd")).subspan(at, 1);
    records[at].expect = Expect::absent;
  }
  std::vector<Result<void>> stored(keys.size());
  pack->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0] && stored[1] && stored[3]);
  EXPECT_EQ(code_of(stored[2]), Errc::key_exists);
  EXPECT_EQ(load_text(*pack, {"s", "a"}) + load_text(*pack, {"t", "b"}), "ad");
}

TEST_F(Pack, IsCompactedWhenItIsOpened) {
  auto pack = opened("?sync=0").value();
  for (std::uint64_t round = 1; round <= 20; ++round) {
    ASSERT_TRUE(store_text(*pack, {"s", "a"}, std::string(10'000, 'a'), round));
    ASSERT_TRUE(store_text(*pack, {"s", "b"}, "b", round));
  }
  ASSERT_TRUE(pack->remove({"s", "b"}, 0, soon()).value());
  ASSERT_TRUE(store_text(*pack, {"t", std::string(1000, 'c')}, ""));
  const auto reader = opened("?read=1").value();
  const auto view = reader->load({"s", "a"}, whole_record, soon()).value();
  pack.reset();
  EXPECT_GT(std::filesystem::file_size(path_), 200'000U);
  pack = opened("?compact=1").value();
  EXPECT_LT(std::filesystem::file_size(path_), 12'000U);
  ASSERT_TRUE(store_text(*pack, {"s", "d"}, "d"));
  for (Backend* const each : {pack.get(), reader.get()}) {
    const auto found = each->load({"s", "a"}, whole_record, soon()).value();
    EXPECT_EQ(found.revision, 20U);
    EXPECT_EQ(found.bytes.size(), 10'000U);
    EXPECT_EQ(load_text(*each, {"s", "b"}), "not_found");
    EXPECT_EQ(load_text(*each, {"t", std::string(1000, 'c')}), "");
    EXPECT_EQ(load_text(*each, {"s", "d"}), "d");
  }
  EXPECT_EQ(view.bytes.size(), 10'000U);
  EXPECT_EQ(static_cast<char>(view.bytes.back()), 'a') << "of the file that has no name any more";
}

// Threads replace and remove while the pack is compacted; what they count up is never less again.
TEST_F(Pack, IsCompactedWhileItIsWritten) {
  constexpr int threads = 4;
  constexpr std::uint64_t rounds = 400;
  const auto key_of = [](int thread) { return "n" + std::to_string(thread); };
  const std::string filling(3000, 'x');
  {
    const auto pack = storage::open_pack_writer(path_, {.syncs = false, .least_dead_bytes = 100'000}).value();
    const auto reader = opened("?read=1").value();
    std::vector<std::thread> writers;
    for (int mine = 0; mine < threads; ++mine) {
      writers.emplace_back([&, mine] {
        const std::string name = key_of(mine);
        for (std::uint64_t round = 1; round <= rounds; ++round) {
          EXPECT_TRUE(store_text(*pack, {"s", name}, std::to_string(round) + filling, round));
          EXPECT_EQ(pack->load({"s", name}, 0, soon()).value().revision, round);
          EXPECT_TRUE(store_text(*pack, {"gone", name}, filling));
          EXPECT_TRUE(pack->remove({"gone", name}, 0, soon()).value());
        }
      });
    }
    std::uint64_t last = 0;
    while (last < rounds) {
      const auto seen = reader->load({"s", key_of(0)}, whole_record, soon());
      ASSERT_TRUE(seen || seen.error().code() == Errc::not_found) << seen.error();
      if (seen) {
        ASSERT_GE(seen->revision, last);
        last = seen->revision;
      }
    }
    for (std::thread& writer : writers) {
      writer.join();
    }
    // What compacts may be just about to.
    const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
    while (std::filesystem::file_size(path_) > 1'000'000) {
      ASSERT_LT(Deadline::Clock::now(), end);
      ASSERT_TRUE(store_text(*pack, {"s", "wake"}, filling));
      std::this_thread::yield();
    }
  }
  const auto pack = opened().value();
  for (int thread = 0; thread < threads; ++thread) {
    EXPECT_EQ(load_text(*pack, {"s", key_of(thread)}), std::to_string(rounds) + filling);
  }
  EXPECT_TRUE(pack->list("gone", {}, soon()).value().empty());
}

}  // namespace
}  // namespace locum::tests
