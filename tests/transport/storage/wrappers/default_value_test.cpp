#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/detail/session_state.hpp"
#include "core/ports/wanting.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/multi/backend.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

class DefaultValue : public Wrappers {
 protected:
  [[nodiscard]] static Store store_over(std::shared_ptr<Backend> backend) {
    return open_session(std::move(backend)).value().open("mine").value();
  }
  /// Over the probe, whose store `mine` has 7 under the name that is the default.
  [[nodiscard]] Store store_with_default(const std::string& url = "default+probe:?default.name=usual") const {
    EXPECT_TRUE(store_over(probe_).put("usual", 7));
    return store_over(over(url));
  }
  /// What a get shows: the number, or the code of the error.
  [[nodiscard]] static std::string shown(const Result<View<int>>& got) {
    return got ? std::to_string(**got) : std::string(to_string(got.error().code()));
  }
  template <ObjectId I>
  [[nodiscard]] static std::string shown(const Store& store, const I& id) {
    return shown(store.get<int>(id));
  }
};

TEST_F(DefaultValue, IsShownInPlaceOfWhatIsAbsent) {
  const auto backend = over("default+probe:?default.name=usual");
  EXPECT_EQ(backend->traits().default_name, "usual");
  const Session session = open_session(backend).value();
  const Store store = session.open("mine").value();
  EXPECT_EQ(shown(store, "a"), "not_found");
  (void)probe_->calls();
  EXPECT_EQ(shown(store, "usual"), "not_found");
  EXPECT_EQ(probe_->calls(), Names{"load mine/usual"}) << "it is its own default";
  ASSERT_TRUE(store.put("usual", 7));
  ASSERT_TRUE(store.put("own", 1));
  EXPECT_EQ(shown(store, "a") + shown(store, "own") + shown(store, "usual"), "717");
  EXPECT_EQ(shown(store, std::string(70'000, 'n')), "invalid_argument") << "no name at all";
  EXPECT_EQ(shown(session.open("other").value(), "a"), "not_found") << "each store has its own";
  EXPECT_EQ(kept({"mine", "a"}), "not_found") << "nothing is stored by a get";
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(shown(store, "a"), "peer_lost") << "it may be there";
  probe_->fail({{Errc{}}, {Errc::peer_lost}});
  EXPECT_EQ(shown(store, "a"), "peer_lost") << "the default may be";
}

// The registrations of stores are objects, too.
TEST_F(DefaultValue, IsNoStoreInPlaceOfAnother) {
  const Session session = open_session(over("default+probe:?default.name=usual")).value();
  const Store usual = session.open("usual", {.checksum = true}).value();
  const Key key = usual.put(1).value();
  EXPECT_FALSE(session.open("mine").value().options().checksum) << "it is a store of its own";
  EXPECT_EQ(code_of(session.drop("nobody")), Errc::not_found);
  const Session theirs = open_session(probe_).value();
  EXPECT_TRUE(theirs.open("usual").value().options().checksum);
  EXPECT_EQ(*theirs.open("usual").value().get<int>(key).value(), 1) << "its number is the same";
}

TEST_F(DefaultValue, HasItsNameAsTheProgramWritesIt) {
  const auto files = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 80, .name_bytes = NameBytes::file_name});
  const Store store = store_over(storage::with_default(files, "step 42/@usual").value());
  ASSERT_TRUE(store.collection("step 42").value().put("@usual", 7));
  (void)files->calls();
  EXPECT_EQ(shown(store, "a"), "7");
  EXPECT_EQ(files->calls(), (Names{"load mine/a", "load mine/step%2042%2f@usual"}));
  EXPECT_EQ(shown(store, std::string(200, 'x')), "7") << "a long name is a name";
  const auto long_name = storage::with_default(files, std::string(200, 'x')).value();
  ASSERT_TRUE(store.put(std::string(200, 'x'), 8));
  EXPECT_EQ(shown(store_over(long_name), "a"), "8");
  EXPECT_EQ(code_of(storage::with_default(files, "")), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("default+probe:", probe_)), Errc::invalid_argument);
}

