#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <locum/core.hpp>
#include <locum/experiment.hpp>
#include <locum/experiments.hpp>

#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/experiments/experiment_table.hpp"

namespace locum::tests {
namespace {

using std::chrono::milliseconds;

bool has_tables() {
  return storage::open_experiment_table("/", milliseconds(1)) != nullptr;
}

std::vector<std::string> ids_of(const Result<std::vector<ExperimentInfo>>& infos) {
  std::vector<std::string> ids;
  for (const ExperimentInfo& info : infos.value()) {
    ids.push_back(info.id);
  }
  return ids;
}

using Ids = std::vector<std::string>;

/// Makes some experiments with parameters of all kinds.
void make_some(const Files& files) {
  const std::vector<std::pair<const char*, Record>> all{
      {"a", Record::members({{"dt", 0.1}, {"n", 1}, {"name", "salt"}, {"wet", true}})},
      {"b", Record::members({{"dt", 0.2}, {"n", 2.0}, {"name", "heat"}, {"wet", false}})},
      {"c", Record::members({{"dt", 1}, {"n", std::int64_t{9007199254740993}}, {"name", ""}, {"wet", 1}})},
      {"d", Record::members({{"dt", "0.1"},
                             {"n", std::numeric_limits<std::uint64_t>::max()},
                             {"solver", Record::members({{"steps", 40}, {"name", "cg"}})}})},
      {"e", Record::members({{"dt", std::numeric_limits<double>::quiet_NaN()}, {"n", -5}})},
  };
  for (const auto& [id, parameters] : all) {
    Experiment made(files, id, {.commit = "1a2b3c"});
    made["parameters"] = parameters;
    made.set_status(std::string(id) == "b" ? ExperimentStatus::failed : ExperimentStatus::done, "why");
    made.persist().value();
  }
}

void expect_lists_some(const Experiments& all) {
  EXPECT_EQ(ids_of(all.list()), (Ids{"a", "b", "c", "d", "e"}));
  const auto where = [&](std::vector<ParameterFilter> filters) {
    return ids_of(all.list({.where = std::move(filters), .status = {}}));
  };
  EXPECT_EQ(where({{.parameter = "dt", .equals = 0.1}}), Ids{"a"});
  EXPECT_EQ(where({{.parameter = "dt", .equals = 1.0}}), Ids{"c"});
  EXPECT_EQ(where({{.parameter = "dt", .equals = "0.1"}}), Ids{"d"});
  EXPECT_EQ(where({{.parameter = "dt", .at_least = 0.15}}), (Ids{"b", "c"}));
  EXPECT_EQ(where({{.parameter = "dt", .at_most = 0.2}}), (Ids{"a", "b"}));
  EXPECT_EQ(where({{.parameter = "dt", .at_least = 0.1, .at_most = 0.2}}), (Ids{"a", "b"}));
  EXPECT_EQ(where({{.parameter = "dt", .at_least = ""}}), Ids{"d"});
  EXPECT_EQ(where({{.parameter = "dt", .equals = std::nan("")}}), Ids{});
  EXPECT_EQ(where({{.parameter = "n", .equals = 2}}), Ids{"b"});
  EXPECT_EQ(where({{.parameter = "n", .equals = 9007199254740992.0}}), Ids{});
  EXPECT_EQ(where({{.parameter = "n", .equals = std::int64_t{9007199254740993}}}), Ids{"c"});
  EXPECT_EQ(where({{.parameter = "n", .equals = std::numeric_limits<std::uint64_t>::max()}}), Ids{"d"});
  EXPECT_EQ(where({{.parameter = "n", .equals = 18446744073709551616.0}}), Ids{});
  EXPECT_EQ(where({{.parameter = "n", .at_least = std::uint64_t{1} << 63U}}), Ids{"d"});
  EXPECT_EQ(where({{.parameter = "n", .at_most = 0}}), Ids{"e"});
  EXPECT_EQ(where({{.parameter = "name", .at_least = "heat"}}), (Ids{"a", "b"}));
  EXPECT_EQ(where({{.parameter = "name", .equals = ""}}), Ids{"c"});
  EXPECT_EQ(where({{.parameter = "wet", .equals = true}}), Ids{"a"});
  EXPECT_EQ(where({{.parameter = "wet", .equals = 1}}), Ids{"c"});
  EXPECT_EQ(where({{.parameter = "wet"}}), (Ids{"a", "b", "c"}));
  EXPECT_EQ(where({{.parameter = "solver.steps", .equals = 40}}), Ids{"d"});
  EXPECT_EQ(where({{.parameter = "none"}}), Ids{});
  EXPECT_EQ(where({{.parameter = "dt", .at_most = 0.2}, {.parameter = "name", .equals = "heat"}}), Ids{"b"});
  EXPECT_EQ(ids_of(all.list({.where = {}, .status = ExperimentStatus::failed})), Ids{"b"});
  EXPECT_EQ(ids_of(all.list({.where = {{.parameter = "n"}}, .status = ExperimentStatus::running})), Ids{});
  const auto info = all.list({.where = {{.parameter = "dt", .equals = 0.2}}, .status = {}}).value().at(0);
  EXPECT_EQ(info.commit, "1a2b3c");
  EXPECT_EQ(info.reason, "why");
  EXPECT_EQ(info.status, ExperimentStatus::failed);
  EXPECT_EQ(info.host, all.info("b").value().host);
  EXPECT_EQ(info.persisted_ns, all.info("b").value().persisted_ns);
  EXPECT_EQ(info.parameters, all.info("b").value().parameters);
}

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ExperimentTable, ListsByParametersAsTheFoldersSay) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file://" + folder.path()}) {
    SCOPED_TRACE(url);
    const Files files(url);
    make_some(files);
    expect_lists_some(Experiments(files));
  }
  EXPECT_EQ(std::filesystem::exists(folder.path() + "/experiments.sqlite"), has_tables());
}

