#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

// The error of each call, in one process: the cells of docs/errors.md that need no other process.
namespace locum::store_errors_test {
namespace {

using tests::code_of;
using tests::SessionFixture;
using Doubles = std::vector<double>;
using Names = std::vector<std::string>;
using Keys = std::vector<Key>;
using NamedDoubles = std::vector<std::pair<std::string, Doubles>>;

/// Every way to read the object that `id` identifies.
template <class T, class I>
void expect_of_reads(const Store& store, const I& id, Errc code) {
  EXPECT_EQ(code_of(store.get<T>(id)), code);
  EXPECT_EQ(code_of(store.get_async<T>(id).get()), code);
  EXPECT_EQ(code_of(store.get_batch<T>(std::vector<I>{id})[0]), code);
  EXPECT_EQ(code_of(store.proxy<T>(id)), code);
  EXPECT_EQ(code_of(store.proxy_batch<T>(std::vector<I>{id})[0]), code);
}
template <class I>
void expect_of_untyped_reads(const Store& store, const I& id, Errc code) {
  EXPECT_EQ(code_of(store.get_bytes(id)), code);
  EXPECT_EQ(code_of(store.get_bytes(id, {.part = {.offset = 0, .count = 1}})), code);
  EXPECT_EQ(code_of(store.info(id)), code);
}
template <class I>
void expect_nothing_there(const Store& store, const I& id) {
  EXPECT_FALSE(store.exists(id).value());
  EXPECT_FALSE(store.exists_async(id).get().value());
  EXPECT_FALSE(store.exists_batch(std::vector<I>{id})[0].value());
  EXPECT_FALSE(store.evict(id).value());
  EXPECT_FALSE(store.evict_async(id).get().value());
  EXPECT_FALSE(store.evict_batch(std::vector<I>{id})[0].value());
}
/// Every way to store a value with a name.
template <class T>
void expect_of_puts(const Store& store, const std::string& name, const T& value, Errc code) {
  EXPECT_EQ(code_of(store.put(name, value)), code);
  EXPECT_EQ(code_of(store.put_proxy(name, value)), code);
  EXPECT_EQ(code_of(store.put_async(name, value).get()), code);
  EXPECT_EQ(code_of(store.put_batch(std::vector<std::pair<std::string, T>>{{name, value}})[0]), code);
}
template <class T>
void expect_of_replacements(const Store& store, const std::string& name, const T& value, Errc code) {
  EXPECT_EQ(code_of(store.replace(name, value)), code);
  EXPECT_EQ(code_of(store.replace_async(name, value).get()), code);
}
template <class T>
void expect_of_unnamed_puts(const Store& store, const T& value, Errc code) {
  EXPECT_EQ(code_of(store.put(value)), code);
  EXPECT_EQ(code_of(store.put_proxy(value)), code);
  EXPECT_EQ(code_of(store.put_async(value).get()), code);
  EXPECT_EQ(code_of(store.put_batch(std::vector<T>{value})[0]), code);
}
void expect_of_bytes(const Store& store, const std::string& name, std::size_t count, Errc code) {
  const std::vector<std::byte> bytes(count);
  EXPECT_EQ(code_of(store.put_bytes(name, bytes)), code);
  EXPECT_EQ(code_of(store.put_bytes_async(name, bytes).get()), code);
}

TEST(StoreErrors, OfANameThatIsNone) {
  const SessionFixture one;
  const Store store = one.store();
  for (const std::string& name : {std::string(), std::string(64 * 1024 + 1, 'x')}) {
    constexpr Errc wrong = Errc::invalid_argument;
    expect_of_reads<int>(store, name, wrong);
    expect_of_untyped_reads(store, name, wrong);
    expect_of_puts(store, name, Doubles{1}, wrong);
    expect_of_replacements(store, name, Doubles{1}, wrong);
    expect_of_bytes(store, name, 1, wrong);
    EXPECT_EQ(code_of(store.wait<int>(name)), wrong);
    EXPECT_EQ(code_of(store.promise<int>(name)), wrong);
    EXPECT_EQ(code_of(store.create<int>(name, {1})), wrong);
    EXPECT_EQ(code_of(store.exists(name)), wrong);
    EXPECT_EQ(code_of(store.exists_async(name).get()), wrong);
    EXPECT_EQ(code_of(store.exists_batch(Names{name})[0]), wrong);
    EXPECT_EQ(code_of(store.evict(name)), wrong);
    EXPECT_EQ(code_of(store.evict_async(name).get()), wrong);
    EXPECT_EQ(code_of(store.evict_batch(Names{name})[0]), wrong);
  }
}

TEST(StoreErrors, OfWhatIsNotThere) {
  const SessionFixture one;
  const Store store = one.store();
  const Key of_another = one.store("others").put(1).value();
  for (const Key& key : {Key{store.number(), 0, 999}, Key{}, of_another}) {
    expect_of_reads<int>(store, key, Errc::not_found);
    expect_of_untyped_reads(store, key, Errc::not_found);
    expect_nothing_there(store, key);
  }
  expect_of_reads<int>(store, std::string("nobody"), Errc::not_found);
  expect_of_untyped_reads(store, std::string("nobody"), Errc::not_found);
  expect_nothing_there(store, std::string("nobody"));
  EXPECT_TRUE(store.keys("nobody")->empty());
}

TEST(StoreErrors, OfAnotherType) {
  const SessionFixture one;
  const Store store = one.store();
  const Key key = store.put("x", Doubles{1}).value();
  expect_of_reads<float>(store, key, Errc::type_mismatch);
  expect_of_reads<float>(store, std::string("x"), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.wait<float>("x")), Errc::type_mismatch);
}

TEST(StoreErrors, OfALiveName) {
  const SessionFixture one;
  const Store store = one.store();
  auto writer = store.create<int>("x", {1}).value();
  auto begun = store.create<int>("x", {1}).value();
  auto promise = store.promise<int>("x").value();
  ASSERT_TRUE(store.put("x", 1));
  expect_of_puts(store, "x", Doubles{1}, Errc::key_exists);
  expect_of_bytes(store, "x", 1, Errc::key_exists);
  EXPECT_EQ(code_of(writer.seal()), Errc::key_exists);
  EXPECT_EQ(code_of(begun.seal_async().get()), Errc::key_exists);
  EXPECT_EQ(code_of(promise.set(1)), Errc::key_exists);
}

TEST(StoreErrors, OfAnotherGeneration) {
  const SessionFixture one;
  const Store store = one.store();
  EXPECT_EQ(code_of(store.replace("x", 1, {.expected_generation = 1})), Errc::not_found);
  EXPECT_EQ(code_of(store.replace_async("x", 1, {.expected_generation = 1}).get()), Errc::not_found);
  ASSERT_TRUE(store.put("x", 1));
  EXPECT_EQ(code_of(store.replace("x", 1, {.expected_generation = 1U << 30U})), Errc::stale);
  EXPECT_EQ(code_of(store.replace_async("x", 1, {.expected_generation = 1U << 30U}).get()), Errc::stale);
}

TEST(StoreErrors, OfAFullMemory) {
  const SessionFixture one({.memory_bytes = 4096});
  const Store store = one.store();
  constexpr Errc full = Errc::out_of_memory;
  const std::vector<char> large(5000);
  expect_of_puts(store, "x", large, full);
  expect_of_replacements(store, "x", large, full);
  expect_of_unnamed_puts(store, large, full);
  expect_of_bytes(store, "x", large.size(), full);
  EXPECT_EQ(code_of(store.put_bytes(std::as_bytes(std::span(large)))), full);
  EXPECT_EQ(code_of(store.create<char>({5000})), full);
  EXPECT_EQ(code_of(store.create<char>("x", {5000})), full);
  while (store.put(1)) {
  }
  EXPECT_EQ(code_of(store.promise<int>()), full);
  EXPECT_EQ(code_of(store.promise<int>("x")), full);
}

struct Refuses {
  static constexpr std::string_view locum_type_name = "tests.refuses";