TEST_F(DefaultValue, CostsABatchOneMore) {
  const Session session = open_session(over("default+probe:?default.name=usual")).value();
  const Store mine = session.open("mine").value();
  const Store other = session.open("other").value();
  ASSERT_TRUE(mine.put("usual", 7));
  ASSERT_TRUE(mine.put("own", 1));
  ASSERT_TRUE(other.put("usual", 8));
  const std::uint32_t here = session.number_of("mine").value();
  const std::uint32_t there = session.number_of("other").value();
  const std::vector<Address> addresses{
      {here, "own"}, {here, "a"}, {there, "a"}, {here, "b"}, {here, "usual"}};
  std::vector<Result<ObjectView>> found(addresses.size(), Result<ObjectView>(ObjectView()));
  (void)probe_->batch_calls();
  Connector& connector = session.state()->connector();
  connector.find_batch(addresses, Wanting::all, found, soon());
  std::vector<int> values(found.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    ASSERT_TRUE(found[at]) << at;
    std::memcpy(&values[at], found[at]->bytes().data(), sizeof(int));
  }
  EXPECT_EQ(values, (std::vector<int>{1, 7, 8, 7, 7}));
  EXPECT_EQ(probe_->batch_calls(), (Names{"load 5", "load 2"})) << "one of each store";
  connector.find_batch(std::span(addresses).first(1), Wanting::all, std::span(found).first(1), soon());
  EXPECT_EQ(probe_->batch_calls(), Names{"load 1"});
  connector.find_batch(addresses, Wanting::facts, found, soon());
  EXPECT_EQ(code_of(found[1]), Errc::not_found);
  EXPECT_EQ(probe_->batch_calls(), Names{"load 5"}) << "what only looks does not ask for it";
}

TEST_F(DefaultValue, IsShownByGetsAlone) {
  const Store store = store_with_default();
  EXPECT_EQ(shown(store, "a"), "7");
  EXPECT_EQ(shown(store.get_async<int>("a").get()), "7");
  EXPECT_EQ(store.get_bytes("a").value()->size(), sizeof(int));
  EXPECT_EQ(code_of(store.get<std::string>("a")), Errc::type_mismatch) << "as of any object";
  EXPECT_FALSE(store.exists("a").value());
  EXPECT_EQ(code_of(store.info("a")), Errc::not_found);
  EXPECT_EQ(code_of(store.proxy<int>("a")), Errc::not_found);
  EXPECT_FALSE(store.evict("a").value());
  EXPECT_EQ(code_of(store.replace("a", 1, {.expected_generation = store.info("usual").value().generation})),
            Errc::not_found);
  EXPECT_EQ(code_of(store.update<int>("a", [](int value) { return value + 1; })), Errc::not_found);
  EXPECT_EQ(store.get_bytes("a", {.part = {.offset = 1, .count = 2}}).value().size(), 2U);
  EXPECT_EQ(code_of(store.fetch_add("a", 1)), Errc::type_mismatch);
  EXPECT_EQ(store.keys().value(), Names{"usual"});
  (void)probe_->calls();
  EXPECT_FALSE(store.exists("a").value());
  EXPECT_EQ(code_of(store.wait<int>("a", 0ms)), Errc::timeout);
  EXPECT_EQ(probe_->calls(), (Names{"load mine/a", "load mine/a"}))
      << "who does not show it does not load it";
  EXPECT_TRUE(store.put("a", 1));
  EXPECT_EQ(shown(store, "a"), "1");
  EXPECT_TRUE(store.evict("a").value());
  EXPECT_EQ(shown(store, "a"), "7");
  EXPECT_TRUE(store.evict("usual").value());
  EXPECT_EQ(shown(store, "a"), "not_found");
}

TEST_F(DefaultValue, IsNotWhatCountingBeginsWith) {
  const Store store = store_over(over("default+probe:?default.name=usual"));
  ASSERT_TRUE(store.put("usual", std::int64_t{100}));
  EXPECT_EQ(store.fetch_add("next", 5).value(), 0);
  EXPECT_EQ(store.fetch_add("next", 1).value(), 5);
}