TEST(ExperimentTable, ComparesNumbersExactly) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const double two_to_63 = std::ldexp(1.0, 63);
  const double infinity = std::numeric_limits<double>::infinity();
  // Ascending; those of one list are equal.
  const std::vector<Record::List> ordered{{-infinity},
                                          {-std::ldexp(1.0, 64)},
                                          {least, -two_to_63},
                                          {least + 1},
                                          {-1.5},
                                          {-1, -1.0},
                                          {-0.5},
                                          {0, 0.0, -0.0},
                                          {5e-324},
                                          {0.5},
                                          {1, 1.0},
                                          {9007199254740992, 9007199254740992.0},
                                          {9007199254740993},
                                          {9007199254740994, 9007199254740994.0},
                                          {std::numeric_limits<std::int64_t>::max()},
                                          {std::uint64_t{1} << 63U, two_to_63},
                                          {(std::uint64_t{1} << 63U) + 1},
                                          {most},
                                          {std::ldexp(1.0, 64)},
                                          {infinity}};
  const auto fits = [](const Record& value, const ParameterFilter& filter) {
    ExperimentInfo info;
    info.parameters = Record::members({{"x", value}});
    return storage::matches({.where = {filter}, .status = {}}, info);
  };
  for (std::size_t a = 0; a < ordered.size(); ++a) {
    for (std::size_t b = 0; b < ordered.size(); ++b) {
      for (const Record& value : ordered[a]) {
        for (const Record& bound : ordered[b]) {
          EXPECT_EQ(fits(value, {.parameter = "x", .equals = bound}), a == b) << value << " and " << bound;
          EXPECT_EQ(fits(value, {.parameter = "x", .at_least = bound}), a >= b) << value << " and " << bound;
          EXPECT_EQ(fits(value, {.parameter = "x", .at_most = bound}), a <= b) << value << " and " << bound;
        }
        EXPECT_FALSE(fits(value, {.parameter = "x", .at_most = std::nan("")})) << value;
        EXPECT_FALSE(fits(std::nan(""), {.parameter = "x", .at_least = value})) << value;
      }
    }
  }
}

