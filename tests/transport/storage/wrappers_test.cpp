// What each wrapper promises. That each is a backend is tested by the contract, in backends_test.cpp.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
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
#include "transport/storage/wrappers/wrapper.hpp"
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
  ASSERT_EQ(setenv("LOCUM_TEST_SECRET", std::string(64, '1').c_str(), 1), 0);
  for (const char* url :
       {"limit+probe:?limit.bytes=9000", "prefix+probe:?prefix.name=x", "timeout+probe:?timeout.ms=60000",
        "checksum+probe:", "zstd+probe:", "encrypt+probe:?encrypt.key=env:LOCUM_TEST_SECRET",
        "cache+probe:", "retry+probe:?retry.times=1", "stats+probe:", "log+probe:?log.file=/dev/null",
        "audit+probe:?audit.file=/dev/full", "fanout+probe:?fanout.to=simple:"}) {
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

TEST_F(Wrappers, RetryAsksAgain) {
  const auto backend = over("retry+probe:?retry.times=3&retry.ms=1");
  keep({"s", "a"}, "1");
  probe_->fail({{Errc::peer_lost}, {Errc::timeout}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "1");
  EXPECT_EQ(probe_->calls().size(), 3U);
  probe_->fail({{Errc::peer_lost}, {Errc::peer_lost}, {Errc::timeout}, {Errc::timeout}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "timeout") << "the last one's error";
  EXPECT_EQ(probe_->calls().size(), 3U);
  probe_->fail({{Errc::system}, {Errc::system}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "system");
  EXPECT_EQ(probe_->calls().size(), 1U) << "it would fail again";
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(backend->list("s", {}, soon()).value(), Names{"a"});
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->drop("s", soon())), Errc::peer_lost) << "nobody could count what was dropped";
  (void)probe_->calls();
  const auto slow = over("retry+probe:?retry.ms=600000&retry.longest_ms=600000");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(load(*slow, {"s", "a"}), "peer_lost") << "another attempt would be too late";
  EXPECT_EQ(probe_->calls().size(), 1U);
  EXPECT_EQ(code_of(wrapped("retry+probe:?retry.times=0", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("retry+probe:?retry.ms=0", probe_)), Errc::invalid_argument);
}

TEST_F(Wrappers, RetryChangesNothingTwice) {
  const auto backend = over("retry+probe:?retry.ms=1");
  const auto put = [&](std::string_view name, std::uint64_t revision, Expect expect,
                       std::uint64_t expected = 0) {
    NewRecord one = record("mine", revision);
    one.expect = expect;
    one.expected_revision = expected;
    return backend->store({"s", name}, one, soon());
  };
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 11, Expect::absent)) << "it was stored, and only the answer was lost";
  EXPECT_EQ(probe_->calls(), (Names{"store s/a", "load s/a"}));
  probe_->fail({{Errc::peer_lost}});
  EXPECT_TRUE(put("b", 12, Expect::absent));
  EXPECT_EQ(probe_->calls(), (Names{"store s/b", "load s/b", "store s/b"}));
  probe_->fail({{Errc::timeout, true}, {Errc::timeout}});
  EXPECT_TRUE(put("c", 13, Expect::absent)) << "at first it could not be found out";
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 14, Expect::revision, 11));
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 15, Expect::anything));
  EXPECT_EQ(code_of(put("a", 16, Expect::absent)), Errc::key_exists) << "the first attempt was refused";
  // Another record: was ours there before it, or never?
  probe_->fail({{Errc::timeout}});
  EXPECT_EQ(code_of(put("a", 16, Expect::absent)), Errc::timeout);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(put("a", 17, Expect::revision, 11)), Errc::peer_lost);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(put("none", 17, Expect::revision, 11)), Errc::peer_lost);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  probe_->fail({{Errc::peer_lost, true}});
  EXPECT_EQ(code_of(backend->remove({"s", "b"}, 0, soon())), Errc::peer_lost) << "who removed it?";
  EXPECT_FALSE(backend->remove({"s", "b"}, 0, soon()).value());
}