TEST_F(DefaultValue, IsInBatchesWhatItIsAlone) {
  for (const bool has_batches : {true, false}) {
    const Store store = has_batches ? store_with_default()
                                    : store_over(open_backend("default+simple:?default.name=usual").value());
    if (!has_batches) {
      ASSERT_TRUE(store.put("usual", 7));
    }
    ASSERT_TRUE(store.put("own", 1));
    const Key gone = store.put(5).value();
    const Key evicted = store.put("evicted", 6).value();
    ASSERT_TRUE(store.evict(gone).value());
    ASSERT_TRUE(store.evict(evicted).value());
    const Names names{"own", "a", std::string(300, 'n'), "usual"};
    std::vector<int> values;
    for (const auto& one : store.get_batch<int>(names)) {
      values.push_back(one ? **one : -1);
    }
    EXPECT_EQ(values, (std::vector<int>{1, 7, 7, 7}));
    for (const auto& one : store.get_batch<int>(std::vector<Key>{gone, evicted})) {
      EXPECT_EQ(code_of(one), Errc::not_found);
    }
    const auto exist = store.exists_batch(names);
    EXPECT_TRUE(exist[0].value());
    EXPECT_FALSE(exist[1].value());
    EXPECT_EQ(code_of(store.proxy_batch<int>(names)[1]), Errc::not_found);
    EXPECT_FALSE(store.evict_batch(Names{"a"})[0].value());
    EXPECT_EQ(shown(store, "usual"), "7");
  }
}

TEST_F(DefaultValue, IsTheObjectThatItIs) {
  const Store store = store_with_default();
  const auto usual = store.info("usual").value();
  const auto view = store.get<int>("a").value();
  EXPECT_EQ(view.key(), usual.key);
  EXPECT_EQ(shown(store, view.key()), "7");
  ASSERT_TRUE(store.put("a", 1));
  EXPECT_EQ(shown(store, view.key()), "7") << "the key leads to the default, whatever was put since";
}

TEST_F(DefaultValue, IsNotFoundByHandlesOfWhatIsGone) {
  const Store store = store_with_default();
  const auto named = store.put_proxy("a", 1, {.populate = false}).value();
  const auto unnamed = store.put_proxy(2, {.populate = false}).value();
  ASSERT_TRUE(store.evict("a").value());
  ASSERT_TRUE(store.evict(unnamed.handle().key).value());
  EXPECT_EQ(shown(store, "a"), "7");
  EXPECT_EQ(shown(store, named.handle().key), "not_found");
  EXPECT_EQ(shown(store, unnamed.handle().key), "not_found");
  EXPECT_FALSE(store.exists(named.handle().key).value());
  EXPECT_EQ(code_of(named.get()), Errc::not_found);
  EXPECT_EQ(code_of(unnamed.get()), Errc::not_found);
}

TEST_F(DefaultValue, IsNotWhatAWaitIsFor) {
  const Store store = store_with_default();
  EXPECT_EQ(code_of(store.wait<int>("a", 0ms)), Errc::timeout);
  auto later = store.wait_async<int>("a", 60s);
  auto promise = store.promise<int>("b").value();
  const auto stand_in = promise.proxy();
  auto unnamed = store.promise<int>().value();
  const auto ahead = unnamed.proxy();
  ahead.prefetch();
  EXPECT_EQ(shown(store, "b"), "7") << "it is not put yet";
  EXPECT_EQ(code_of(stand_in.get(0ms)), Errc::timeout);
  EXPECT_EQ(shown(store, ahead.handle().key), "not_found");
  EXPECT_EQ(shown(store.get_batch<int>(std::vector<Key>{ahead.handle().key})[0]), "not_found");
  EXPECT_FALSE(later.ready());
  ASSERT_TRUE(store.put("a", 1));
  ASSERT_TRUE(promise.set(2));
  ASSERT_TRUE(unnamed.set(3));
  EXPECT_EQ(shown(later.get()), "1");
  EXPECT_EQ(shown(ahead.get(60s)), "3");
  EXPECT_EQ(**store.wait<int>("b", 60s), 2);
  EXPECT_EQ(**stand_in.get(60s), 2);
}

// It is there when the wait begins, and no longer when it is fetched.
TEST_F(DefaultValue, IsNotWhatAWaitEndsWith) {
  const Store store = store_with_default();
  ASSERT_TRUE(store.put("a", 1));
  probe_->fail({{Errc{}}, {Errc::not_found}});
  EXPECT_EQ(shown(store.wait_async<int>("a").get()), "not_found");
}

TEST_F(DefaultValue, IsInThePlaceOfWhatHasExpired) {
  const Store store = store_with_default();
  for (const bool in_batch : {false, true}) {
    const auto look = [&] {
      return in_batch ? shown(store.get_batch<int>(Names{"a"})[0]) : shown(store, "a");
    };
    ASSERT_TRUE(store.put("a", 1, {.lifetime = 1ms}));
    const auto end = Deadline::Clock::now() + 60s;
    std::string seen = "1";
    while (seen == "1" && Deadline::Clock::now() < end) {
      seen = look();
    }
    EXPECT_EQ(seen, "7") << in_batch;
    EXPECT_TRUE(store.put("a", 2));
    EXPECT_TRUE(store.evict("a").value());
  }
}

