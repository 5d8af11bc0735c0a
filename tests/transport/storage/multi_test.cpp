#include "transport/storage/multi/backend.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/async_result.hpp"
#include "core/coded_store.hpp"
#include "core/raw_store.hpp"
#include "core/serializers.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/wrapper.hpp"

namespace locum::tests {
namespace {

class Multi : public Wrappers {
 protected:
  [[nodiscard]] std::string in(int which, const RecordKey& key) const {
    return load(backends_[static_cast<std::size_t>(which)]->kept(), key);
  }
  [[nodiscard]] storage::Route to(int which) const {
    storage::Route route;
    route.to = backends_[static_cast<std::size_t>(which)];
    return route;
  }
  static NewRecord tagged(std::string_view tag, std::string_view text, std::uint64_t revision = 1) {
    NewRecord made = record(text, revision);
    made.tag = tag;
    return made;
  }
  /// Two tiers: `fast`, and all that begins with `arch`; others to the third.
  [[nodiscard]] std::shared_ptr<Backend> by_tag() const {
    storage::Route fast = to(0);
    fast.tags = "fast";
    storage::Route archive = to(1);
    archive.tags = "arch*";
    return storage::routed({fast, archive, to(2)}).value();
  }
  /// Small ones to the first, others to the second.
  [[nodiscard]] std::shared_ptr<Backend> by_size() const {
    storage::Route small = to(0);
    small.most_bytes = 10;
    return storage::routed({small, to(1)}).value();
  }

