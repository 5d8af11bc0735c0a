#include "tests/fuzz/backend_input.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend_session.hpp"
#include "core/serializers.hpp"
#include "core/store.hpp"
#include "core/url.hpp"
#include "tests/fuzz/corpus.hpp"
#include "transport/storage/memory/simple.hpp"

namespace locum::tests {
namespace {

BackendOutcome outcome_of(BackendInput kind, std::string_view rest) {
  const std::string input = static_cast<char>(kind) + std::string(rest);
  return read_backend(std::as_bytes(std::span(input)));
}

/// The record of a value, as the library stores it.
template <class T>
std::string stored_record(const T& value) {
  const auto backend = storage::open_simple(Url{}).value();
  EXPECT_TRUE(open_session(backend)->open("s")->put("n", value));
  const auto record = backend->load({"s", "n"}, whole_record, std::chrono::seconds(60)).value();
  return {reinterpret_cast<const char*>(record.bytes.data()), record.bytes.size()};
}

TEST(BackendInput, OfAUrlOpensWhatStaysHere) {
  for (const char* url : {"memory:", "simple:", "checksum+cache+simple:?cache.bytes=1000",
                          "multi:?1.to=simple:&1.most_bytes=10&2.to=memory:%3Fbytes=5&2.to=simple:"}) {
    const BackendOutcome outcome = outcome_of(BackendInput::url, url);
    EXPECT_EQ(outcome.whole + outcome.errors > 0 ? outcome.whole : 0,
              std::string_view(url).starts_with("multi") ? 0U : 2U)
        << url;
  }
  EXPECT_EQ(outcome_of(BackendInput::url, "file:///etc").whole, 1U) << "read, and not opened";
  EXPECT_EQ(outcome_of(BackendInput::url, "encrypt+simple:?encrypt.key=file:/etc/passwd").whole, 1U);
}

TEST(BackendInput, OfARecordThatIsRightIsRead) {
  for (const std::string& record :
       {stored_record(std::vector<double>{1, 2, 3, 4}), stored_record(std::vector<std::string>{"a", "b"})}) {
    for (const char flags : {'\0', '\1', '\2', '\3'}) {
      EXPECT_GE(outcome_of(BackendInput::record, flags + record).read, 2U);
    }
  }
  EXPECT_GE(outcome_of(BackendInput::record, std::string("\0raw bytes", 10)).read, 2U);
}

TEST(BackendInput, OfNamesIsFound) {
  for (const char* name : {"a", "@a", "a/b", "%", "\x80"}) {
    EXPECT_GE(outcome_of(BackendInput::names, std::string("\2\0", 2) + name).whole, 1U) << name;
  }
}

TEST(BackendInput, OfAPackThatIsRightIsRead) {
  // Two records: each has a space, a name and a length.
  const std::array<char, 12> input{0, 2, 0, 0, 0, 10, 0, 1, 1, 2, '\307', 0};
  const BackendOutcome pack = outcome_of(BackendInput::pack, std::string_view(input.data(), input.size()));
  EXPECT_EQ(pack.errors, 0U);
  EXPECT_EQ(pack.read, 8U) << "two, for who looks into the file, and opens it, to read and to write";
}

// Inputs that the fuzzer has found, and its first ones; complete, and truncated.
TEST(BackendInput, OfTheCorpusDoesNoHarm) {
  const auto read = [](std::span<const std::byte> input) { return read_backend(input); };
  EXPECT_GT(read_corpus(LOCUM_FUZZ_BACKEND_CORPUS, read), 10U);
}

}  // namespace
}  // namespace locum::tests
