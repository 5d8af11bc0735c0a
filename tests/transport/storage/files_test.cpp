// Files: where they are, what is loaded once, and that saves are atomic. What each format holds is tested in
// formats/.

#include "transport/storage/files/files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <complex>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/counted_format.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

/// The places that files can be in.
std::vector<std::string> urls_in(const TemporaryFolder& folder) {
  return {"file://" + folder.path() + "/plain?sync=0",
          "memory:", "simple:", "pack://" + folder.path() + "/pack?sync=0"};
}

TEST(Files, AreSavedLoadedListedAndRemoved) {
  const TemporaryFolder folder;
  for (const std::string& url : urls_in(folder)) {
    SCOPED_TRACE(url);
    const Files files(url);
    const std::vector<double> field{1, 2.5, -3};
    ASSERT_TRUE(files.save("run/T.npy", field));
    ASSERT_TRUE(files.save("notes.txt", "as ever"));
    const auto view = files.load<double[]>("run/T.npy");
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(std::vector<double>(view->begin(), view->end()), field);
    EXPECT_EQ(files.load<std::vector<double>>("run/T.npy").value(), field);
    EXPECT_EQ(files.load("run/T.npy").value().array(), Array(field));
    EXPECT_EQ(files.load<std::string>("notes.txt").value(), "as ever");
    EXPECT_EQ(files.load_raw("notes.txt").value().info().value().type, "char[]");
    EXPECT_EQ(files.list().value(), std::vector<std::string>{"notes.txt"});
    EXPECT_EQ(files.list({}, {.recursive = true}).value(),
              (std::vector<std::string>{"notes.txt", "run/T.npy"}));
    EXPECT_EQ(files.list("run", {.pattern = "*.csv"}).value(), std::vector<std::string>{});
    EXPECT_EQ(files.list("run", {.pattern = "?.n[op]y"}).value(), std::vector<std::string>{"run/T.npy"});
    EXPECT_EQ(files.list({}, {.folders = true}).value(), (std::vector<std::string>{"notes.txt", "run"}));
    EXPECT_TRUE(files.exists("run").value());
    EXPECT_TRUE(files.is_dir("run").value());
    EXPECT_FALSE(files.is_file("run").value());
    EXPECT_TRUE(files.is_file("run/T.npy").value());
    EXPECT_FALSE(files.exists("run/U.npy").value());
    EXPECT_FALSE(files.is_dir("nowhere").value());
    ASSERT_TRUE(files.make_dirs("a/b"));
    EXPECT_TRUE(files.is_dir("a/b").value());
    EXPECT_EQ(files.list("a/b").value(), std::vector<std::string>{});
    EXPECT_EQ(code_of(files.list("c")), Errc::not_found);
    ASSERT_TRUE(files.copy("run/T.npy", "a/b/U.npy"));
    EXPECT_EQ(files.load<std::vector<double>>("a/b/U.npy").value(), field);
    EXPECT_EQ(code_of(files.remove("a/b")), Errc::invalid_argument);  // it is not empty
    EXPECT_TRUE(files.remove("a/b/U.npy").value());
    EXPECT_FALSE(files.remove("a/b/U.npy").value());
    EXPECT_TRUE(files.remove("a/b").value());
    EXPECT_EQ(code_of(files.load("a/b/U.npy")), Errc::not_found);
  }
}

TEST(Files, TellWhatAFileHoldsWithoutLoadingIt) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.npy", locum::array(std::vector<float>(12).data(), {3, 4})));
  const Record info = files.info("T.npy").value();
  EXPECT_EQ(info["type"].text(), "f32");
  EXPECT_EQ(info.get<std::vector<int>>("extents").value(), (std::vector<int>{3, 4}));
  EXPECT_EQ(info["format"].text(), "npy");
  EXPECT_GT(info.get<std::uint64_t>("bytes").value(), 48U);
}

TEST(Files, NeverFallBackToAnotherFormatOrIgnoreAnOption) {
  const Files files("memory:");
  const auto unknown = files.save("T.xyz", 1.0);
  EXPECT_EQ(code_of(unknown), Errc::unsupported);
  EXPECT_NE(unknown.error().text().find(".npy"), std::string::npos) << unknown.error();
  EXPECT_EQ(code_of(files.save("T", 1.0)), Errc::unsupported);
  EXPECT_EQ(code_of(files.save("T.npy", 1.0, {.format = "xyz"})), Errc::unsupported);
  const auto option = files.save("T.npy", 1.0, {.options = {{"compres", true}}});
  EXPECT_EQ(code_of(option), Errc::invalid_argument);
  EXPECT_NE(option.error().text().find("compres"), std::string::npos) << option.error();
  EXPECT_EQ(code_of(files.load("T.npy", {.backend = "elsewhere"})), Errc::not_found);
  ASSERT_TRUE(files.save("T", 1.5, {.format = "npy"}));
  EXPECT_EQ(files.load<double>("T", {.format = "npy"}).value(), 1.5);
  EXPECT_EQ(code_of(files.load<float[]>("T", {.format = "npy"})), Errc::type_mismatch);
}

