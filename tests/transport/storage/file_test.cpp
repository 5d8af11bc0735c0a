#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/backend/record_format.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/file/new_file.hpp"
#include "transport/storage/file/record_lock.hpp"
#include "transport/storage/file/root.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

/// Runs a function in a process of its own.
template <class Body>
pid_t start_process(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 100;
    try {
      result = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(result);
  }
  return child;
}

/// What it returned; 100 if it threw, 200 if a signal ended it.
int result_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

template <class Body>
int in_another_process(const Body& body) {
  return result_of(start_process(body));
}

class FileBackend : public ::testing::Test {
 protected:
  static Deadline in_a_minute() { return std::chrono::seconds(60); }
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // As an editor that writes beside, and renames.
  static void write_by_hand(const fs::path& path, std::string_view text) {
    const fs::path beside = path.string() + "~";
    std::ofstream(beside, std::ios::binary) << text;
    fs::rename(beside, path);
  }
  static NewRecord record_of(std::string_view text, std::uint64_t revision, Expect expect = Expect::anything,
                             std::uint64_t expected = 0) {
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = revision;
    record.expect = expect;
    record.expected_revision = expected;
    return record;
  }
  static std::string text_of(const Result<LoadedRecord>& record) {
    return record ? std::string(reinterpret_cast<const char*>(record->bytes.data()), record->bytes.size())
                  : std::string(to_string(record.error().code()));
  }
  static std::string text_of(const Result<View<std::byte[]>>& view) {
    return view ? std::string(reinterpret_cast<const char*>(view->data()), view->size())
                : std::string(view.error().what());
  }
  [[nodiscard]] std::string url(std::string_view options = "?sync=0") const {
    return "file://" + folder_.path() + std::string(options);
  }
  [[nodiscard]] std::shared_ptr<Backend> open_backend(std::string_view options = "?sync=0") const {
    return locum::open_backend(url(options)).value();
  }
  [[nodiscard]] fs::path path(std::string_view below) const { return fs::path(folder_.path()) / below; }
  [[nodiscard]] std::size_t unfinished() const {
    const fs::path folder = path(storage::unfinished_folder);
    return fs::exists(folder) ? static_cast<std::size_t>(
                                    std::distance(fs::directory_iterator(folder), fs::directory_iterator()))
                              : 0;
  }

  TemporaryFolder folder_;
};

