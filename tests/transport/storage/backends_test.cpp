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

#include "core/async_result.hpp"
#include "core/backend/backend_connector.hpp"
#include "core/backend_registry.hpp"
#include "core/node/local.hpp"
#include "core/open.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "core/report.hpp"
#include "core/serializers.hpp"
#include "core/testing/backend_contract.hpp"
#include "core/testing/shared_backend_contract.hpp"
#include "core/tier/tier.hpp"
#include "tests/core/connector_contract.hpp"
#include "tests/transport/storage/lacking_backend.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/test_server.hpp"
#include "tests/transport/storage/tls_server.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"
#include "transport/storage/backends.hpp"
#include "transport/storage/file/backend.hpp"
#include "transport/storage/hdf5/backend.hpp"
#include "transport/storage/multi.hpp"
#include "transport/storage/null.hpp"
#include "transport/storage/pack/backend.hpp"
#include "transport/storage/rocksdb/backend.hpp"
#include "transport/storage/simple.hpp"

namespace locum::tests {
namespace {

std::shared_ptr<Backend> simple() {
  return storage::open_simple(parse_url("simple:").value()).value();
}

/// Opens a URL in which {} is a new folder, or the same once more: removed when the next is made, or at the
/// end.
template <class Open>
BackendFactory in_folder(std::string name, std::string url, Open open) {
  const auto folder = std::make_shared<std::unique_ptr<TemporaryFolder>>();
  const auto again = [folder, url, open] {
    std::string text = url;
    text.replace(text.find("{}"), 2, (*folder)->path());
    return open(parse_url(text).value()).value();
  };
  return {std::move(name),
          [folder, again] {
            *folder = std::make_unique<TemporaryFolder>();
            return again();
          },
          again};
}

std::vector<BackendFactory> all_backends() {
  std::vector<BackendFactory> all{
      {"simple", simple},
      in_folder("file", "file://{}?sync=0", storage::open_file),
      in_folder("pack", "pack://{}/p?sync=0", storage::open_pack_backend),
      in_folder("packs", "pack://{}/p?sync=0&files=collection", storage::open_pack_backend)};
#if LOCUM_WITH_HDF5
  all.push_back(in_folder("hdf5", "hdf5://{}/store.h5?sync=0", storage::open_hdf5));
#endif
#if LOCUM_WITH_ROCKSDB
  all.push_back(in_folder("rocksdb", "rocksdb://{}/db", storage::open_rocksdb));
#endif
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
    const auto again = [url = server.url] { return backend_at(url()).value(); };
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
  for (const BackendDescription& there : backend_descriptions()) {
    EXPECT_NE(unknown.error().text().find(there.traits.scheme), std::string::npos) << unknown.error();
  }
  EXPECT_EQ(code_of(open("no url")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open("simple:?colour=red")), Errc::invalid_argument);
  EXPECT_EQ(code_of(open("redis://me:secret@host")), Errc::invalid_argument);
  const auto durable = open("simple:", {.needs = {.is_durable = true}});
  ASSERT_EQ(code_of(durable), Errc::unsupported);
  EXPECT_NE(durable.error().text().find("simple: forgets"), std::string::npos) << durable.error();
}

// What the program counts on at compile time is there once a store is open.
TEST(OpenByUrl, ComparesTheTraitsThatAProgramNames) {
  const auto simple = open<backends::simple>("simple:?store=named").value();
  EXPECT_EQ(simple.name(), "named");
  const auto step = simple.collection("step").value();
  ASSERT_TRUE(step.put("T", 1));
  EXPECT_EQ(step.keys().value(), std::vector<std::string>{"T"});
  EXPECT_EQ(simple.size().value(), 1U);
  EXPECT_EQ(step.clear().value(), 1U);
  EXPECT_TRUE(open<backends::memory>("memory:"));
  EXPECT_TRUE(open<backends::null>("simple:")) << "it can do more";
  EXPECT_TRUE(open<backends::simple>("checksum+prefix+limit+simple:?prefix.name=x&limit.bytes=4096"))
      << "limits may be lower";
  EXPECT_EQ(code_of(open<backends::simple>("null:")), Errc::unsupported);
  const auto lasting = open<backends::file>("simple:");
  ASSERT_EQ(code_of(lasting), Errc::unsupported);
  EXPECT_NE(lasting.error().text().find("simple: forgets everything"), std::string::npos) << lasting.error();
  EXPECT_EQ(code_of(open<backends::memory>("simple:")), Errc::unsupported) << "it does not wake who waits";
  EXPECT_EQ(code_of(open<backends::simple>("simple:", {.needs = {.expires = true}})), Errc::unsupported);
  EXPECT_EQ(code_of(open<backends::simple>("simple:?colour=red")), Errc::invalid_argument);
}

// Each need alone: a backend that lacks nothing else is refused for it and for no other, before it is asked
// for anything.
TEST(BackendNeeds, AreComparedWhenABackendIsOpened) {
  for (const Need& need : all_needs()) {
    SCOPED_TRACE(need.name);
    EXPECT_TRUE(open_session(std::make_shared<LackingBackend>(traits_without("")), {.needs = need.needs}));
    for (const Need& lacking : all_needs()) {
      const int calls = LackingBackend::calls;
      const auto opened =
          open_session(std::make_shared<LackingBackend>(traits_without(lacking.name)), {.needs = need.needs});
      if (lacking.name != need.name) {
        EXPECT_TRUE(opened) << opened.error();
        continue;
      }
      ASSERT_EQ(code_of(opened), Errc::unsupported);
      EXPECT_EQ(opened.error().text().find("lacking: " + need.refusal), 0U) << opened.error();
      EXPECT_EQ(LackingBackend::calls, calls);
    }
  }
  const auto on_a_host = std::make_shared<LackingBackend>(traits_without(""));
  const auto between = open_session(on_a_host, {.needs = {.shared_by = SharedBy::hosts}});
  ASSERT_EQ(code_of(between), Errc::unsupported);
  EXPECT_NE(between.error().text().find("is not shared between hosts"), std::string::npos) << between.error();
  EXPECT_EQ(code_of(open("memory:", {.needs = {.is_durable = true}})), Errc::unsupported);
  EXPECT_TRUE(open("memory:", {.needs = {.lists = true, .pushes = true, .in_place = true}}));
  EXPECT_EQ(code_of(open_session("simple:").value().open("s", {.needs = {.lists = true}})),
            Errc::invalid_argument)
      << "a session has them for all of its stores";
}

TEST(OpenByUrl, OfABackendAlone) {
  const auto backend = open_backend("readonly+simple:").value();
  EXPECT_EQ(code_of(backend->load({"s", "a"}, whole_record, std::chrono::seconds(20))), Errc::not_found);
  EXPECT_EQ(code_of(backend->store({"s", "a"}, {}, std::chrono::seconds(20))), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("memory:")), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("tape:reel")), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("no url")), Errc::invalid_argument);
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

