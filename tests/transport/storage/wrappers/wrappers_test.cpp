// What each wrapper promises. That each is a backend is tested by the contract, in backends_test.cpp.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/serializers.hpp"
#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

TEST_F(Wrappers, AreFoundByTheirNames) {
  const auto unknown = wrapped("limit+paper+probe:?limit.bytes=9000", probe_);
  ASSERT_EQ(code_of(unknown), Errc::unsupported);
  EXPECT_TRUE(holds(unknown.error().text(), "'paper'; there are ")) << unknown.error();
  EXPECT_TRUE(holds(unknown.error().text(), "prefix, readonly")) << unknown.error();
  const auto option = wrapped("limit+probe:?limit.colour=red", probe_);
  ASSERT_EQ(code_of(option), Errc::invalid_argument);
  EXPECT_TRUE(holds(option.error().text(), "limit: has no option 'colour'; it has bytes")) << option.error();
  const auto absent = wrapped("probe:?limit.bytes=9000", probe_);
  ASSERT_EQ(code_of(absent), Errc::invalid_argument);
  EXPECT_TRUE(holds(absent.error().text(), "write limit+probe:")) << absent.error();
  EXPECT_EQ(code_of(wrapped("limit+probe:?limit.bytes=many", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("limit+probe:?limit.bytes=9000&colour=red", probe_)), Errc::invalid_argument);
  const auto memory = open("limit+memory:?limit.bytes=9000");
  ASSERT_EQ(code_of(memory), Errc::unsupported);
  EXPECT_TRUE(holds(memory.error().text(), "use simple:")) << memory.error();
}

TEST_F(Wrappers, MakeStores) {
  const Store store = open("limit+prefix+simple:?limit.bytes=9000&prefix.name=run17/&store=mine").value();
  EXPECT_TRUE(store.put("name", std::string(8000, 'x')));
  EXPECT_EQ(store.get<std::string>("name").value()->size(), 8000U);
  EXPECT_EQ(code_of(store.put("other", std::string(9000, 'x'))), Errc::value_too_large);
  EXPECT_EQ(store.keys("").value(), Names{"name"});
}

TEST_F(Wrappers, PassErrorsThrough) {
  ASSERT_EQ(setenv("LOCUM_TEST_SECRET", std::string(64, '1').c_str(), 1), 0);
  for (const char* url :
       {"limit+probe:?limit.bytes=9000", "prefix+probe:?prefix.name=x", "timeout+probe:?timeout.ms=60000",
        "checksum+probe:", "zstd+probe:", "encrypt+probe:?encrypt.key=env:LOCUM_TEST_SECRET",
        "cache+probe:", "retry+probe:?retry.times=1", "stats+probe:", "log+probe:?log.file=/dev/null",
        "audit+probe:?audit.file=/dev/full",
        "fanout+probe:?fanout.to=simple:", "default+probe:?default.name=usual"}) {
    if (!has(url)) {
      continue;  // not in this build
    }
    const auto backend = over(url);
    probe_->fail({{Errc::peer_lost}, {Errc::system}, {Errc::timeout}, {Errc::closed}, {Errc::corrupt}});
    const auto loaded = backend->load({"s", "a"}, 0, soon());
    ASSERT_EQ(code_of(loaded), Errc::peer_lost) << url;
    EXPECT_EQ(loaded.error().detail(), "detail of the probe") << url;
    EXPECT_EQ(code_of(backend->store({"s", "a"}, record("x"), soon())), Errc::system) << url;
    EXPECT_EQ(code_of(backend->remove({"s", "a"}, 0, soon())), Errc::timeout) << url;
    EXPECT_EQ(code_of(backend->list("s", {}, soon())), Errc::closed) << url;
    EXPECT_EQ(code_of(backend->drop("s", soon())), Errc::corrupt) << url;
  }
}

TEST_F(Wrappers, PrefixPartsTheProgramsOfABackend) {
  const auto one = over("prefix+probe:?prefix.name=run1/&prefix.space=a.");
  const auto two = over("prefix+probe:?prefix.name=run2/&prefix.space=a.");
  ASSERT_TRUE(one->store({"s", "x"}, record("1"), soon()));
  ASSERT_TRUE(two->store({"s", "x"}, record("2"), soon()));
  EXPECT_EQ(load(*one, {"s", "x"}) + load(*two, {"s", "x"}), "12");
  EXPECT_EQ(load(probe_->kept(), {"a.s", "run1/x"}), "1");
  EXPECT_EQ(one->list("s", {}, soon()).value(), Names{"x"});
  EXPECT_EQ(one->drop("s", soon()).value(), 1U);
  EXPECT_EQ(load(*one, {"s", "x"}) + load(*two, {"s", "x"}), "not_found2");
  (void)probe_->calls();
  one->await({"@stores", "x"}, soon());
  EXPECT_EQ(probe_->calls(), Names{"await @a.stores/run1/x"});
  EXPECT_EQ(one->traits().longest_name, probe_->traits().longest_name - 5);
}

TEST_F(Wrappers, PrefixLeavesRoomAndEscapes) {
  const auto files = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 80, .name_bytes = NameBytes::file_name});
  const auto backend = wrapped("prefix+probe:?prefix.name=a/", files).value();
  ASSERT_TRUE(backend->store({"s", "x"}, record("1"), soon()));
  EXPECT_EQ(files->calls(), Names{"store s/a%2fx"});
  EXPECT_EQ(backend->traits().longest_name, 76U);
  EXPECT_EQ(code_of(wrapped("prefix+probe:?prefix.name=0123456789abcdefg", files)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("prefix+probe:?prefix.space=" + std::string(99, 'x'), files)),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("prefix+probe:", files)), Errc::invalid_argument);
}