TEST_F(FileBackend, StoresARecordAsAFileOfItsName) {
  for (const char* options : {"", "?sync=0"}) {
    const auto backend = open_backend(options);
    ASSERT_TRUE(
        backend->store({"fields", "a%2Fb"}, record_of("text", 1'700'000'000'123'456'789), in_a_minute()));
    EXPECT_EQ(content(path("fields/a%2Fb")), "text");
    struct stat facts {};
    ASSERT_EQ(::stat(path("fields/a%2Fb").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mtim.tv_sec, 1'700'000'000);
    EXPECT_EQ(facts.st_mtim.tv_nsec, 123'456'789);
    EXPECT_EQ(facts.st_mode & 0222U, 0U) << "nobody cuts by accident what may be in place";
    EXPECT_EQ(unfinished(), 0U);
    EXPECT_EQ(backend->drop("fields", in_a_minute()).value(), 1U);
    EXPECT_FALSE(fs::exists(path("fields")));
  }
}

TEST_F(FileBackend, ShowsLargeRecordsInPlaceAndCopiesWhatOthersMayWrite) {
  const auto backend = open_backend();
  const std::string large(100'000, 'l');
  ASSERT_TRUE(backend->store({"s", "a"}, record_of(large, 7), in_a_minute()));
  EXPECT_TRUE(backend->traits().in_place);
  const auto first = backend->load({"s", "a"}, whole_record, in_a_minute());
  const auto second = backend->load({"s", "a"}, whole_record, in_a_minute());
  ASSERT_EQ(text_of(first), large);
  ASSERT_EQ(text_of(second), large);
  // Two mappings of one page are one page: what mincore() cannot tell, the map of this process can.
  const auto is_mapped = [&](const LoadedRecord& record) {
    std::ifstream maps("/proc/self/maps");
    std::array<char, 32> begin{};
    std::snprintf(begin.data(), begin.size(), "%lx-",
                  static_cast<unsigned long>(reinterpret_cast<std::uintptr_t>(record.bytes.data())));
    for (std::string line; std::getline(maps, line);) {
      if (line.starts_with(begin.data())) {
        return line.ends_with(path("s/a").string());
      }
    }
    return false;
  };
  EXPECT_TRUE(is_mapped(*first));
  // A file that others may write is copied: what they cut later, or write, does not reach the reader.
  ASSERT_EQ(::chmod(path("s/a").c_str(), 0644), 0);
  const auto copied = backend->load({"s", "a"}, whole_record, in_a_minute());
  EXPECT_FALSE(is_mapped(*copied));
  fs::resize_file(path("s/a"), 10);
  EXPECT_EQ(text_of(copied), large);
  EXPECT_EQ(text_of(backend->load({"s", "a"}, whole_record, in_a_minute())), large.substr(0, 10));
}

TEST_F(FileBackend, ReadsWhatOtherProgramsPutThere) {
  const Store store = open(url()).value();
  fs::create_directory(path("default"));
  write_by_hand(path("default/notes.txt"), "by hand");
  EXPECT_EQ(text_of(store.get_bytes("notes.txt")), "by hand");
  EXPECT_EQ(store.keys("").value(), std::vector<std::string>{"notes.txt"});
  write_by_hand(path("default/with blank"), "has no name of a record");
  fs::create_directory(path("default/folder"));
  ASSERT_EQ(::mkfifo(path("default/pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of(store.get_bytes("folder")), Errc::not_found);
  EXPECT_EQ(code_of(store.get_bytes("pipe")), Errc::not_found);
  EXPECT_TRUE(store.evict("notes.txt").value());
  EXPECT_FALSE(fs::exists(path("default/notes.txt")));
  ASSERT_TRUE(store.put("array", std::vector<double>{1, 2, 3}));
  const std::string file = content(path("default/array"));
  std::array<double, 3> numbers{};
  std::copy_n(file.data(), sizeof numbers, reinterpret_cast<char*>(numbers.data()));
  EXPECT_EQ(numbers, (std::array<double, 3>{1, 2, 3})) << "a file begins with the array";
}

TEST_F(FileBackend, AFileChangedByHandIsANewGeneration) {
  const Store store = open(url()).value();
  const auto proxy = store.put_proxy("a", std::vector<std::int32_t>{1, 2, 3}).value();
  const std::uint64_t before = store.info("a").value().generation;
  // The payload alone, of the same length.
  std::string file = content(path("default/a"));
  file[0] = 9;
  write_by_hand(path("default/a"), file);
  const auto info = store.info("a").value();
  EXPECT_NE(info.generation, before);
  EXPECT_EQ((*store.get<std::int32_t[]>("a"))[0], 9);
  EXPECT_EQ(code_of(locum::proxy<std::vector<std::int32_t>>(proxy.handle()).get()), Errc::stale);
  EXPECT_EQ(code_of(store.replace("a", std::vector<std::int32_t>{4}, {.expected_generation = before})),
            Errc::stale);
  EXPECT_TRUE(store.replace("a", std::vector<std::int32_t>{4}, {.expected_generation = info.generation}));
  // Longer than its end says: it is said, and what to do; another program's file from then on.
  file.insert(0, "longer");
  write_by_hand(path("default/a"), file);
  const auto damaged = store.get<std::int32_t[]>("a");
  ASSERT_EQ(code_of(damaged), Errc::corrupt);
  const std::size_t end = file.size() - 6 - 12;
  EXPECT_NE(damaged.error().text().find("last " + std::to_string(end) + " bytes"), std::string::npos)
      << damaged.error();
  fs::resize_file(path("default/a"), file.size() - end);
  EXPECT_EQ(text_of(store.get_bytes("a")).substr(0, 6), "longer");
}

// As a disk or a broken copy does, which leaves the mode as it was.
TEST_F(FileBackend, ReportsEveryChangedByteAndEveryCut) {
  const Store store = open_session(url()).value().open("default", {.checksum = true}).value();
  ASSERT_TRUE(store.put("a", std::vector<std::int32_t>{1, 2, 3}));
  const std::string whole = content(path("default/a"));
  struct stat facts {};
  ASSERT_EQ(::stat(path("default/a").c_str(), &facts), 0);
  const auto write_with = [&](mode_t mode, std::string_view bytes) {
    ::chmod(path("default/a").c_str(), 0600);
    std::ofstream(path("default/a"), std::ios::binary) << bytes;
    ::chmod(path("default/a").c_str(), mode);
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bits : {0xFF, 1, 2, 4, 8, 16, 32, 64, 128}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ bits);
      write_with(facts.st_mode, changed);
      EXPECT_EQ(code_of(store.get_bytes("a")), Errc::corrupt) << "byte " << at << ", bits " << bits;
    }
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    write_with(facts.st_mode, cut);
    EXPECT_EQ(code_of(store.get_bytes("a")), Errc::corrupt) << size << " bytes";
    EXPECT_EQ(code_of(store.info("a")), Errc::corrupt) << size << " bytes";
    // Made writable to be changed, or of a version that did not mark its files, or of another program.
    write_with(0644, cut);
    EXPECT_EQ(text_of(store.get_bytes("a")), cut);
    write_with(0444, cut);
    EXPECT_EQ(text_of(store.get_bytes("a")), cut);
  }
  write_with(facts.st_mode, whole.substr(0, 20));
  EXPECT_TRUE(store.replace("a", std::vector<std::int32_t>{4}));
  EXPECT_EQ((*store.get<std::int32_t[]>("a"))[0], 4);
  write_with(0444, whole);
  EXPECT_EQ((*store.get<std::int32_t[]>("a"))[2], 3) << "a record that is not marked";
}

TEST_F(FileBackend, KnowsItsGenerationWhereTimesAreOfSeconds) {
  const Store store = open(url()).value();
  const auto proxy = store.put_proxy("a", std::string("value")).value();
  const std::uint64_t generation = store.info("a").value().generation;
  for (const std::uint64_t unit : {100, 1'000, 1'000'000, 1'000'000'000}) {
    const std::uint64_t rounded = generation - generation % unit;
    const timespec moment{.tv_sec = static_cast<time_t>(rounded / 1'000'000'000),
                          .tv_nsec = static_cast<long>(rounded % 1'000'000'000)};
    const std::array<timespec, 2> times{moment, moment};
    ASSERT_EQ(::utimensat(AT_FDCWD, path("default/a").c_str(), times.data(), 0), 0);
    EXPECT_EQ(store.info("a").value().generation, generation) << unit;
  }
  const auto again = locum::proxy<std::string>(proxy.handle());
  EXPECT_EQ(*again, "value");
  EXPECT_TRUE(store.replace("a", std::string("next"), {.expected_generation = generation}));
}

TEST_F(FileBackend, PlainStoresPayloadsAlone) {
  const Store store = open(url("?sync=0&plain=1")).value();
  const std::string text = "{\"steps\": 3}\n";
  ASSERT_TRUE(store.put_bytes("config.json", std::as_bytes(std::span(text))));
  EXPECT_EQ(content(path("default/config.json")), text);
  EXPECT_EQ(text_of(store.get_bytes("config.json")), text);
  std::ofstream(path("default/config.json"), std::ios::app) << "more\n";  // in place: it may be written
  EXPECT_EQ(text_of(store.get_bytes("config.json")), text + "more\n");
  const std::uint64_t generation = store.info("config.json").value().generation;
  const auto handle = store.proxy<std::byte[]>("config.json").value().handle();
  EXPECT_EQ(handle.generation, generation);
  // Types are lost with the end.
  ASSERT_TRUE(store.put("array", std::vector<double>{1, 2}));
  EXPECT_EQ(content(path("default/array")).size(), 2 * sizeof(double));
  EXPECT_EQ(code_of(store.get<double[]>("array")), Errc::type_mismatch);
  // What expires keeps the moment.
  ASSERT_TRUE(store.put("brief", std::vector<double>{1, 2}, {.lifetime = std::chrono::milliseconds(1)}));
  while (store.exists("brief").value()) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(store.put("long", std::vector<double>{1, 2}, {.lifetime = std::chrono::hours(1)}));
  const auto kept = store.get<double[]>("long").value();
  EXPECT_EQ(kept[1], 2);
  EXPECT_TRUE(store.info("long").value().expires_at);
  // Not those of what has no name of its own.
  EXPECT_EQ(*store.get<int>(store.put(42).value()).value(), 42);
  auto promise = store.promise<int>().value();
  const auto promised = promise.proxy();
  ASSERT_TRUE(promise.set(7));
  EXPECT_EQ(*promised, 7);
}

// Behind a prefix, what has no name of its own does not begin as it does elsewhere.
TEST_F(FileBackend, PlainBehindAPrefixKeepsWhatHasNoNameOfItsOwn) {
  const Store store = open("prefix+" + url("?sync=0&plain=1&prefix.name=run17-")).value();
  EXPECT_EQ(*store.get<int>(store.put(42).value()).value(), 42);
  auto promise = store.promise<int>().value();
  const auto promised = promise.proxy();
  ASSERT_TRUE(promise.set(7));
  EXPECT_EQ(*promised, 7);
  const std::string too_long(300, 'n');
  ASSERT_TRUE(store.put(too_long, 8));
  EXPECT_EQ(*store.get<int>(too_long).value(), 8);
  EXPECT_EQ(store.keys().value(), std::vector<std::string>{too_long});
  const std::string text = "{}";
  ASSERT_TRUE(store.put_bytes("config.json", std::as_bytes(std::span(text))));
  EXPECT_EQ(content(path("default/run17-config.json")), text);
}

TEST_F(FileBackend, AHandleLeadsThereInTheNextProcess) {
  const std::string handles = path("handles").string();
  EXPECT_EQ(in_another_process([&] {
              Session session = open_session(url("")).value();
              const Store store = session.open("fields").value();
              const std::array<Handle, 2> made{
                  store.put_proxy("named", std::string("by name")).value().handle(),
                  store.put_proxy(std::vector<double>{1.5, 2.5}).value().handle()};
              std::ofstream(handles, std::ios::binary)
                  .write(reinterpret_cast<const char*>(made.data()), sizeof made);
              return 0;
            }),
            0);
  Session session = open_session(url("")).value();
  std::array<Handle, 2> made;
  std::ifstream(handles, std::ios::binary).read(reinterpret_cast<char*>(made.data()), sizeof made);
  const auto named = proxy<std::string>(made[0]);
  const auto unnamed = proxy<std::vector<double>>(made[1]);
  EXPECT_EQ(*named, "by name");
  EXPECT_EQ(*unnamed, (std::vector<double>{1.5, 2.5}));
}

TEST_F(FileBackend, LinksWhereItCannotRenameWithoutReplacing) {
  const auto root = storage::open_root(parse_url(url()).value()).value();
  fs::create_directory(path("s"));
  const std::string text = "first";
  {
    auto file = storage::NewFile::write(root, std::as_bytes(std::span(text)), 0444, 1, in_a_minute()).value();
    EXPECT_EQ(file.link_free("s/a"), 0);
    EXPECT_EQ(file.link_free("s/a"), 0) << "the same file: the link was made before";
    auto other = storage::NewFile::write(root, {}, 0444, 2, in_a_minute()).value();
    EXPECT_EQ(other.link_free("s/a"), EEXIST);
    EXPECT_EQ(other.take_free("s/a"), EEXIST);
    EXPECT_EQ(other.link_free("t/a"), ENOENT);
  }
  EXPECT_EQ(content(path("s/a")), text);
  EXPECT_EQ(unfinished(), 0U);
}

TEST_F(FileBackend, AHeldLockIsATimeoutForWhoReplaces) {
  const auto root = storage::open_root(parse_url(url()).value()).value();
  const auto backend = open_backend();
  ASSERT_TRUE(backend->store({"s", "a"}, record_of("1", 1), in_a_minute()));
  {
    const auto lock = storage::RecordLock::take(root, {"s", "a"}, in_a_minute()).value();
    ASSERT_TRUE(lock.holds());
    const auto at_once = Deadline::Clock::now() + std::chrono::milliseconds(1);
    const auto replaced = backend->store({"s", "a"}, record_of("2", 2, Expect::revision, 1), at_once);
    EXPECT_EQ(code_of(replaced), Errc::timeout);
    EXPECT_EQ(code_of(backend->remove({"s", "a"}, 0, at_once)), Errc::timeout);
    EXPECT_TRUE(backend->store({"s", "b"}, record_of("new", 3), in_a_minute())) << "needs no lock";
    EXPECT_EQ(text_of(backend->load({"s", "a"}, whole_record, in_a_minute())), "1");
  }
  EXPECT_TRUE(backend->store({"s", "a"}, record_of("2", 2, Expect::revision, 1), in_a_minute()));
  EXPECT_EQ(unfinished(), 0U);
}

// Each record says which replacement without a comparison it stems from. Those that compare keep it: so who
// replaced without comparing finds its own until it replaces again, or somebody replaced what was not
// compared.
TEST_F(FileBackend, AComparisonHoldsAgainstProcessesThatDoNotCompare) {
  const RecordKey key{"s", "a"};
  const auto backend = open_backend();
  ASSERT_TRUE(backend->store(key, record_of("0", 1), in_a_minute()));
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  const fs::path stop = path("stop");
  const auto compare_and_replace = [&](std::uint64_t revision) {
    const auto own = open_backend();
    for (bool has_replaced = false; !has_replaced || !fs::exists(stop); ++revision) {
      const auto found = own->load(key, whole_record, end);
      const auto replaced =
          found ? own->store(key, record_of(text_of(found), revision, Expect::revision, found->revision), end)
                : Result<void>(found.error());
      if ((!replaced && replaced.error().code() != Errc::stale) || Deadline::Clock::now() > end) {
        return 1;
      }
      has_replaced = has_replaced || replaced;
    }
    return 0;
  };
  const std::array<pid_t, 2> others{start_process([&] { return compare_and_replace(1'000'000'000); }),
                                    start_process([&] { return compare_and_replace(2'000'000'000); })};
  for (std::uint64_t round = 2; round < 200; ++round) {
    const std::string mine = std::to_string(round);
    EXPECT_TRUE(backend->store(key, record_of(mine, round), end));
    EXPECT_EQ(text_of(backend->load(key, whole_record, end)), mine);
  }
  write_by_hand(stop, "");
  for (const pid_t other : others) {
    EXPECT_EQ(result_of(other), 0);
  }
}

TEST_F(FileBackend, RemovesWhatDeadProcessesLeftAndNothingOfLivingOnes) {
  const auto root = storage::open_root(parse_url(url()).value()).value();
  const auto mine = storage::NewFile::write(root, {}, 0444, 1, in_a_minute()).value();
  EXPECT_EQ(unfinished(), 1U);
  EXPECT_EQ(in_another_process([&] {
              const std::string text(100'000, 't');
              const auto file =
                  storage::NewFile::write(root, std::as_bytes(std::span(text)), 0444, 1, in_a_minute());
              ::_exit(file ? 0 : 1);  // without its destructor
              return 1;
            }),
            0);
  write_by_hand(path(".tmp/123456.1.1"), "of another host, an instant ago");
  EXPECT_EQ(unfinished(), 3U);
  (void)open_backend();
  EXPECT_EQ(unfinished(), 2U);
  EXPECT_TRUE(fs::exists(path(".tmp/123456.1.1")));
  storage::remove_leftovers(root, std::chrono::seconds(-1));  // as if it were old
  EXPECT_FALSE(fs::exists(path(".tmp/123456.1.1")));
  EXPECT_EQ(unfinished(), 1U) << "of this process, which lives";
}

TEST_F(FileBackend, ListsEveryNameOnceWhileRecordsAreReplaced) {
  const auto backend = open_backend();
  std::vector<std::string> names;
  for (int at = 100; at < 300; ++at) {
    names.push_back("n" + std::to_string(at));
    ASSERT_TRUE(backend->store({"s", names.back()}, record_of("x", 1), in_a_minute()));
  }
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t round = 0; !done; ++round) {
      EXPECT_TRUE(
          backend->store({"s", names[round * 7 % names.size()]}, record_of("y", round + 2), in_a_minute()));
    }
  });
  for (int look = 0; look < 30; ++look) {
    EXPECT_EQ(backend->list("s", "n", in_a_minute()).value(), names);
  }
  done = true;
  writer.join();
}

TEST_F(FileBackend, SaysWhatIsWrong) {
  const auto error_of = [](const std::string& text) {
    const auto opened = locum::open_backend(text);
    return opened ? std::string("none") : std::string(opened.error().what());
  };
  EXPECT_NE(error_of("file:").find("takes the path of a folder"), std::string::npos);
  EXPECT_NE(error_of("file://scratch/run17").find("file:///"), std::string::npos);
  EXPECT_NE(error_of(url("?sync=2")).find("0 or 1"), std::string::npos);
  EXPECT_NE(error_of(url("?colour=red")).find("sync, plain, create"), std::string::npos);
  EXPECT_NE(error_of("file://" + folder_.path() + "/none?create=0").find("create=0"), std::string::npos);
  EXPECT_FALSE(fs::exists(path("none")));
  write_by_hand(path("a_file"), "x");
  EXPECT_NE(error_of("file://" + folder_.path() + "/a_file").find("is a file"), std::string::npos);
  EXPECT_NE(error_of("file://" + folder_.path() + "/a_file/b").find("is a file"), std::string::npos);
  EXPECT_NE(error_of("file:///" + std::string(300, 'p')).find("shorter path"), std::string::npos);
  EXPECT_EQ(error_of("file://" + folder_.path() + "/a/b/c/"), "none");
  EXPECT_EQ(error_of("file:" + fs::relative(path("d")).string()), "none");
  EXPECT_TRUE(fs::is_directory(path("d")));
  EXPECT_TRUE(fs::is_directory(path("a/b/c")));

  const auto backend = open_backend();
  fs::create_directories(path("s/folder"));
  const auto onto_folder = backend->store({"s", "folder"}, record_of("x", 1), in_a_minute());
  ASSERT_EQ(code_of(onto_folder), Errc::system);
  EXPECT_NE(onto_folder.error().text().find("there is a folder of that name"), std::string::npos);
  write_by_hand(path("t"), "a file");
  const auto in_file = backend->store({"t", "a"}, record_of("x", 1), in_a_minute());
  EXPECT_NE(std::string(in_file.error().what()).find("part of the path is a file"), std::string::npos);
  EXPECT_EQ(code_of(backend->load({"t", "a"}, whole_record, in_a_minute())), Errc::not_found);
  EXPECT_EQ(unfinished(), 0U) << "failed stores leave nothing";
}

TEST_F(FileBackend, AFullDiskLosesNothing) {
  const auto backend = open_backend();
  ASSERT_TRUE(backend->store({"s", "a"}, record_of("kept", 1), in_a_minute()));
  const std::string large(100'000, 'x');
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{.rlim_cur = 50'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto stored = backend->store({"s", "a"}, record_of(large, 2), in_a_minute());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_EQ(code_of(stored), Errc::system);
  EXPECT_NE(stored.error().text().find("ulimit -f"), std::string::npos);
  EXPECT_EQ(text_of(backend->load({"s", "a"}, whole_record, in_a_minute())), "kept");
  EXPECT_EQ(unfinished(), 0U);
  const Error full = storage::file_error("writing", "/scratch/a", ENOSPC);
  EXPECT_NE(full.text().find("the disk, or a quota there, is full"), std::string::npos);
  EXPECT_EQ(full.detail(), "No space left on device");
  // What always says that it is full.
  const Descriptor device(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(code_of(storage::write_all(device, std::as_bytes(std::span(large)), "/dev/full", in_a_minute())),
            Errc::system);
}

TEST_F(FileBackend, WithoutPermissionItReads) {
  if (::geteuid() != 0) {
    const auto backend = open_backend();
    ASSERT_TRUE(backend->store({"s", "a"}, record_of("kept", 1), in_a_minute()));
    fs::permissions(path("s"), fs::perms::owner_read | fs::perms::owner_exec);
    const auto stored = backend->store({"s", "b"}, record_of("x", 2), in_a_minute());
    fs::permissions(path("s"), fs::perms::owner_all);
    ASSERT_EQ(code_of(stored), Errc::system);
    EXPECT_NE(stored.error().text().find("allow this user"), std::string::npos);
    EXPECT_EQ(unfinished(), 0U);
    return;
  }
  // Root may do all: another user does it, in a process of its own.
  {
    const auto backend = open_backend();
    ASSERT_TRUE(backend->store({"s", "a"}, record_of("kept", 1), in_a_minute()));
  }
  fs::permissions(folder_.path(), fs::perms::group_read | fs::perms::group_exec, fs::perm_options::add);
  EXPECT_EQ(
      in_another_process([&] {
        constexpr uid_t nobody = 65534;
        if (::setuid(nobody) != 0) {
          return 1;
        }
        const auto backend = open_backend();
        const bool reads = text_of(backend->load({"s", "a"}, whole_record, in_a_minute())) == "kept";
        const auto stored = backend->store({"s", "b"}, record_of("x", 2), in_a_minute());
        const auto removed = backend->remove({"s", "a"}, 0, in_a_minute());
        const auto says = [](const Error& error) {
          return error.code() == Errc::system && error.text().find("allow this user") != std::string::npos;
        };
        return !reads ? 2 : stored || !says(stored.error()) ? 3 : removed || !says(removed.error()) ? 4 : 0;
      }),
      0);
  EXPECT_EQ(content(path("s/a")), "kept");
}

TEST(RecordMemory, IsAlignedAndUsedAgain) {
  for (const std::uint64_t size : {0, 1, 63, 4095, 4096, 100'000}) {
    const auto memory = record_memory(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % (size < 4096 ? 64 : 4096), 0U) << size;
    std::fill_n(memory.get(), size, std::byte{1});
  }
  EXPECT_EQ(record_memory(~std::uint64_t{0}), nullptr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which have an allocator of their own
  constexpr int rounds = 20;
  for (const std::uint64_t size : {std::uint64_t{1} << 20U, std::uint64_t{20} << 20U}) {
    const auto use = [size] { std::fill_n(record_memory(size).get(), size, std::byte{1}); };
    use();
    use();
    rusage before{};
    rusage after{};
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
    for (int round = 0; round < rounds; ++round) {
      use();
    }
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
    EXPECT_LT(after.ru_minflt - before.ru_minflt, rounds * 32) << "of " << size / 4096 << " pages each";
  }
#endif
}

/// What a process does until it is killed: always the same with one seed. What it should find is known.
class Changes {
 public:
  using State = std::map<std::string, std::string>;

  explicit Changes(std::uint32_t seed) : random_(seed) {}

  /// Makes the next change of `state`, and of the backend if there is one. Returns whether the backend said
  /// what it should.
  bool next(State& state, std::map<std::string, std::uint64_t>& revisions, Backend* backend) {
    ++revision_;
    const std::string name = "n" + std::to_string(random_() % 6);
    const std::uint32_t kind = random_() % 4;
    const std::string text = text_of(revision_, random_() % 3 == 0 ? random_() % 60'000 : random_() % 600);
    const auto found = state.find(name);
    const bool is_there = found != state.end();
    const Deadline deadline(std::chrono::seconds(60));
    const RecordKey key{"killed", name};
    if (kind == 3) {
      state.erase(name);
      const auto removed = backend != nullptr ? backend->remove(key, 0, deadline) : is_there;
      return removed && *removed == is_there;
    }
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = revision_;
    record.expect = kind == 0 ? Expect::anything : kind == 1 ? Expect::absent : Expect::revision;
    record.expected_revision = is_there ? revisions[name] : 1;
    const Errc expected = kind == 1 && is_there    ? Errc::key_exists
                          : kind == 2 && !is_there ? Errc::not_found
                                                   : Errc{};
    if (expected == Errc{}) {
      state[name] = text;
      revisions[name] = revision_;
    }
    return backend == nullptr || code_of(backend->store(key, record, deadline)) == expected;
  }

 private:
  static std::string text_of(std::uint64_t number, std::size_t size) {
    std::string text = std::to_string(number) + ":";
    while (text.size() < size) {
      text += static_cast<char>('a' + (text.size() * number + number) % 26);
    }
    return text + ".";
  }

  std::minstd_rand random_;
  std::uint64_t revision_ = 1'000'000'000;
};

// Tells each change that was acknowledged by one byte.
void change_until_killed(const std::string& url, std::uint32_t seed, int out) {
  const auto backend = open_backend(url).value();
  Changes changes(seed);
  Changes::State state;
  std::map<std::string, std::uint64_t> revisions;
  for (;;) {
    const char said = changes.next(state, revisions, backend.get()) ? '+' : '-';
    if (::write(out, &said, 1) != 1) {
      return;
    }
  }
}

// LOCUM_FILE_KILLS: how many; LOCUM_FILE_KILL_SEED: of the first.
TEST_F(FileBackend, WhatWasAcknowledgedOutlivesTheProcess) {
  const std::uint64_t kills = number_in("LOCUM_FILE_KILLS", 20);
  const std::uint64_t first_seed = number_in("LOCUM_FILE_KILL_SEED", 1);
  std::size_t all = 0;
  int cut_short = 0;  // had left an unfinished file
  for (std::uint64_t number = first_seed; number < first_seed + kills; ++number) {
    const auto seed = static_cast<std::uint32_t>(number);
    SCOPED_TRACE(seed);
    std::minstd_rand random(seed * 7919);
    const std::string options = seed % 4 == 1 ? "" : "?sync=0";
    // A number of changes, and then somewhere in the next one.
    const std::size_t least = 1 + random() % (options.empty() ? 5 : 60);
    const auto beyond = std::chrono::nanoseconds(random() % 300'000);
    const std::string said =
        said_until_killed([&](int to) { change_until_killed(url(options), seed, to); }, least, beyond);
    const std::size_t acknowledged = said.size();
    ASSERT_EQ(said.find('-'), std::string::npos) << "a change was not answered as it should be";
    all += acknowledged;
    cut_short += unfinished() > 0 ? 1 : 0;

    const auto backend = open_backend();
    EXPECT_EQ(unfinished(), 0U);
    Changes::State found;
    for (const std::string& name : backend->list("killed", {}, in_a_minute()).value()) {
      found[name] = text_of(backend->load({"killed", name}, whole_record, in_a_minute()));
    }
    Changes changes(seed);
    Changes::State state;
    std::map<std::string, std::uint64_t> revisions;
    for (std::size_t at = 0; at < acknowledged; ++at) {
      (void)changes.next(state, revisions, nullptr);
    }
    const bool is_as_said = found == state;
    (void)changes.next(state, revisions, nullptr);  // which may have been made, and could not be said
    EXPECT_TRUE(is_as_said || found == state) << "after " << acknowledged << " changes";
    ASSERT_TRUE(backend->drop("killed", in_a_minute()));
  }
  std::cout << kills << " kills after " << all << " changes, " << cut_short << " left an unfinished file\n";
}

}  // namespace
}  // namespace locum::tests
