#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/backend/backend_connector.hpp"
#include "core/backend_registry.hpp"
#include "core/open.hpp"
#include "core/open_sessions.hpp"
#include "core/serializers.hpp"
#include "tests/core/backend_contract.hpp"
#include "tests/core/connector_contract.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/file/backend.hpp"
#include "transport/storage/null.hpp"
#include "transport/storage/simple.hpp"

namespace locum::tests {
namespace {

std::shared_ptr<Backend> simple() {
  return storage::open_simple(parse_url("simple:").value()).value();
}

/// Files of a folder that is removed when the next is made, or at the end.
std::unique_ptr<TemporaryFolder> files_folder;

std::shared_ptr<Backend> files_again() {
  return storage::open_file(parse_url("file://" + files_folder->path() + "?sync=0").value()).value();
}
std::shared_ptr<Backend> files() {
  files_folder = std::make_unique<TemporaryFolder>();
  return files_again();
}

ConnectorFactory over(std::string name, std::function<std::shared_ptr<Backend>()> make) {
  return {std::move(name), [make = std::move(make)](std::uint64_t) {
            return open_backend_connector(make(), {.timeout = std::chrono::seconds(20)}).value().connector;
          }};
}

/// A backend without some of what `simple` can: what names it holds, and whether it lists them.
class Narrow final : public Backend {
 public:
  explicit Narrow(BackendTraits traits) : traits_(traits) {}

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<Record> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
    check(key);
    return in_->load(key, last, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    check(key);
    EXPECT_LE(record.bytes.size(), traits_.largest_record);
    return in_->store(key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    check(key);
    return in_->remove(key, revision, deadline);
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return traits_.lists ? in_->list(space, prefix, deadline) : Backend::list(space, prefix, deadline);
  }

 private:
  void check(const RecordKey& key) const {
    for (const std::string_view text : {key.space, key.name}) {
      EXPECT_LE(text.size(), traits_.longest_name);
      EXPECT_FALSE(text.empty());
      if (traits_.name_bytes == NameBytes::file_name) {
        EXPECT_EQ(
            text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,+=@~%"),
            std::string_view::npos)
            << text;
        EXPECT_NE(text.front(), '.');
      }
    }
  }

  const BackendTraits traits_;
  const std::shared_ptr<Backend> in_ = simple();
};

std::shared_ptr<Backend> like_files() {
  return std::make_shared<Narrow>(
      BackendTraits{.scheme = "narrow", .longest_name = 200, .name_bytes = NameBytes::file_name});
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendContract,
                         ::testing::Values(BackendFactory{"simple", simple},
                                           BackendFactory{"file", files, files_again}),
                         backend_name);
INSTANTIATE_TEST_SUITE_P(Backends, ConnectorContract,
                         ::testing::Values(over("simple", simple), over("narrow", like_files),
                                           over("file", files)),
                         factory_name);

TEST(OpenByUrl, FindsAStoreAgainByItsHandles) {
  const Store store = open("simple:").value();
  const auto proxy = store.put_proxy("name", std::string("value")).value();
  const auto again = locum::proxy<std::string>(proxy.handle());
  EXPECT_EQ(*again, "value");
  const Key key = store.put(42).value();
  EXPECT_EQ(*store.get<int>(key).value(), 42);
  EXPECT_EQ(store.keys("na").value(), std::vector<std::string>{"name"});
  EXPECT_EQ(store.info("name").value().name, "name");
}

TEST(OpenByUrl, SaysWhatThereIsWhereNothingFits) {
  const auto unknown = open("tape:reel");
  ASSERT_EQ(code_of(unknown), Errc::unsupported);
  EXPECT_NE(unknown.error().text().find("file, memory, null, simple"), std::string::npos) << unknown.error();
  EXPECT_EQ(code_of(open("no url")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open("simple:?colour=red")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open("redis://me:secret@host")), Errc::invalid_argument);
  const auto durable = open("simple:", {.needs = {.is_durable = true}});
  ASSERT_EQ(code_of(durable), Errc::unsupported);
  EXPECT_NE(durable.error().text().find("simple: forgets"), std::string::npos) << durable.error();
}

LOCUM_REGISTER_BACKEND(reel, [](const Url& url) -> Result<std::shared_ptr<Backend>> {
  const auto known = url.knows_only({"length"});
  return known ? Result<std::shared_ptr<Backend>>(like_files()) : known.error();
});

TEST(OpenByUrl, OpensWhatTheProgramRegistered) {
  const Store store = open("reel:a?length=3").value();
  EXPECT_EQ(*store.get<int>(store.put(3).value()).value(), 3);
  EXPECT_EQ(code_of(open("reel:a?colour=red")), Errc::invalid_argument);
}

TEST(OpenByUrl, MemoryIsReadInPlace) {
  const Store store = open("memory:?bytes=1000000").value();
  const Key key = store.put(std::vector<double>{1, 2}).value();
  const auto first = store.get<double[]>(key).value();
  const auto second = store.get<double[]>(key).value();
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(code_of(store.put(std::vector<char>(1'000'000))), Errc::out_of_memory);
}

TEST(OpenByUrl, NullKeepsNothing) {
  const Store store = open("null:").value();
  const Key key = store.put("name", 7).value();
  EXPECT_EQ(code_of(store.get<int>("name")), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>(key)), Errc::not_found);
  EXPECT_TRUE(store.put("name", 8)) << "it was not kept";
}

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
        "x:%4", "x:%zz", "x:?=1", "x:?a=1&a=2", "redis://u:p@h", "redis://h?password=p"}) {
    EXPECT_EQ(code_of(parse_url(wrong)), Errc::invalid_argument) << wrong;
  }
}

}  // namespace
}  // namespace locum::tests
