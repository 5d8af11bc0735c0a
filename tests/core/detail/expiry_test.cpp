#include "core/detail/expiry.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/async_result.hpp"
#include "core/coded_store.hpp"
#include "core/node/local.hpp"
#include "core/ports/expiring.hpp"
#include "core/promise.hpp"
#include "core/raw_store.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/sample_codecs.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

Session expiring_session() {
  return Session(open_local(), std::make_shared<Metrics>());
}

/// Waits until an object is gone: the shortest time that it was there, at least.
template <ObjectId I>
std::chrono::steady_clock::duration life_of(const Store& store, const I& id) {
  const auto begin = std::chrono::steady_clock::now();
  while (store.exists(id).value()) {
    if (std::chrono::steady_clock::now() - begin > 60s) {
      ADD_FAILURE() << "it never expires";
      break;
    }
    std::this_thread::sleep_for(1ms);
  }
  return std::chrono::steady_clock::now() - begin;
}

TEST(Expiry, EvictsWhatHasLivedLongEnough) {
  const Session session = expiring_session();
  const Store store = session.open("short", {.lifetime = 100ms}).value();
  const Store other = session.open("long").value();
  const Key kept = other.put(1).value();
  const Key unnamed = store.put(2).value();
  const Key named = store.put("name", 3).value();
  EXPECT_EQ(*store.get<int>("name").value(), 3);
  EXPECT_GE(life_of(store, unnamed), 95ms);
  (void)life_of(store, named);
  EXPECT_EQ(code_of(store.get<int>("name")), Errc::not_found);
  EXPECT_TRUE(store.keys().value().empty());
  EXPECT_EQ(session.report().memory.own_objects, 3U) << "the other store's, and the registrations of two";
  EXPECT_EQ(*other.get<int>(kept).value(), 1);
  // The name is free again, and lives as long.
  EXPECT_GE(life_of(store, store.put("name", 4).value()), 95ms);
}

TEST(Expiry, LeavesUnsetPromisesAndViewsAlone) {
  const Session session = expiring_session();
  const Store store = session.open("short", {.lifetime = 40ms}).value();
  auto promise = store.promise<int>().value();
  const auto view = store.get<int>(store.put(5).value()).value();
  (void)life_of(store, store.put(6).value());
  (void)life_of(store, store.put(7).value());
  EXPECT_EQ(*view, 5);
  const auto stand_in = promise.proxy();
  ASSERT_TRUE(promise.set(8));
  EXPECT_EQ(*stand_in, 8);
}

TEST(Expiry, IsPartOfTheOptionsOfAStore) {
  const Session session = expiring_session();
  (void)session.open("short", {.lifetime = 1h}).value();
  EXPECT_EQ(code_of(session.open("short", {.lifetime = 2h})), Errc::options_differ);
  EXPECT_EQ(session.open("short").value().options().lifetime, 1h);
  EXPECT_EQ(code_of(session.open("never", {.lifetime = -1ms})), Errc::invalid_argument);
  EXPECT_EQ(code_of(session.open("never", {.lifetime = std::chrono::milliseconds::max()})),
            Errc::invalid_argument);
}

/// The lifetime that an object was given, to the hour; 0 hours: none.
template <ObjectId I>
std::chrono::hours given(const Store& store, const I& id) {
  const auto end = store.info(id).value().expires_at;
  return end ? std::chrono::round<std::chrono::hours>(*end - std::chrono::system_clock::now()) : 0h;
}

TEST(Expiry, IsAnOptionOfEachCallThatStores) {
  const Session session = expiring_session();
  const Store store = session.open("store").value();
  const std::vector<double> field{1, 2, 3};
  const auto bytes = std::as_bytes(std::span(field));
  const Narrow narrow;
  EXPECT_EQ(given(store, store.put(1, {.lifetime = 5h}).value()), 5h);
  EXPECT_EQ(given(store, store.put("put", 1, {.lifetime = 6h}).value()), 6h);
  EXPECT_EQ(given(store, store.put(field, {.codec = narrow, .lifetime = 7h}).value()), 7h);
  EXPECT_EQ(given(store, store.put(1, {.when_full = WhenFull::wait, .lifetime = 8h}).value()), 8h);
  EXPECT_EQ(given(store, store.replace("put", 2, {.lifetime = 9h}).value()), 9h);
  EXPECT_EQ(given(store, store.put_bytes(bytes, {.lifetime = 10h}).value()), 10h);
  EXPECT_EQ(given(store, store.put_bytes_async(bytes, {.lifetime = 11h}).get().value()), 11h);
  EXPECT_EQ(given(store, store.put_bytes_async("bytes", bytes, {.lifetime = 12h}).get().value()), 12h);
  EXPECT_EQ(code_of(store.put_bytes_async("no", bytes, {.when_full = WhenFull::wait}).get()),
            Errc::invalid_argument);
  EXPECT_TRUE(store.put_proxy("proxy", 1, {.lifetime = 13h}));
  EXPECT_EQ(given(store, "proxy"), 13h);
  EXPECT_TRUE(store.put_proxy("coded proxy", field, {.codec = narrow, .lifetime = 14h}));
  EXPECT_EQ(given(store, "coded proxy"), 14h);
  EXPECT_EQ(given(store, store.create<double>({3}, {.lifetime = 15h})->seal().value()), 15h);
  EXPECT_EQ(
      given(store,
            store.raw().create("created", ElementType::of<float>(), {3}, {.lifetime = 16h})->seal().value()),
      16h);
  EXPECT_EQ(
      given(store,
            store.raw().put("encoded", {bytes, ElementType::of<double>(), {3}}, {.lifetime = 17h}).value()),
      17h);
  EXPECT_EQ(given(store, store.put_async("async", 1, {.lifetime = 18h}).get().value()), 18h);
  EXPECT_EQ(given(store, store.replace_async("async", 1, {.lifetime = 19h}).get().value()), 19h);
  EXPECT_EQ(given(store, store.with(narrow).put("coded", field, {.lifetime = 20h}).value()), 20h);
  EXPECT_EQ(given(store, store.with(narrow).replace("coded", field, {.lifetime = 21h}).value()), 21h);
  EXPECT_EQ(given(store, store.with(narrow).put_async(field, {.lifetime = 22h}).get().value()), 22h);
  for (const auto& key : store.put_batch(std::array{1, 2}, {.lifetime = 23h})) {
    EXPECT_EQ(given(store, key.value()), 23h);
  }
  for (const auto& key : store.put_batch(std::map<std::string, int>{{"a", 1}, {"b", 2}},
                                         {.when_full = WhenFull::wait, .lifetime = 24h})) {
    EXPECT_EQ(given(store, key.value()), 24h);
  }
  EXPECT_EQ(given(store, store.put(1).value()), 0h);
  EXPECT_EQ(given(store, store.replace("put", 3).value()), 0h) << "not that of what it replaces";
  EXPECT_EQ(code_of(store.put(1, {.lifetime = -1ms})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.put(1, {.lifetime = 24h * 365 * 101})), Errc::invalid_argument);
  EXPECT_EQ(code_of(store.create<int>({1}, {.lifetime = -1ms})), Errc::invalid_argument);
}