TEST_F(Wrappers, RetryAsksAgainForWhatFailedOfABatch) {
  const auto backend = over("retry+probe:?retry.ms=1");
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  const std::vector<NewRecord> records{record("1", 1), record("2", 2)};
  std::vector<Result<void>> stored(2);
  probe_->fail({{Errc::timeout, true}});
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0] && stored[1]);
  EXPECT_EQ(probe_->calls(), (Names{"store s/a", "store s/b", "load s/a"}));
  std::vector<Result<Record>> loaded(2, Result<Record>(no_such_object()));
  probe_->fail({{Errc::peer_lost}, {Errc::peer_lost}});
  backend->batches()->load(keys, whole_record, loaded, soon());
  EXPECT_EQ(text_of(loaded[0]) + text_of(loaded[1]), "12");
  std::vector<Result<bool>> removed(2, Result<bool>(false));
  probe_->fail({{Errc::peer_lost}});
  backend->batches()->remove(keys, removed, soon());
  EXPECT_TRUE(removed[0].value() && removed[1].value());
}

TEST_F(Wrappers, StatsCount) {
  const auto backend = over("stats+probe:?stats.name=mine");
  const auto statistics = storage::find_statistics("mine");
  ASSERT_NE(statistics, nullptr);
  ASSERT_TRUE(backend->store({"s", "a"}, record("12345"), soon()));
  for (int at = 0; at < 100; ++at) {
    EXPECT_EQ(load(*backend, {"s", "a"}), "12345");
  }
  EXPECT_EQ(load(*backend, {"s", "b"}), "not_found");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "peer_lost");
  std::vector<Result<Record>> loaded(2, Result<Record>(no_such_object()));
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "a"}};
  backend->batches()->load(keys, whole_record, loaded, soon());
  const auto loads = statistics->of(storage::BackendCall::load);
  EXPECT_EQ(loads.calls, 104U);
  EXPECT_EQ(loads.refused, 1U);
  EXPECT_EQ(loads.errors, 1U);
  EXPECT_EQ(loads.bytes, 510U);
  EXPECT_GT(loads.median.count(), 0);
  EXPECT_LE(loads.median, loads.p99);
  EXPECT_EQ(statistics->of(storage::BackendCall::store).bytes, 5U);
  EXPECT_EQ(statistics->of(storage::BackendCall::drop).calls, 0U);
  const std::string text = to_text(*statistics);
  EXPECT_TRUE(holds(text, "load: 104 calls, 1 refused, 1 failed, 510 bytes, median ")) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  EXPECT_EQ(storage::find_statistics("yours"), nullptr);
}

TEST(BackendStatistics, KnowsHowLongCallsTake) {
  storage::BackendStatistics statistics;
  using std::chrono::nanoseconds;
  for (int at = 0; at < 98; ++at) {
    statistics.add(storage::BackendCall::load, 0, nanoseconds(1000), Errc{});
  }
  statistics.add(storage::BackendCall::load, 0, nanoseconds(1'000'000), Errc{});
  statistics.add(storage::BackendCall::load, 0, nanoseconds(1'000'000), Errc{});
  const auto loads = statistics.of(storage::BackendCall::load);
  EXPECT_GE(loads.median.count(), 1000);
  EXPECT_LE(loads.median.count(), 1250);
  EXPECT_GE(loads.p99.count(), 1'000'000);
  EXPECT_LE(loads.p99.count(), 1'250'000);
  for (int power = 0; power < 63; ++power) {
    storage::BackendStatistics one;
    const std::int64_t ns = std::int64_t{1} << power;
    one.add(storage::BackendCall::store, 0, nanoseconds(ns), Errc{});
    const std::int64_t median = one.of(storage::BackendCall::store).median.count();
    EXPECT_GE(median, ns);
    EXPECT_LE(median - ns, ns / 4);
  }
}

class Lines : public Wrappers {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  [[nodiscard]] Names lines() const {
    std::ifstream file(path_);
    Names all;
    for (std::string line; std::getline(file, line);) {
      all.push_back(line);
    }
    return all;
  }
  void use(Backend& backend) const {
    EXPECT_TRUE(backend.store({"s", "a\nname"}, record("planted value"), soon()));
    EXPECT_EQ(load(backend, {"s", "a\nname"}), "planted value");
    probe_->fail({{Errc::peer_lost}});
    EXPECT_EQ(load(backend, {"s", "b"}), "peer_lost");
    EXPECT_FALSE(backend.remove({"s", "b"}, 0, soon()).value());
    EXPECT_TRUE(backend.list("s", "a", soon()));
    EXPECT_TRUE(backend.drop("s", soon()));
  }

