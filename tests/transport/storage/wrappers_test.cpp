// What each wrapper promises. That each is a backend is tested by the contract, in backends_test.cpp.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/open.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/probe_backend.hpp"
#include "transport/storage/backends.hpp"
#include "transport/storage/wrappers/packed_record.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

using Names = std::vector<std::string>;

class Wrappers : public ::testing::Test {
 protected:
  static Deadline soon() { return std::chrono::seconds(60); }
  static NewRecord record(std::string_view text, std::uint64_t revision = 1) {
    NewRecord made;
    made.bytes = std::as_bytes(std::span(text));
    made.revision = revision;
    return made;
  }
  static std::string text_of(const Result<Record>& loaded) {
    return loaded ? std::string(reinterpret_cast<const char*>(loaded->bytes.data()), loaded->bytes.size())
                  : std::string(to_string(loaded.error().code()));
  }
  static std::string load(Backend& from, const RecordKey& key) {
    return text_of(from.load(key, whole_record, soon()));
  }
  static bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
  /// What stands there below the wrappers.
  [[nodiscard]] std::string kept(const RecordKey& key) const { return load(probe_->kept(), key); }
  /// Puts other bytes there.
  void keep(const RecordKey& key, std::string_view bytes) const {
    ASSERT_TRUE(probe_->kept().store(key, record(bytes), soon()));
  }
  /// Every byte of what stands there is changed, and every length cut: an error each time.
  void expect_damage_is_found(Backend& backend, const RecordKey& key) const {
    const std::string right = kept(key);
    const std::string value = load(backend, key);
    for (std::size_t at = 0; at < right.size(); ++at) {
      for (const int mask : {0x01, 0x80, 0xFF}) {
        std::string wrong = right;
        wrong[at] = static_cast<char>(wrong[at] ^ mask);
        keep(key, wrong);
        const auto loaded = backend.load(key, whole_record, soon());
        ASSERT_EQ(code_of(loaded), Errc::corrupt) << at << ' ' << text_of(loaded);
        EXPECT_EQ(loaded.error().key(), key.name);
      }
      keep(key, std::string_view(right).substr(0, at));
      ASSERT_EQ(code_of(backend.load(key, whole_record, soon())), Errc::corrupt) << at;
    }
    keep(key, right + '\0');
    EXPECT_EQ(code_of(backend.load(key, 0, soon())), Errc::corrupt);
    keep(key, right);
    EXPECT_EQ(load(backend, key), value);
  }
  /// A record as packed_record.hpp says, right but for what is in it.
  static std::string packed(std::string bytes, std::uint64_t size_bytes, storage::Packing packing) {
    storage::PackedEnd end{.size_bytes = size_bytes, .packing = packing};
    const auto append = [&] { bytes.append(reinterpret_cast<const char*>(&end), sizeof end); };
    append();
    end.checksum = checksum(std::as_bytes(std::span(bytes)));
    bytes.resize(bytes.size() - sizeof end);
    append();
    return bytes;
  }
  [[nodiscard]] bool has(std::string_view url) const { return wrapped(url, probe_).has_value(); }
  [[nodiscard]] std::shared_ptr<Backend> over(std::string_view url) const {
    return wrapped(url, probe_).value();
  }

