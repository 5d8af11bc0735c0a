// Processes that persist an experiment are killed at any instant: the old one or the new one is there, whole.
// LOCUM_EXPERIMENT_KILLS: how many; LOCUM_EXPERIMENT_KILL_SEED: of the first.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include <locum/core.hpp>
#include <locum/experiment.hpp>
#include <locum/experiments.hpp>

#include "tests/transport/storage/experiments/experiment_samples.hpp"
#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t killed_doubles = 5000;

/// What the change of that number makes of the experiment: the same in each field.
void set_state(Experiment& experiment, int number) {
  experiment["parameters"] = {{"number", number}};
  experiment["T"]["x"] = large_value(killed_doubles, number);
  if (number % 2 == 0) {
    experiment["p"] = large_value(killed_doubles, number);
  } else {
    experiment.erase("p");
  }
}

void expect_state(Experiment& experiment, int number) {
  ASSERT_EQ(experiment["parameters"]["number"].as<int>().value(), number);
  ASSERT_EQ(experiment["T"]["x"].value().value(), large_value(killed_doubles, number));
  ASSERT_EQ(experiment["p"].value().value(),
            number % 2 == 0 ? large_value(killed_doubles, number) : Record());
}

TEST(ExperimentKills, LeaveTheOldOneOrTheNewOne) {
  const std::uint64_t kills = number_in("LOCUM_EXPERIMENT_KILLS", 12);
  const std::uint64_t first_seed = number_in("LOCUM_EXPERIMENT_KILL_SEED", 1);
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  int number = 0;
  std::uint64_t old = 0;
  std::uint64_t with_garbage = 0;
  std::uint64_t stale_rows = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919));
    const std::uint64_t least = random() % 20;
    const std::chrono::microseconds later(random() % 1500);
    const std::string said = said_until_killed(
        [&](int to) {
          Experiment experiment("e", {.url = url});
          const char one = 1;
          for (int next = number + 1;; ++next) {
            set_state(experiment, next);
            experiment.persist().value();
            if (::write(to, &one, 1) != 1) {
              return;
            }
          }
        },
        least, later);
    const int last = number + static_cast<int>(said.size());
    Experiment found("e", {.url = url});
    if (!found.is_persisted()) {
      ASSERT_EQ(last, 0);
      continue;
    }
    number = found["parameters"]["number"].as<int>().value();
    ASSERT_TRUE(number == last || number == last + 1) << number << " after " << last;
    old += number == last ? 1 : 0;
    expect_state(found, number);
    const Experiments all("file://" + folder.path());
    const auto garbage = all.garbage({.remove = true, .older_than = std::chrono::seconds(0)}).value();
    with_garbage += garbage.empty() ? 0 : 1;
    EXPECT_TRUE(all.garbage({.remove = false, .older_than = std::chrono::seconds(0)}).value().empty());
    Experiment again("e", {.url = url});
    expect_state(again, number);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/e")) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(files, number % 2 == 0 ? 3U : 2U);
    const auto row = all.list({.where = {{.parameter = "number", .equals = number}}, .status = {}}).value();
    stale_rows += row.empty() ? 1 : 0;
    if (row.empty()) {
      EXPECT_TRUE(all.rebuild().value().empty());
      EXPECT_EQ(all.list({.where = {{.parameter = "number", .equals = number}}, .status = {}}).value().size(),
                1U);
    }
  }
  std::cout << kills << " kills, " << number << " changes; " << old << " left the old one, " << with_garbage
            << " left garbage, " << stale_rows << " a row of the table that was made again\n";
}

TEST(ExperimentKills, LeaveCopiesWholeOrNone) {
  const std::uint64_t kills = number_in("LOCUM_EXPERIMENT_KILLS", 12);
  const std::uint64_t first_seed = number_in("LOCUM_EXPERIMENT_KILL_SEED", 1);
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  {
    Experiment experiment("e", {.url = url});
    set_state(experiment, 2);
    experiment.persist().value();
  }
  std::uint64_t whole = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919));
    const std::uint64_t least = random() % 10;
    const std::chrono::microseconds later(random() % 2500);
    (void)said_until_killed(
        [&](int to) {
          const Experiment experiment("e", {.url = url});
          const char one = 1;
          do {
            EXPECT_TRUE(experiment.copy("f").value().remove().value());
          } while (::write(to, &one, 1) == 1);
        },
        least, later);
    for (const char* const id : {"e", "f"}) {
      Experiment found(id, {.url = url});
      if (std::string(id) == "e" || found.is_persisted()) {
        expect_state(found, 2);
      }
      if (std::string(id) == "f" && found.is_persisted()) {
        ++whole;
        EXPECT_TRUE(found.remove().value());
      }
    }
    const Experiments all("file://" + folder.path());
    (void)all.garbage({.remove = true, .older_than = std::chrono::seconds(0)}).value();
    EXPECT_TRUE(all.rebuild().value().empty());
    EXPECT_EQ(all.list().value().size(), 1U);
    const std::string left = folder.path() + "/f";
    EXPECT_TRUE(!std::filesystem::exists(left) || std::filesystem::is_empty(left));
  }
  std::cout << kills << " kills, " << whole << " left the copy\n";
}

}  // namespace
}  // namespace locum::tests