  const std::string path_ = ::testing::TempDir() + "locum_lines_" + std::to_string(::getpid());
};

TEST_F(Lines, LogHasOneForEachCall) {
  const auto backend = over("log+probe:?log.file=" + path_);
  use(*backend);
  const Names all = lines();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_TRUE(all[0].starts_with("locum probe: store space=s name=a%0Aname bytes=13 us=")) << all[0];
  EXPECT_TRUE(all[0].ends_with(" outcome=done")) << all[0];
  EXPECT_TRUE(all[2].starts_with("locum probe: load space=s name=b bytes=0 us=")) << all[2];
  EXPECT_TRUE(all[2].ends_with(" outcome=peer_lost")) << all[2];
  EXPECT_TRUE(all[3].ends_with(" outcome=absent")) << all[3];
  EXPECT_TRUE(all[5].starts_with("locum probe: drop space=s name=- ")) << all[5];
  for (const std::string& line : all) {
    EXPECT_FALSE(holds(line, "planted") || holds(line, "detail of the probe")) << line;
  }
  EXPECT_TRUE(
      wrapped("log+probe:?log.file=/dev/full", probe_).value()->store({"s", "x"}, record("1"), soon()))
      << "a line that is lost is no reason to fail";
  EXPECT_EQ(code_of(wrapped("log+probe:?log.file=/no/such/folder/x", probe_)), Errc::system);
}

TEST_F(Lines, AuditSaysWhoDidWhat) {
  use(*over("audit+probe:?audit.who=me%20too&audit.file=" + path_));
  use(*over("audit+probe:?audit.file=" + path_));
  const Names all = lines();
  ASSERT_EQ(all.size(), 12U) << "the second appends";
  EXPECT_TRUE(holds(all[0], "Z who=me%20too host=")) << all[0];
  EXPECT_TRUE(holds(all[0], " pid=" + std::to_string(::getpid()) +
                                " call=store space=s name=a%0Aname bytes=13 outcome=done"))
      << all[0];
  EXPECT_TRUE(holds(all[6], " who=uid" + std::to_string(::getuid()) + " ")) << all[6];
  EXPECT_TRUE(holds(all[8], " outcome=peer_lost")) << all[8];
  for (const std::string& line : all) {
    EXPECT_FALSE(holds(line, "planted") || holds(line, "detail of the probe")) << line;
  }
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(code_of(wrapped("audit+probe:", probe_)), Errc::invalid_argument);
}

TEST_F(Lines, AuditDoesNotLoseALineInSilence) {
  const auto backend = over("audit+probe:?audit.file=/dev/full");
  const auto stored = backend->store({"s", "a"}, record("1"), soon());
  ASSERT_EQ(code_of(stored), Errc::system);
  EXPECT_TRUE(holds(stored.error().text(), "store was done")) << stored.error();
  EXPECT_EQ(kept({"s", "a"}), "1");
  EXPECT_EQ(load(*backend, {"s", "b"}), "not_found") << "an error stays what it is";
}

TEST_F(Wrappers, CacheAsksOnce) {
  const auto backend = over("cache+probe:?cache.ms=3600000&cache.bytes=2000");
  ASSERT_TRUE(backend->store({"s", "a"}, record("1", 5), soon()));
  (void)probe_->calls();
  EXPECT_EQ(load(*backend, {"s", "a"}) + load(*backend, {"s", "a"}), "11");
  EXPECT_EQ(probe_->calls(), Names{"load s/a"});
  keep({"s", "a"}, "other's");
  EXPECT_EQ(load(*backend, {"s", "a"}), "1") << "others' changes are seen later";
  EXPECT_EQ(backend->load({"s", "a"}, 0, soon()).value().revision, 5U);
  // What this wrapper changes, or fails to change, is asked for again.
  NewRecord expects = record("2", 6);
  expects.expect = Expect::revision;
  expects.expected_revision = 5;
  EXPECT_EQ(code_of(backend->store({"s", "a"}, expects, soon())), Errc::stale);
  EXPECT_EQ(load(*backend, {"s", "a"}), "other's");
  ASSERT_TRUE(backend->store({"s", "a"}, record("3"), soon()));
  EXPECT_EQ(load(*backend, {"s", "a"}), "3");
  ASSERT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(load(*backend, {"s", "a"}), "not_found");
  keep({"s", "a"}, "4");
  EXPECT_EQ(load(*backend, {"s", "a"}), "4") << "what is missing is asked for each time";
  ASSERT_TRUE(backend->drop("s", soon()));
  EXPECT_EQ(load(*backend, {"s", "a"}), "not_found");
}