TEST(Files, NameTheFormatsThatRecogniseAFileWhoseEndingNoneHas) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T", 1.5, {.format = "npy"}));
  ASSERT_TRUE(files.save("z", Record{{"a", std::vector<int>{1}}}, {.format = "npz"}));
  ASSERT_TRUE(files.save("t", "text", {.format = "text"}));
  ASSERT_TRUE(files.save("empty", "", {.format = "text"}));
  for (const auto& error :
       {files.load("T").error(), files.load<float[]>("T").error(), files.info("T").error(),
        files.raw_proxy("T").error(), files.load_raw("T").error(), files.load_async("T").get().error()}) {
    EXPECT_EQ(error.code(), Errc::unsupported);
    EXPECT_NE(error.text().find("its content looks like npy: name"), std::string::npos) << error;
  }
  EXPECT_NE(files.load("z").error().text().find("looks like npz"), std::string::npos);
  for (const char* path : {"t", "empty", "absent", "../T"}) {
    EXPECT_EQ(files.load(path).error().text().find("looks like"), std::string::npos) << path;
  }
  EXPECT_EQ(files.save("T", 1.0).error().text().find("looks like"), std::string::npos);
  EXPECT_EQ(code_of(files.load("T", {.format = "npz"})), Errc::corrupt);
}

/// Says that it is a format of the library.
class FalseFormat final : public Format {
 public:
  explicit FalseFormat(std::string_view name, std::string_view ending) : name_(name), ending_(ending) {}
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes&, const Record&, const MakeArray&) const override {
    return Record();
  }
  [[nodiscard]] Result<void> save(const Record&, FileDraft&, const Record&) const override { return {}; }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

 private:
  const std::string_view name_;
  const std::string_view ending_;
  const FormatTraits traits_{.name = name_, .endings = {&ending_, 1}, .holds = "for tests", .options = {}};
};

// When the program starts, none of the library's is registered.
const bool false_csv = register_format(std::make_shared<const FalseFormat>("false_csv", ".csv"));
const bool false_json = register_format(std::make_shared<const FalseFormat>("json", ".false_json"));

TEST(Formats, OfTheLibraryAreNotReplaced) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("a.csv", Record{{"x", std::vector<int>{1, 2}}}));
  EXPECT_EQ(files.info("a.csv").value()["format"].text(), "csv");
  EXPECT_EQ(format_named("false_csv"), nullptr);
  EXPECT_EQ(format_of("a.false_json"), nullptr);
  EXPECT_EQ(format_of("a.json"), format_named("json"));
  for (const char* wrong : {"csv", ".CSV2", ".", ".a/b", ".npy"}) {
    EXPECT_FALSE(register_format(std::make_shared<const FalseFormat>("wrong", wrong))) << wrong;
  }
  EXPECT_FALSE(register_format(std::make_shared<const FalseFormat>("", ".wrong")));
  EXPECT_FALSE(register_format(nullptr));
}

TEST(Files, SayWhatAFileHoldsToWhoAsksForSomethingElse) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.npy", std::vector<double>{1}));
  const auto floats = files.load<float[]>("T.npy");
  EXPECT_EQ(code_of(floats), Errc::type_mismatch);
  EXPECT_EQ(std::string(floats.error().what()),
            "type_mismatch: asked for f32[], the file holds f64[]; ask for that, or load it without a type "
            "[key T.npy]");
  ASSERT_TRUE(files.save("a.json", Record{{"T", 1}}));
  const auto members = files.load<double[]>("a.json");
  EXPECT_NE(std::string(members.error().what()).find("the file holds members"), std::string::npos)
      << members.error();
  EXPECT_THROW((void)Files("scratch/run17"), Error);
}

