// Files that the fuzzer of formats has found, and its first ones; complete, and cut in half.
#include <gtest/gtest.h>

#include <filesystem>
#include <span>
#include <string>

#include "core/format_registry.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/format_input.hpp"
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

}  // namespace
}  // namespace locum::tests