TEST(Expiry, TakesTheLifetimeOfTheCallThenOfTheCollectionThenOfTheStore) {
  const Session session = expiring_session();
  const Store store = session.open("store", {.lifetime = 5h}).value();
  const Store step = store.collection("step", {.lifetime = 3h}).value();
  EXPECT_EQ(step.options().lifetime, 3h);
  EXPECT_EQ(given(store, store.put(1).value()), 5h);
  EXPECT_EQ(given(store, store.collection("other").value().put("x", 1).value()), 5h);
  EXPECT_EQ(given(store, step.put("x", 1).value()), 3h);
  EXPECT_EQ(given(store, step.put(1).value()), 3h);
  EXPECT_EQ(given(step, step.put("y", 1, {.lifetime = 2h}).value()), 2h);
  EXPECT_EQ(given(step, step.put("z", 1, {.lifetime = for_ever}).value()), 0h);
  EXPECT_EQ(given(store, step.collection("inner").value().put("x", 1).value()), 3h);
  EXPECT_EQ(given(store, step.collection("inner", {.lifetime = 7h}).value().put("y", 1).value()), 7h);
  EXPECT_EQ(given(store, step.collection("kept", {.lifetime = for_ever}).value().put("y", 1).value()), 0h);
  EXPECT_EQ(given(store, step.with(Narrow()).put("v", std::vector<double>{1}).value()), 3h);
  EXPECT_EQ(code_of(store.collection("no", {.lifetime = -1ms})), Errc::invalid_argument);
}

TEST(Expiry, EndsObjectsOfOneStoreAtDifferentTimes) {
  const Session session = expiring_session();
  const Store store = session.open("mixed").value();
  const Key kept = store.put("kept", 1).value();
  const Key hour = store.put("hour", 2, {.lifetime = 1h}).value();
  ASSERT_TRUE(store.put("replaced", 3, {.lifetime = 60ms}));
  ASSERT_TRUE(store.replace("replaced", 4));
  const auto batch = store.put_batch(std::array{5, 6}, {.lifetime = 60ms});
  EXPECT_GE(life_of(store, store.put("short", 7, {.lifetime = 60ms}).value()), 55ms);
  (void)life_of(store, batch[0].value());
  (void)life_of(store, batch[1].value());
  // Once another one that was put later is gone, the first one of that name would be, too.
  (void)life_of(store, store.put(8, {.lifetime = 60ms}).value());
  EXPECT_EQ(*store.get<int>("replaced").value(), 4);
  EXPECT_TRUE(store.exists(kept).value());
  EXPECT_TRUE(store.exists(hour).value());
  EXPECT_EQ(store.keys().value(), (std::vector<std::string>{"hour", "kept", "replaced"}));
}

TEST(Expiry, IsRefusedWhereNobodyWouldEvict) {
  const Session session(std::make_shared<ForwardingConnector>(open_local()), std::make_shared<Metrics>());
  EXPECT_EQ(code_of(session.open("short", {.lifetime = 1h})), Errc::unsupported);
  const Store store = session.open("store").value();
  EXPECT_EQ(code_of(store.put(1, {.lifetime = 1h})), Errc::unsupported);
  EXPECT_TRUE(store.put(1, {.lifetime = for_ever}));
}

TEST(Expiry, LooksOftenEnough) {
  EXPECT_EQ(sweep_interval_of(1ms), 20ms);
  EXPECT_EQ(sweep_interval_of(800ms), 100ms);
  EXPECT_EQ(sweep_interval_of(24h), 1000ms);
}

}  // namespace
}  // namespace locum::tests
