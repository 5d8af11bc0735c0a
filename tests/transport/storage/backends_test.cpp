#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/array.hpp"
#include "core/async_result.hpp"
#include "core/backend/backend_connector.hpp"
#include "core/backend_registry.hpp"
#include "core/backend_session.hpp"
#include "core/node/local.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "core/record_archive.hpp"
#include "core/report.hpp"
#include "core/serializers.hpp"
#include "core/testing/backend_contract.hpp"
#include "core/testing/shared_backend_contract.hpp"
#include "core/tier/tier.hpp"
#include "tests/core/connector_contract.hpp"
#include "tests/transport/storage/backends_on_disk.hpp"
#include "tests/transport/storage/lacking_backend.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "tests/transport/storage/tls_server.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"
#include "transport/storage/memory/simple.hpp"
#include "transport/storage/multi/backend.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

std::shared_ptr<Backend> simple() {
  return storage::open_simple(parse_url("simple:").value()).value();
}

/// Opens a URL in which {} is a new folder, or the same once more: removed when the next is made, or at the
/// end.
BackendFactory in_folder(std::string name, std::string url) {
  const auto folder = std::make_shared<std::unique_ptr<TemporaryFolder>>();
  const auto again = [folder, url] { return open_backend(with_folder(url, (*folder)->path())).value(); };
  return {std::move(name),
          [folder, again] {
            *folder = std::make_unique<TemporaryFolder>();
            return again();
          },
          again};
}

std::vector<BackendFactory> all_backends() {
  std::vector<BackendFactory> all{{"simple", simple}};
  for (const BackendOnDisk& one : backends_on_disk()) {
    all.push_back(in_folder(one.name, one.url + "sync=0"));
  }
  return all;
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
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
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
    ++lists;
    return traits_.lists ? in_->list(space, prefix, deadline) : Backend::list(space, prefix, deadline);
  }

  std::atomic<int> lists{0};  ///< how often it was asked for names

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

/// Wrappers over a backend with batches.
BackendFactory over_probe(std::string name, std::string url) {
  return {std::move(name), [url] { return wrapped(url, std::make_shared<ProbeBackend>()).value(); }};
}

/// Those that this build has.
std::vector<BackendFactory> wrappers_to_test() {
  (void)setenv("LOCUM_TEST_KEY", std::string(64, '7').c_str(), 1);
  std::vector<BackendFactory> all;
  const auto add = [&](const char* name, const std::string& url) {
    if (url.find("probe:") == std::string::npos) {
      all.push_back({name, [url] { return open_backend(url).value(); }});
    } else if (wrapped(url, std::make_shared<ProbeBackend>())) {
      all.push_back(over_probe(name, url));
    }
  };
  add("prefix", "prefix+probe:?prefix.name=run17/&prefix.space=a");
  add("limit", "limit+probe:?limit.bytes=2000000");
  add("checksum", "checksum+probe:");
  add("zstd", "zstd+limit+probe:?limit.bytes=2000000&zstd.level=1");
  add("lz4", "lz4+limit+probe:?limit.bytes=2000000");
  add("encrypt", "encrypt+limit+probe:?limit.bytes=2000000&encrypt.key=env:LOCUM_TEST_KEY");
  add("cache", "cache+probe:?cache.ms=3600000&cache.bytes=300000");
  add("retry", "retry+probe:");
  add("watched", "stats+log+audit+probe:?stats.name=contract&log.file=/dev/null&audit.file=/dev/null");
  add("fallback", "fallback+probe:?fallback.to=simple:");
  add("default", "default+probe:?default.name=absent");
  add("fanout", "fanout+probe:?fanout.to=simple:");
  add("multi",
      "checksum+multi:?1.to=simple:&1.most_bytes=1000&2.to=simple:&2.names=many*&3.to=prefix%2Bsimple:%"
      "3Fprefix.name=x");
  add("multi_tags", "checksum+multi:?1.to=simple:&1.tags=fast&2.to=simple:&2.tags=sl?w&3.to=simple:");
  all.push_back({"multi_batches", [] {
                   storage::Route some;
                   some.to = std::make_shared<ProbeBackend>();
                   some.names = "*1*";
                   storage::Route others;
                   others.to = std::make_shared<ProbeBackend>();
                   return storage::routed({some, others}).value();
                 }});
  add("composition",
      "zstd+encrypt+checksum+prefix+timeout+probe:?prefix.name=x&timeout.ms=60000&encrypt.key=env:LOCUM_TEST_"
      "KEY");
  return all;
}

