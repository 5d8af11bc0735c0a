#include "transport/storage/configuration.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/quantity.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr const char* example = R"(# where the stores of run 17 live
[stores.results]
connector = "zstd+file:/scratch/run17"
lifetime = "3 days"
checksum = true

[stores]
cache = { connector = 'redis://127.0.0.1:6379/0?password=env:REDIS_PASSWORD', timeout = "1500ms", keep_decoded = false }
"of all nodes: \"T\"\u0001".memory_bytes = "4 GiB"

[stores.plain]

[stores.values]
decoded_cache_bytes = "1 MiB"
decoded_cache_values = 8
)";

Configuration parsed(std::string_view text) {
  return parse_configuration(text, "stores.toml").value();
}

TEST(Configuration, SaysWhatStoresAreOpenedWith) {
  const Configuration configuration = parsed(example);
  EXPECT_EQ(configuration.stores(),
            (std::vector<std::string>{"cache", "of all nodes: \"T\"\1", "plain", "results", "values"}));
  EXPECT_EQ(configuration.options("results").value(),
            (StoreOptions{.checksum = true, .lifetime = 72h, .connector = "zstd+file:/scratch/run17"}));
  EXPECT_EQ(configuration.options("cache").value(),
            (StoreOptions{.timeout = 1500ms,
                          .keep_decoded = false,
                          .connector = "redis://127.0.0.1:6379/0?password=env:REDIS_PASSWORD"}));
  EXPECT_EQ(configuration.options("of all nodes: \"T\"\1").value(), StoreOptions{.memory_bytes = 4_GiB});
  EXPECT_EQ(configuration.options("plain").value(), StoreOptions());
  EXPECT_EQ(configuration.options("values").value(),
            (StoreOptions{.decoded_cache_bytes = 1_MiB, .decoded_cache_values = 8}));
  EXPECT_TRUE(configuration.contains("plain"));
  EXPECT_FALSE(configuration.contains("other"));
  const auto other = configuration.options("other");
  ASSERT_EQ(code_of(other), Errc::not_found);
  EXPECT_NE(other.error().text().find("plain, results"), std::string::npos) << other.error();
  EXPECT_TRUE(parsed("").stores().empty());
}

TEST(Configuration, SaysWhereExperimentsAre) {
  const Configuration configuration =
      parsed("[experiments]\nurl = 'file:///scratch/experiments?sync=0'\n[stores.a]\nchecksum = true\n");
  EXPECT_EQ(configuration.experiments(), "file:///scratch/experiments?sync=0");
  EXPECT_EQ(parsed(to_toml(configuration)), configuration);
  EXPECT_NE(configuration, parsed("[stores.a]\nchecksum = true\n"));
  EXPECT_EQ(parsed("").experiments(), "");
  for (const auto& [text, part] : std::vector<std::pair<const char*, const char*>>{
           {"experiments = 1", "no table"},
           {"[experiments]\nurl = 1", "takes a text"},
           {"[experiments]\nurl = ''", "takes a text"},
           {"[experiments]\nfolder = 'x'", "there is only url"},
           {"[experiments]\nurl = 'no url'", "url"},
           {"[experiments]\nurl = 'redis://u:secret@h/'", "url"}}) {
    const auto read = parse_configuration(text, "stores.toml");
    ASSERT_EQ(code_of(read), Errc::invalid_argument) << text;
    EXPECT_NE(read.error().text().find("stores.toml:"), std::string::npos) << read.error();
    EXPECT_NE(read.error().text().find(part), std::string::npos) << read.error();
    EXPECT_EQ(std::string(read.error().what()).find("secret"), std::string::npos) << read.error();
  }
}