TEST(Files, StayInTheirFolder) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "/in?sync=0");
  EXPECT_EQ(code_of(files.save("../T.npy", 1.0)), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.save("a/../../T.npy", 1.0)), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.save("/etc/T.npy", 1.0)), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.save(folder.path() + "/inside/T.npy", 1.0)), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.load(std::string_view("a\0b.npy", 7))), Errc::invalid_argument);
  ASSERT_TRUE(files.save(folder.path() + "/in//a/./T.npy", 1.0));
  EXPECT_EQ(files.load<double>("a/T.npy").value(), 1.0);
  EXPECT_EQ(code_of(files.save("a", 1.0, {.format = "npy"})), Errc::invalid_argument);  // a folder
  EXPECT_EQ(code_of(files.load("a", {.format = "npy"})), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.save(".tmp/T.npy", 1.0)), Errc::invalid_argument);
  // Nothing but what was saved, and where files are in progress, is left there.
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/in")) {
    left.push_back(entry.path().filename());
  }
  std::ranges::sort(left);
  EXPECT_EQ(left, (std::vector<std::string>{".tmp", "a"}));
}

TEST(Files, HaveBackendsByName) {
  const TemporaryFolder folder;
  const Files files("memory:");
  ASSERT_TRUE(files.add("scratch", "file://" + folder.path() + "?sync=0"));
  EXPECT_EQ(code_of(files.add("scratch", "memory:")), Errc::key_exists);
  ASSERT_TRUE(files.save("T.npy", 1.0, {.backend = "scratch"}));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/T.npy"));
  EXPECT_FALSE(files.exists("T.npy").value());
  EXPECT_EQ(files.load<double>("T.npy", {.backend = "scratch"}).value(), 1.0);
}

LOCUM_REGISTER_FORMAT(counted, CountedFormat);

TEST_F(FilesLoadedOnce, ByWhicheverPathAndByAllWhoShareTheSession) {
  const TemporaryFolder folder;
  const Session session = open_session("memory:").value();
  const std::string url = "file://" + folder.path() + "?sync=0";
  const Files files(session, url);
  const Files same(session, url);
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1, 2}));
  std::filesystem::create_symlink("T.counted", folder.path() + "/U.counted");
  std::filesystem::create_hard_link(folder.path() + "/T.counted", folder.path() + "/V.counted");
  const auto first = files.load<double[]>("T.counted").value();
  const auto again = files.load<double[]>("T.counted").value();
  const auto other = same.load<double[]>("U.counted").value();
  EXPECT_EQ(again.data(), first.data());
  EXPECT_EQ(other.data(), first.data());
  EXPECT_EQ(same.load("V.counted").value().array(), Array(std::vector<double>{1, 2}));
  EXPECT_EQ(CountedFormat::loads, 1);
  // A file that was changed is another one.
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{3}));
  EXPECT_EQ(same.load<double[]>("T.counted").value()[0], 3);
  EXPECT_EQ(CountedFormat::loads, 2);
  EXPECT_EQ(first[0], 1);
  // So counts one that has lost one of its names: the system has noted a change.
  EXPECT_EQ(same.load<double[]>("V.counted").value()[0], 1);
}

TEST_F(FilesLoadedOnce, BySeveralThreadsAtTheSameMoment) {
  constexpr int threads = 8;
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1, 2}));
  // The first one goes on when the others have begun.
  std::atomic<int> begun{0};
  CountedFormat::entered = [&](int) {
    while (begun < threads) {
      std::this_thread::yield();
    }
  };
  std::atomic<int> right{0};
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&] {
      ++begun;
      const auto loaded = files.load<double[]>("T.counted");
      right += loaded && (*loaded)[1] == 2 ? 1 : 0;
    });
  }
  for (auto& thread : all) {
    thread.join();
  }
  EXPECT_EQ(right, threads);
  EXPECT_EQ(CountedFormat::loads, 1);
}

TEST(Files, KeepWhoMayReadWhatIsSavedAnew) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  ASSERT_TRUE(files.save("secret.npy", std::vector<double>{1}));
  using std::filesystem::perms;
  const std::string path = folder.path() + "/secret.npy";
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
  ASSERT_TRUE(files.save("secret.npy", std::vector<double>{2}));
  EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
}

TEST(Files, TakeLongOptions) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("t.csv", Record::members({{"x", std::vector<double>{1, 2}}})));
  Record missing = Record::list({});
  for (int at = 0; at < 20'000; ++at) {
    missing.append("none" + std::to_string(at));
  }
  const auto loaded = files.load("t.csv", {.options = Record::members({{"missing", missing}})});
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ((*loaded)["x"].array().size(), 2U);
}

