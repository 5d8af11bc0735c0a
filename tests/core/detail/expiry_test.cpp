#include "core/detail/expiry.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "core/async_result.hpp"
#include "core/node/local.hpp"
#include "core/promise.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

Session expiring_session() {
  return Session(open_local(), std::make_shared<Metrics>());
}

/// Waits until an object is gone: the shortest time that it was there, at least.
std::chrono::steady_clock::duration life_of(const Store& store, const Key& key) {
  const auto begin = std::chrono::steady_clock::now();
  while (store.exists(key).value()) {
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s) << "it never expires";
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

TEST(Expiry, LooksOftenEnough) {
  using detail::Expiry;
  EXPECT_EQ(Expiry::interval_of(1ms), 20ms);
  EXPECT_EQ(Expiry::interval_of(800ms), 100ms);
  EXPECT_EQ(Expiry::interval_of(24h), 1000ms);
}

}  // namespace
}  // namespace locum::tests