LOCUM_REGISTER_BACKEND(reel, [](const Url& url) -> Result<std::shared_ptr<Backend>> {
  const auto known = url.knows_only({"length"});
  return known ? Result<std::shared_ptr<Backend>>(like_files()) : known.error();
});

TEST(OpenByUrl, OpensWhatTheProgramRegistered) {
  const Store store = open("reel:a?length=3").value();
  EXPECT_EQ(*store.get<int>(store.put(3).value()).value(), 3);
  EXPECT_EQ(code_of(open("reel:a?colour=red")), Errc::invalid_argument);
}

LOCUM_REGISTER_BACKEND(null,
                       [](const Url& /*url*/) -> Result<std::shared_ptr<Backend>> { return like_files(); });

TEST(OpenByUrl, KeepsTheSchemesOfTheLibrary) {
  EXPECT_TRUE(find_backend("null"));
  EXPECT_EQ(open_backend("null:").value()->traits().scheme, "null");
  EXPECT_EQ(open_backend("prefix+null:?prefix.name=x/").value()->traits().scheme, "null");
}

TEST(OpenByUrl, MemoryIsReadInPlace) {
  const Store store = open("memory:?bytes=1000000").value();
  const Key key = store.put(std::vector<double>{1, 2}).value();
  const auto first = store.get<double[]>(key).value();
  const auto second = store.get<double[]>(key).value();
  EXPECT_EQ(first.data(), second.data());
  EXPECT_TRUE(store.get_async<double[]>(key).ready()) << "no thread makes the call";
  EXPECT_EQ(code_of(store.put(std::vector<char>(1'000'000))), Errc::out_of_memory);
}