  const std::shared_ptr<ProbeBackend> probe_ = std::make_shared<ProbeBackend>();
};

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
  for (const char* url :
       {"limit+probe:?limit.bytes=9000", "prefix+probe:?prefix.name=x", "timeout+probe:?timeout.ms=60000"}) {
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

TEST_F(Wrappers, ChecksumFindsDamage) {
  const auto backend = over("checksum+probe:");
  ASSERT_TRUE(backend->store({"s", "a"}, record("value", 7), soon()));
  EXPECT_EQ(kept({"s", "a"}).substr(0, 5), "value") << "other programs read the beginning";
  EXPECT_EQ(kept({"s", "a"}).size(), 5U + 16U);
  expect_damage_is_found(*backend, {"s", "a"});
  ASSERT_TRUE(backend->store({"s", "empty"}, record("", 7), soon()));
  expect_damage_is_found(*backend, {"s", "empty"});
  EXPECT_EQ(backend->traits().largest_record, probe_->traits().largest_record - 16);
}

TEST_F(Wrappers, CompressionShortensAndFindsDamage) {
  for (const std::string name : {"zstd", "lz4"}) {
    const std::string url = name + "+probe:";
    if (!has(url)) {
      continue;  // not in this build
    }
    const auto backend = over(url);
    std::string text;
    for (int at = 0; at < 20; ++at) {
      text += "some words that come again and again, ";
    }
    ASSERT_TRUE(backend->store({"s", "a"}, record(text, 7), soon()));
    EXPECT_LT(kept({"s", "a"}).size(), text.size() / 4) << name;
    const auto end = backend->load({"s", "a"}, 10, soon()).value();
    EXPECT_EQ(end.size_bytes, text.size());
    EXPECT_EQ(end.revision, 7U);
    expect_damage_is_found(*backend, {"s", "a"});
    std::string noise;
    for (std::uint32_t state = 1; noise.size() < 1000; state = state * 1664525U + 1013904223U) {
      noise += static_cast<char>(state >> 24U);
    }
    ASSERT_TRUE(backend->store({"s", "n"}, record(noise), soon()));
    EXPECT_EQ(kept({"s", "n"}).substr(0, noise.size()), noise) << "kept as it is";
    expect_damage_is_found(*backend, {"s", "n"});
    const std::string zeros(5'000'000, '\0');
    ASSERT_TRUE(backend->store({"s", "z"}, record(zeros), soon()));
    EXPECT_LT(kept({"s", "z"}).size(), 50'000U);
    EXPECT_TRUE(load(*backend, {"s", "z"}) == zeros);
    EXPECT_EQ(load(*over("checksum+probe:"), {"s", "n"}), noise) << "one format";
    const auto other = over("checksum+probe:")->load({"s", "a"}, 0, soon());
    ASSERT_EQ(code_of(other), Errc::corrupt);
    EXPECT_TRUE(holds(other.error().text(), "open it with " + name + "+")) << other.error();
  }
}

TEST_F(Wrappers, CompressionTrustsNothingInside) {
  for (const std::string name : {"zstd", "lz4"}) {
    const std::string url = name + "+probe:";
    if (!has(url)) {
      continue;  // not in this build
    }
    const auto packing = name == "zstd" ? storage::Packing::zstd : storage::Packing::lz4;
    const auto backend = over(url);
    const std::string text(500, 'x');
    ASSERT_TRUE(backend->store({"s", "a"}, record(text), soon()));
    const std::string right = kept({"s", "a"});
    const std::string frame = right.substr(0, right.size() - 16);
    keep({"s", "a"}, packed(frame, text.size(), packing));
    ASSERT_EQ(load(*backend, {"s", "a"}), text) << "made as the library makes it";
    // Whoever can compute a checksum can also say anything else.
    for (const std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{499}, std::uint64_t{501}, std::uint64_t{5000},
          std::uint64_t{1} << 40U, std::uint64_t{1} << 63U, std::numeric_limits<std::uint64_t>::max()}) {
      keep({"s", "a"}, packed(frame, size, packing));
      EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt") << size;
      keep({"s", "a"}, packed(frame, size, storage::Packing::plain));
      EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt") << size;
    }
    keep({"s", "a"}, packed(frame, 500, static_cast<storage::Packing>(3)));
    EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt");
    for (std::size_t at = 0; at < frame.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string wrong = frame;
        wrong[at] = static_cast<char>(wrong[at] ^ (1 << bit));
        keep({"s", "a"}, packed(wrong, text.size(), packing));
        const auto loaded = backend->load({"s", "a"}, whole_record, soon());
        EXPECT_TRUE(!loaded || loaded->bytes.size() == text.size()) << at;  // it has no checksum of its own
      }
      keep({"s", "a"}, packed(frame.substr(0, at), text.size(), packing));
      EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt") << at;
    }
    keep({"s", "a"}, packed(frame + "more", text.size(), packing));
    EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt");
  }
  EXPECT_TRUE(!has("zstd+probe:") ||
              code_of(wrapped("zstd+probe:?zstd.level=0", probe_)) == Errc::invalid_argument);
  EXPECT_TRUE(!has("zstd+probe:") ||
              code_of(wrapped("zstd+probe:?zstd.level=99", probe_)) == Errc::invalid_argument);
}

