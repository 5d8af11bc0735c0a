// Files of experiments that were changed or cut are found, and named.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <locum/core.hpp>
#include <locum/experiment.hpp>

#include "core/format_registry.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/experiments/experiment_text.hpp"
#include "transport/storage/experiments/plain_record.hpp"

namespace locum::tests {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

TEST(ExperimentDamage, IsFoundAndNamesTheFile) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path();
  std::string outside;
  {
    Experiment made("e", {.url = url});
    made["all"] = every_kind();
    made["T"]["x"] = large_value(600);
    made.persist().value();
    outside = made["T"].url().substr(7);
  }
  const std::string inside = folder.path() + "/e/experiment.json";
  std::minstd_rand random(7);
  for (const std::string& path : {inside, outside}) {
    const std::string whole = content_of(path);
    ASSERT_FALSE(whole.empty()) << path;
    const auto is_found = [&](const std::string& text) {
      write_file(path, text);
      const auto outcome = [&]() -> Result<Record> {
        try {
          return Experiment("e", {.url = url})["T"].value();
        } catch (const Error& error) {
          return error;
        }
      }();
      ASSERT_FALSE(outcome);
      const Errc code = outcome.error().code();
      EXPECT_TRUE(code == Errc::corrupt || code == Errc::unsupported) << outcome.error().what();
      EXPECT_NE(std::string(outcome.error().what()).find(std::filesystem::path(path).filename().string()),
                std::string::npos)
          << outcome.error().what();
    };
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 10) {
      is_found(whole.substr(0, size));
    }
    is_found(whole + "x");
    is_found(whole + whole);
    for (int change = 0; change < 300; ++change) {
      std::string text = whole;
      text[random() % text.size()] ^= static_cast<char>(1U << random() % 8);
      is_found(text);
    }
    for (std::size_t at = 0; at < 128; ++at) {
      std::string text = whole;
      text[at] ^= 1;
      is_found(text);
    }
    write_file(path, whole);
  }
  EXPECT_EQ(Experiment("e", {.url = url})["T"]["x"].value().value(), large_value(600));
}

TEST(ExperimentDamage, OfAFieldSaysWhatToDo) {
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path();
  Experiment made("e", {.url = url});
  made["T"] = large_value(600);
  made.persist().value();
  const std::string path = made["T"].url().substr(7);
  const std::string name = "e/" + std::filesystem::path(path).filename().string();
  std::string text = content_of(path);
  text[1000] ^= 1;
  write_file(path, text);
  const Error damaged = Experiment("e", {.url = url})["T"].value().error();
  EXPECT_EQ(damaged.code(), Errc::corrupt);
  EXPECT_EQ(damaged.key(), name);
  EXPECT_NE(damaged.text().find("the file of the field 'T' cannot be read: the file is damaged"),
            std::string::npos)
      << damaged.what();
  EXPECT_EQ(damaged.text().find("pointer"), std::string::npos) << "it is no memory: " << damaged.what();

  std::filesystem::remove(path);
  Experiment again("e", {.url = url});
  for (const Error& missing : {again["T"].value().error(), again.copy("f").error()}) {
    EXPECT_EQ(missing.code(), Errc::corrupt);
    EXPECT_EQ(missing.key(), name);
    EXPECT_NE(missing.text().find("the file of the field 'T' is missing"), std::string::npos)
        << missing.what();
  }
  again.erase("T");
  EXPECT_TRUE(again.persist());
  EXPECT_EQ(code_of(made["T"].value()), Errc::stale) << "another program has persisted since";
}

