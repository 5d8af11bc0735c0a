// Files that are loaded while the program computes, and stand-ins for them.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/raw_promise.hpp"
#include "core/raw_store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/counted_format.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/files/background_calls.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

class BackgroundFiles : public FilesLoadedOnce {
 protected:
  BackgroundFiles() {
    CountedFormat::entered = [this](int) {
      while (!goes_on) {
        std::this_thread::yield();
      }
    };
  }

  const std::vector<double> field{1, 2.5, -3};
  std::atomic<bool> goes_on{false};  // the loads do not end before
};

TEST_F(BackgroundFiles, AreLoadedWhileTheProgramComputes) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("T.counted", field));
  std::string path = "T.counted";
  std::string format = "counted";
  const auto any = files.load_async(path, {.format = format});
  const auto typed = files.load_async<double[]>(path);
  const auto copied = files.load_async<std::vector<double>>(path);
  const auto none = files.load_async("U.counted");
  path.assign(path.size(), 'x');  // the calls keep what they are given
  format.assign(format.size(), 'x');
  EXPECT_EQ(code_of(none.get()), Errc::not_found);
  EXPECT_FALSE(any.ready());
  EXPECT_FALSE(typed.wait_for(1ms));
  goes_on = true;
  EXPECT_EQ(any.get().value().array(), Array(field));
  const auto shown = typed.get().value();
  EXPECT_EQ(Array(shown.array()), Array(field));
  EXPECT_EQ(copied.get().value(), field);
  EXPECT_EQ(any.then([](const Result<Record>& loaded) { return loaded->array().size(); }).get().value(), 3U);
  EXPECT_EQ(CountedFormat::loads, 1);
}

TEST_F(BackgroundFiles, AreLoadedToTheEndAlsoIfFilesEndsBefore) {
  AsyncResult<Record> begun;
  std::vector<AsyncResult<Record>> others;
  std::atomic<bool> has_ended{false};
  std::thread ends;
  {
    const Files files("memory:");
    ASSERT_TRUE(files.save("T.counted", field));
    begun = files.load_async("T.counted");
    for (std::size_t at = 0; at < 2 * storage::BackgroundCalls::most_threads; ++at) {
      others.push_back(files.load_async("T.counted"));
    }
    others.back().cancel();
    ends = std::thread([&, copy = files]() mutable {
      while (!begun.wait_for(10ms) && !goes_on) {
      }
      copy = Files("memory:");
      has_ended = true;
    });
  }
  EXPECT_FALSE(has_ended);
  goes_on = true;
  ends.join();
  EXPECT_TRUE(begun.ready());
  EXPECT_EQ(begun.get().value().array(), Array(field));
  for (const auto& other : others) {
    EXPECT_TRUE(other.ready());
  }
  EXPECT_EQ(code_of(others.back().get()), Errc::cancelled);
}

TEST_F(BackgroundFiles, HaveStandInsThatLeadToOneObject) {
  const Session session = open_session("memory:").value();
  const Files files(session, "memory:", {.kept = 1s});
  ASSERT_TRUE(files.save("T.counted", field));
  const auto proxy = files.proxy<double[]>("T.counted").value();
  EXPECT_EQ(code_of(session.proxy<double[]>(proxy.handle()).get(1ms)), Errc::timeout);
  goes_on = true;
  const auto view = session.proxy<double[]>(proxy.handle()).get().value();
  EXPECT_EQ(Array(view.array()), Array(field));
  // What a stand-in leads to is what load() returns, and lasts until it is evicted.
  const auto loaded = files.load<double[]>("T.counted").value();
  EXPECT_EQ(loaded.data(), view.data());
  EXPECT_EQ(files.proxy<double[]>("./T.counted").value().get().value().key(), view.key());
  EXPECT_EQ(files.raw_proxy("T.counted").value().get().value().key(), view.key());
  const RawView object = files.load_raw("T.counted").value();
  EXPECT_EQ(object.key(), view.key());
  EXPECT_FALSE(object.info().value().expires_at);
  EXPECT_EQ(CountedFormat::loads, 1);
}

