#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <locum/core.hpp>
#include <locum/experiment.hpp>
#include <locum/experiments.hpp>
#include <locum/record_io.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

TEST(RecordIO, WritesValuesAndBytesAndReadsThemByUrl) {
  const TemporaryFolder folder;
  for (const std::string& url : {std::string("memory:"), "file://" + folder.path()}) {
    const Files files(url);
    const RecordIO io(files, {.prefix = "shared"});
    const std::string all = io.write(every_kind()).value();
    EXPECT_EQ(stored_form(io.read(all).value()), stored_form(every_kind()));
    const std::vector<std::byte> raw{std::byte{0}, std::byte{'"'}, std::byte{255}};
    const std::string bytes = io.write_bytes(raw).value();
    const Array read = io.read(bytes).value().array();
    EXPECT_EQ(std::vector<std::byte>(read.bytes().begin(), read.bytes().end()), raw);
    EXPECT_EQ(io.read(io.write_bytes({}).value()).value().array().size(), 0U);
    const RecordIO other(files, {.prefix = "other"});
    EXPECT_EQ(stored_form(other.read(all).value()), stored_form(every_kind()));
    EXPECT_EQ(code_of(other.remove(all)), Errc::invalid_argument);
    EXPECT_TRUE(io.remove(all).value());
    EXPECT_FALSE(io.remove(all).value());
    EXPECT_EQ(code_of(io.read(all)), Errc::not_found);
    Experiment made(files, "e");
    made["T"] = large_value(1000);
    made.persist().value();
    EXPECT_EQ(io.read(made["T"].url()).value(), large_value(1000));
    EXPECT_EQ(code_of(io.remove(made["T"].url())), Errc::invalid_argument);
  }
}

TEST(RecordIO, WritesBytesAsTheyAre) {
  const TemporaryFolder folder;
  const RecordIO io({.prefix = "raw", .url = "file://" + folder.path()});
  const std::string text = "what any program reads\n";
  const std::string url = io.write_bytes(std::as_bytes(std::span(text))).value();
  std::ifstream file(url.substr(7), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST(RecordIO, HasNoPrefixThatIsAnExperiment) {
  const Files files("memory:");
  Experiment made(files, "e");
  const RecordIO early(files, {.prefix = "e"});
  made["T"] = large_value(1000);
  made.persist().value();
  EXPECT_EQ(code_thrown([&] { (void)RecordIO(files, {.prefix = "e"}); }), Errc::key_exists);
  EXPECT_EQ(code_of(early.write(1)), Errc::key_exists);
  EXPECT_EQ(Experiment(files, "e")["T"].value().value(), large_value(1000));

  Experiment late(files, "shared");
  const RecordIO io(files, {.prefix = "shared"});
  const std::string url = io.write(large_value(1000)).value();
  EXPECT_EQ(code_thrown([&] { (void)Experiment(files, "shared"); }), Errc::key_exists);
  late["T"] = large_value(1000);
  EXPECT_EQ(code_of(late.persist()), Errc::key_exists);
  EXPECT_EQ(code_of(late.remove()), Errc::key_exists);
  EXPECT_EQ(code_of(made.copy("shared")), Errc::key_exists);
  const Experiments all(files);
  EXPECT_EQ(code_of(all.remove("shared")), Errc::key_exists);
  EXPECT_TRUE(all.garbage({.remove = true, .older_than = std::chrono::seconds(0)}).value().empty());
  EXPECT_EQ(all.ids().value(), std::vector<std::string>{"e"});
  EXPECT_EQ(io.read(url).value(), large_value(1000));
}

TEST(RecordIO, TellsWhatIsWrong) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  for (const char* const prefix : {"", "..", "a/b", ".tmp"}) {
    EXPECT_EQ(code_thrown([&] { (void)RecordIO(files, {.prefix = prefix}); }), Errc::invalid_argument);
  }
  EXPECT_EQ(code_thrown([&] { (void)RecordIO(files, {.prefix = "a", .url = "memory:"}); }),
            Errc::invalid_argument);
  const RecordIO io(files, {.prefix = "a"});
  const std::string start = "file://" + folder.path() + "/";
  for (const std::string& url : {std::string(), std::string("file:///etc/passwd"), start, start + "../x",
                                 start + "a/../../x", std::string("memory:#a/x"), folder.path() + "/a/x"}) {
    EXPECT_EQ(code_of(io.read(url)), Errc::invalid_argument) << url;
    EXPECT_EQ(code_of(io.remove(url)), Errc::invalid_argument) << url;
  }
  EXPECT_EQ(code_of(io.read(start + "a/none.value")), Errc::not_found);
  const std::string url = io.write(large_value(10)).value();
  std::ofstream(url.substr(7), std::ios::app) << "x";
  const auto read = io.read(url);
  ASSERT_EQ(code_of(read), Errc::corrupt);
  EXPECT_NE(std::string(read.error().what()).find(".value"), std::string::npos);
}

}  // namespace
}  // namespace locum::tests