TEST_F(Wrappers, CacheKeepsToItsBytesAndItsTime) {
  const auto backend = over("cache+probe:?cache.ms=3600000&cache.bytes=2000");
  const std::string large(1000, 'x');
  for (const char* name : {"a", "b", "huge"}) {
    keep({"s", name}, name == std::string("huge") ? large + large : large);
    (void)load(*backend, {"s", name});
  }
  (void)probe_->calls();
  EXPECT_EQ(load(*backend, {"s", "b"}), large);
  EXPECT_EQ(probe_->calls(), Names());
  EXPECT_EQ(load(*backend, {"s", "a"}), large) << "it made room for b";
  EXPECT_EQ(load(*backend, {"s", "huge"}), large + large);
  EXPECT_EQ(probe_->calls(), (Names{"load s/a", "load s/huge"}));
  const auto short_time = over("cache+probe:?cache.ms=1");
  keep({"s", "c"}, "1");
  EXPECT_EQ(load(*short_time, {"s", "c"}), "1");
  keep({"s", "c"}, "2");
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  while (load(*short_time, {"s", "c"}) != "2") {
    ASSERT_LT(Deadline::Clock::now(), end);
  }
  EXPECT_EQ(code_of(wrapped("cache+probe:?cache.bytes=0", probe_)), Errc::invalid_argument);
}

/// Calls a function when a record was loaded, before it is returned.
class Interrupted final : public storage::Wrapper {
 public:
  Interrupted(std::shared_ptr<Backend> inner, std::function<void()> then)
      : Wrapper(std::move(inner)), then_(std::move(then)) {}
  Result<Record> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    auto loaded = inner().load(key, last_bytes, deadline);
    then_();
    return loaded;
  }

 private:
  const std::function<void()> then_;
};

TEST_F(Wrappers, CacheDoesNotKeepWhatWasChangedWhileItWasLoaded) {
  std::function<void()> then = [] {};
  const auto backend = storage::cached(std::make_shared<Interrupted>(probe_, [&] { then(); })).value();
  keep({"s", "a"}, "1");
  then = [&] { EXPECT_TRUE(backend->store({"s", "a"}, record("2"), soon())); };
  EXPECT_EQ(load(*backend, {"s", "a"}), "1") << "as of when it was asked for";
  then = [] {};
  EXPECT_EQ(load(*backend, {"s", "a"}), "2");
}

class Two : public Wrappers {
 protected:
  const std::shared_ptr<ProbeBackend> second_ = std::make_shared<ProbeBackend>();
  [[nodiscard]] std::string in_second(const RecordKey& key) const { return load(second_->kept(), key); }
};

