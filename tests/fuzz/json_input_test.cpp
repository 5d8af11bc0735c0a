#include "tests/fuzz/json_input.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "tests/fuzz/corpus.hpp"

namespace locum::tests {
namespace {

JsonOutcome outcome_of_json(char form, std::string_view text) {
  const std::string input = form + std::string(text);
  return read_json_input(std::as_bytes(std::span(input)), std::chrono::minutes(1));
}

TEST(JsonInput, IsReadAndKept) {
  const JsonOutcome one = outcome_of_json(1, R"({"value": [1.0, 2.5], "type": "f64[]"})");
  EXPECT_EQ(one.read, one.kept + 1) << "the object is read, and again after each change of another one";
  EXPECT_GE(one.kept, 1U);
  const JsonOutcome file = outcome_of_json(0, R"({"s": {"n": 3.5, "m": "text", "l": {"a": [1, null]}}})");
  EXPECT_EQ(file.read, file.kept + 3);
  EXPECT_EQ(file.kept, 3U + 2U + 2U) << "after one is stored, one is replaced, and all are opened again";
  EXPECT_EQ(outcome_of_json(0, "{").read, 0U);
  EXPECT_GE(outcome_of_json(0, "{").errors, 1U);
  EXPECT_GE(outcome_of_json(1, "{").errors, 1U);
}

// Inputs that the fuzzer has found, and its first ones; complete, and cut in half.
TEST(JsonInput, OfTheCorpusDoesNoHarm) {
  const auto read = [](std::span<const std::byte> input) { return read_json_input(input); };
  EXPECT_GT(read_corpus(LOCUM_FUZZ_JSON_CORPUS, read), 10U);
}

}  // namespace
}  // namespace locum::tests