TEST(Configuration, IsTheSameWhenItIsPrintedAndRead) {
  const Configuration configuration = parsed(example);
  const std::string text = to_toml(configuration);
  EXPECT_EQ(text, R"([stores.cache]
connector = "redis://127.0.0.1:6379/0?password=env:REDIS_PASSWORD"
timeout = "1500 ms"
keep_decoded = false

[stores."of all nodes: \"T\"\u0001"]
memory_bytes = "4 GiB"

[stores.plain]

[stores.results]
connector = "zstd+file:/scratch/run17"
checksum = true
lifetime = "3 days"

[stores.values]
decoded_cache_bytes = "1 MiB"
decoded_cache_values = 8
)");
  EXPECT_EQ(parsed(text), configuration);
  Configuration odd;
  std::string all_bytes;
  for (int byte = 1; byte < 0x80; ++byte) {
    all_bytes += static_cast<char>(byte);
  }
  ASSERT_TRUE(odd.set(all_bytes, {.timeout = std::chrono::milliseconds::max(), .lifetime = 24h}));
  ASSERT_TRUE(odd.set(".", {.memory_bytes = 1023, .connector = "file:" + all_bytes.substr(31, 4)}));
  ASSERT_TRUE(odd.set("\xC3\xA9t\xC3\xA9", {.memory_bytes = 1536_KiB, .lifetime = 36h}));
  EXPECT_EQ(parsed(to_toml(odd)), odd) << to_toml(odd);
  EXPECT_NE(to_toml(odd).find("\"1 day\""), std::string::npos);
  EXPECT_NE(to_toml(odd).find("\"1536 KiB\""), std::string::npos);
  EXPECT_NE(to_toml(odd).find("\"36 h\""), std::string::npos);
}

struct WrongText {
  const char* text;
  const char* place;  ///< the beginning of the error
  const char* words;  ///< which it has
};

TEST(Configuration, SaysWhereAndWhatIsWrong) {
  const std::vector<WrongText> cases{
      {"[stores.a]\n\nconector = 'null:'\n", "stores.toml:3: ", "the store 'a': conector: is no option"},
      {"[stores.a]\nchecksum = 1\n", "stores.toml:2: ", "checksum: takes true or false"},
      {"[stores.a]\nkeep_decoded = 'true'\n", "stores.toml:2: ", "keep_decoded: takes true or false"},
      {"[stores.a]\ndecoded_cache_values = 0\n",
       "stores.toml:2: ", "decoded_cache_values: takes a whole number"},
      {"[stores.a]\ndecoded_cache_values = '8'\n",
       "stores.toml:2: ", "decoded_cache_values: takes a whole number"},
      {"[stores.a]\nconnector = true\n", "stores.toml:2: ", "connector: takes a text"},
      {"[stores.a]\nconnector = ''\n", "stores.toml:2: ", "connector: takes a text"},
      {"[stores.a]\nconnector = 'scratch'\n", "stores.toml:2: ", "connector: the URL has no scheme"},
      {"[stores.a]\nconnector = 'redis://h:0'\n", "stores.toml:2: ", "port"},
      {"[stores.a]\nlifetime = 86400\n", "stores.toml:2: ", "lifetime: takes a text"},
      {"[stores.a]\nlifetime = '3'\n", "stores.toml:2: ", "3 days"},
      {"[stores.a]\nlifetime = '3  days'\n", "stores.toml:2: ", "3 days"},
      {"[stores.a]\nlifetime = '-3 days'\n", "stores.toml:2: ", "3 days"},
      {"[stores.a]\nlifetime = '0 s'\n", "stores.toml:2: ", "above 0"},
      {"[stores.a]\nlifetime = '36501 days'\n", "stores.toml:2: ", "100 years"},
      {"[stores.a]\nlifetime = '99999999999999999999 ms'\n", "stores.toml:2: ", "above 0"},
      {"[stores.a]\ntimeout = '106751991168 days'\n", "stores.toml:2: ", "takes no time as long"},
      {"[stores.a]\nmemory_bytes = 4096\n", "stores.toml:2: ", "4 GiB"},
      {"[stores.a]\nmemory_bytes = '4G'\n", "stores.toml:2: ", "4 GiB"},
      {"[stores.a]\nmemory_bytes = '16777216 TiB'\n", "stores.toml:2: ", "4 GiB"},
      {"[stores.a]\nmemory_bytes = '1.5 GiB'\n", "stores.toml:2: ", "4 GiB"},
      {"[stores.a]\nmemory_bytes = ['4 GiB']\n", "stores.toml:2: ", "4 GiB"},
      {"[stores.a]\n[stores.b]\n[stores.a]\n", "stores.toml:3: ", "a second time"},
      {"[stores.a]\nchecksum = true\nchecksum = true\n", "stores.toml:3: ", "a second time"},
      {"[stores]\na.checksum = true\n[stores.a]\n", "stores.toml:3: ", "a second time"},
      {"\n[[stores.a]]\n", "stores.toml:2: ", "is no table"},
      {"[stores.a]\n[stores.a.b]\n", "stores.toml:2: ", "the store 'a': b: is no option"},
      {"[stores]\na = 'null:'\n", "stores.toml:2: ", "'a' is no table"},
      {"[stores.'']\n", "stores.toml:1: ", "1 byte to 64 KiB"},
      {"stores = 3\n", "stores.toml:1: ", "'stores' is no table"},
      {"[[stores]]\n", "stores.toml:1: ", "'stores' is no table"},
      {"[stores.a]\n\n[store.b]\n", "stores.toml:3: ", "there is no 'store'"},
      {"[stores.a]\nconnector\n", "stores.toml:2: ", "this is not TOML"},
      {"[stores.a\n", "stores.toml:1: ", "table header"},
      {"[)stores.a]\n", "stores.toml:1: ", "this is not TOML"},
      {"[stores.a]\nconnector = null:\n", "stores.toml:2: ", "this is not TOML"},
      {"[stores.a]\nconnector = \"null:\n", "stores.toml:2: ", "(string)"},
      {"[stores.a]\nconnector = \"null:\xFF\"\n", "stores.toml:2: ", "this is not TOML"},
  };
  for (const WrongText& one : cases) {
    const auto refused = parse_configuration(one.text, "stores.toml");
    ASSERT_EQ(code_of(refused), Errc::invalid_argument) << one.text;
    EXPECT_TRUE(refused.error().text().starts_with(one.place)) << one.text << refused.error();
    EXPECT_NE(refused.error().text().find(one.words), std::string::npos) << one.text << refused.error();
  }
}