TEST_F(Two, FallbackLoadsWhatTheFirstCannotSay) {
  const auto backend = storage::with_fallback(probe_, second_);
  keep({"s", "a"}, "first");
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(second_->kept().store({"s", name}, record("second"), soon()));
  }
  EXPECT_EQ(load(*backend, {"s", "a"}), "first");
  EXPECT_EQ(second_->calls(), Names());
  EXPECT_EQ(load(*backend, {"s", "b"}), "second");
  EXPECT_EQ(load(*backend, {"s", "c"}), "not_found");
  for (const Errc code : {Errc::peer_lost, Errc::timeout}) {
    probe_->fail({{code}});
    EXPECT_EQ(load(*backend, {"s", "a"}), "second");
    probe_->fail({{code}});
    EXPECT_EQ(load(*backend, {"s", "c"}), to_string(code)) << "the first may have it";
  }
  probe_->fail({{Errc::corrupt}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt") << "somebody has to know";
  auto names = backend->list("s", {}, soon()).value();
  EXPECT_EQ(names, (Names{"a", "b"}));
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(backend->list("s", {}, soon()).value().size(), 2U);
  second_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->list("s", {}, soon())), Errc::peer_lost);
  const auto before = Deadline::Clock::now();
  (void)backend->load({"s", "a"}, 0, before + std::chrono::hours(1));
  EXPECT_LE(probe_->last_deadline().moment(std::chrono::hours(9)), before + std::chrono::minutes(31));
  ASSERT_TRUE(backend->store({"s", "n"}, record("new"), soon()));
  EXPECT_EQ(in_second({"s", "n"}), "not_found");
  std::vector<Result<Record>> loaded(2, Result<Record>(no_such_object()));
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  backend->batches()->load(keys, whole_record, loaded, soon());
  EXPECT_EQ(text_of(loaded[0]) + text_of(loaded[1]), "firstsecond");
}

TEST_F(Two, FanoutChangesBoth) {
  const auto backend = storage::fanned_out(probe_, second_);
  ASSERT_TRUE(backend->store({"s", "a"}, record("1", 4), soon()));
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "11");
  NewRecord absent = record("2", 5);
  absent.expect = Expect::absent;
  EXPECT_EQ(code_of(backend->store({"s", "a"}, absent, soon())), Errc::key_exists);
  EXPECT_EQ(in_second({"s", "a"}), "1");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->store({"s", "a"}, record("2"), soon())), Errc::peer_lost);
  EXPECT_EQ(in_second({"s", "a"}), "1");
  second_->fail({{Errc::peer_lost}});
  const auto half = backend->store({"s", "a"}, record("3", 6), soon());
  ASSERT_EQ(code_of(half), Errc::system);
  EXPECT_TRUE(holds(half.error().text(), "not in the second")) << half.error();
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "31");
  EXPECT_FALSE(backend->remove({"s", "a"}, 5, soon()).value());
  EXPECT_EQ(in_second({"s", "a"}), "1");
  EXPECT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "not_foundnot_found");
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  const std::vector<NewRecord> records{absent, absent};
  std::vector<Result<void>> stored(2);
  keep({"s", "b"}, "other");
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0]);
  EXPECT_EQ(code_of(stored[1]), Errc::key_exists);
  EXPECT_EQ(in_second({"s", "a"}) + in_second({"s", "b"}), "2not_found");
  ASSERT_TRUE(backend->drop("s", soon()));
  EXPECT_EQ(in_second({"s", "a"}), "not_found");
}

TEST_F(Two, HoldNamesThatBothHold) {
  const auto files = std::make_shared<ProbeBackend>(BackendTraits{.scheme = "files",
                                                                  .largest_record = 5000,
                                                                  .longest_name = 200,
                                                                  .name_bytes = NameBytes::file_name,
                                                                  .lists = false});
  const BackendTraits copy = storage::fanned_out(probe_, files)->traits();
  EXPECT_EQ(copy.longest_name, 200U);
  EXPECT_EQ(copy.name_bytes, NameBytes::file_name);
  EXPECT_EQ(copy.largest_record, 5000U);
  EXPECT_TRUE(copy.lists);
  const auto behind = storage::with_fallback(probe_, files);
  EXPECT_EQ(behind->traits().name_bytes, NameBytes::file_name);
  EXPECT_FALSE(behind->traits().lists);
  EXPECT_EQ(code_of(behind->list("s", {}, soon())), Errc::unsupported);
  EXPECT_EQ(code_of(wrapped("fanout+probe:", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("fanout+probe:?fanout.to=no_url", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("fallback+probe:?fallback.to=tape:", probe_)), Errc::unsupported);
  EXPECT_EQ(code_of(wrapped("fallback+probe:?fallback.to=simple:%3Fcolour%3Dred", probe_)),
            Errc::invalid_argument);
  EXPECT_TRUE(wrapped("fallback+probe:?fallback.to=checksum%2Bsimple:", probe_));
}

}  // namespace
}  // namespace locum::tests