// Who has read the claim while another thread loads, and waits for its promise when that has loaded.
TEST_F(FilesLoadedOnce, TellThoseWhoBeginToWaitWhenTheyAreLoaded) {
  const TemporaryFolder folder;
  const Session session = open_session("memory:").value();
  const Files files(session, "file://" + folder.path() + "?sync=0");
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1, 2}));
  const Store store = session.open("locum.files").value();
  Handle promised;
  CountedFormat::entered = [&](int) {
    for (const std::string& name : store.keys().value()) {
      if (name.find("claim/") != std::string::npos) {
        promised = *store.get<Handle>(name).value();
      }
    }
  };
  ASSERT_TRUE(files.load<double[]>("T.counted"));
  ASSERT_TRUE(promised.key.valid());
  const auto told = session.proxy<std::uint8_t>(promised).get(std::chrono::milliseconds(1));
  ASSERT_TRUE(told) << told.error();
  EXPECT_EQ(**told, 1);
}

TEST_F(FilesLoadedOnce, MakeRoomForEachOtherWhenNobodyViewsThem) {
  constexpr std::size_t elements = std::size_t{1} << 18U;  // 2 MiB
  const TemporaryFolder folder;
  const Files files(open_session("memory:?bytes=5000000").value(), "file://" + folder.path() + "?sync=0");
  for (int number = 0; number < 4; ++number) {
    const std::string path = "T" + std::to_string(number) + ".counted";
    ASSERT_TRUE(files.save(path, std::vector<double>(elements, number)));
    const auto view = files.load<double[]>(path);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ((*view)[elements - 1], number);
  }
  const auto first = files.load<double[]>("T0.counted").value();
  const auto second = files.load<double[]>("T1.counted").value();
  EXPECT_EQ(code_of(files.load("T2.counted")), Errc::out_of_memory);  // both are viewed
  EXPECT_EQ(first[0], 0);
  EXPECT_EQ(second[0], 1);
}

TEST_F(FilesLoadedOnce, AreNotTakenForWhatWasSavedJustBefore) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  for (int round = 0; round < 300; ++round) {
    ASSERT_TRUE(files.save("T.counted", std::vector<double>{double(round)}));
    ASSERT_EQ(files.load<double[]>("T.counted").value()[0], round);
  }
}

TEST_F(FilesLoadedOnce, AreLoadedAgainIfTheyChangeMeanwhile) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1}));
  CountedFormat::entered = [&](int number) {
    if (number == 1) {
      std::ofstream(folder.path() + "/T.counted", std::ios::app) << "8 bytes.";
    }
  };
  EXPECT_EQ(files.load<double[]>("T.counted").value().size(), 2U);
  EXPECT_EQ(CountedFormat::loads, 2);
  CountedFormat::entered = [&](int) {
    std::ofstream(folder.path() + "/T.counted", std::ios::app) << "8 bytes.";
  };
  std::ofstream(folder.path() + "/T.counted", std::ios::app) << "8 bytes.";
  EXPECT_EQ(code_of(files.load("T.counted")), Errc::stale);
}

// A file that a program saves again and again is found as it was at some instant of the load.
TEST_F(FilesLoadedOnce, EvenIfTheyAreReplacedAgainAndAgain) {
  for (const bool is_folder : {true, false}) {
    const TemporaryFolder folder;
    const Files files(is_folder ? "file://" + folder.path() + "?sync=0" : "memory:");
    double saved = 1;
    ASSERT_TRUE(files.save("T.counted", std::vector<double>{saved}));
    CountedFormat::loads = 0;
    CountedFormat::entered = [&](int) { files.save("T.counted", std::vector<double>{++saved}).value(); };
    EXPECT_EQ(files.load<double[]>("T.counted").value()[0], 1);
    EXPECT_EQ(files.load<double[]>("T.counted").value()[0], 2);
    EXPECT_EQ(CountedFormat::loads, 2);
    CountedFormat::entered = nullptr;
    EXPECT_EQ(files.load<double[]>("T.counted").value()[0], 3);
  }
}

TEST_F(FilesLoadedOnce, AreNotTakenForThoseOfAnotherMemory) {
  const Session session = open_session("memory:").value();
  const Files mine(session, "memory:");
  const Files other(session, "memory:", {.kept = std::chrono::milliseconds(0)});
  ASSERT_TRUE(mine.save("T.counted", std::vector<double>{1}));
  ASSERT_TRUE(other.save("T.counted", std::vector<double>{2}));
  EXPECT_EQ(mine.load<double[]>("T.counted").value()[0], 1);
  EXPECT_EQ(other.load<double[]>("T.counted").value()[0], 2);
}

