#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "core/base/checksum.hpp"
#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/wrappers/packed_record.hpp"

namespace locum::tests {
namespace {

/// A record as packed_record.hpp says, right but for what is in it.
std::string packed(std::string bytes, std::uint64_t size_bytes, storage::Packing packing) {
  storage::PackedEnd end{.size_bytes = size_bytes, .packing = packing};
  const auto append = [&] { bytes.append(reinterpret_cast<const char*>(&end), sizeof end); };
  append();
  end.checksum = checksum(std::as_bytes(std::span(bytes)));
  bytes.resize(bytes.size() - sizeof end);
  append();
  return bytes;
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
  EXPECT_EQ(code_of(parse_url("encrypt+probe:?encrypt.old=env:X,planted")), Errc::invalid_argument);
  EXPECT_TRUE(parse_url("encrypt+probe:?encrypt.key=env:X&encrypt.old=env:Y,file:/z"));
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

}  // namespace
}  // namespace locum::tests
