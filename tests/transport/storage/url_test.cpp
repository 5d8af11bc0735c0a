// URLs of backends: read, written, and refused.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/url.hpp"
#include "tests/core/code_of.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

TEST(Url, IsReadAndWritten) {
  const auto url =
      parse_url("zstd+Encrypt+REDIS://me@[::1]:6379/a%20b?store=x%26y&password=env:SECRET").value();
  EXPECT_EQ(url.wrappers, (std::vector<std::string>{"zstd", "encrypt"}));
  EXPECT_EQ(url.scheme, "redis");
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 6379);
  EXPECT_EQ(url.path, "/a b");
  EXPECT_EQ(url.option("store"), "x&y");
  const std::string text = to_string(url);
  EXPECT_EQ(text, "zstd+encrypt+redis://me@[::1]:6379/a%20b?store=x%26y&password=env:SECRET");
  EXPECT_EQ(to_string(parse_url(text).value()), text);
  for (const char* right :
       {"file:relative/path", "file:///absolute", "redis://host", "unix:/tmp/x?db=3", "null:"}) {
    EXPECT_EQ(to_string(parse_url(right).value()).substr(0, 4), std::string(right).substr(0, 4));
    EXPECT_EQ(parse_url(to_string(parse_url(right).value())).value().path, parse_url(right).value().path);
  }
  for (const char* wrong :
       {"", ":", "redis", "+x:", "x+:", "a b:", "redis://h:0", "redis://h:70000", "redis://[::1", "x:%",
        "x:%4", "x:%zz", "x:?=1", "x:?a=1&a=2", "redis://u:p@h", "redis://h?password=p", "x:a%00b"}) {
    EXPECT_EQ(code_of(parse_url(wrong)), Errc::invalid_argument) << wrong;
  }
}

// What is written of a URL leads to the same place, whatever is in its host.
TEST(Url, IsTheSameOnceItIsWritten) {
  for (const char* text : {"x://%3A%2F%5D/a", "x://[fe80::1%25eth0]:1/", "x://[a]/", "x://u@:5/%2F%2Fa",
                           "x:////a", "x://?a=%26%3D%25", "x://%40/"}) {
    const Url url = parse_url(text).value();
    const Url again = parse_url(to_string(url)).value();
    EXPECT_EQ(again.host, url.host) << text;
    EXPECT_EQ(again.user, url.user) << text;
    EXPECT_EQ(again.port, url.port) << text;
    EXPECT_EQ(again.path, url.path) << text;
    EXPECT_EQ(again.options, url.options) << text;
  }
}

// Each wrapper calls the next one, and a URL in an option of a URL is read by the same function again: the
// stack holds some of these, not thousands.
TEST(Url, OfManyWrappersOrOneInTheOtherIsRefused) {
  std::string wrapped = "simple:";
  std::string nested = "null:";
  for (int at = 0; at < 16; ++at) {
    wrapped = "checksum+" + wrapped;
  }
  EXPECT_TRUE(open(wrapped));
  EXPECT_EQ(code_of(open("checksum+" + wrapped)), Errc::invalid_argument);
  for (int at = 0; at < 7; ++at) {
    nested = "multi:?1.to=" + nested;
  }
  EXPECT_TRUE(parse_url(nested));
  for (int at = 0; at < 5000; ++at) {
    nested = "multi:?1.to=" + nested;
  }
  EXPECT_EQ(code_of(parse_url(nested)), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
