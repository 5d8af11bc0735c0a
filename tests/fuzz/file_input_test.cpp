#include "tests/fuzz/file_input.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/odd_checkpoint.hpp"

namespace locum::tests {
namespace {

std::vector<std::byte> input_of(FileInput kind, std::size_t number) {
  return {static_cast<std::byte>(kind), static_cast<std::byte>(number), static_cast<std::byte>(number >> 8U)};
}

TEST(FileInput, OfACheckpointThatIsRightIsRead) {
  const FileOutcome part = read_file(input_of(FileInput::part, 0));
  EXPECT_EQ(part.whole, honest_rows().size());
  EXPECT_EQ(part.read, honest_rows().size());
  EXPECT_EQ(part.errors, 0U);
  const FileOutcome master = read_file(input_of(FileInput::master, 0));
  EXPECT_EQ(master.whole, 1U);
  const FileOutcome record = read_file(input_of(FileInput::part_record, 0));
  EXPECT_EQ(record.whole, 1U);
}

// Tables and attributes that are stored in another way than the library does.
TEST(FileInput, OfOddCheckpointsDoesNoHarm) {
  std::size_t refused = 0;
  for (std::size_t number = 0; number < odd_parts(); ++number) {
    SCOPED_TRACE(number);
    refused += read_file(input_of(FileInput::part, number)).errors;
  }
  EXPECT_GT(refused, odd_parts() / 2);
  refused = 0;
  for (std::size_t number = 0; number < odd_masters(); ++number) {
    SCOPED_TRACE(number);
    refused += read_file(input_of(FileInput::master, number)).errors;
  }
  EXPECT_GT(refused, odd_masters() / 2);
}

// Inputs that the fuzzer has found; complete, and truncated.
TEST(FileInput, OfTheCorpusDoesNoHarm) {
  const auto read = [](std::span<const std::byte> input) { return read_file(input); };
  EXPECT_GT(read_corpus(LOCUM_FUZZ_FILE_CORPUS, read), 20U);
}

}  // namespace
}  // namespace locum::tests