TEST(OpenByUrl, WhatHasExpiredIsNotFound) {
  using namespace std::chrono_literals;
  const Session session = open_session("simple:").value();
  const Store store = session.open("short", {.lifetime = 50ms}).value();
  const Key key = store.put(1).value();
  ASSERT_TRUE(store.put("name", 2));
  const auto begin = Deadline::Clock::now();
  while (store.exists(key).value() || store.exists("name").value()) {
    ASSERT_LT(Deadline::Clock::now() - begin, 60s);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GE(Deadline::Clock::now() - begin, 45ms);
  EXPECT_EQ(code_of(store.get<int>("name")), Errc::not_found);
  ASSERT_TRUE(store.put("name", 3)) << "the name is free";
  // Nobody looks at this one: the sweep removes it, some time.
  ASSERT_TRUE(store.put("unseen", 4));
  while (!store.keys("unseen").value().empty()) {
    ASSERT_LT(Deadline::Clock::now() - begin, 60s);
    std::this_thread::sleep_for(20ms);
  }
}

TEST(OpenByUrl, CountsWhatGoesToStorage) {
  const Session session = open_session("simple:").value();
  const Store store = session.open("counted").value();
  ASSERT_TRUE(store.put(std::vector<double>(100)));
  auto writer = store.create<double>("name", {50}).value();
  ASSERT_TRUE(writer.seal());
  const auto view = store.get<double[]>("name").value();
  const auto& written = session.metrics().writes;
  EXPECT_EQ(written[static_cast<std::size_t>(Path::storage)].bytes, 1200U);
  EXPECT_EQ(written[static_cast<std::size_t>(Path::shm_copy)].operations, 0U);
  EXPECT_EQ(written[static_cast<std::size_t>(Path::shm_view)].operations, 0U);
  EXPECT_EQ(session.metrics().reads[static_cast<std::size_t>(Path::storage)].bytes, 400U);
  EXPECT_EQ(view.path(), Path::storage);
}

TEST(OpenByUrl, NullKeepsNothing) {
  const Store store = open("null:").value();
  const Key key = store.put("name", 7).value();
  EXPECT_EQ(code_of(store.get<int>("name")), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>(key)), Errc::not_found);
  EXPECT_TRUE(store.put("name", 8)) << "it was not kept";
}

// Names with a '/', some of them too long for the backend: they become hashes there.
TEST(CollectionsOverBackends, AreListedAndCleared) {
  const TemporaryFolder folder;
  for (const std::string& url :
       {std::string("memory:"), std::string("simple:"), "file://" + folder.path() + "/files?sync=0",
        "pack://" + folder.path() + "/pack?sync=0", std::string("prefix+simple:?prefix.name=mine")}) {
    SCOPED_TRACE(url);
    const Store store = open(url).value();
    const Store step = store.collection("step 42").value();
    const Store ghosts = step.collection("ghosts").value();
    const std::string too_long(300, 'n');
    const std::vector<std::string> names{"T", too_long};
    for (const std::string& name : names) {
      ASSERT_TRUE(step.put(name, 1));
      ASSERT_TRUE(ghosts.put(name, 2));
      ASSERT_TRUE(store.put("step 4/" + name, 3));
    }
    EXPECT_EQ(*store.get<int>("step 42/ghosts/" + too_long).value(), 2);
    EXPECT_EQ(ghosts.keys().value(), names);
    EXPECT_EQ(step.size().value(), 4U);
    EXPECT_EQ(step.get<int>("U").error().key(), "step 42/U");
    EXPECT_EQ(ghosts.clear({.deadline = std::chrono::seconds(20)}).value(), 2U);
    EXPECT_EQ(step.keys().value(), names);
    EXPECT_EQ(step.clear().value(), 2U);
    EXPECT_EQ(store.size().value(), 2U);
  }
  EXPECT_EQ(open("null:").value().collection("step 42").value().clear().value(), 0U);
}

