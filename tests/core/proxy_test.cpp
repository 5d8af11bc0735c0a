#include "core/proxy.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/containers.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::SessionFixture;

using tests::code_of;

struct Mesh {
  static constexpr std::string_view locum_type_name = "tests.mesh";

  std::vector<std::string> parts;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(parts);
  }
};

/// A type with stand-ins as members, one of them for its own type.
struct Link {
  static constexpr std::string_view locum_type_name = "tests.link";

  std::string name;
  Proxy<double[]> field;
  Proxy<Link> next;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(name, field, next);
  }
};

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Proxy, IsResolvedWhereItsObjectWasPut) {
  const SessionFixture one;
  Store store = one.store();
  const Proxy<double[]> field = store.put_proxy(std::vector<double>{1, 2, 3}).value();
  EXPECT_TRUE(field.ready());
  EXPECT_EQ(field.size_bytes(), 24U);
  double sum = 0;
  for (const double x : *field) {
    sum += x;
  }
  EXPECT_EQ(sum, 6.0);
  EXPECT_EQ(field->size(), 3U);
  EXPECT_TRUE(store.exists(field.key()).value());
  const auto named = store.put_proxy("mesh", Mesh{{"a"}}).value();
  EXPECT_EQ(named->parts.at(0), "a");
  EXPECT_EQ(code_of(store.put_proxy("mesh", Mesh{})), Errc::key_exists);
}

TEST(Proxy, TravelsAsItsHandle) {
  const SessionFixture one;
  Store store = one.store();
  const Handle handle = store.put_proxy("T", std::vector<double>{1, 2}).value().handle();
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof(Handle)>>(handle);
  const auto arrived = std::bit_cast<Handle>(bytes);
  const auto stand_in = one.session->proxy<double[]>(arrived);
  EXPECT_FALSE(stand_in.ready());
  stand_in.prefetch();
  EXPECT_TRUE(stand_in.ready());
  EXPECT_EQ((*stand_in)[1], 2.0);
  // The same object as another readable type.
  const auto copied = one.session->proxy<std::vector<double>>(arrived);
  EXPECT_EQ(sum_of(*copied), 3.0);
}

TEST(Proxy, IsNotResolvedByLookingAtIt) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put(7).value();
  const auto made = one.session->proxy<int>(store.proxy<int>(key).value().handle());
  const std::uint64_t reads = one.reads(Path::shm_view);
  const auto copy = made;
  EXPECT_EQ(copy, made);
  EXPECT_EQ(std::hash<Proxy<int>>{}(copy), std::hash<Proxy<int>>{}(made));
  std::ostringstream out;
  out << made;
  EXPECT_EQ(out.str(), "proxy<i32>{handle{1/0/2, 4 bytes}}");
  EXPECT_EQ(made.size_bytes(), 4U);
  EXPECT_EQ(made.key(), key);
  (void)store.put(std::pair(1, made)).value();
  EXPECT_EQ((std::unordered_set<Proxy<int>>{made, copy}.size()), 1U);
  EXPECT_FALSE(made.ready());
  EXPECT_EQ(one.reads(Path::shm_view), reads);
  EXPECT_EQ(*made, 7);
  EXPECT_TRUE(copy.ready());  // copies share the resolution
}

TEST(Proxy, MadeFromAKeyOrANameChecksTheType) {
  const SessionFixture one;
  Store store = one.store();
  store.put("x", 1.5).value();
  EXPECT_EQ(*store.proxy<double>("x").value(), 1.5);
  EXPECT_EQ(code_of(store.proxy<float>("x")), Errc::type_mismatch);
  EXPECT_EQ(code_of(store.proxy<float>("y")), Errc::not_found);
  const auto wrong = one.session->proxy<float>(store.proxy<double>("x").value().handle());
  EXPECT_EQ(code_of(wrong.get()), Errc::type_mismatch);
  EXPECT_NE(wrong.get().error().text().find("f64"), std::string::npos);
}

TEST(Proxy, ThrowsThroughTheArrowAndReturnsFromGet) {
  const SessionFixture one;
  Store store = one.store();
  const Proxy<int> gone = one.session->proxy<int>(store.put_proxy("n", 1).value().handle());
  EXPECT_TRUE(store.evict("n").value());
  EXPECT_EQ(code_of(gone.get()), Errc::not_found);
  EXPECT_EQ(code_of(gone.try_get()), Errc::not_found);
  EXPECT_EQ(code_of(gone.get(std::chrono::seconds(1))), Errc::not_found);
  try {
    (void)*gone;
    FAIL() << "an evicted object was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_EQ(error.key(), to_string(gone.key()));
  }
}