INSTANTIATE_TEST_SUITE_P(Wrappers, BackendContract, ::testing::ValuesIn(wrappers_to_test()), backend_name);

/// A server that the contracts are tried with.
struct TriedServer {
  const char* name;
  /// One before it is spoken to by the same words: what does not depend on the way to it is tried without
  /// this.
  bool is_variant;
  ServerKind kind;
  std::string (*url)();  ///< starts it, if it does not run
};

std::vector<TriedServer> tried_servers() {
  using enum ServerKind;
  std::vector<TriedServer> all{
      {"redis", false, redis, [] { return shared_server(redis).url(); }},
      {"redis_tcp", true, redis, [] { return shared_server(redis).tcp_url(); }},
      {"valkey", true, valkey, [] { return shared_server(valkey).url(); }},
      {"memcached", false, memcached, [] { return shared_server(memcached).url(); }},
  };
#if LOCUM_WITH_TLS
  all.push_back({"rediss", true, redis, [] { return shared_tls_server(redis).url(); }});
  all.push_back({"memcacheds", true, memcached, [] { return shared_tls_server(memcached).url(); }});
#endif
  return all;
}

std::vector<BackendFactory> with_servers(std::vector<BackendFactory> all, bool with_variants) {
  for (const TriedServer& server : tried_servers()) {
    if (server.is_variant && !with_variants) {
      continue;
    }
    if (!TestServer::program(server.kind)) {
      std::cerr << "the contract tests of " << server.name << ": are left out: its server is not installed\n";
      continue;
    }
    const auto again = [url = server.url] { return open_backend(url()).value(); };
    all.push_back({server.name,
                   [url = server.url, again] {
                     clear_server(url());
                     return again();
                   },
                   again});
  }
  return all;
}

// But for those that cannot list, as Memcached: the contract asks for names (see servers_test.cpp).
std::vector<ConnectorFactory> all_connectors() {
  std::vector<ConnectorFactory> all{over("narrow", like_files), over("checksum", [] {
                                      return open_backend("checksum+prefix+simple:?prefix.name=x/").value();
                                    })};
  for (const BackendFactory& one : with_servers(all_backends(), false)) {
    if (one.name != "memcached") {
      all.push_back(over(one.name, one.make));
    }
  }
  return all;
}