class Encrypt : public Wrappers {
 protected:
  static constexpr auto secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
  void SetUp() override {
    ASSERT_EQ(setenv("LOCUM_TEST_SECRET", secret, 1), 0);
    ASSERT_EQ(setenv("LOCUM_TEST_SAME", "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=", 1), 0);
    ASSERT_EQ(setenv("LOCUM_TEST_NEW", std::string(64, 'a').c_str(), 1), 0);
    if (!has("encrypt+probe:?encrypt.key=env:LOCUM_TEST_SECRET")) {
      GTEST_SKIP() << "not in this build";
    }
    backend_ = over("encrypt+probe:?encrypt.key=env:LOCUM_TEST_SECRET");
  }
  std::shared_ptr<Backend> backend_;
};

TEST_F(Encrypt, HidesAndAuthenticates) {
  ASSERT_TRUE(backend_->store({"s", "a"}, record("a planted value", 7), soon()));
  EXPECT_FALSE(holds(kept({"s", "a"}), "planted"));
  const auto loaded = backend_->load({"s", "a"}, 3, soon()).value();
  EXPECT_EQ(loaded.size_bytes, 15U);
  EXPECT_EQ(loaded.revision, 7U);
  const std::string once = kept({"s", "a"});
  ASSERT_TRUE(backend_->store({"s", "a"}, record("a planted value", 7), soon()));
  EXPECT_NE(kept({"s", "a"}), once) << "nothing shows that two records are equal";
  expect_damage_is_found(*backend_, {"s", "a"});
  ASSERT_TRUE(backend_->store({"s", "empty"}, record("", 7), soon()));
  expect_damage_is_found(*backend_, {"s", "empty"});
}

TEST_F(Encrypt, RefusesRecordsInThePlaceOfOthers) {
  ASSERT_TRUE(backend_->store({"s", "ab"}, record("1"), soon()));
  const std::string moved = kept({"s", "ab"});
  for (const RecordKey& to : {RecordKey{"s", "b"}, RecordKey{"t", "ab"}, RecordKey{"sa", "b"}}) {
    keep(to, moved);
    EXPECT_EQ(load(*backend_, to), "corrupt") << to.space << '/' << to.name;
  }
  EXPECT_EQ(load(*backend_, {"s", "ab"}), "1");
}

TEST_F(Encrypt, FindsChunksThatWereCutOrSwapped) {
  constexpr std::size_t chunk = (1U << 20U) + 17;
  const std::string text(3'000'000, 'x');
  ASSERT_TRUE(backend_->store({"s", "a"}, record(text), soon()));
  EXPECT_TRUE(load(*backend_, {"s", "a"}) == text);
  const std::string right = kept({"s", "a"});
  EXPECT_EQ(right.size(), text.size() + 24 + 3 * 17 + 16);
  const std::string end = right.substr(right.size() - 16);
  keep({"s", "a"}, right.substr(0, 24 + chunk) + end);
  EXPECT_EQ(load(*backend_, {"s", "a"}), "corrupt") << "the last chunk says that it is the last";
  keep({"s", "a"}, right.substr(0, 24) + right.substr(24 + chunk, chunk) + right.substr(24, chunk) +
                       right.substr(24 + 2 * chunk));
  EXPECT_EQ(load(*backend_, {"s", "a"}), "corrupt");
}