TEST(Proxy, TellsAReplacedNameFromAnEvictedOne) {
  const SessionFixture one;
  Store store = one.store();
  const Handle old = store.put_proxy("clock", 1).value().handle();
  const auto still = store.get<int>("clock").value();
  store.replace("clock", 2).value();
  EXPECT_EQ(code_of(one.session->proxy<int>(old).get()), Errc::stale);
  EXPECT_EQ(*still, 1);
  EXPECT_TRUE(store.evict("clock").value());
  EXPECT_EQ(code_of(one.session->proxy<int>(old).get()), Errc::not_found);
}

TEST(Proxy, PinsUntilItsLastCopyIsGoneOrReleased) {
  const SessionFixture one;
  Store store = one.store();
  {
    const auto first = store.put_proxy(std::vector<double>(1000)).value();
    const auto second = first;
    EXPECT_EQ((*second).size(), 1000U);
    EXPECT_TRUE(store.evict(first.key()).value());
    EXPECT_EQ(one.connector->usage().own_pinned, 8000U);
    EXPECT_EQ(first->size(), 1000U);
    second.release();
    EXPECT_EQ(one.connector->usage().own_pinned, 0U);
    EXPECT_FALSE(first.ready());
    EXPECT_EQ(code_of(first.get()), Errc::not_found);
  }
  auto last = std::make_unique<Proxy<double[]>>(store.put_proxy(std::vector<double>(1000)).value());
  EXPECT_TRUE(store.evict(last->key()).value());
  const auto view = last->get().value();
  last.reset();
  EXPECT_EQ(one.connector->usage().own_pinned, 8000U);
  EXPECT_EQ(view.size(), 1000U);
}

TEST(Proxy, OfADecodedTypePinsNothingOnceResolved) {
  const SessionFixture one;
  Store store = one.store();
  const auto mesh = store.put_proxy(Mesh{{"part"}}).value();
  EXPECT_TRUE(mesh.ready());
  EXPECT_EQ(one.metrics->decodes, 0U);  // ready is not decoded
  EXPECT_EQ(mesh->parts.size(), 1U);
  EXPECT_TRUE(store.evict(mesh.key()).value());
  EXPECT_EQ(one.connector->usage().own_pinned, 0U);
  EXPECT_EQ(mesh->parts.size(), 1U);
}

TEST(Proxy, ConvertsToWhatItStandsFor) {
  const SessionFixture one;
  Store store = one.store();
  const auto particle = store.put_proxy(Mesh{{"x", "y"}}).value();
  const Mesh& mesh = particle;
  EXPECT_EQ(mesh.parts.size(), 2U);
  const auto numbers = store.put_proxy(std::vector<double>{4}).value();
  const std::span<const double> elements = numbers;
  EXPECT_EQ(elements.size(), 1U);
  const auto count = [](const auto& mesh_or_proxy) { return ref(mesh_or_proxy).parts.size(); };
  EXPECT_EQ(count(mesh), 2U);
  EXPECT_EQ(count(particle), 2U);
  EXPECT_EQ(count(store.get<Mesh>(particle.key()).value()), 2U);
}

TEST(Proxy, ThatStandsForNothingSaysSo) {
  const Proxy<int> nothing;
  EXPECT_FALSE(nothing);
  EXPECT_FALSE(nothing.ready());
  nothing.prefetch();
  nothing.release();
  EXPECT_EQ(code_of(nothing.get()), Errc::invalid_argument);
  EXPECT_THROW((void)*nothing, Error);
  EXPECT_EQ(nothing, Proxy<int>());
  EXPECT_FALSE(nothing.key().valid());
}

TEST(Proxy, IsStoredAsItsHandleAndComesBackUnresolved) {
  const SessionFixture one;
  Store store = one.store();
  const auto field = store.put_proxy(std::vector<double>{1, 2, 3}).value();
  const auto last = store.put_proxy("last", Link{"last", field, {}}).value();
  store.put("first", Link{"first", field, last}).value();
  const auto first = store.get<Link>("first").value();
  EXPECT_EQ(first->field, field);
  EXPECT_FALSE(first->field.ready());
  EXPECT_FALSE(first->next.ready());
  EXPECT_EQ((*first->field)[2], 3.0);
  EXPECT_EQ(first->next->name, "last");
  EXPECT_FALSE(first->next->next);
  EXPECT_EQ(first->next->field->size(), 3U);
  const std::vector<Proxy<double[]>> many{field, {}, field};
  const auto back = store.get<std::vector<Proxy<double[]>>>(store.put(many).value()).value();
  EXPECT_EQ(*back, many);
}

