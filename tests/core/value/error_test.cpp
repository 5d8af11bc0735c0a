#include "core/value/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/value/key.hpp"

namespace locum {
namespace {

TEST(Error, SaysCodeTextDetailKeyAndRank) {
  const Error error = Error(Errc::key_exists, "the name is taken", "EEXIST").about("mesh/v1").at_rank(3);
  EXPECT_STREQ(error.what(), "key_exists: the name is taken (EEXIST) [key mesh/v1] [rank 3]");
  EXPECT_EQ(error.code(), Errc::key_exists);
  EXPECT_EQ(error.text(), "the name is taken");
  EXPECT_EQ(error.detail(), "EEXIST");
  EXPECT_EQ(error.key(), "mesh/v1");
  EXPECT_EQ(error.rank(), 3);
  std::ostringstream out;
  out << error;
  EXPECT_EQ(out.str(), error.what());
}

TEST(Error, PrintsNamesThatAreNoText) {
  const std::string name("a\0b\n\x7f", 5);
  const Error error = Error(Errc::not_found, "no").about(name).at_rank(3);
  EXPECT_STREQ(error.what(), "not_found: no [key a\\x00b\\x0a\\x7f] [rank 3]");
  EXPECT_EQ(error.key(), name);
}

TEST(Error, LeavesOutWhatIsUnknown) {
  const Error error(Errc::timeout, "too late");
  EXPECT_STREQ(error.what(), "timeout: too late");
  EXPECT_EQ(error.rank(), -1);
  EXPECT_TRUE(error.key().empty());
}

TEST(Error, ShortensLongNames) {
  const Error error = Error(Errc::not_found, "no").about(std::string(64 * 1024, 'n'));
  EXPECT_LT(error.key().size(), 200U);
  EXPECT_NE(error.key().find("65536 bytes"), std::string::npos);
}

TEST(Error, IsUnchangedByItsCopies) {
  const Error first(Errc::closed, "text");
  const Error second = first.about("key").at_rank(1);
  EXPECT_TRUE(first.key().empty());
  EXPECT_EQ(first.rank(), -1);
  EXPECT_EQ(second.text(), "text");
}

TEST(Error, SaysTheSameWhateverWasAddedInWhichOrder) {
  const Error plain(Errc::timeout, "late", "ETIME");
  const Key key{1, 2, 3};
  const Error placed = plain.about(key, 4);
  EXPECT_STREQ(placed.what(), "timeout: late (ETIME) [key 1/2/3] [rank 4]");
  EXPECT_STREQ(plain.about("name", 4).at_rank(5).what(), "timeout: late (ETIME) [key name] [rank 5]");
  EXPECT_STREQ(placed.about("other").what(), "timeout: late (ETIME) [key other] [rank 4]");
  EXPECT_STREQ(placed.what(), "timeout: late (ETIME) [key 1/2/3] [rank 4]") << "requested a second time";
  EXPECT_STREQ(plain.what(), "timeout: late (ETIME)");
}

TEST(Error, OutlivesTheOneThatItTellsMoreOf) {
  Error error(Errc::closed, "text");
  {
    const Error first(Errc::timeout, std::string(100, 't'));
    error = first.about("key");
  }
  EXPECT_EQ(error.code(), Errc::timeout);
  EXPECT_EQ(error.text(), std::string(100, 't'));
}

TEST(Error, IsPutTogetherOnceForAllThreadsThatAsk) {
  const Error error = Error(Errc::corrupt, "text").about("key").at_rank(1);
  std::vector<const char*> said(4);
  std::vector<std::thread> threads;
  for (const char*& what : said) {
    threads.emplace_back([&what, copy = error] { what = copy.what(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const char* what : said) {
    EXPECT_EQ(what, error.what());
    EXPECT_STREQ(what, "corrupt: text [key key] [rank 1]");
  }
}

TEST(Error, KeepsTheSystemsText) {
  const Error error = system_error("could not open", ENOENT);
  EXPECT_EQ(error.code(), Errc::system);
  EXPECT_EQ(error.detail(), "No such file or directory");
}

TEST(Errc, HasAWordForEachCode) {
  std::set<std::string_view> words;
  for (int code = 1; code <= static_cast<int>(Errc::queue_full); ++code) {
    const std::string_view word = to_string(static_cast<Errc>(code));
    EXPECT_NE(word, "unknown") << code;
    EXPECT_TRUE(words.insert(word).second) << word;
  }
}

}  // namespace
}  // namespace locum