TEST_F(BackgroundFiles, HaveStandInsForWhatIsNoArray) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("a.json", Record{{"dt", 0.1}, {"name", "cg"}}));
  ASSERT_TRUE(files.save("a.txt", "as ever"));
  const auto config = files.proxy<Record>("a.json").value().get().value();
  EXPECT_EQ(config->get<double>("dt").value(), 0.1);
  const auto text = files.proxy<std::string>("a.txt").value().get().value();
  EXPECT_EQ(*text, "as ever");
  EXPECT_EQ(code_of(files.proxy<double[]>("a.json").value().get()), Errc::type_mismatch);
}

TEST_F(BackgroundFiles, HaveStandInsThatBreakWhereTheFileCannotBeLoaded) {
  goes_on = true;
  const Files files("memory:");
  ASSERT_TRUE(files.save("a.bin", std::string(9, 'x')));
  EXPECT_EQ(code_of(files.proxy<double[]>("a.bin", {.format = "counted"}).value().get()),
            Errc::broken_promise);
  EXPECT_EQ(code_of(files.proxy<double[]>("b.counted")), Errc::not_found);
  EXPECT_EQ(code_of(files.proxy<double[]>("a.bin", {.map = true})), Errc::invalid_argument);
  EXPECT_EQ(code_of(files.proxy<double[]>("a.xyz")), Errc::unsupported);
}

/// Loads another file, of the same Files, in the background, and waits for it.
class NestingFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes&, const Record&, const MakeArray&) const override {
    const auto other = files->load_async("a.txt").get(std::chrono::seconds(60));
    files.reset();  // the last but those of the threads
    return other;
  }
  [[nodiscard]] Result<void> save(const Record&, FileDraft& file, const Record&) const override {
    return file.write({});
  }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

  static inline std::optional<Files> files;

 private:
  static constexpr std::string_view ending = ".nesting";
  const FormatTraits traits_{.name = "nesting", .endings = {&ending, 1}, .holds = "for tests", .options = {}};
};

LOCUM_REGISTER_FORMAT(nesting, NestingFormat);

TEST(FilesWithinALoad, MayBeLoadedInTheBackgroundAndEnd) {
  std::vector<AsyncResult<Record>> begun;
  for (int round = 0; round < 20; ++round) {
    NestingFormat::files.emplace("memory:");
    ASSERT_TRUE(NestingFormat::files->save("a.nesting", 1));
    ASSERT_TRUE(NestingFormat::files->save("a.txt", "as ever"));
    begun.push_back(NestingFormat::files->load_async("a.nesting"));
    EXPECT_EQ(begun.back().get(std::chrono::seconds(60)).value(), Record("as ever"));
  }
  EXPECT_FALSE(NestingFormat::files);
}

TEST(FilesInAForkedProcess, MayEndAndLoad) {
  const TemporaryFolder folder;
  Files files("file://" + folder.path() + "?sync=0");
  ASSERT_TRUE(files.save("a.txt", "as ever"));
  ASSERT_TRUE(files.load_async("a.txt").get());
  Child child([&]() -> std::string {
    files = Files("file://" + folder.path() + "?sync=0");  // ends those of the parent
    return files.load_async<std::string>("a.txt").get().value();
  });
  EXPECT_EQ(child.wait().said, "as ever");
}

