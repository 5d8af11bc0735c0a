#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <locum/core.hpp>
#include <locum/experiment.hpp>
#include <locum/experiments.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

std::string text_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Counts how often files of a folder are opened, and how many come to it.
class FolderEvents {
 public:
  explicit FolderEvents(const std::string& folder) {
    EXPECT_GE(::inotify_add_watch(queue_, folder.c_str(), IN_OPEN | IN_MOVED_TO | IN_CREATE), 0);
  }
  FolderEvents(const FolderEvents&) = delete;
  FolderEvents& operator=(const FolderEvents&) = delete;
  ~FolderEvents() { ::close(queue_); }

  struct Counts {
    std::map<std::string, int> opened;
    std::map<std::string, int> come;
  };
  /// Returns the events since the last call.
  Counts next() {
    Counts counts;
    alignas(inotify_event) std::array<char, 65536> some{};
    for (;;) {
      const ssize_t size = ::read(queue_, some.data(), some.size());
      if (size <= 0) {
        return counts;
      }
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, some.data() + at, sizeof event);
        if (event.len > 0 && (event.mask & IN_ISDIR) == 0) {
          ++((event.mask & IN_OPEN) != 0 ? counts.opened : counts.come)[some.data() + at + sizeof event];
        }
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

 private:
  int queue_ = ::inotify_init1(IN_NONBLOCK);
};

TEST(Experiment, KeepsFieldsAndFindsThemAgain) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path();
  {
    Experiment made("e17", {.url = url, .commit = "1a2b3c"});
    EXPECT_FALSE(made.is_persisted());
    made["parameters"] = {{"dt", 0.1}, {"grid", {96, 96, 96}}};
    made["result"]["T"] = large_value(1000);
    made["result"]["steps"]["done"] = 12;
    EXPECT_EQ(made["result"]["steps"]["done"].as<int>().value(), 12);
    made.set_status(ExperimentStatus::done);
    made.persist().value();
    EXPECT_TRUE(made.is_persisted());
  }
  Experiment found("e17", {.url = url});
  EXPECT_TRUE(found.is_persisted());
  EXPECT_EQ(found.names(), (std::vector<std::string>{"parameters", "result"}));
  EXPECT_EQ(found["parameters"]["dt"].as<double>().value(), 0.1);
  EXPECT_EQ(found["result"]["T"].value().value(), large_value(1000));
  EXPECT_EQ(found["result"]["steps"]["done"].as<int>().value(), 12);
  EXPECT_TRUE(found["result"]["steps"]["none"].value().value().is_null());
  EXPECT_TRUE(found["none"]["x"].value().value().is_null());
  const ExperimentInfo info = found.info();
  EXPECT_EQ(info.status, ExperimentStatus::done);
  EXPECT_EQ(info.commit, "1a2b3c");
  EXPECT_FALSE(info.host.empty());
  EXPECT_GT(info.created_ns, 0U);
  EXPECT_GE(info.persisted_ns, info.created_ns);
  EXPECT_EQ(info.parameters["dt"].as<double>().value(), 0.1);
}

TEST(Experiment, KeepsEveryKindOfValueExactly) {
  for (const std::uint64_t outside_bytes : {std::uint64_t{1} << 20U, std::uint64_t{1}}) {
    const TemporaryFolder folder;
    const ExperimentOptions options{.url = {}, .outside_bytes = outside_bytes};
    const Files files("file://" + folder.path());
    Experiment made(files, "e", options);
    const Record all = every_kind();
    made["all"] = all;
    for (const auto& [name, value] : all.members()) {
      made["each " + name] = value;
    }
    made.persist().value();
    Experiment found(files, "e", options);
    EXPECT_EQ(stored_form(found["all"].value().value()), stored_form(all)) << outside_bytes;
    for (const auto& [name, value] : all.members()) {
      EXPECT_EQ(stored_form(found["each " + name].value().value()), stored_form(value)) << name;
    }
  }
}