// Whoever writes the checksum, too, may write anything: it is refused, or read, and does no harm.
TEST(ExperimentDamage, OfWhoKnowsTheChecksumDoesNoHarm) {
  storage::WrittenExperiment written;
  written.fields["all"].value = every_kind();
  written.fields["T"].file = "T.0123456789abcdef-01234567.record";
  const std::string revision = "0123456789abcdef-01234567";
  const std::string whole = storage::text_of_experiment(written, revision).value();
  ASSERT_TRUE(storage::read_experiment_text(whole, {}));
  std::minstd_rand random(3);
  int refused = 0;
  for (int change = 0; change < 3000; ++change) {
    std::string rest = whole.substr(storage::experiment_head_bytes);
    for (std::size_t count = 1 + random() % 3; count > 0; --count) {
      const std::size_t at = random() % (rest.size() - 2);
      switch (random() % 3) {
        case 0:
          rest[at] = static_cast<char>(random());
          break;
        case 1:
          rest.erase(at, std::min<std::size_t>(random() % 40, rest.size() - 2 - at));
          break;
        default:
          rest.insert(at, rest.substr(random() % rest.size(), random() % 40));
      }
    }
    const std::string text = storage::sealed_experiment_text(revision, rest);
    const auto read = storage::read_experiment_text(text, {});
    refused += read ? 0 : 1;
    if (!read) {
      EXPECT_EQ(read.error().code(), Errc::corrupt) << read.error().what();
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(ExperimentDamage, IsNoLaterVersion) {
  const std::string text = storage::text_of_experiment({}, "0123456789abcdef-01234567").value();
  std::string later = text;
  later.replace(text.find('1'), 1, "2");
  EXPECT_EQ(code_of(storage::read_experiment_text(later, {})), Errc::unsupported);
  EXPECT_EQ(code_of(storage::read_experiment_text("{\"other\": 1}", {})), Errc::corrupt);
  EXPECT_EQ(storage::revision_of_experiment(text).value(), "0123456789abcdef-01234567");
}

TEST(ExperimentDamage, OfReferencesLeadsNowhere) {
  const std::string revision = "0123456789abcdef-01234567";
  storage::WrittenExperiment written;
  written.fields["T"].file = "T.0123456789abcdef-01234567.record";
  const std::string good = storage::text_of_experiment(written, revision).value();
  for (const std::string& url :
       {std::string("../f/T.0123456789abcdef-01234567.record"), std::string("/etc/passwd"), std::string(),
        std::string("T.record"), std::string(".0123456789abcdef-01234567.record"),
        std::string("T.0123456789abcdeX-01234567.record"), std::string("experiment.json")}) {
    std::string rest = good.substr(storage::experiment_head_bytes);
    rest.replace(rest.find(written.fields["T"].file), written.fields["T"].file.size(), url);
    const auto read = storage::read_experiment_text(storage::sealed_experiment_text(revision, rest), {});
    EXPECT_EQ(code_of(read), Errc::corrupt) << url;
  }
}

TEST(PlainRecord, IsTheValueAgain) {
  const Record all = every_kind();
  const Record plain = storage::plain_record(all);
  EXPECT_EQ(stored_form(storage::record_of_plain(plain, {}).value()), stored_form(all));
  for (const Record& bad : {Record::members({{"@record", "0"}}), Record::members({{"@record", "zz"}}),
                            Record::members({{"@record", 1}}), Record::members({{"@record", "01ff"}}),
                            Record::members({{"@record", ""}})}) {
    EXPECT_EQ(code_of(storage::record_of_plain(bad, {})), Errc::corrupt) << bad;
  }
}

TEST(RecordFormat, IsAFormatOfFiles) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path());
  files.save("all.record", every_kind()).value();
  EXPECT_EQ(stored_form(files.load("all.record").value()), stored_form(every_kind()));
  files.save("T.record", std::vector<double>{1, 2}).value();
  EXPECT_EQ(files.load<double[]>("T.record").value()[1], 2);
  EXPECT_GT(files.info("T.record").value()["size_bytes"].as<int>().value(), 16);
  const Record mapped = files.load("T.record", {.map = true}).value();
  EXPECT_EQ(mapped, Record(std::vector<double>{1, 2}));
  const auto without_ending = [&] {
    std::filesystem::copy_file(folder.path() + "/T.record", folder.path() + "/T.unknown");
    return files.load("T.unknown");
  }();
  ASSERT_FALSE(without_ending);
  EXPECT_NE(without_ending.error().text().find("record"), std::string::npos);
  std::string text = content_of(folder.path() + "/T.record");
  text[13] = '2';
  write_file(folder.path() + "/T.record", text);
  EXPECT_EQ(code_of(files.load("T.record")), Errc::unsupported);
}

}  // namespace
}  // namespace locum::tests
