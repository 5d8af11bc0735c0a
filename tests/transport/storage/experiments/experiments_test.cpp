#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <locum/configuration.hpp>
#include <locum/core.hpp>
#include <locum/experiment.hpp>
#include <locum/experiments.hpp>
#include <locum/record_io.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

using std::chrono::seconds;

TEST(Experiments, AreThoseThatWerePersisted) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file://" + folder.path()}) {
    const Files files(url);
    const Experiments all(files);
    EXPECT_TRUE(all.ids().value().empty());
    for (const char* const id : {"b", "a", "c"}) {
      Experiment made(files, id);
      made["parameters"] = {{"name", id}};
      if (std::string(id) != "c") {
        made.persist().value();
      }
    }
    files.save("other/T.npy", std::vector<double>{1}).value();
    EXPECT_EQ(all.ids().value(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(all.info("b").value().parameters["name"].text(), "b");
    EXPECT_EQ(code_of(all.info("c")), Errc::not_found);
    EXPECT_EQ(code_of(all.info("../b")), Errc::invalid_argument);
  }
}

TEST(Experiments, MakeNoFolderUntilOneIsPersisted) {
  const TemporaryFolder folder;
  const std::filesystem::path place = folder.path() + "/new/place";
  const std::string url = "file://" + place.string();
  const Experiments all(url);
  EXPECT_TRUE(all.ids().value().empty());
  EXPECT_TRUE(all.list().value().empty());
  EXPECT_TRUE(all.garbage({.remove = true}).value().empty());
  EXPECT_FALSE(all.remove("e").value());
  EXPECT_EQ(code_of(all.info("e")), Errc::not_found);
  if (const auto rebuilt = all.rebuild(); !rebuilt) {
    EXPECT_EQ(rebuilt.error().code(), Errc::unsupported) << "a build without SQLite";
  }
  Experiment made("e", {.url = url});
  made["parameters"] = {{"dt", 0.1}};
  EXPECT_EQ(made.url(), url + "/e");
  const RecordIO io({.prefix = "shared", .url = url});
  EXPECT_EQ(code_of(made.reload()), Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/new"));

  made.persist().value();
  EXPECT_TRUE(std::filesystem::exists(place / "e" / "experiment.json"));
  EXPECT_EQ(all.ids().value(), std::vector<std::string>{"e"});
  EXPECT_EQ(all.list({.where = {{.parameter = "dt", .at_most = 1}}}).value().size(), 1U);
  EXPECT_EQ(io.read(io.write(1.5).value()).value(), Record(1.5));
  EXPECT_EQ(code_thrown([&] { const Experiments none(url + "x?create=0"); }), Errc::not_found);
  EXPECT_EQ(code_thrown([&] { const Experiments none("file://host/place"); }), Errc::invalid_argument);
}

TEST(Experiments, AreWhereTheyWereOpenedAlsoIfTheFolderComesLater) {
  const TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  Experiment made("e", {.url = "file:later"});
  std::filesystem::current_path(before);
  made["T"] = large_value(600);
  made.persist().value();
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/later/e/experiment.json"));
  EXPECT_EQ(Experiment("e", {.url = "file://" + folder.path() + "/later"})["T"].value().value(),
            large_value(600));
}

/// Sets a variable of the environment, and restores it at its end.
class SetVariable {
 public:
  SetVariable(const char* name, const std::string& value) : name_(name) {
    const char* const before = std::getenv(name);
    before_ = before == nullptr ? "" : before;
    ::setenv(name, value.c_str(), 1);
  }
  SetVariable(const SetVariable&) = delete;
  SetVariable& operator=(const SetVariable&) = delete;
  ~SetVariable() { ::setenv(name_, before_.c_str(), 1); }

 private:
  const char* name_;
  std::string before_;
};

TEST(Experiments, AreWhereTheEnvironmentSays) {
  const TemporaryFolder folder;
  const std::string file = folder.path() + "/stores.toml";
  std::ofstream(file) << "[experiments]\nurl = 'file://" << folder.path() << "/of_file'\n";
  const SetVariable none("LOCUM_EXPERIMENTS", "");
  {
    const SetVariable no_file("LOCUM_STORES", "");
    EXPECT_EQ(code_thrown([] { (void)Experiment("e"); }), Errc::invalid_argument);
    EXPECT_EQ(code_thrown([] { (void)Experiments(); }), Errc::invalid_argument);
  }
  const SetVariable stores("LOCUM_STORES", file);
  if (const auto read = read_configuration(file)) {
    Experiment made("e");
    made.persist().value();
    EXPECT_TRUE(std::filesystem::exists(folder.path() + "/of_file/e/experiment.json"));
  } else {
    EXPECT_EQ(code_thrown([] { (void)Experiment("e"); }),
              read.error().code());  // without toml++ in this build
  }
  const SetVariable url("LOCUM_EXPERIMENTS", "file://" + folder.path() + "/of_variable");
  Experiment made("e");
  made.persist().value();
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/of_variable/e/experiment.json"));
  EXPECT_EQ(Experiments().ids().value(), std::vector<std::string>{"e"});
  const RecordIO io({.prefix = "shared"});
  EXPECT_TRUE(io.write(1).value().starts_with("file://" + folder.path() + "/of_variable/shared/"));
  Experiment elsewhere("e", {.url = "file://" + folder.path() + "/given"});
  EXPECT_FALSE(elsewhere.is_persisted());
  std::ofstream(file) << "[experiments]\nurl = 1\n";
  const SetVariable no_url("LOCUM_EXPERIMENTS", "");
  EXPECT_NE(code_thrown([] { (void)Experiment("e"); }), Errc{});
}

TEST(Experiments, FindGarbage) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  const Experiments all(files);
  Experiment made(files, "e");
  made["T"] = large_value(2000);
  made.persist().value();
  const std::string used = made["T"].url().substr(7);
  const std::string old = "T.0000000000000001-01234567.record";
  std::filesystem::copy_file(used, folder.path() + "/e/" + old);
  std::filesystem::create_directory(folder.path() + "/lost");
  std::filesystem::copy_file(used, folder.path() + "/lost/" + old);
  std::filesystem::copy_file(used, folder.path() + "/e/T.ffffffffffffffff-01234567.record");  // of the future
  std::ofstream(folder.path() + "/e/plot.png") << "mine";
  std::ofstream(folder.path() + "/e/mine.record") << "mine";
  std::filesystem::create_directory(folder.path() + "/damaged");
  std::filesystem::copy_file(used, folder.path() + "/damaged/" + old);
  std::ofstream(folder.path() + "/damaged/experiment.json") << "{";

  const auto found = all.garbage().value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "e/" + old);
  EXPECT_EQ(found[1].path, "lost/" + old);
  EXPECT_EQ(found[1].size_bytes, std::filesystem::file_size(used));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/lost/" + old));
  EXPECT_EQ(all.garbage({.remove = true, .older_than = seconds(0)}).value().size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/lost"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/damaged/" + old));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/e/mine.record"));
  EXPECT_TRUE(all.garbage().value().empty());
  EXPECT_EQ(Experiment(files, "e")["T"].value().value(), large_value(2000));
  EXPECT_EQ(code_of(all.garbage({.remove = false, .older_than = seconds(-1)})), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