TEST(ExperimentTable, IsMadeAgain) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  const std::string table = folder.path() + "/experiments.sqlite";
  const Files files("file://" + folder.path());
  const Experiments all(files);
  make_some(files);
  std::filesystem::remove(table);
  expect_lists_some(all);  // which makes it
  EXPECT_TRUE(std::filesystem::exists(table));
  expect_lists_some(all);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{5000}}) {
    std::ofstream(table, std::ios::binary | std::ios::trunc) << std::string(size, 'x');
    if (size > 0) {
      const auto listed = all.list();
      EXPECT_EQ(code_of(listed), Errc::corrupt);
      EXPECT_NE(std::string(listed.error().what()).find(table), std::string::npos);
      EXPECT_TRUE(all.rebuild().value().empty());
    }
    expect_lists_some(all);
  }
  // A table that lacks a row, and one that has too many.
  Experiment silent(files, "silent", {.table = false});
  silent.persist().value();
  EXPECT_EQ(all.list().value().size(), 5U);
  EXPECT_TRUE(all.rebuild().value().empty());
  EXPECT_EQ(all.list().value().size(), 6U);
  EXPECT_TRUE(silent.remove().value());
  EXPECT_EQ(all.list().value().size(), 6U);
  std::ofstream(folder.path() + "/c/experiment.json") << "{";
  const auto errors = all.rebuild().value();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(std::string(errors[0].what()).find("c/experiment.json"), std::string::npos);
  EXPECT_EQ(ids_of(all.list()), (Ids{"a", "b", "d", "e"}));
  EXPECT_TRUE(all.remove("c").value());
  Experiment(files, "a").remove().value();
  EXPECT_EQ(ids_of(all.list()), (Ids{"b", "d", "e"}));
  EXPECT_EQ(code_of(Experiments(Files("memory:")).rebuild()), Errc::unsupported);
}

TEST(ExperimentTable, DoesNoHarmWhenItIsDamaged) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/experiments.sqlite";
  const Files files("file://" + folder.path());
  make_some(files);
  const std::string whole = contents_of(path);
  std::minstd_rand random(5);
  for (int change = 0; change < 200; ++change) {
    std::string text = whole;
    for (int bytes = 0; bytes < 20; ++bytes) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        << text.substr(0, change % 3 == 0 ? random() % text.size() : text.size());
    (void)Experiments(files).list({.where = {{.parameter = "dt", .at_least = 0}}, .status = {}});
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << std::string(5000, 'x');
  EXPECT_TRUE(Experiments(files).rebuild().value().empty());
  expect_lists_some(Experiments(files));
}

TEST(ExperimentTable, IsMadeAgainWhateverIsDamaged) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/experiments.sqlite";
  const Files files("file://" + folder.path());
  make_some(files);
  const std::string whole = contents_of(path);
  std::minstd_rand random(11);
  for (int change = 0; change < 300; ++change) {
    std::string text = whole;
    const std::size_t at = change < 100 ? static_cast<std::size_t>(change) : random() % text.size();
    text[at] = static_cast<char>(text[at] ^ static_cast<char>(1U << (random() % 8)));
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    const auto made = Experiments(files).rebuild();
    ASSERT_TRUE(made) << "byte " << at << ": " << made.error();
    EXPECT_TRUE(made->empty());
    ASSERT_NO_FATAL_FAILURE(expect_lists_some(Experiments(files))) << "byte " << at;
  }
}

TEST(ExperimentTable, IsMadeAgainWhereItHasOtherTables) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/experiments.sqlite";
  const Files files("file://" + folder.path());
  make_some(files);
  std::string text = contents_of(path);
  const std::size_t at = text.find("INTEGER PRIMARY KEY");
  ASSERT_NE(at, std::string::npos);
  text[at + 9] = 'S';  // numbers are no numbers any more, and SQLite finds nothing wrong
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  EXPECT_TRUE(Experiments(files).rebuild().value().empty());
  expect_lists_some(Experiments(files));
}

TEST(ExperimentTable, IsKeptByManyJobsAtOnce) {
  const TemporaryFolder folder;
  constexpr int jobs = 6;
  constexpr int experiments = 15;
  std::vector<Child> children;
  for (int job = 0; job < jobs; ++job) {
    children.emplace_back([&, job] {
      const Files files("file://" + folder.path() + "?sync=0");
      for (int number = 0; number < experiments; ++number) {
        Experiment made(files, std::to_string(job) + "-" + std::to_string(number),
                        {.table_wait = std::chrono::seconds(300)});
        made["parameters"] = {{"job", job}, {"number", number}};
        for (const ExperimentStatus status : {ExperimentStatus::running, ExperimentStatus::done}) {
          made.set_status(status);
          made.persist().value();
        }
      }
      return std::string();
    });
  }
  for (Child& child : children) {
    const Ending ending = child.wait();
    EXPECT_EQ(ending.exit_code, 0) << ending.said;
  }
  const Experiments all("file://" + folder.path());
  EXPECT_EQ(all.list({.where = {}, .status = ExperimentStatus::done}).value().size(),
            static_cast<std::size_t>(jobs * experiments));
  EXPECT_EQ(all.list({.where = {{.parameter = "number", .equals = 3}}, .status = {}}).value().size(),
            static_cast<std::size_t>(jobs));
}