TEST(Configuration, IsOfLimitedSizeAndDepth) {
  const auto text_of = [](const auto& refused) {
    return code_of(refused) == Errc::invalid_argument ? refused.error().text() : std::string();
  };
  EXPECT_NE(text_of(parse_configuration(std::string((1U << 20U) + 1, '\n'), "f")).find("1 MiB"),
            std::string::npos);
  std::string dots = "a";
  for (int level = 0; level < 4096; ++level) {
    dots += ".a";
  }
  EXPECT_NE(text_of(parse_configuration(dots + " = 1\n", "f")).find("there is no 'a'"), std::string::npos);
  EXPECT_NE(text_of(parse_configuration(dots + ".a = 1\n", "f")).find("dots"), std::string::npos);
  for (const char* open : {"[", "{a="}) {
    std::string nested = "a = ";
    for (std::size_t level = 0; level < 100'000; ++level) {
      nested += open;
    }
    EXPECT_NE(text_of(parse_configuration(nested, "f")).find("f:1: this is not TOML"), std::string::npos);
  }
}

TEST(Configuration, IsReadFromAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/stores.toml";
  EXPECT_EQ(code_of(read_configuration(path)), Errc::not_found);
  std::ofstream(path) << example;
  EXPECT_EQ(read_configuration(path).value(), parsed(example));
  std::ofstream(path) << "[stores.a]\nchecksum = yes\n";
  const auto wrong = read_configuration(path);
  ASSERT_EQ(code_of(wrong), Errc::invalid_argument);
  EXPECT_TRUE(wrong.error().text().starts_with(path + ":2: ")) << wrong.error();
  std::ofstream(path) << std::string((1U << 20U) + 1, ' ');
  EXPECT_EQ(code_of(read_configuration(path)), Errc::invalid_argument);
  EXPECT_EQ(code_of(read_configuration(folder.path())), Errc::invalid_argument);
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(code_of(read_configuration(pipe)), Errc::invalid_argument) << "and does not wait for a writer";
}