TEST(Experiment, KeepsValuesThatNestAsDeepAsTheyMay) {
  const Files files("memory:");
  Record deep = 1;
  for (std::size_t level = 1; level < max_nesting; ++level) {
    deep = Record::list({deep});
  }
  Experiment made(files, "deep");
  made["v"] = deep;
  made.persist().value();
  EXPECT_FALSE(made["v"].url().empty());
  EXPECT_EQ(Experiment(files, "deep")["v"].value().value(), deep);
}

TEST(Experiment, ReadsAndWritesEachLargeFieldAsOneFile) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  Experiment made(files, "e");
  fs::create_directory(folder.path() + "/e");
  FolderEvents events(folder.path() + "/e");
  made["parameters"] = {{"dt", 0.1}};
  for (const char* const name : {"T", "p"}) {
    for (const char* const member : {"a", "b", "c"}) {
      made[name][member] = large_value(2000);
    }
  }
  made.persist().value();
  auto counts = events.next();
  EXPECT_EQ(counts.come.size(), 3U);  // T, p, experiment.json
  for (const auto& [name, count] : counts.come) {
    EXPECT_EQ(count, 1) << name;
  }
  EXPECT_EQ(names_in(folder.path() + "/e").size(), 3U);
  // What is not changed is not written again.
  made["parameters"]["dt"] = 0.2;
  made.persist().value();
  counts = events.next();
  EXPECT_EQ(counts.come, (std::map<std::string, int>{{"experiment.json", 1}}));

  Experiment found(files, "e");
  counts = events.next();
  EXPECT_EQ(counts.opened, (std::map<std::string, int>{{"experiment.json", 1}}));  // nothing outside
  const std::string url = found["T"].url();
  EXPECT_FALSE(found["T"].is_loaded());
  EXPECT_EQ(found["parameters"]["dt"].as<double>().value(), 0.2);
  EXPECT_EQ(events.next().opened.size(), 0U);
  EXPECT_EQ(found["T"]["a"].value().value(), large_value(2000));
  EXPECT_EQ(found["T"]["b"].value().value(), large_value(2000));
  counts = events.next();
  EXPECT_EQ(counts.opened, (std::map<std::string, int>{{fs::path(url).filename(), 1}}));
  EXPECT_TRUE(found["T"].is_loaded());
  EXPECT_FALSE(found["p"].is_loaded());
  EXPECT_EQ(url.substr(0, url.rfind('/')), "file://" + folder.path() + "/e");
  EXPECT_EQ(found.url(), "file://" + folder.path() + "/e");
  EXPECT_TRUE(fs::exists(url.substr(7)));
}

TEST(Experiment, HasAsManyFieldsAndMembersAsAProgramGivesIt) {
  constexpr int outside = 300;
  constexpr int inside = 3000;
  constexpr int members = 100'000;
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  Experiment made(files, "e");
  for (int field = 0; field < outside; ++field) {
    made["large " + std::to_string(field)] = large_value(1000, field);
  }
  for (int field = 0; field < inside; ++field) {
    made["small " + std::to_string(field)] = field;
  }
  auto many = Record::members({});
  for (int member = 0; member < members; ++member) {
    many.set(std::to_string(member), member);
  }
  made["many"] = many;
  made.persist().value();
  Experiment found(files, "e");
  EXPECT_EQ(found.names().size(), outside + inside + 1U);
  EXPECT_EQ(names_in(folder.path() + "/e").size(), outside + 2U);
  for (int field = 0; field < outside; ++field) {
    ASSERT_EQ(found["large " + std::to_string(field)].value().value(), large_value(1000, field));
  }
  for (int field = 0; field < inside; ++field) {
    ASSERT_EQ(found["small " + std::to_string(field)].as<int>().value(), field);
  }
  EXPECT_EQ(found["many"].value().value(), many);
}