  const std::array<std::shared_ptr<ProbeBackend>, 3> backends_{
      std::make_shared<ProbeBackend>(), std::make_shared<ProbeBackend>(), std::make_shared<ProbeBackend>()};
  const std::string large_ = std::string(100, 'x');
};

TEST_F(Multi, SendsRecordsByTheFirstRuleThatFits) {
  storage::Route runs = to(0);
  runs.names = "run?/*.dat";
  storage::Route mine = to(1);
  mine.spaces = "mine";
  const auto backend = storage::routed({runs, mine, to(2)}).value();
  for (const RecordKey& key : {RecordKey{"mine", "run1/x.dat"}, RecordKey{"mine", "run12/x.dat"},
                               RecordKey{"yours", "run12/x.dat"}, RecordKey{"@stores", "run1/x.dat"}}) {
    ASSERT_TRUE(backend->store(key, record("1"), soon()));
    EXPECT_EQ(load(*backend, key), "1");
  }
  EXPECT_EQ(in(0, {"mine", "run1/x.dat"}), "1");
  EXPECT_EQ(in(1, {"mine", "run12/x.dat"}), "1");
  EXPECT_EQ(in(2, {"yours", "run12/x.dat"}), "1");
  EXPECT_EQ(in(2, {"@stores", "run1/x.dat"}), "1") << "stores are found whatever they are called";
  EXPECT_EQ(backend->list("mine", {}, soon()).value(), (Names{"run1/x.dat", "run12/x.dat"}));
  EXPECT_EQ(backend->drop("mine", soon()).value(), 2U);
  EXPECT_EQ(load(*backend, {"mine", "run1/x.dat"}), "not_found");
  EXPECT_TRUE(backend->traits().is_atomic) << "a name is in one backend";
  for (const auto& one : backends_) {
    (void)one->calls();
  }
  (void)load(*backend, {"mine", "a"});
  EXPECT_EQ(backends_[1]->calls(), Names{"load mine/a"});
  EXPECT_EQ(backends_[0]->calls(), Names()) << "it cannot have it";
  EXPECT_EQ(backends_[2]->calls(), Names()) << "the second would have taken it";
}

TEST_F(Multi, SaysThatNoRuleFits) {
  storage::Route route = to(0);
  route.names = "a*";
  route.least_bytes = 5;
  const auto backend = storage::routed({route}).value();
  EXPECT_EQ(code_of(backend->store({"s", "b"}, record(large_), soon())), Errc::invalid_argument);
  const auto small = backend->store({"s", "a"}, record("1"), soon());
  ASSERT_EQ(code_of(small), Errc::invalid_argument);
  EXPECT_EQ(small.error().key(), "a");
  EXPECT_EQ(load(*backend, {"s", "b"}), "not_found");
  EXPECT_TRUE(backend->store({"s", "a"}, record(large_), soon()));
  EXPECT_EQ(code_of(storage::routed({})), Errc::invalid_argument);
  route.least_bytes = 6;
  route.most_bytes = 5;
  EXPECT_EQ(code_of(storage::routed({route})), Errc::invalid_argument);
}

TEST_F(Multi, MovesARecordThatChangesItsSize) {
  const auto backend = by_size();
  EXPECT_FALSE(backend->traits().is_atomic);
  const RecordKey key{"s", "a"};
  ASSERT_TRUE(backend->store(key, record("1", 1), soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "1not_found");
  ASSERT_TRUE(backend->store(key, record(large_, 2), soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "not_found" + large_);
  ASSERT_TRUE(backend->store(key, record("3", 3), soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "3not_found");
  NewRecord absent = record(large_, 4);
  absent.expect = Expect::absent;
  EXPECT_EQ(code_of(backend->store(key, absent, soon())), Errc::key_exists);
  NewRecord next = record(large_, 4);
  next.expect = Expect::revision;
  next.expected_revision = 2;
  EXPECT_EQ(code_of(backend->store(key, next, soon())), Errc::stale);
  next.expected_revision = 3;
  EXPECT_TRUE(backend->store(key, next, soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "not_found" + large_);
  NewRecord back = record("5", 5);
  back.expect = Expect::revision;
  back.expected_revision = 4;
  EXPECT_TRUE(backend->store(key, back, soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "5not_found");
  EXPECT_TRUE(backend->remove(key, 0, soon()).value());
  EXPECT_FALSE(backend->remove(key, 0, soon()).value());
  EXPECT_EQ(code_of(backend->store(key, back, soon())), Errc::not_found);
}

TEST_F(Multi, SendsRecordsByTheirTags) {
  const auto backend = by_tag();
  EXPECT_FALSE(backend->traits().is_atomic) << "a name may be in several backends";
  const std::vector<std::pair<std::string, int>> sent{
      {"fast", 0}, {"archive", 1}, {"arch", 1}, {"", 2}, {"faster", 2}};
  for (const auto& [tag, which] : sent) {
    const std::string name = tag.empty() ? "none" : tag;
    const RecordKey key{"s", name};
    ASSERT_TRUE(backend->store(key, tagged(tag, "1"), soon()));
    for (const int one : {0, 1, 2}) {
      EXPECT_EQ(in(one, key), one == which ? "1" : "not_found") << tag;
    }
    EXPECT_EQ(load(*backend, key), "1") << tag;
  }
  EXPECT_EQ(backend->list("s", {}, soon()).value(), (Names{"arch", "archive", "fast", "faster", "none"}));
  ASSERT_TRUE(backend->store({"@stores", "s"}, tagged("fast", "1"), soon()));
  EXPECT_EQ(in(2, {"@stores", "s"}), "1") << "stores are found whatever they are tagged with";
  storage::Route only = to(0);
  only.tags = "";
  const auto without = storage::routed({only}).value();
  EXPECT_TRUE(without->store({"s", "a"}, record("1"), soon()));
  const auto refused = without->store({"s", "b"}, tagged("fast", "1"), soon());
  ASSERT_EQ(code_of(refused), Errc::invalid_argument);
  EXPECT_TRUE(holds(refused.error().text(), "the tag 'fast'")) << refused.error();
}

TEST_F(Multi, MovesARecordThatGetsAnotherTag) {
  const auto backend = by_tag();
  const RecordKey key{"s", "a"};
  ASSERT_TRUE(backend->store(key, tagged("fast", "1", 1), soon()));
  ASSERT_TRUE(backend->store(key, tagged("archive", "2", 2), soon()));
  EXPECT_EQ(in(0, key) + in(1, key), "not_found2");
  NewRecord absent = record("3", 3);
  absent.expect = Expect::absent;
  EXPECT_EQ(code_of(backend->store(key, absent, soon())), Errc::key_exists);
  NewRecord next = record("3", 3);
  next.expect = Expect::revision;
  next.expected_revision = 1;
  EXPECT_EQ(code_of(backend->store(key, next, soon())), Errc::stale);
  next.expected_revision = 2;
  EXPECT_TRUE(backend->store(key, next, soon()));
  EXPECT_EQ(in(1, key) + in(2, key), "not_found3") << "one without a tag is no longer in the archive";
  EXPECT_TRUE(backend->remove(key, 3, soon()).value());
  EXPECT_EQ(load(*backend, key), "not_found");
}

TEST_F(Multi, IsToldTheTagByEachCallThatStores) {
  const auto probe = std::make_shared<ProbeBackend>();
  const Store store = open_session(std::static_pointer_cast<Backend>(probe)).value().open("mine").value();
  const std::vector<double> field{1, 2, 3};
  const auto bytes = std::as_bytes(std::span(field));
  int number = 0;
  const auto next = [&] { return "tag" + std::to_string(++number); };
  const auto told = [&](const auto& stored) {
    EXPECT_TRUE(stored) << stored.error();
    EXPECT_EQ(probe->last_tag(), "tag" + std::to_string(number));
  };
  told(store.put(1, {.tag = next()}));
  told(store.put(1, {.listed = true, .tag = next()}));
  told(store.put("put", 1, {.tag = next()}));
  told(store.replace("put", 2, {.tag = next()}));
  told(store.put_bytes(bytes, {.tag = next()}));
  told(store.put_bytes("bytes", bytes, {.tag = next()}));
  told(store.put_proxy("proxy", 1, {.tag = next()}));
  told(store.put_proxy(2, {.tag = next()}));
  told(store.raw().put("encoded", {bytes, ElementType::of<double>(), {3}}, {.tag = next()}));
  told(store.put_async("async", 1, {.tag = next()}).get());
  told(store.put_async(1, {.tag = next()}).get());
  told(store.replace_async("async", 2, {.tag = next()}).get());
  told(store.put_bytes_async("more bytes", bytes, {.tag = next()}).get());
  {
    auto writer = store.create<double>("created", {3}, {.tag = next()}).value();
    told(writer.seal());  // the text of the tag has gone
  }
  told(store.raw().create(ElementType::of<float>(), {3}, {.tag = next()})->seal());
  told(store.put_batch(std::array{1, 2}, {.tag = next()})[1]);
  told(store.put_batch(std::map<std::string, int>{{"a", 1}, {"b", 2}}, {.tag = next()})[1]);
  const auto coded = store.with(tests::Narrow());
  told(coded.put("coded", field, {.tag = next()}));
  told(coded.put_async("coded too", field, {.tag = next()}).get());
  told(coded.replace("coded", field, {.tag = next()}));
  told(coded.put_proxy("coded proxy", field, {.tag = next()}));
  told(coded.put_batch(std::array{field}, {.tag = next()})[0]);
  ASSERT_TRUE(store.put(1));
  EXPECT_EQ(probe->last_tag(), "");
  ASSERT_TRUE(store.replace("put", 3));
  EXPECT_EQ(probe->last_tag(), "") << "not that of what it replaces";
}

TEST_F(Multi, TagsTheRecordThatLeadsToAName) {
  const auto probe = std::make_shared<ProbeBackend>(BackendTraits{.scheme = "probe", .lists = false});
  storage::Route fast = to(0);
  fast.tags = "fast";
  storage::Route others = to(1);
  others.to = probe;
  const Store store = open_session(storage::routed({fast, others}).value()).value().open("mine").value();
  (void)backends_[0]->calls();
  ASSERT_TRUE(store.put("a", 1, {.tag = "fast"}));
  EXPECT_EQ(backends_[0]->kept().list("mine", "@n", soon())->size(), 1U);
  EXPECT_EQ(probe->kept().list("mine", {}, soon())->size(), 0U);
}

TEST_F(Multi, SaysWhenAnOlderRecordStays) {
  const auto backend = by_size();
  const RecordKey key{"s", "a"};
  ASSERT_TRUE(backend->store(key, record("1", 1), soon()));
  backends_[0]->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->store(key, record(large_, 2), soon())), Errc::peer_lost) << "it could not look";
  EXPECT_EQ(in(1, key), "not_found");
  // The look succeeds, and the removal fails.
  class Stubborn final : public storage::Wrapper {
   public:
    using Wrapper::Wrapper;
    Result<bool> remove(const RecordKey&, std::uint64_t, Deadline) override {
      return Error(Errc::peer_lost, "gone");
    }
  };
  storage::Route small = to(0);
  small.to = std::make_shared<Stubborn>(small.to);
  small.most_bytes = 10;
  const auto half = storage::routed({small, to(1)}).value()->store(key, record(large_, 2), soon());
  ASSERT_EQ(code_of(half), Errc::system);
  EXPECT_TRUE(holds(half.error().text(), "could not be removed")) << half.error();
}

// Somebody else makes it small, and so moves it, just when the first backend has been looked at.
TEST_F(Multi, FindsARecordThatMovesMeanwhile) {
  class Watched final : public storage::Wrapper {
   public:
    using Wrapper::Wrapper;
    Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
      std::exchange(before, [] {})();
      return Wrapper::load(key, last, deadline);
    }
    Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
      std::exchange(before, [] {})();
      return Wrapper::remove(key, revision, deadline);
    }
    Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                          Deadline deadline) override {
      std::exchange(before, [] {})();
      return Wrapper::list(space, prefix, deadline);
    }

    std::function<void()> before = [] {};
  };
  const auto others = by_size();
  storage::Route small = to(0);
  small.most_bytes = 10;
  storage::Route last = to(1);
  const auto watched = std::make_shared<Watched>(last.to);
  last.to = watched;
  const auto backend = storage::routed({small, last}).value();
  const RecordKey key{"s", "a"};
  const auto made_small = [&] { EXPECT_TRUE(others->store(key, record("1", 2), soon())); };
  ASSERT_TRUE(others->store(key, record(large_, 1), soon()));
  watched->before = made_small;
  EXPECT_EQ(load(*backend, key), "1");
  ASSERT_TRUE(others->store(key, record(large_, 3), soon()));
  watched->before = made_small;
  EXPECT_EQ(backend->list("s", {}, soon()).value(), Names{"a"});
  EXPECT_EQ(in(1, key), "not_found") << "it has moved";
  ASSERT_TRUE(others->store(key, record(large_, 4), soon()));
  watched->before = made_small;
  EXPECT_TRUE(backend->remove(key, 0, soon()).value());
  EXPECT_EQ(in(0, key), "not_found");
}

TEST_F(Multi, DividesABatchAmongItsBackends) {
  storage::Route first = to(0);
  first.names = "a*";
  storage::Route second = to(1);
  second.names = "b*";
  const auto backend = storage::routed({first, second}).value();
  ASSERT_NE(backend->batches(), nullptr);
  const std::vector<RecordKey> keys{{"s", "a1"}, {"s", "b1"}, {"s", "c1"}, {"s", "a2"}, {"@stores", "s"}};
  const std::vector<NewRecord> records{record("1"), record("2"), record("3"), record("4"), record("5")};
  std::vector<Result<void>> stored(keys.size());
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_EQ(code_of(stored[2]), Errc::invalid_argument) << "no route takes it";
  for (const std::size_t at : {0U, 1U, 3U, 4U}) {
    EXPECT_TRUE(stored[at]) << at;
  }
  EXPECT_EQ(in(0, keys[0]) + in(1, keys[1]) + in(0, keys[3]) + in(1, keys[4]), "1245");
  std::vector<Result<LoadedRecord>> loaded(keys.size(),
                                           Result<LoadedRecord>(Error(Errc::cancelled, "never set")));
  backends_[1]->fail({{Errc::peer_lost}});
  backend->batches()->load(keys, whole_record, loaded, soon());
  Names texts;
  for (const auto& one : loaded) {
    texts.push_back(text_of(one));
  }
  EXPECT_EQ(texts, (Names{"1", "peer_lost", "not_found", "4", "5"}));
  std::vector<Result<bool>> removed(3, Result<bool>(true));
  backend->batches()->remove(std::span(keys).first(3), removed, soon());
  EXPECT_TRUE(*removed[0] && *removed[1] && !*removed[2]);
  EXPECT_EQ(backends_[0]->batch_calls(), (Names{"store 2", "load 2", "remove 1"}));
  EXPECT_EQ(backends_[1]->batch_calls(), (Names{"store 2", "load 2", "remove 1"}));

  EXPECT_EQ(by_size()->batches(), nullptr) << "a name may be in several backends";
  EXPECT_EQ(by_tag()->batches(), nullptr);
  second.to = storage::open_simple(parse_url("simple:").value()).value();
  EXPECT_EQ(storage::routed({first, second}).value()->batches(), nullptr) << "one has none";
}

TEST_F(Multi, KnowsItsHost) {
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  storage::Route others = to(0);
  others.hosts = "no such host*";
  storage::Route here = to(1);
  here.hosts = std::string(1, name[0]) + "*";
  const auto backend = storage::routed({others, here, to(2)}).value();
  ASSERT_TRUE(backend->store({"s", "a"}, record("1"), soon()));
  EXPECT_EQ(in(1, {"s", "a"}), "1");
  ASSERT_TRUE(backends_[0]->kept().store({"s", "b"}, record("2"), soon()));
  EXPECT_EQ(load(*backend, {"s", "b"}), "2") << "what another host stored is found";
}

TEST_F(Multi, TwoUrlsMayLeadToOnePlace) {
  storage::Route small = to(0);
  small.most_bytes = 10;
  storage::Route same = to(0);
  same.to = std::make_shared<storage::Wrapper>(same.to);
  const auto backend = storage::routed({small, same}).value();
  ASSERT_TRUE(backend->store({"s", "a"}, record("1", 1), soon()));
  ASSERT_TRUE(backend->store({"s", "a"}, record(large_, 2), soon()));
  EXPECT_EQ(load(*backend, {"s", "a"}), large_);
  EXPECT_EQ(backend->list("s", {}, soon()).value(), Names{"a"});
}

TEST(MultiUrl, HasItsRulesInOrder) {
  const Store store = open(
                          "multi:?1.to=limit%2Bsimple:%3Flimit.bytes=2000&1.most_bytes=2000&2.to=simple:&2."
                          "names=big*&store=mine")
                          .value();
  EXPECT_TRUE(store.put("a", std::string(100, 'x')));
  EXPECT_TRUE(store.put("big one", std::string(5000, 'x')));
  EXPECT_EQ(code_of(store.put("b", std::string(5000, 'x'))), Errc::invalid_argument);
  EXPECT_EQ(store.keys("").value(), (std::vector<std::string>{"a", "big one"}));
  EXPECT_EQ(store.get<std::string>("big one").value()->size(), 5000U);
  const Store tiers =
      open("multi:?1.to=limit%2Bsimple:%3Flimit.bytes=2000&1.tags=fast&2.to=simple:&store=mine").value();
  EXPECT_TRUE(tiers.put("a", std::string(5000, 'x'), {.tag = "archive"}));
  EXPECT_EQ(code_of(tiers.put("b", std::string(5000, 'x'), {.tag = "fast"})), Errc::value_too_large);
  for (const char* wrong : {"multi:", "multi:?2.to=simple:", "multi:?1.to=simple:&1.colour=red",
                            "multi:?1.to=simple:&3.to=simple:", "multi:?1.to=simple:&1.most_bytes=x",
                            "multi:?1.to=no_url", "multi:?1.to=redis://u:planted@h"}) {
    const auto refused = open(wrong);
    EXPECT_EQ(code_of(refused), Errc::invalid_argument) << wrong;
    EXPECT_FALSE(refused.error().text().find("planted") != std::string::npos);
  }
}

}  // namespace
}  // namespace locum::tests