TEST_F(DefaultValue, MayHaveBeenStoredByAnotherProgram) {
  keep({"mine", "usual"}, "raw");
  const Store store = store_over(over("default+probe:?default.name=usual"));
  const auto bytes = store.get_bytes("a").value();
  EXPECT_EQ(bytes.size(), 3U);
  EXPECT_EQ(bytes.key(), store.info("usual").value().key);
}

TEST_F(DefaultValue, IsShownThroughOtherWrappers) {
  ASSERT_EQ(setenv("LOCUM_TEST_SECRET", std::string(64, '1').c_str(), 1), 0);
  for (const std::string& wrappers :
       Names{"checksum+default", "default+checksum", "zstd+default", "cache+retry+default+stats",
             "prefix+default", "default+prefix", "encrypt+default", "default+encrypt"}) {
    std::string url = wrappers + "+probe:?default.name=usual";
    url += holds(wrappers, "prefix") ? "&prefix.name=p/" : "";
    url += holds(wrappers, "encrypt") ? "&encrypt.key=env:LOCUM_TEST_SECRET" : "";
    const auto probe = std::make_shared<ProbeBackend>();
    const auto backend = wrapped(url, probe);
    if (!backend) {
      EXPECT_EQ(code_of(backend), Errc::unsupported) << url;
      continue;  // not in this build
    }
    const Store store = store_over(*backend);
    ASSERT_TRUE(store.put("usual", 7)) << url;
    EXPECT_EQ(shown(store, "a"), "7") << url;
    EXPECT_FALSE(store.exists("a").value()) << url;
    EXPECT_TRUE(store.put("a", 1)) << url;
    EXPECT_EQ(shown(store, "a"), "1") << url;
    const Key unnamed = store.put(2).value();
    ASSERT_TRUE(store.evict(unnamed));
    EXPECT_EQ(shown(store, unnamed), "not_found") << url;
    EXPECT_EQ(shown(store.get_batch<int>(std::vector<Key>{unnamed})[0]), "not_found") << url;
  }
}

TEST_F(DefaultValue, IsNotCachedUnderOtherNames) {
  for (const char* url : {"cache+default+probe:?default.name=usual&cache.ms=3600000",
                          "default+cache+probe:?default.name=usual&cache.ms=3600000"}) {
    const Store store = store_over(over(url));
    (void)store.put("usual", 7);
    EXPECT_EQ(shown(store, "a"), "7") << url;
    const Store others = store_over(probe_);
    ASSERT_TRUE(others.put("a", 1));
    EXPECT_EQ(shown(store, "a"), "1") << url;
    ASSERT_TRUE(others.evict("a"));
  }
}

TEST_F(DefaultValue, ComesAfterWhatAnotherBackendHas) {
  const auto second = std::make_shared<ProbeBackend>();
  const auto first = over("default+probe:?default.name=usual");
  ASSERT_TRUE(store_over(second).put("a", 2));
  ASSERT_TRUE(store_over(first).put("usual", 7));
  storage::Route small;
  small.to = first;
  small.most_bytes = 10;
  storage::Route others;
  others.to = second;
  for (const auto& backend :
       {storage::with_fallback(first, second), storage::with_fallback(second, first),
        storage::routed({small, others}).value(), storage::routed({others, small}).value()}) {
    EXPECT_EQ(backend->traits().default_name, "usual");
  }
  EXPECT_EQ(storage::fanned_out(first, second)->traits().default_name, "usual");
  EXPECT_EQ(storage::fanned_out(second, first)->traits().default_name, "") << "the second is not read";
  const Store store = store_over(storage::with_fallback(first, second));
  EXPECT_EQ(shown(store, "a"), "2");
  EXPECT_EQ(shown(store, "b"), "7");
}

TEST_F(DefaultValue, IsRefusedWhereItWouldMislead) {
  const BackendSessionOptions without{.needs = {.no_default = true}};
  EXPECT_EQ(code_of(open_session(over("default+probe:?default.name=usual"), without)), Errc::unsupported);
  EXPECT_TRUE(open_session(std::static_pointer_cast<Backend>(probe_), without));
}

}  // namespace
}  // namespace locum::tests