TEST_F(FilesLoadedOnce, WithTheSameOptions) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1}));
  std::vector<int> marks(100);
  for (const int mark : {0, 1, 1}) {
    marks[50] = mark;  // is not seen where the options are printed
    ASSERT_TRUE(files.load("T.counted", {.options = {{"mark", marks}}}));
  }
  EXPECT_EQ(CountedFormat::loads, 2);
}

TEST_F(FilesLoadedOnce, UnlessItFailsThenTheNextOneTries) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  std::ofstream(folder.path() + "/T.counted") << "odd";
  const auto failed = files.load("T.counted");
  EXPECT_EQ(code_of(failed), Errc::corrupt);
  EXPECT_EQ(failed.error().key(), "T.counted");
  EXPECT_EQ(code_of(files.load("T.counted")), Errc::corrupt);
  EXPECT_EQ(CountedFormat::loads, 2);
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1}));
  EXPECT_TRUE(files.load("T.counted"));
}

TEST_F(FilesLoadedOnce, IsWaitedForUntilTheDeadline) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.counted", std::vector<double>{1}));
  std::atomic<bool> entered{false};
  std::atomic<bool> goes_on{false};
  CountedFormat::entered = [&](int) {
    entered = true;
    while (!goes_on) {
      std::this_thread::yield();
    }
  };
  std::thread loader([&] { EXPECT_TRUE(files.load("T.counted")); });
  while (!entered) {
    std::this_thread::yield();
  }
  EXPECT_EQ(code_of(files.load("T.counted", {.deadline = std::chrono::milliseconds(1)})), Errc::timeout);
  goes_on = true;
  loader.join();
  EXPECT_TRUE(files.load("T.counted", {.deadline = std::chrono::milliseconds(1)}));
}

// A process that saves again and again is killed at some instant: what is there is one of the values, whole.
TEST(FilesKilled, LeaveTheOldOrTheNew) {
  constexpr int kills = 200;
  constexpr std::size_t elements = 20'000;
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  ASSERT_TRUE(Files(url).save("T.npy", std::vector<double>(elements, 0.0)));
  double last = 0;
  for (int kill = 0; kill < kills; ++kill) {
    Child child([&]() -> std::string {
      const Files files(url);
      for (double value = last + 1;; ++value) {
        files.save("T.npy", std::vector<double>(elements, value)).value();
      }
    });
    // As soon as it has saved some, it is in the middle of another one at any time.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(hangs_after_seconds);
    double seen = last;
    while (seen < last + 1 + kill % 3 && std::chrono::steady_clock::now() < until) {
      seen = Files(url).load<std::vector<double>>("T.npy").value()[0];
    }
    child.kill();
    (void)child.wait();
    const auto left = Files(url).load<std::vector<double>>("T.npy").value();
    ASSERT_EQ(left.size(), elements);
    for (const double element : left) {
      ASSERT_EQ(element, left[0]);
    }
    EXPECT_GE(left[0], seen);
    last = left[0];
  }
  const Files files(url);  // removes what is left of the dead
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() + "/.tmp"));
  EXPECT_EQ(files.list().value(), std::vector<std::string>{"T.npy"});
}