TEST_F(Wrappers, ReadonlyRefusesChanges) {
  ASSERT_TRUE(probe_->kept().store({"s", "a"}, record("1"), soon()));
  const auto backend = over("readonly+probe:");
  EXPECT_EQ(load(*backend, {"s", "a"}), "1");
  EXPECT_EQ(backend->list("s", {}, soon()).value(), Names{"a"});
  (void)probe_->calls();
  const auto stored = backend->store({"s", "a"}, record("2"), soon());
  ASSERT_EQ(code_of(stored), Errc::unsupported);
  EXPECT_EQ(stored.error().key(), "a");
  EXPECT_EQ(code_of(backend->remove({"s", "a"}, 0, soon())), Errc::unsupported);
  EXPECT_EQ(code_of(backend->drop("s", soon())), Errc::unsupported);
  const std::vector<RecordKey> keys{{"s", "a"}};
  const std::vector<NewRecord> records{record("2")};
  std::vector<Result<void>> all(1);
  backend->batches()->store(keys, records, all, soon());
  EXPECT_EQ(code_of(all[0]), Errc::unsupported);
  std::vector<Result<bool>> removed(1, Result<bool>(true));
  backend->batches()->remove(keys, removed, soon());
  EXPECT_EQ(code_of(removed[0]), Errc::unsupported);
  EXPECT_EQ(probe_->calls(), Names()) << "nothing was asked of the backend";
}

TEST_F(Wrappers, ReadonlyOpensAStoreThatIsThere) {
  EXPECT_EQ(code_of(open_session(over("readonly+probe:"))), Errc::unsupported) << "nothing is there yet";
  const Key key = [&] {
    const Session session = open_session(std::static_pointer_cast<Backend>(probe_)).value();
    return session.open("mine").value().put("name", 42).value();
  }();
  const Session session = open_session(over("readonly+probe:")).value();
  const Store store = session.open("mine").value();
  EXPECT_EQ(*store.get<int>("name").value(), 42);
  EXPECT_EQ(*store.get<int>(key).value(), 42);
  EXPECT_EQ(code_of(store.put("other", 1)), Errc::unsupported);
  EXPECT_EQ(code_of(store.evict("name")), Errc::unsupported);
  EXPECT_EQ(code_of(session.open("another")), Errc::unsupported);
}

TEST_F(Wrappers, LimitRefusesWhatIsTooLarge) {
  const auto backend = over("limit+probe:?limit.bytes=1024");
  EXPECT_EQ(backend->traits().largest_record, 1024U);
  EXPECT_EQ(code_of(backend->store({"s", "a"}, record(std::string(1025, 'x')), soon())),
            Errc::value_too_large);
  EXPECT_EQ(probe_->calls(), Names());
  const std::string fits(1024, 'x');
  const std::string too_long(1025, 'x');
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}, {"s", "c"}};
  const std::vector<NewRecord> records{record(fits), record(too_long), record(fits)};
  std::vector<Result<void>> stored(3);
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0] && stored[2]);
  EXPECT_EQ(code_of(stored[1]), Errc::value_too_large);
  EXPECT_EQ(load(*backend, {"s", "c"}), fits);
  EXPECT_EQ(code_of(wrapped("limit+probe:", probe_)), Errc::invalid_argument);
}