TEST(Experiment, IsReadOnceByThoseWhoShareASession) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path();
  Experiment made("e", {.url = url});
  made["T"]["x"] = large_value(2000);
  made.persist().value();
  const Session session = open_session("memory:").value();
  FolderEvents events(folder.path() + "/e");
  const Experiment first(session, "e", {.url = url});
  const Experiment second(session, "e", {.url = url});
  const Array a = first["T"]["x"].value().value().array();
  const Array b = second["T"]["x"].value().value().array();
  EXPECT_EQ(a.data(), b.data());
  EXPECT_EQ(events.next().opened.at(fs::path(made["T"].url()).filename()), 1);
}

TEST(Experiment, RemovesWhatIsReplaced) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  Experiment made(files, "e");
  made["T"] = large_value(2000);
  made["p"] = large_value(3000);
  made.persist().value();
  std::ofstream(folder.path() + "/e/plot.png") << "mine";
  const std::string before = made["p"].url();
  made["T"] = large_value(2000, 5);
  made.persist().value();
  EXPECT_EQ(made["p"].url(), before);
  EXPECT_EQ(names_in(folder.path() + "/e").size(), 4U);
  EXPECT_TRUE(made.erase("p"));
  EXPECT_FALSE(made.erase("p"));
  made["T"] = 1;
  made.persist().value();
  EXPECT_EQ(names_in(folder.path() + "/e"), (std::vector<std::string>{"experiment.json", "plot.png"}));
  EXPECT_TRUE(made.remove().value());
  EXPECT_FALSE(fs::exists(folder.path() + "/e"));
  EXPECT_FALSE(made.remove().value());
  EXPECT_EQ(code_of(made.reload()), Errc::not_found);
}

TEST(Experiment, RemovesNoFolderThatIsNone) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  files.save("mine/T.npy", std::vector<double>{1}).value();
  Experiment made(files, "mine");
  made["T"] = large_value(1000);
  EXPECT_FALSE(made.remove().value());
  EXPECT_FALSE(Experiments(files).remove("mine").value());
  EXPECT_FALSE(Experiments(files).remove("none").value());
  EXPECT_TRUE(fs::exists(folder.path() + "/mine/T.npy"));
}

TEST(Experiment, RemovesNothingThatALinkLeadsTo) {
  const TemporaryFolder folder;
  const TemporaryFolder other;
  std::ofstream(other.path() + "/kept") << "kept";
  const Files files("file://" + folder.path());
  Experiment made(files, "e");
  made.persist().value();
  fs::create_directory_symlink(other.path(), folder.path() + "/e/link");
  fs::create_directories(folder.path() + "/e/a/b");
  std::ofstream(folder.path() + "/e/a/b/c") << "c";
  EXPECT_TRUE(made.remove().value());
  EXPECT_FALSE(fs::exists(folder.path() + "/e"));
  EXPECT_TRUE(fs::exists(other.path() + "/kept"));
}

TEST(Experiment, IsCopiedWithItsFiles) {
  for (const std::string& url : {std::string("memory:"), std::string()}) {
    const TemporaryFolder folder;
    const Files files(url.empty() ? "file://" + folder.path() : url);
    Experiment made(files, "e");
    made["parameters"] = {{"dt", 0.1}};
    made["T"] = large_value(2000);
    made.persist().value();
    made["p"] = large_value(1000);  // not persisted
    Experiment copy = made.copy("f").value();
    EXPECT_EQ(code_of(made.copy("f")), Errc::key_exists);
    EXPECT_EQ(code_of(made.copy("../f")), Errc::invalid_argument);
    EXPECT_TRUE(made.remove().value());
    for (Experiment found : {copy, Experiment(files, "f")}) {
      EXPECT_EQ(found["T"].value().value(), large_value(2000));
      EXPECT_EQ(found["p"].value().value(), large_value(1000));
      EXPECT_EQ(found["parameters"]["dt"].as<double>().value(), 0.1);
    }
    EXPECT_FALSE(Experiment(files, "e").is_persisted());
  }
}