  template <class Archive>
  void serialize(Archive& /*archive*/) {
    throw std::runtime_error("not this one");
  }
};

TEST(StoreErrors, OfASerializeThatThrows) {
  const SessionFixture one;
  const Store store = one.store();
  expect_of_puts(store, "x", Refuses(), Errc::invalid_argument);
  expect_of_replacements(store, "x", Refuses(), Errc::invalid_argument);
  expect_of_unnamed_puts(store, Refuses(), Errc::invalid_argument);
}

// At once, as for a nonexistent object: only stand-ins wait for it.
TEST(StoreErrors, OfTheKeyOfABrokenPromise) {
  const SessionFixture one;
  const Store store = one.store();
  Key key;
  {
    const auto promise = store.promise<double[]>().value();
    key = promise.proxy().key();
  }
  expect_of_reads<double[]>(store, key, Errc::broken_promise);
  expect_of_untyped_reads(store, key, Errc::broken_promise);
  expect_nothing_there(store, key);
}

TEST(StoreErrors, OfTheKeyOfAPromiseWhoseNameWasReplaced) {
  const SessionFixture one;
  const Store store = one.store();
  auto promise = store.promise<double[]>("late").value();
  ASSERT_TRUE(promise.set(Doubles{1}));
  ASSERT_TRUE(store.replace("late", Doubles{2}));
  const Key key = promise.proxy().key();
  expect_of_reads<double[]>(store, key, Errc::stale);
  expect_of_untyped_reads(store, key, Errc::stale);
  expect_nothing_there(store, key);
  EXPECT_EQ((*store.get<double[]>("late"))[0], 2.0);
}

void expect_closed(const Store& store, const Key& key) {
  constexpr Errc closed = Errc::closed;
  const std::string name = "x";
  expect_of_reads<int>(store, key, closed);
  expect_of_reads<int>(store, name, closed);
  expect_of_untyped_reads(store, key, closed);
  expect_of_untyped_reads(store, name, closed);
  expect_of_puts(store, name, Doubles{1}, closed);
  expect_of_replacements(store, name, Doubles{1}, closed);
  expect_of_unnamed_puts(store, Doubles{1}, closed);
  expect_of_bytes(store, name, 1, closed);
  EXPECT_EQ(code_of(store.wait<int>(name)), closed);
  EXPECT_EQ(code_of(store.promise<int>()), closed);
  EXPECT_EQ(code_of(store.promise<int>(name)), closed);
  EXPECT_EQ(code_of(store.create<int>({1})), closed);
  EXPECT_EQ(code_of(store.exists(key)), closed);
  EXPECT_EQ(code_of(store.exists_batch(Keys{key})[0]), closed);
  EXPECT_EQ(code_of(store.exists_async(name).get()), closed);
  EXPECT_EQ(code_of(store.evict(key)), closed);
  EXPECT_EQ(code_of(store.evict_async(name).get()), closed);
  EXPECT_EQ(code_of(store.evict_batch(Keys{key})[0]), closed);
  EXPECT_EQ(code_of(store.keys()), closed);
}

TEST(StoreErrors, OfADroppedStoreAndOfAClosedSession) {
  const SessionFixture one;
  const Store dropped = one.store("dropped");
  const Store kept = one.store();
  const Key of_dropped = dropped.put(1).value();
  const Key of_kept = kept.put(1).value();
  ASSERT_TRUE(one.session->drop("dropped"));
  expect_closed(dropped, of_dropped);
  one.session->close();
  expect_closed(kept, of_kept);
}

}  // namespace
}  // namespace locum::store_errors_test