// One look at what has a hash for its name, and one request to remove all: in order, where threads would make
// them in any.
TEST(CollectionsOverBackends, AreClearedInBatchesOfTheBackend) {
  const auto probe = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 40, .name_bytes = NameBytes::file_name});
  const Store step = open_session(probe).value().open("run").value().collection("step").value();
  const std::string too_long(40, 'n');
  const std::vector<std::string> names{"T", "U", too_long};
  for (const std::string& name : names) {
    ASSERT_TRUE(step.put(name, 1));
  }
  const Key unnamed = step.put(2).value();
  (void)probe->calls();
  const auto gone = step.evict_batch(std::vector<std::string>{"T", "T", "V", too_long});
  EXPECT_TRUE(gone[0].value());
  EXPECT_FALSE(gone[1].value());
  EXPECT_FALSE(gone[2].value());
  EXPECT_TRUE(gone[3].value());
  auto calls = probe->calls();
  ASSERT_EQ(calls.size(), 5U);
  EXPECT_TRUE(calls[0].starts_with("load run/@h")) << calls[0];
  EXPECT_EQ(calls[1], "remove run/step%2fT");
  EXPECT_EQ(calls[3], "remove run/step%2fV");
  EXPECT_EQ("load" + calls[4].substr(6), calls[0]);
  EXPECT_TRUE(step.evict_batch(std::vector<Key>{unnamed})[0].value());

  probe->fail({{Errc::peer_lost}});
  const auto failed = step.evict_batch(std::vector<std::string>{"U"});
  EXPECT_EQ(code_of(failed[0]), Errc::peer_lost);
  EXPECT_EQ(failed[0].error().key(), "step/U");
  EXPECT_EQ(step.clear().value(), 1U);
}

// The one call that fails is not what decides whether something is there.
TEST(AFailingBackend, IsNotTakenForAnEmptyOne) {
  const auto probe = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 40, .name_bytes = NameBytes::file_name});
  const Store mine = open_session(probe).value().open("run").value();
  const std::string too_long(100, 'n');
  ASSERT_TRUE(mine.put(too_long, 1));
  const auto after = [](std::size_t calls) {
    std::deque<ProbeBackend::Failure> failures(calls);
    failures.push_back({Errc::peer_lost});
    return failures;
  };
  // Of this name there is a hash; the record itself has the name.
  probe->fail(after(1));
  EXPECT_EQ(code_of(mine.keys()), Errc::peer_lost);
  EXPECT_EQ(mine.keys().value(), std::vector<std::string>{too_long});

  // Another process looks through the registry for the store of a handle.
  const Handle handle = mine.put_proxy(7).value().handle();
  for (std::size_t calls = 0; calls < 3; ++calls) {
    const Session theirs = open_session(probe).value();
    probe->fail(after(calls));
    EXPECT_EQ(code_of(theirs.proxy<int>(handle).get()), Errc::peer_lost) << calls;
    EXPECT_EQ(*theirs.proxy<int>(handle).get().value(), 7);
  }

  // A promise that is not set yet.
  const auto promise = mine.promise<int>().value();
  const Handle promised = promise.proxy().handle();
  const Session theirs = open_session(probe).value();
  EXPECT_EQ(code_of(theirs.proxy<int>(promised).get(std::chrono::milliseconds(0))), Errc::timeout);
  std::size_t failed = 0;
  for (std::size_t calls = 0; calls < 6; ++calls) {
    probe->fail(after(calls));
    const auto code = code_of(theirs.proxy<int>(promised).get(std::chrono::milliseconds(0)));
    EXPECT_TRUE(code == Errc::timeout || code == Errc::peer_lost) << calls << ": " << to_string(code);
    failed += code == Errc::peer_lost ? 1 : 0;
    probe->fail({});
  }
  EXPECT_GE(failed, 2U) << "looking for the value, and for what tells that it is not set";
}

