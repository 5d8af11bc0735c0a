// Processes that pack a folder are killed at any instant: the old archive or the new one is there, whole.
// LOCUM_ZIP_KILLS: how many; LOCUM_ZIP_KILL_SEED: of the first.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace {

constexpr std::uint64_t killed_elements = 20'000;

void save_state(const Files& files, int number) {
  const ZarrArray T = ZarrArray::open(files, "T.zarr").value();
  T.write(std::vector<double>(killed_elements, number)).value();
  T.set_attributes({{"number", number}}).value();
}

TEST(ZipKills, LeaveTheOldArchiveOrTheNewOne) {
  const std::uint64_t kills = number_in("LOCUM_ZIP_KILLS", 25);
  const std::uint64_t first_seed = number_in("LOCUM_ZIP_KILL_SEED", 1);
  const TemporaryFolder folder;
  const std::string url = "file:" + folder.path() + "?sync=0";
  (void)ZarrArray::create(
      Files(url), "T.zarr",
      {.type = ElementType::of<double>(), .shape = {killed_elements}, .chunks = {1000}, .codecs = ""})
      .value();
  int number = 0;
  std::uint64_t old = 0;
  std::uint64_t with_garbage = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919));
    const std::uint64_t least = random() % 8;
    const std::chrono::microseconds later(random() % 6000);
    const std::string said = said_until_killed(
        [&](int to) {
          const Files files(url);
          const char one = 1;
          for (int next = number + 1;; ++next) {
            save_state(files, next);
            files.pack("T.zarr", "T.zarr.zip").value();
            if (::write(to, &one, 1) != 1) {
              return;
            }
          }
        },
        least, later);
    const int last = number + static_cast<int>(said.size());
    const std::filesystem::path unfinished = folder.path() + "/.tmp";
    with_garbage += std::filesystem::exists(unfinished) && !std::filesystem::is_empty(unfinished) ? 1 : 0;
    const Files again(url);  // removes what is left over
    EXPECT_TRUE(!std::filesystem::exists(unfinished) || std::filesystem::is_empty(unfinished));
    if (!again.exists("T.zarr.zip").value()) {
      ASSERT_EQ(last, 0);
      continue;
    }
    const ZarrArray T = ZarrArray::open(Files("zip:" + folder.path() + "/T.zarr.zip"), "").value();
    number = T.attributes().get<int>("number").value();
    ASSERT_TRUE(number == last || number == last + 1) << number << " after " << last;
    old += number == last ? 1 : 0;
    ASSERT_EQ(T.read({}, {.strict = true}).value(), Array(std::vector<double>(killed_elements, number)));
  }
  std::cout << kills << " kills, " << number << " archives; " << old << " left the old one, " << with_garbage
            << " an unfinished file that the next opening removed\n";
}

}  // namespace
}  // namespace locum::tests