TEST(Files, SavedByManyAtOnceAreOneOfThem) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  std::vector<std::thread> all;
  for (int thread = 0; thread < 4; ++thread) {
    all.emplace_back([&, thread] {
      for (int round = 0; round < 20; ++round) {
        files.save("T.npy", std::vector<double>(1000, thread)).value();
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    if (const auto seen = files.load<std::vector<double>>("T.npy")) {
      EXPECT_EQ(std::ranges::count((*seen), (*seen)[0]), 1000);
    } else {
      EXPECT_EQ(code_of(seen), Errc::not_found);
    }
  }
  for (auto& thread : all) {
    thread.join();
  }
}

// The table of the guide is made of the registry: what a format says of itself.
TEST(Formats, AreThoseOfTheGuide) {
  (void)Files("memory:").exists("T.npy");
  (void)Files("memory:").load("T.npy");  // registers the formats of the library
  std::ifstream page(LOCUM_DOCS_FILES);
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  ASSERT_FALSE(text.empty()) << LOCUM_DOCS_FILES;
  std::size_t rows = 0;
  for (const auto& format : registered_formats()) {
    const FormatTraits& traits = format->traits();
    if (traits.holds == "for tests" || traits.holds == "left out of this build") {
      continue;
    }
    std::string row = "| `" + std::string(traits.name) + "` |";
    for (const std::string_view ending : traits.endings) {
      row.append(" `").append(ending).append("`");
    }
    row.append(" | ").append(traits.holds).append(" |");
    for (const FormatOption& option : traits.options) {
      row.append(&option == traits.options.data() ? " " : "; ");
      row.append("`").append(option.name).append("`: ").append(option.meaning);
    }
    row += " |";
    EXPECT_NE(text.find(row), std::string::npos) << "docs/guide/files.md lacks this row:\n" << row;
    ++rows;
  }
  EXPECT_GE(rows, 6U);
}

TEST(Files, AreSavedAndLoadedManyAtATime) {
  const Files files("memory:");
  std::vector<std::pair<std::string, Record>> values;
  std::vector<std::string> paths;
  for (int number = 0; number < 40; ++number) {
    values.emplace_back("T" + std::to_string(number) + ".npy", Record(std::vector<int>{number}));
    paths.push_back(values.back().first);
  }
  values.emplace_back("T.xyz", Record(1));
  const auto saved = files.save_batch(values);
  ASSERT_EQ(saved.size(), 41U);
  EXPECT_EQ(code_of(saved.back()), Errc::unsupported);
  paths.emplace_back("none.npy");
  const auto loaded = files.load_batch(paths);
  ASSERT_EQ(loaded.size(), 41U);
  for (int number = 0; number < 40; ++number) {
    const auto at = static_cast<std::size_t>(number);
    ASSERT_TRUE(saved[at]);
    EXPECT_EQ(loaded[at].value().as<std::vector<int>>().value(), std::vector<int>{number});
  }
  EXPECT_EQ(code_of(loaded.back()), Errc::not_found);
  EXPECT_TRUE(files.load_batch({}).empty());
}

TEST(StoresOfAny, AreReadWithoutAType) {
  const Store store = open("simple:").value();
  const std::vector<double> field{1, 2, 3};
  ASSERT_TRUE(store.put("field", field));
  ASSERT_TRUE(store.put("one", 2.5));
  ASSERT_TRUE(store.put("flag", true));
  ASSERT_TRUE(store.put("text", std::string("as ever")));
  ASSERT_TRUE(store.put("all", Record{{"dt", 0.1}, {"T", field}}));
  EXPECT_EQ(store.get("field").value().array(), Array(field));
  EXPECT_EQ(store.get("one").value(), Record(2.5));
  EXPECT_EQ(store.get("flag").value(), Record(true));
  EXPECT_EQ(store.get("text").value(), Record("as ever"));
  EXPECT_EQ(store.get("all").value(), (Record{{"dt", 0.1}, {"T", field}}));
  const auto view = store.get<Record>("all").value();
  EXPECT_EQ(*view, (Record{{"dt", 0.1}, {"T", field}}));
  EXPECT_EQ(code_of(store.get("none")), Errc::not_found);
  ASSERT_TRUE(store.put("other", std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(code_of(store.get("other")), Errc::type_mismatch);
}

TEST(Files, MakeTheirFolderWithTheFirstWriteIfThatIsAsked) {
  const TemporaryFolder folder;
  const std::string place = folder.path() + "/in/place";
  const Files files("file://" + place + "?sync=0", {.make_folder = false});
  EXPECT_TRUE(files.list({}).value().empty());
  EXPECT_EQ(code_of(files.list("deeper")), Errc::not_found);
  EXPECT_EQ(code_of(files.load("T.npy")), Errc::not_found);
  EXPECT_EQ(code_of(files.info("T.npy")), Errc::not_found);
  EXPECT_FALSE(files.exists("T.npy").value());
  EXPECT_FALSE(files.remove("T.npy").value());
  EXPECT_EQ(code_of(files.copy("T.npy", "U.npy")), Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/in"));

  const Files other("file://" + place + "?sync=0", {.make_folder = false});
  other.save(place + "/deeper/T.npy", std::vector<double>{1, 2}).value();  // the path of the folder is known
  EXPECT_EQ(files.load<double[]>("deeper/T.npy").value()[1], 2) << "another one has made it meanwhile";
  EXPECT_EQ(files.list("deeper").value(), std::vector<std::string>{"deeper/T.npy"});
  files.make_dirs("more").value();
  EXPECT_TRUE(std::filesystem::is_directory(place + "/more"));
}

}  // namespace
}  // namespace locum::tests