/// Memory in front of a backend.
ConnectorFactory tier_over(std::string name, std::function<std::shared_ptr<Backend>()> make,
                           TierWrites writes) {
  return {std::move(name), [make = std::move(make), writes](std::uint64_t memory_bytes) {
            return open_tier(
                open_local({.memory_bytes = memory_bytes, .timeout = std::chrono::seconds(20)}),
                open_backend_connector(make(), {.timeout = std::chrono::seconds(20)}).value().connector,
                {.writes = writes,
                 .timeout = std::chrono::seconds(20),
                 .claims_store = 60'000,
                 .unwritten_bytes = 1 << 20,
                 .unwritten_store = 60'001});
          }};
}

INSTANTIATE_TEST_SUITE_P(Tiers, ConnectorContract,
                         ::testing::Values(tier_over("tier", simple, TierWrites::through),
                                           tier_over("tier_narrow", like_files, TierWrites::through),
                                           tier_over("tier_back", simple, TierWrites::back)),
                         factory_name);

INSTANTIATE_TEST_SUITE_P(Backends, BackendContract, ::testing::ValuesIn(with_servers(all_backends(), true)),
                         backend_name);

/// By threads, each of which opens the backend by itself, where others can.
std::vector<SharedBackendFactory> by_threads(std::vector<BackendFactory> backends) {
  std::vector<SharedBackendFactory> all;
  for (BackendFactory& one : backends) {
    all.push_back(in_threads(std::move(one)));
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, SharedBackendContract,
                         ::testing::ValuesIn(by_threads(with_servers(all_backends(), true))),
                         shared_backend_name);
INSTANTIATE_TEST_SUITE_P(Wrappers, SharedBackendContract, ::testing::ValuesIn(by_threads(wrappers_to_test())),
                         shared_backend_name);
INSTANTIATE_TEST_SUITE_P(Backends, ConnectorContract, ::testing::ValuesIn(all_connectors()), factory_name);

class RecordsOverBackends : public ::testing::TestWithParam<BackendFactory> {};

TEST_P(RecordsOverBackends, AreGotAsTheyWerePut) {
  const auto session = open_session(GetParam().make());
  const Store store = session->open("s").value();
  const std::vector<double> field{1, 2.5, -3};
  const Record state{
      {"dt", 0.1}, {"steps", 40}, {"T", field}, {"names", {"a", nullptr, true}}, {"more", {{"of", "it"}}}};
  ASSERT_TRUE(store.put("state", state));
  const auto view = store.get<Record>("state");
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(**view, state);
  EXPECT_EQ((**view)["T"].array(), Array(field));
  ASSERT_TRUE(store.put("field", field));
  EXPECT_EQ(store.get("field").value().array(), Array(field));
}

INSTANTIATE_TEST_SUITE_P(Backends, RecordsOverBackends,
                         ::testing::ValuesIn(with_servers(all_backends(), true)), backend_name);

/// So many bytes that take no memory as long as nobody reads them.
class UntouchedBytes {
 public:
  explicit UntouchedBytes(std::size_t size_bytes)
      : size_bytes_(size_bytes),
        begin_(::mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  UntouchedBytes(const UntouchedBytes&) = delete;
  UntouchedBytes& operator=(const UntouchedBytes&) = delete;
  ~UntouchedBytes() {
    if (begin_ != MAP_FAILED) {
      ::munmap(begin_, size_bytes_);
    }
  }
  /// Empty: there is no room for them.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(begin_), begin_ == MAP_FAILED ? 0 : size_bytes_};
  }
  /// Whether somebody has read the first one or the last one.
  [[nodiscard]] bool is_touched() const {
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    char* const first = static_cast<char*>(begin_);
    unsigned char begin = 0;
    unsigned char end = 0;
    EXPECT_EQ(::mincore(first, page, &begin), 0);
    EXPECT_EQ(::mincore(first + (size_bytes_ - 1) / page * page, 1, &end), 0);
    return ((begin | end) & 1U) != 0;
  }

 private:
  const std::size_t size_bytes_;
  void* const begin_;
};

// The limits that the contract does not try, since its records are made.
TEST(RecordsThatAreTooLarge, AreRefusedBeforeAnybodyReadsThem) {
  std::size_t tried = 0;
  for (const BackendFactory& factory : with_servers(all_backends(), false)) {
    const auto backend = factory.make();
    const std::uint64_t largest = backend->traits().largest_record;
    if (largest <= std::uint64_t{64} << 20U || largest > std::uint64_t{1} << 40U) {
      continue;
    }
    SCOPED_TRACE(factory.name);
    const UntouchedBytes much(largest + 1);
    ASSERT_EQ(much.bytes().size(), largest + 1);
    const std::string text = "text";
    std::array<NewRecord, 3> records;
    for (NewRecord& record : records) {
      record.bytes = std::as_bytes(std::span(text));
      record.revision = 7;
    }
    records[1].bytes = much.bytes();
    const auto alone = backend->store({"s", "b"}, records[1], std::chrono::seconds(60));
    ASSERT_EQ(code_of(alone), Errc::value_too_large);
    EXPECT_NE(alone.error().text().find(std::to_string(largest)), std::string::npos) << alone.error();
    if (RecordBatches* const together = backend->batches(); together != nullptr) {
      const std::array<RecordKey, 3> keys{{{"s", "a"}, {"s", "b"}, {"s", "c"}}};
      std::array<Result<void>, 3> stored;
      together->store(keys, records, stored, std::chrono::seconds(60));
      EXPECT_TRUE(stored[0]) << stored[0].error();
      EXPECT_EQ(code_of(stored[1]), Errc::value_too_large);
      EXPECT_TRUE(stored[2]) << stored[2].error();
    }
    EXPECT_EQ(code_of(backend->load({"s", "b"}, 0, std::chrono::seconds(60))), Errc::not_found);
    EXPECT_FALSE(much.is_touched());
    ++tried;
  }
  if (tried == 0) {
    GTEST_SKIP() << "neither redis-server nor RocksDB is there";
  }
}

// One list, however many keys: a name that was met is known from then on.
TEST(KeysOfNames, AreFoundWithoutListingWhereTheNameIsKnown) {
  const auto backend = std::make_shared<Narrow>(
      BackendTraits{.scheme = "narrow", .longest_name = 200, .name_bytes = NameBytes::file_name});
  const Store mine = open_session(backend).value().open("fields").value();
  std::vector<Key> keys;
  for (int number = 0; number < 5; ++number) {
    keys.push_back(mine.put("name " + std::to_string(number), number).value());
  }
  for (int number = 0; number < 5; ++number) {
    EXPECT_EQ(*mine.get<int>(keys[static_cast<std::size_t>(number)]).value(), number);
  }
  EXPECT_EQ(backend->lists, 0);
  const Store theirs = open_session(backend).value().open("fields").value();  // as another process
  for (int number = 0; number < 5; ++number) {
    EXPECT_EQ(*theirs.get<int>(keys[static_cast<std::size_t>(number)]).value(), number);
  }
  EXPECT_EQ(backend->lists, 1);
  ASSERT_TRUE(mine.replace("name 3", 33));
  EXPECT_EQ(code_of(theirs.get<int>(keys[3])), Errc::not_found) << "that generation is gone";
}

// "| `simple:` | stable | no | this process | yes | yes | no | no | no | by threads | any | | |"
std::string row_of(const BackendDescription& backend) {
  const BackendTraits& traits = backend.traits;
  const auto yes = [](bool is) { return is ? std::string("yes") : std::string("no"); };
  const std::string shared = traits.shared_by == SharedBy::process ? "this process"
                             : traits.shared_by == SharedBy::host  ? "this host"
                                                                   : "hosts";
  const std::uint64_t mib = traits.largest_record >> 20U;
  const std::string largest = traits.largest_record > std::uint64_t{1} << 50U ? "any"
                              : mib > 0                                       ? std::to_string(mib) + " MiB"
                                        : std::to_string(traits.largest_record) + " bytes";
  const auto named = [](std::string_view word) {
    return word.empty() ? std::string() : '`' + std::string(word) + "` ";
  };
  const std::string many = traits.scheme == "memory" ? "at once"
                           : backend.has_batches     ? "together"
                                                     : "by threads";
  const std::string stability = backend.stability == Stability::stable ? "stable" : "preview";
  return "| `" + std::string(backend.url) + "` | " + stability + " | " + yes(traits.is_durable) + " | " +
         shared + " | " + yes(traits.lists) + " | " + yes(traits.is_atomic) + " | " + yes(traits.expires) +
         " | " + yes(traits.pushes) + " | " + yes(traits.in_place) + " | " + many + " | " + largest + " | " +
         named(backend.option) + "| " + named(backend.package) + "|";
}

TEST(BackendTable, IsThatOfTheDocuments) {
  std::ifstream page(LOCUM_DOCS_BACKENDS);
  const std::string text{std::istreambuf_iterator<char>(page), std::istreambuf_iterator<char>()};
  for (const BackendDescription& backend : backend_descriptions()) {
    EXPECT_NE(text.find(row_of(backend) + "\n"), std::string::npos) << "docs/backends.md lacks\n"
                                                                    << row_of(backend);
    EXPECT_TRUE(backend.is_built_in || !backend.package.empty()) << backend.traits.scheme;
  }
}

TEST(BackendTable, HasExamplesThatAreRefusedForAnOptionMore) {
  for (const BackendDescription& backend : backend_descriptions()) {
    if (backend.is_built_in && backend.traits.scheme != "multi") {  // whose URL is refused for its routes
      const auto opened = open(std::string(backend.url) + "?colour=red");
      ASSERT_EQ(code_of(opened), Errc::invalid_argument) << backend.url;
      EXPECT_NE(opened.error().text().find("colour"), std::string::npos) << opened.error();
    }
  }
}

// What the table says of a backend that is closed, an open one does.
TEST(BackendTable, IsThatOfOpenBackends) {
  std::vector<BackendFactory> all = with_servers(all_backends(), true);
  all.push_back({"null", [] { return open_backend("null:").value(); }});
  all.push_back({"multi", [] { return open_backend("multi:?1.to=simple:&2.to=null:").value(); }});
  const std::vector<BackendDescription> descriptions = backend_descriptions();
  for (const BackendFactory& factory : all) {
    SCOPED_TRACE(factory.name);
    const auto backend = factory.make();
    const auto described = std::ranges::find(descriptions, backend->traits().scheme,
                                             [](const BackendDescription& one) { return one.traits.scheme; });
    ASSERT_NE(described, descriptions.end()) << backend->traits().scheme;
    EXPECT_EQ(described->has_batches, backend->batches() != nullptr);
    EXPECT_TRUE(described->is_built_in);
    if (described->traits.scheme != "multi") {  // which is as its backends are
      EXPECT_EQ(described->traits.loads_ends, backend->traits().loads_ends);
    }
  }
}

}  // namespace
}  // namespace locum::tests