TEST(Configuration, OpensStores) {
  const TemporaryFolder folder;
  Configuration configuration;
  ASSERT_TRUE(
      configuration.set("kept", {.checksum = true, .connector = "file:" + folder.path() + "?sync=0"}));
  ASSERT_TRUE(configuration.set("fields", {.memory_bytes = 1_MiB}));
  {
    const Store store = open(configuration, "kept").value();
    EXPECT_TRUE(store.options().checksum);
    EXPECT_EQ(store.options().connector, "");
    ASSERT_TRUE(store.put("answer", 42));
  }
  EXPECT_EQ(*open(configuration, "kept").value().get<int>("answer").value(), 42);
  EXPECT_EQ(code_of(open(configuration, "fields")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open(configuration, "other")), Errc::not_found);
  EXPECT_EQ(code_of(configuration.set("", {})), Errc::invalid_argument);
  EXPECT_EQ(code_of(configuration.set(std::string((64U << 10U) + 1, 'n'), {})), Errc::invalid_argument);
  EXPECT_EQ(code_of(configuration.set("a", {.timeout = -1ms})), Errc::invalid_argument);
  EXPECT_EQ(code_of(configuration.set("a", {.needs = {.lists = true}})), Errc::invalid_argument)
      << "needs are the program's";
  EXPECT_EQ(code_of(configuration.set("a", {.lifetime = -1ms})), Errc::invalid_argument);
  EXPECT_FALSE(configuration.contains("a"));
  const Configuration copy = configuration;
  EXPECT_EQ(copy, configuration);
  EXPECT_NE(copy.options("kept")->connector.data(), configuration.options("kept")->connector.data())
      << "it refers to the copy";
}

// Wherever somebody puts it by mistake.
TEST(Configuration, NeverShowsASecret) {
  const std::string secret = "hunter2";
  for (const char* line : {"connector = 'redis://me:hunter2@host'",
                           "connector = 'redis://host/0?password=hunter2'",
                           "connector = 'encrypt+file:a?encrypt.key=hunter2'",
                           "connector = 'encrypt+file:a?encrypt.key=env:A&encrypt.old=env:A,hunter2'",
                           "connector = 'multi:?1.to=redis:%2F%2Fhost%3Fpassword=hunter2'",
                           "connector = 'redis://host:hunter2/0'",
                           "connector = 'hunter2'",
                           "connector = 'hunter2 :x'",
                           "connector = 'x:%hunter2'",
                           "connector = ['hunter2']",
                           "connector = hunter2",
                           "connector = 'null:' hunter2",
                           "connector = 'redis://me:hunter2@host",
                           "connector = \"redis:\\hunter2\"",
                           "connector = '''hunter2",
                           "connector = 7hunter2",
                           "connector = 1979-hunter2",
                           "connector = 0xhunter2",
                           "connector hunter2",
                           "connector = { a = hunter2 }",
                           "password = 'hunter2'",
                           "password = hunter2",
                           "lifetime = 'hunter2'",
                           "lifetime = '3 hunter2'",
                           "memory_bytes = 'hunter2'",
                           "checksum = 'hunter2'",
                           "checksum = thunter2",
                           "checksum = true\n= hunter2",
                           "checksum = true hunter2"}) {
    const auto refused = parse_configuration(std::string("[stores.a]\n") + line + "\n", "stores.toml");
    ASSERT_EQ(code_of(refused), Errc::invalid_argument) << line;
    EXPECT_EQ(std::string(refused.error().what()).find(secret), std::string::npos) << refused.error();
  }
  (void)::setenv("LOCUM_TEST_PLANTED", secret.c_str(), 1);
  const Configuration by_reference =
      parsed("[stores.a]\nconnector = 'redis://127.0.0.1:1/0?password=env:LOCUM_TEST_PLANTED'\n");
  EXPECT_NE(to_toml(by_reference).find("password=env:LOCUM_TEST_PLANTED"), std::string::npos);
  EXPECT_EQ(to_toml(by_reference).find(secret), std::string::npos);
  const auto unreachable = open(by_reference, "a");
  ASSERT_EQ(code_of(unreachable), Errc::peer_lost);
  EXPECT_EQ(std::string(unreachable.error().what()).find(secret), std::string::npos) << unreachable.error();
  Configuration given;
  const auto refused = given.set("a", {.connector = "redis://me:hunter2@host"});
  ASSERT_EQ(code_of(refused), Errc::invalid_argument);
  EXPECT_EQ(std::string(refused.error().what()).find(secret), std::string::npos) << refused.error();
  (void)::unsetenv("LOCUM_TEST_PLANTED");
}

}  // namespace
}  // namespace locum::tests
