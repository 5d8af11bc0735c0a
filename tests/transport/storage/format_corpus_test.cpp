// Files that the fuzzer of formats has found, and its first ones; complete, and cut in half.
#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>

#include "core/format_registry.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/format_input.hpp"
#include "tests/shm/child.hpp"
#include "transport/storage/files/format_list.hpp"

namespace locum::tests {
namespace {

TEST(FormatCorpus, DoesNoHarm) {
  storage::register_own_formats();
  int formats = 0;
  for (const auto& folder : std::filesystem::directory_iterator(LOCUM_FORMAT_CORPUS)) {
    const std::string name = folder.path().filename();
    const auto format = format_named(name);
    ASSERT_TRUE(format) << name;
    const auto files = read_corpus(folder.path(), [&](std::span<const std::byte> input) {
      read_as_format(*format, input);
      return 0;
    });
    EXPECT_GE(files, 3U) << name;
    ++formats;
  }
  EXPECT_GE(formats, 10);
}

// HDF5 1.10 ends the process on some files that are damaged, or never returns: each is read by a child. Those
// here are refused before HDF5 reads what does the harm, or were of no harm.
TEST(FormatCorpus, OfHdf5DoesNoHarm) {
  storage::register_own_formats();
  const auto format = format_named("h5");
  if (!format || !format->traits().loads) {
    GTEST_SKIP() << "without HDF5 in this build";
  }
  constexpr unsigned seconds_for_a_file = 60;
  const auto files = read_corpus(LOCUM_H5_CORPUS, [&](std::span<const std::byte> input) {
    const Ending ending = Child(
                              [&] {
                                read_as_format(*format, input);
                                return std::string();
                              },
                              seconds_for_a_file)
                              .wait();
    EXPECT_EQ(ending.exit_code, 0) << input.size() << " bytes; signal " << ending.signal << "; "
                                   << ending.said;
    return 0;
  });
  EXPECT_GE(files, 10U);
}

}  // namespace
}  // namespace locum::tests