TEST_F(Wrappers, TtlLimitsLifetimes) {
  EXPECT_EQ(code_of(wrapped("ttl+probe:?ttl.ms=5", probe_)), Errc::unsupported);
  const auto expiring = std::make_shared<ProbeBackend>(BackendTraits{.scheme = "probe", .expires = true});
  EXPECT_EQ(code_of(wrapped("ttl+probe:", expiring)), Errc::invalid_argument);
  const auto lifetime = [&](std::string_view url, std::int64_t given, std::string_view space = "s") {
    const auto backend = wrapped(url, expiring).value();
    NewRecord one = record("x");
    one.lifetime = std::chrono::milliseconds(given);
    EXPECT_TRUE(backend->store({space, "a"}, one, soon()));
    return expiring->last_lifetime().count();
  };
  EXPECT_EQ(lifetime("ttl+probe:?ttl.ms=5000", 0), 5000);
  EXPECT_EQ(lifetime("ttl+probe:?ttl.ms=5000", 7000), 7000);
  EXPECT_EQ(lifetime("ttl+probe:?ttl.longest_ms=6000", 7000), 6000);
  EXPECT_EQ(lifetime("ttl+probe:?ttl.longest_ms=6000", 0), 6000);
  EXPECT_EQ(lifetime("ttl+probe:?ttl.ms=5000&ttl.longest_ms=6000", 0), 5000);
  EXPECT_EQ(lifetime("ttl+probe:?ttl.ms=5000", 0, "@stores"), 0);
  EXPECT_EQ(lifetime("prefix+ttl+probe:?ttl.ms=5000&prefix.space=x", 0, "@locum"), 0);
  // The object does not know: it is the backend that is told.
  const Store store =
      open_session(wrapped("ttl+probe:?ttl.ms=5000", expiring).value()).value().open("s").value();
  ASSERT_TRUE(store.put("b", 1));
  EXPECT_EQ(expiring->last_lifetime().count(), 5000);
  EXPECT_FALSE(store.info("b").value().expires_at.has_value());
}

TEST_F(Wrappers, AreToldTheLifetimesOfObjects) {
  using namespace std::chrono_literals;
  const auto expiring =
      std::make_shared<ProbeBackend>(BackendTraits{.scheme = "probe", .lists = false, .expires = true});
  const Session session = open_session(wrapped("prefix+probe:?prefix.name=x", expiring).value()).value();
  const Store store = session.open("store", {.lifetime = 2h}).value();
  EXPECT_TRUE(store.put("a", 1));
  EXPECT_EQ(expiring->last_lifetime(), 2h);
  EXPECT_TRUE(store.put("b", 1, {.lifetime = 1h}));
  EXPECT_EQ(expiring->last_lifetime(), 1h);
  EXPECT_TRUE(store.replace("b", 1, {.lifetime = for_ever}));
  EXPECT_EQ(expiring->last_lifetime(), 0h);
  // The record that leads from the key to the name must not end with an object that did not get the name.
  EXPECT_EQ(code_of(store.put("b", 2, {.lifetime = 1h})), Errc::key_exists);
  EXPECT_EQ(expiring->last_lifetime(), 0h);
  const auto both = store.put_batch(std::map<std::string, int>{{"b", 3}, {"c", 4}}, {.lifetime = 3h});
  EXPECT_EQ(code_of(both[0]), Errc::key_exists);
  EXPECT_TRUE(both[1]);
  EXPECT_EQ(expiring->last_lifetime(), 0h);
}

TEST_F(Wrappers, TimeoutShortensDeadlines) {
  const auto backend = over("timeout+probe:?timeout.ms=500");
  const auto before = Deadline::Clock::now();
  const auto limit = [&] { return probe_->last_deadline().moment(std::chrono::hours(1)); };
  const auto is_short = [&] {
    return limit() >= before + std::chrono::milliseconds(500) &&
           limit() <= Deadline::Clock::now() + std::chrono::milliseconds(500);
  };
  (void)backend->load({"s", "a"}, 0, soon());
  EXPECT_TRUE(is_short());
  (void)backend->store({"s", "a"}, record("1"), soon());
  EXPECT_TRUE(is_short());
  (void)backend->remove({"s", "a"}, 0, soon());
  EXPECT_TRUE(is_short());
  (void)backend->list("s", {}, soon());
  EXPECT_TRUE(is_short());
  (void)backend->drop("s", soon());
  EXPECT_TRUE(is_short());
  const Deadline sooner(before + std::chrono::milliseconds(1));
  (void)backend->load({"s", "a"}, 0, sooner);
  EXPECT_EQ(limit(), before + std::chrono::milliseconds(1));
  const Deadline later = soon();
  backend->await({"s", "a"}, later);
  EXPECT_EQ(limit(), later.moment(std::chrono::hours(1)));
  EXPECT_EQ(code_of(wrapped("timeout+probe:", probe_)), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