TEST_F(Encrypt, ReadsWithOldKeysAndWritesWithTheNewOne) {
  ASSERT_TRUE(backend_->store({"s", "a"}, record("old"), soon()));
  const auto neither = over("encrypt+probe:?encrypt.key=env:LOCUM_TEST_NEW");
  const auto refused = neither->load({"s", "a"}, 0, soon());
  ASSERT_EQ(code_of(refused), Errc::corrupt);
  EXPECT_TRUE(holds(refused.error().text(), "encrypt.old")) << refused.error();
  const auto both = over("encrypt+probe:?encrypt.key=env:LOCUM_TEST_NEW&encrypt.old=env:LOCUM_TEST_SAME");
  EXPECT_EQ(load(*both, {"s", "a"}), "old") << "in base64 it is the same key";
  ASSERT_TRUE(both->store({"s", "a"}, record("new"), soon()));
  EXPECT_EQ(load(*neither, {"s", "a"}), "new");
  EXPECT_EQ(load(*backend_, {"s", "a"}), "corrupt");
}

TEST_F(Encrypt, ShowsNoKey) {
  ASSERT_EQ(setenv("LOCUM_TEST_BAD", "5ecret-planted", 1), 0);
  for (const std::string option :
       {"", "?encrypt.key=env:LOCUM_TEST_BAD", "?encrypt.key=env:LOCUM_TEST_NO_SUCH_KEY",
        "?encrypt.key=env:LOCUM_TEST_SECRET&encrypt.old=env:LOCUM_TEST_BAD"}) {
    const auto refused = wrapped("encrypt+probe:" + option, probe_);
    ASSERT_FALSE(refused) << option;
    EXPECT_FALSE(holds(refused.error().what(), "planted")) << refused.error();
    EXPECT_TRUE(holds(refused.error().what(), "encrypt")) << refused.error();
  }
  const std::string name = std::string("encrypt+probe:?encrypt.key=") + secret;
  const auto literal = parse_url(name);
  ASSERT_EQ(code_of(literal), Errc::invalid_argument) << "it would be printed with the URL";
  EXPECT_FALSE(holds(literal.error().what(), "0011"));
  EXPECT_EQ(code_of(parse_url("fanout+probe:?fanout.to=redis://me:planted@host/0")), Errc::invalid_argument);
  EXPECT_EQ(code_of(parse_url("fanout+probe:?fanout.to=redis://host/0%3Fpassword%3Dplanted")),
            Errc::invalid_argument);
  EXPECT_TRUE(parse_url("fanout+probe:?fanout.to=redis://me@host/0%3Fpassword%3Denv:X"));
}

TEST_F(Wrappers, ComposeInAnyOrder) {
  ASSERT_EQ(setenv("LOCUM_TEST_SECRET", std::string(64, '1').c_str(), 1), 0);
  const std::string text(10'000, 'x');
  for (const std::string order :
       {"zstd+encrypt", "encrypt+zstd", "lz4+encrypt+checksum", "zstd+lz4+encrypt+zstd"}) {
    const auto made = wrapped(order + "+probe:?encrypt.key=env:LOCUM_TEST_SECRET", probe_);
    if (!made) {
      EXPECT_EQ(code_of(made), Errc::unsupported) << made.error();
      continue;  // not in this build
    }
    ASSERT_TRUE((*made)->store({"s", "a"}, record(text), soon()));
    EXPECT_EQ(load(**made, {"s", "a"}), text);
    EXPECT_EQ(kept({"s", "a"}).size() < 1000, order != "encrypt+zstd") << "what is encrypted does not shrink";
    if (order != "encrypt+zstd") {  // ten thousand bytes, one by one, take their time
      expect_damage_is_found(**made, {"s", "a"});
    }
  }
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
