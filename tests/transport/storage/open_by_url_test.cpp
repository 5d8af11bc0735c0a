// What a URL opens, and what it is refused for.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <locum/backends.hpp>

#include "core/backend_registry.hpp"
#include "core/open_sessions.hpp"
#include "core/serializers.hpp"
#include "core/value/metrics.hpp"
#include "tests/core/code_of.hpp"
#include "transport/storage/memory/simple.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

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

TEST(OpenByUrl, OfABackendAlone) {
  const auto backend = open_backend("readonly+simple:").value();
  EXPECT_EQ(code_of(backend->load({"s", "a"}, whole_record, std::chrono::seconds(20))), Errc::not_found);
  EXPECT_EQ(code_of(backend->store({"s", "a"}, {}, std::chrono::seconds(20))), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("memory:")), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("tape:reel")), Errc::unsupported);
  EXPECT_EQ(code_of(open_backend("no url")), Errc::invalid_argument);
}

LOCUM_REGISTER_BACKEND(reel, [](const Url& url) -> Result<std::shared_ptr<Backend>> {
  const auto known = url.knows_only({"length"});
  return known ? storage::open_simple(parse_url("simple:").value()) : known.error();
});

TEST(OpenByUrl, OpensWhatTheProgramRegistered) {
  const Store store = open("reel:a?length=3").value();
  EXPECT_EQ(*store.get<int>(store.put(3).value()).value(), 3);
  EXPECT_EQ(code_of(open("reel:a?colour=red")), Errc::invalid_argument);
}

LOCUM_REGISTER_BACKEND(null, [](const Url& /*url*/) -> Result<std::shared_ptr<Backend>> {
  return storage::open_simple(parse_url("simple:").value());
});

TEST(OpenByUrl, KeepsTheSchemesOfTheLibrary) {
  EXPECT_FALSE(find_backend("null"));
  const auto opens = [](const Url& /*url*/) { return storage::open_simple(parse_url("simple:").value()); };
  for (const BackendDescription& own : backend_descriptions()) {  // those that are not in this build, too
    EXPECT_FALSE(register_backend(std::string(own.traits.scheme), opens)) << own.traits.scheme;
  }
  EXPECT_FALSE(register_backend("reel", opens));
  EXPECT_TRUE(register_backend("reel.2", opens));
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
  const auto begin = Deadline::Clock::now();
  const Key key = store.put(1).value();
  ASSERT_TRUE(store.put("name", 2));
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

}  // namespace
}  // namespace locum::tests