// What was loaded is evicted for another file before anybody has a view of it.
TEST(FilesThatHaveNoRoomTogether, AreLoadedAllTheSame) {
  const TemporaryFolder folder;
  const Files files(open_session("memory:?bytes=20000000").value(), "file://" + folder.path() + "?sync=0");
  std::vector<std::string> paths;
  for (int number = 0; number < 12; ++number) {
    paths.push_back("T" + std::to_string(number) + ".npy");
    ASSERT_TRUE(files.save(paths.back(), std::vector<double>(500'000, number)));
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t round = 0; round < 150; ++round) {
        const std::size_t number = (round * 5 + thread * 3) % paths.size();
        const auto view = files.load<double[]>(paths[number]);
        wrong += view && (*view)[499'999] == static_cast<double>(number) ? 0 : 1;
        if (!view) {
          ADD_FAILURE() << view.error();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

/// A format that breaks the rules of formats.
class ThrowingFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes&, const Record&, const MakeArray&) const override {
    throw std::runtime_error("no such thing");
  }
  [[nodiscard]] Result<void> save(const Record&, FileDraft& file, const Record&) const override {
    return file.write({});
  }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { throw 1; }

 private:
  static constexpr std::string_view ending = ".throwing";
  const FormatTraits traits_{
      .name = "throwing", .endings = {&ending, 1}, .holds = "for tests", .options = {}};
};

LOCUM_REGISTER_FORMAT(throwing, ThrowingFormat);

TEST(FilesOfAFormatThatThrows, AreErrors) {
  const Files files("memory:");
  ASSERT_TRUE(files.save("a.throwing", 1));
  const auto loaded = files.load("a.throwing");
  EXPECT_EQ(code_of(loaded), Errc::system);
  EXPECT_NE(loaded.error().what(), std::string()) << loaded.error();
  EXPECT_EQ(loaded.error().detail(), "no such thing");
  EXPECT_EQ(code_of(files.info("a.throwing")), Errc::system);
  EXPECT_EQ(code_of(files.load_async("a.throwing").get()), Errc::system);
  const auto broken = files.proxy<Record>("a.throwing").value().get();
  EXPECT_EQ(code_of(broken), Errc::broken_promise);
  EXPECT_NE(broken.error().text().find("threw an exception"), std::string::npos) << broken.error();
  EXPECT_NE(broken.error().text().find("a.throwing"), std::string::npos) << broken.error();
}

TEST(RawPromises, AreGivenUpWithAReason) {
  const Session session = open_session("memory:").value();
  const Store store = session.open("s").value();
  auto promise = store.raw().promise().value();
  const auto proxy = promise.proxy();
  const std::string reason(1200, 'r');
  promise.give_up(reason);
  promise.give_up("another one");
  const auto broken = proxy.get();
  EXPECT_EQ(code_of(broken), Errc::broken_promise);
  EXPECT_TRUE(broken.error().text().ends_with(": " + reason.substr(0, 1000))) << broken.error();
  EXPECT_EQ(code_of(promise.set_bytes({})), Errc::broken_promise);
  EXPECT_EQ(code_of(session.proxy<int>(proxy.handle()).get()), Errc::broken_promise);

  auto kept = store.raw().promise().value();
  ASSERT_TRUE(kept.set_bytes({}));
  kept.give_up("too late");
  EXPECT_TRUE(kept.proxy().get());

  auto without = store.raw().promise().value();
  without.give_up("");
  EXPECT_EQ(code_of(without.proxy().get()), Errc::broken_promise);
  RawPromise().give_up("of none");
}

TEST(RawPromises, AreSetToObjectsThatAreThere) {
  const Store store = open("memory:").value();
  const Key key = store.put("T", std::vector<double>{1, 2}).value();
  const auto object = store.raw().get(key).value();
  auto promise = store.raw().promise().value();
  const auto proxy = promise.proxy();
  EXPECT_EQ(promise.set_object(object).value(), key);
  EXPECT_EQ(code_of(promise.set_object(object)), Errc::key_exists);
  const auto shown = proxy.get().value();
  EXPECT_EQ(shown.key(), key);
  EXPECT_EQ(shown.bytes().data(), object.bytes().data());
  EXPECT_EQ(code_of(store.raw().promise("U").value().set_object(object)), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.raw().promise().value().set_object(RawView())), Errc::invalid_argument);
  EXPECT_EQ(code_of(RawPromise().set_object(object)), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