TEST(ExperimentTable, IsWaitedForUntilTheDeadline) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  make_some(files);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  // The lock of a program that writes, as SQLite takes it.
  Child holder([&] {
    const int file = ::open((folder.path() + "/experiments.sqlite").c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000001;
    lock.l_len = 1;
    const char one = 1;
    if (::fcntl(file, F_SETLK, &lock) == 0 && ::write(ends[1], &one, 1) == 1) {
      ::pause();
    }
    return std::string("no lock");
  });
  ::close(ends[1]);
  char one = 0;
  ASSERT_EQ(::read(ends[0], &one, 1), 1);
  Experiment made(files, "late", {.table_wait = milliseconds(100)});
  const auto persisted = made.persist();
  ASSERT_EQ(code_of(persisted), Errc::timeout);
  EXPECT_NE(persisted.error().text().find("is persisted"), std::string::npos);
  EXPECT_TRUE(made.is_persisted());
  holder.kill();
  (void)holder.wait();
  ::close(ends[0]);
  const Experiments all(files);
  EXPECT_EQ(all.list().value().size(), 5U);
  EXPECT_TRUE(all.rebuild().value().empty());
  EXPECT_EQ(all.list().value().size(), 6U);
}

TEST(ExperimentTable, TellsWhatIsWrong) {
  const Experiments all(Files("memory:"));
  const auto code = [&](ParameterFilter filter) {
    return code_of(all.list({.where = {std::move(filter)}, .status = {}}));
  };
  EXPECT_EQ(code({.parameter = ""}), Errc::invalid_argument);
  EXPECT_EQ(code({.parameter = "dt", .equals = std::vector<double>{1}}), Errc::invalid_argument);
  EXPECT_EQ(code({.parameter = "dt", .at_most = Record::list({1})}), Errc::invalid_argument);
}

TEST(ExperimentTable, ComparesParameters) {
  const Files files("memory:");
  make_some(files);
  const Experiments all(files);
  const Record different = all.compare(Ids{"a", "b"}).value();
  EXPECT_EQ(different["dt"], Record::list({0.1, 0.2}));
  EXPECT_EQ(different.size(), 4U);
  EXPECT_EQ(all.compare(Ids{"a", "d"}).value()["solver.steps"], Record::list({Record(), 40}));
  EXPECT_EQ(all.compare(Ids{"a", "a"}).value().size(), 0U);
  EXPECT_EQ(code_of(all.compare(Ids{"a", "none"})), Errc::not_found);
}

TEST(ExperimentTable, ListsTenThousandByAParameter) {
  if (!has_tables()) {
    GTEST_SKIP() << "without SQLite in this build";
  }
  const TemporaryFolder folder;
  std::vector<ExperimentInfo> infos(10'000);
  for (std::size_t at = 0; at < infos.size(); ++at) {
    infos[at].id = "e" + std::to_string(at);
    infos[at].persisted_ns = 1;
    infos[at].parameters = Record::members({{"dt", static_cast<double>(at) / 1000},
                                            {"n", at},
                                            {"solver", Record::members({{"name", "cg"}, {"steps", 40}})}});
  }
  storage::open_experiment_table(folder.path(), milliseconds(1000))->rebuild(infos, 2).value();
  const Experiments all("file://" + folder.path());
  for (const auto& [filter, count] : std::vector<std::pair<ParameterFilter, std::size_t>>{
           {{.parameter = "n", .equals = 4711}, 1},
           {{.parameter = "dt", .at_least = 9}, 1000},
           {{.parameter = "solver.steps", .equals = 40}, 10'000}}) {
    const auto start = std::chrono::steady_clock::now();
    const auto listed = all.list({.where = {filter}, .status = {}}).value();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(listed.size(), count);
    std::cout << count << " of " << infos.size() << " by '" << filter.parameter << "': " << took.count()
              << " ms\n";
  }
}

}  // namespace
}  // namespace locum::tests