// The backend has been asked for both before they are there.
TEST(WaitsOverBackends, GoOnInTheBackground) {
  const auto probe = std::make_shared<ProbeBackend>();
  const Store mine = open_session(probe).value().open("run").value();
  const Session theirs = open_session(probe).value();
  const Store same = theirs.open("run").value();
  auto promise = mine.promise<int>().value();
  const auto asked_for_a_value = [&] {
    const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
    for (std::size_t loads = 0; loads == 0 && Deadline::Clock::now() < end;) {
      const auto calls = probe->calls();
      loads = static_cast<std::size_t>(
          std::ranges::count_if(calls, [](const auto& call) { return call.starts_with("load run/"); }));
    }
  };
  (void)probe->calls();
  auto coming = same.wait_async<int>("a", std::chrono::seconds(60));
  asked_for_a_value();
  const auto stand_in = theirs.proxy<int>(promise.proxy().handle());
  stand_in.prefetch();
  asked_for_a_value();
  EXPECT_FALSE(coming.ready());
  ASSERT_TRUE(mine.put("a", 1));
  ASSERT_TRUE(promise.set(2));
  const auto put = coming.get();
  ASSERT_TRUE(put) << put.error();
  EXPECT_EQ(**put, 1);
  const auto set = stand_in.get(std::chrono::seconds(60));
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(**set, 2);
  EXPECT_EQ(**same.wait_async<int>("a").get(), 1) << "what is there already is fetched";
}

// As a file's user sees it: all in the folder of the store.
TEST(CollectionsOverBackends, AreInTheNamesOfFiles) {
  const TemporaryFolder folder;
  const Store step =
      open("file://" + folder.path() + "?sync=0&store=run").value().collection("step42").value();
  ASSERT_TRUE(step.put("T", 1));
  EXPECT_TRUE(std::filesystem::is_regular_file(folder.path() + "/run/step42%2fT"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/run/step42"));
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

// Of what was stored or brought: not of what failed, nor of looks at what there is, nor of the store's own
// record.
TEST(Backends, TellHowLongCallsTook) {
  const auto session = open_session("simple:").value();
  const Store store = session.open("s").value();
  ASSERT_TRUE(store.put("a", 1));
  ASSERT_FALSE(store.put("a", 2));
  ASSERT_TRUE(store.put_async("b", 2).get());
  ASSERT_TRUE(store.get<int>("a"));
  ASSERT_TRUE(store.get_async<int>("b").get());
  ASSERT_FALSE(store.get<int>("nobody"));
  ASSERT_TRUE(store.info("a"));
  ASSERT_TRUE(store.exists("a"));
  const std::array<std::string, 3> names{"a", "b", "nobody"};
  ASSERT_TRUE(store.get_batch<int>(names)[1]);
  const RankReport report = session.report();
  constexpr auto storage = static_cast<std::size_t>(Path::storage);
  EXPECT_EQ(report.writes[storage].timed, 2U);
  EXPECT_EQ(report.reads[storage].timed, 4U);
  EXPECT_GT(report.reads[storage].median_ns, 0U);
  EXPECT_GE(report.reads[storage].p99_ns, report.reads[storage].median_ns);
  const std::string text = to_text(std::span(&report, 1));
  EXPECT_NE(text.find("locum: how long calls took\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  storage put"), std::string::npos) << text;
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