// A decoded value is shared by its current users, and pins nothing for later ones.
TEST(Proxy, InsideADecodedValuePinsItsObjectNoLongerThanTheValueIsUsed) {
  const SessionFixture one({.memory_bytes = 4_MiB});
  Store store = one.store();
  for (int round = 0; round < 8; ++round) {
    const auto field = store.put(std::vector<double>(1_MiB / sizeof(double)));
    ASSERT_TRUE(field) << "round " << round << ": " << field.error().what();
    const Key outer = store.put(Link{"outer", store.proxy<double[]>(*field).value(), {}}).value();
    {
      const auto link = store.get<Link>(outer).value();
      EXPECT_EQ(link->field->size(), 1_MiB / sizeof(double));
      EXPECT_EQ(store.get<Link>(outer)->get(), link.get());
    }
    EXPECT_TRUE(store.evict(outer).value());
    EXPECT_TRUE(store.evict(*field).value());
    EXPECT_EQ(one.connector->usage().own_pinned, 0U);
  }
}

/// Resolves its stand-in during decoding, which no serialize() should do, because it may lead back to itself.
struct Eager {
  static constexpr std::string_view locum_type_name = "tests.eager";

  Proxy<Eager> next;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(next);
    if constexpr (Archive::is_loading::value) {
      entered.fetch_add(1);
      for (const auto start = std::chrono::steady_clock::now();
           entered.load() < at_once && std::chrono::steady_clock::now() - start < std::chrono::seconds(30);) {
        std::this_thread::yield();
      }
      (void)next.get().value();
    }
  }

  static inline std::atomic<int> entered{0};
  static inline int at_once = 1;  ///< that many are being decoded before the first continues
};

TEST(Proxy, ThatLeadsBackToTheValueBeingDecodedIsAnErrorAtOnce) {
  for (const bool keep_decoded : {true, false}) {
    const SessionFixture one;
    Store store = one.session->open("fields", {.keep_decoded = keep_decoded}).value();
    Eager::entered = 0;
    Eager::at_once = 1;
    auto first = store.promise<Eager>().value();
    auto second = store.promise<Eager>().value();
    const Key key = first.set(Eager{second.proxy()}).value();
    (void)second.set(Eager{first.proxy()}).value();
    const auto read = store.get<Eager>(key, {.deadline = std::chrono::hours(1)});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Errc::invalid_argument) << read.error().what();
    EXPECT_EQ(code_of(first.proxy().get(std::chrono::hours(1))), Errc::invalid_argument);
  }
}