TEST(Experiment, IsNotPersistedOverWhatOthersHavePersisted) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  Experiment first(files, "e");
  Experiment second(files, "e");
  first["T"] = large_value(2000);
  first.persist().value();
  second["T"] = large_value(2000, 7);
  EXPECT_EQ(code_of(second.persist()), Errc::stale);
  EXPECT_EQ(names_in(folder.path() + "/e").size(), 2U);
  second.reload().value();
  EXPECT_FALSE(second["T"].is_loaded());
  first["T"] = large_value(3000, 1);
  first.persist().value();
  EXPECT_EQ(code_of(second["T"].value()), Errc::stale);  // its file was replaced
  second.reload().value();
  EXPECT_EQ(second["T"].value().value(), large_value(3000, 1));
  EXPECT_TRUE(first.remove().value());
  EXPECT_EQ(code_of(second.persist()), Errc::stale);
}

// Whoever is not the first is told so, and what the first has written is there.
TEST(Experiment, IsPersistedByOneOfThoseThatDoSoAtOnce) {
  constexpr int programs = 4;
  constexpr int rounds = 10;
  const TemporaryFolder folder;
  for (const std::string& url : {"file://" + folder.path() + "?sync=0", std::string("memory:")}) {
    const Files files(url);
    for (int round = 0; round < rounds; ++round) {
      const std::string id = "e" + std::to_string(round);
      std::array<std::optional<Result<void>>, programs> done;
      std::barrier begin(programs);
      std::vector<std::thread> threads;
      for (int program = 0; program < programs; ++program) {
        threads.emplace_back([&, program] {
          Experiment e(files, id, {.table = false});
          e["T"] = large_value(2000, program);
          begin.arrive_and_wait();
          done[program] = e.persist();
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      const auto first = std::ranges::find_if(done, [](const auto& one) { return one->has_value(); });
      ASSERT_NE(first, done.end());
      EXPECT_EQ(std::ranges::count_if(done, [](const auto& one) { return code_of(*one) == Errc::stale; }),
                programs - 1);
      EXPECT_EQ(Experiment(files, id)["T"].value().value(),
                large_value(2000, static_cast<int>(first - done.begin())));
    }
  }
}

TEST(Experiment, RefusesIdsThatLeadElsewhere) {
  const Files files("memory:");
  for (const std::string& id :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/a"),
        std::string("../a"), std::string(".tmp"), std::string("a\0b", 3), std::string("a b"),
        std::string("experiments.sqlite"), std::string(129, 'a')}) {
    EXPECT_EQ(code_thrown([&] { (void)Experiment(files, id); }), Errc::invalid_argument) << id;
  }
  Experiment longest(files, std::string(128, 'a'));
  longest[std::string(1000, '/') + "../x"] = large_value(1000);
  longest[""] = large_value(1000);
  longest.persist().value();
  EXPECT_EQ(Experiment(files, std::string(128, 'a'))[""].value().value(), large_value(1000));
}

TEST(Experiment, TellsWhatIsWrong) {
  const Files files("memory:");
  EXPECT_EQ(code_thrown([&] { (void)Experiment(files, "e", {.url = "memory:"}); }), Errc::invalid_argument);
  EXPECT_EQ(code_thrown([&] { (void)Experiment(files, "e", {.backend = "none"}); }), Errc::not_found);
  EXPECT_EQ(code_thrown([&] { (void)Experiment("e", {.url = "nonsense:x"}); }), Errc::unsupported);
  Experiment made(files, "e");
  made["a"] = 1;
  EXPECT_EQ(code_thrown([&] { made["a"]["b"] = 2; }), Errc::type_mismatch);
  EXPECT_EQ(made["a"].as<int>().value(), 1);
  EXPECT_EQ(code_of(made["a"].as<std::string>()), Errc::type_mismatch);
  made["b"] = Record::members({{"x", 1}});
  EXPECT_EQ(code_thrown([&] { made["b"]["x"]["y"] = 2; }), Errc::type_mismatch);
  made[std::string("\xff")] = 1;
  EXPECT_EQ(code_of(made.persist()), Errc::invalid_argument);
  EXPECT_FALSE(Experiment(files, "e").is_persisted());
  EXPECT_EQ(code_of(made.reload()), Errc::not_found);
}

TEST(Experiment, IsInABackendOfFiles) {
  const TemporaryFolder folder;
  const Files files("memory:");
  files.add("disk", "file://" + folder.path()).value();
  Experiment made(files, "e", {.backend = "disk"});
  made["T"] = large_value(2000);
  made.persist().value();
  EXPECT_TRUE(fs::exists(folder.path() + "/e/experiment.json"));
  EXPECT_EQ(Experiment("e", {.url = "file://" + folder.path()})["T"].value().value(), large_value(2000));
}

TEST(Experiment, IsReadByPeople) {
  const TemporaryFolder folder;
  Experiment made("e", {.url = "file://" + folder.path()});
  made["parameters"] = {{"dt", 0.1}, {"name", "salt"}};
  made["grid"] = std::vector<int>{96, 64};
  made.set_status(ExperimentStatus::failed, "no room on the disk");
  made.persist().value();
  const std::string text = text_in(folder.path() + "/e/experiment.json");
  for (const char* const part :
       {"\"dt\": 0.1", "\"name\": \"salt\"", "\"status\": \"failed\"", "no room on the disk", "i32[2]"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(Files("file://" + folder.path()).load("e/experiment.json").value()["experiment"]["status"].text(),
            "failed");
  EXPECT_EQ(Experiment("e", {.url = "file://" + folder.path()}).info().reason, "no room on the disk");
}

TEST(Experiment, NamesTheValueThatIsMissingOrOfAnotherType) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  Experiment e(files, "e");
  e["parameters"] = {{"dt", 0.1}, {"name", "cavity"}, {"solver", {{"steps", 40}, {"none", nullptr}}}};
  e["T"] = 1.5;
  EXPECT_EQ(e["parameters"]["dt"].as<double>().value(), 0.1);
  const auto error_of = [](const auto& result) { return result.error(); };
  struct Case {
    Error error;
    Errc code;
    const char* text;
  };
  const auto parameters = e["parameters"];
  for (const auto& [error, code, text] :
       {Case{error_of(parameters["dtt"].as<double>()), Errc::not_found,
             "there is no 'parameters.dtt'; in 'parameters' there are dt, name, solver"},
        Case{error_of(parameters["solver"]["step"].as<int>()), Errc::not_found,
             "there is no 'parameters.solver.step'; in 'parameters.solver' there are steps, none"},
        Case{error_of(parameters["solvers"]["steps"].as<int>()), Errc::not_found,
             "there is no 'parameters.solvers'; in 'parameters' there are dt, name, solver"},
        Case{error_of(parameters["dt"]["x"].as<int>()), Errc::not_found,
             "there is no 'parameters.dt.x'; in 'parameters.dt' there are none"},
        Case{error_of(e["parameter"]["dt"].as<double>()), Errc::not_found,
             "there is no field 'parameter'; there are T, parameters"},
        Case{error_of(parameters["solver"]["none"].as<int>()), Errc::type_mismatch,
             "'parameters.solver.none' is null"},
        Case{error_of(parameters["name"].as<double>()), Errc::type_mismatch,
             "'parameters.name': the value is a text"}}) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_TRUE(error.text().starts_with(text)) << error.what();
    EXPECT_EQ(error.key(), "e");
  }
  EXPECT_TRUE(parameters["dtt"].as<Record>().value().is_null());
  EXPECT_TRUE(parameters["dtt"].value().value().is_null());
}

}  // namespace
}  // namespace locum::tests