TEST(Proxy, ThatLeadsBackThroughAnotherThreadIsAnErrorByTheDeadline) {
  const SessionFixture one;
  Store store = one.store();
  Eager::entered = 0;
  Eager::at_once = 2;
  auto first = store.promise<Eager>().value();
  auto second = store.promise<Eager>().value();
  const std::array keys{first.set(Eager{second.proxy()}).value(), second.set(Eager{first.proxy()}).value()};
  std::array<Errc, 2> codes{};
  std::vector<std::thread> threads;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    threads.emplace_back(
        [&, at] { codes[at] = code_of(store.get<Eager>(keys[at], {.deadline = std::chrono::seconds(1)})); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const Errc code :
       codes) {  // a thread that still waits after the other one has given up leads back to itself
    EXPECT_TRUE(code == Errc::timeout || code == Errc::invalid_argument) << to_string(code);
  }
}

TEST(Proxy, AnswersClosedAfterTheSessionsEndUnlessResolved) {
  auto one = std::make_unique<SessionFixture>();
  Store store = one->store();
  const auto resolved = store.put_proxy(std::vector<int>{1, 2}).value();
  EXPECT_EQ((*resolved)[1], 2);
  const auto pinned = store.put_proxy(3).value();
  const auto unresolved = one->session->proxy<int>(store.put_proxy(5).value().handle());
  one->session->close();
  EXPECT_EQ(code_of(unresolved.get()), Errc::closed);
  EXPECT_EQ((*resolved)[1], 2);
  const Handle handle = unresolved.handle();
  store = SessionFixture().store();
  one.reset();
  EXPECT_EQ(code_of(unresolved.get()), Errc::closed);
  EXPECT_EQ((*resolved)[1], 2);
  EXPECT_EQ(unresolved.handle(), handle);
}

TEST(Proxy, RefusesAHandleWithAnyByteChangedToAnyValue) {
  const SessionFixture one;
  Store store = one.store();
  store.put(std::vector<double>{9}).value();
  const Handle good = store.put_proxy("T", std::vector<double>{1, 2, 3}).value().handle();
  ASSERT_TRUE(one.session->proxy<double[]>(good).get());
  auto bytes = std::bit_cast<std::array<unsigned char, sizeof(Handle)>>(good);
  for (unsigned char& byte : bytes) {
    const unsigned char right = byte;
    for (int value = 0; value < 256; ++value) {
      byte = static_cast<unsigned char>(value);
      const auto stand_in = one.session->proxy<double[]>(std::bit_cast<Handle>(bytes));
      if (byte == right) {
        EXPECT_TRUE(stand_in.get());
      } else {
        EXPECT_EQ(code_of(stand_in.get()), Errc::invalid_argument);
      }
    }
    byte = right;
  }
}

// Damage with a valid checksum: no crash, and never another object's bytes.
TEST(Proxy, RefusesAWellFormedHandleOfSomethingElse) {
  const SessionFixture one({}, {.incarnation = 77});
  Store store = one.store();
  store.put(std::vector<double>{9}).value();
  const Handle good = store.put_proxy(std::vector<double>{1, 2, 3}).value().handle();
  const auto use = [&](auto change) {
    Handle handle = good;
    change(handle);
    handle.stamp();
    return code_of(one.session->proxy<double[]>(handle).get());
  };
  EXPECT_EQ(use([](Handle&) {}), Errc{});
  EXPECT_EQ(use([](Handle& h) { ++h.incarnation; }), Errc::invalid_argument);
  EXPECT_EQ(use([](Handle& h) { h.version = 2; }), Errc::invalid_argument);
  EXPECT_EQ(use([](Handle& h) { h.key.serial = 0; }), Errc::invalid_argument);
  EXPECT_EQ(use([](Handle& h) { h.key.serial += 1000; }), Errc::not_found);
  EXPECT_EQ(use([](Handle& h) { h.key.store += 1; }), Errc::not_found);
  EXPECT_EQ(use([](Handle& h) { h.key.creator += 1; }), Errc::not_found);
  EXPECT_EQ(use([](Handle& h) { h.key.serial -= 1; }),
            Errc::corrupt);  // the other array, of a different size
  EXPECT_EQ(use([](Handle& h) { h.size_bytes = 8; }), Errc::corrupt);
  EXPECT_EQ(use([](Handle& h) { h.name_hash = 5; }), Errc{});  // only ever explains an absence
}

TEST(Proxy, IsUsedByManyThreadsAndDecodedOnce) {
  for (const std::uint64_t cache_bytes : {std::uint64_t{0}, 1_MiB}) {
    SessionOptions options;
    options.options.decoded_cache_bytes = cache_bytes;
    const SessionFixture one({}, options);
    Store store = one.store();
    constexpr int rounds = 50;
    for (int round = 0; round < rounds; ++round) {
      const auto shared = one.session->proxy<Mesh>(
          store.put_proxy(Mesh{std::vector<std::string>(200, "a part of it")}).value().handle());
      std::atomic<int> waiting{0};
      std::vector<std::thread> threads;
      std::array<const Mesh*, 4> seen{};
      for (std::size_t i = 0; i < seen.size(); ++i) {
        threads.emplace_back([&, i, copy = shared] {
          waiting.fetch_add(1);
          while (waiting.load() < static_cast<int>(seen.size())) {
            std::this_thread::yield();
          }
          seen[i] = &*copy;
          EXPECT_EQ(copy->parts.size(), 200U);
          EXPECT_TRUE(copy.get());
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      EXPECT_EQ(std::set<const Mesh*>(seen.begin(), seen.end()).size(), 1U);
    }
    EXPECT_EQ(one.metrics->decodes, rounds);
  }
}

}  // namespace
}  // namespace locum
