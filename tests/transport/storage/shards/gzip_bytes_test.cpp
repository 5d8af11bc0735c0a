// Plain bytes of files of gzip, in any order.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/shards/foreign_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"

namespace locum::tests {
namespace {

class GzipBytes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_gzip()) {
      GTEST_SKIP() << no_gzip;
    }
  }
  std::shared_ptr<storage::PlainBytes> open(const std::string& coded) {
    write_bytes(folder_.path() + "/a.gz", coded);
    counted_ = std::make_shared<CountingArea>(area_of(folder_.path()), counts_);
    return storage::open_gzip_bytes(counted_->open("a.gz", {}).value()).value();
  }
  /// Reads all, in pieces.
  static Result<std::string> all_of(storage::PlainBytes& bytes, std::size_t piece) {
    std::string all;
    for (;;) {
      std::string some(piece, '\0');
      const auto got = bytes.read(all.size(), std::as_writable_bytes(std::span(some)));
      if (!got) {
        return got.error();
      }
      all += some.substr(0, *got);
      if (*got < piece) {
        return all;
      }
    }
  }
  /// Returns plain bytes as one member that begin_gzip() made.
  std::string deflated(std::string_view plain, int level) {
    const auto area = area_of(folder_.path());
    const auto file = area->create("deflated").value();
    const auto draft = storage::begin_gzip(*file, level).value();
    for (std::size_t at = 0; at < plain.size(); at += 1000) {
      EXPECT_TRUE(draft->write(std::as_bytes(std::span(plain.substr(at, 1000)))));
    }
    EXPECT_EQ(draft->size_bytes(), plain.size());
    EXPECT_TRUE(draft->finish());
    EXPECT_TRUE(file->publish());
    return read_bytes(folder_.path() + "/deflated");
  }

  TemporaryFolder folder_;
  AreaCounts counts_;
  std::shared_ptr<storage::FileArea> counted_;
};

TEST_F(GzipBytes, AreThoseOfAllMembers) {
  const std::string first(2500, 'a');
  for (const std::string& zeros : {std::string(), std::string(1000, '\0')}) {
    const auto bytes = open(stored_gzip(first) + stored_gzip("") + stored_gzip("the end") + zeros);
    for (const std::size_t piece : {1U, 100U, 100000U}) {
      EXPECT_EQ(all_of(*bytes, piece).value(), first + "the end");
    }
    std::string some(4, '\0');
    EXPECT_EQ(bytes->read(2498, std::as_writable_bytes(std::span(some))).value(), 4U);
    EXPECT_EQ(some, "aath");
    EXPECT_EQ(bytes->read(2507, std::as_writable_bytes(std::span(some))).value(), 0U);
    EXPECT_EQ(bytes->read(std::uint64_t{1} << 62U, std::as_writable_bytes(std::span(some))).value(), 0U);
  }
  EXPECT_EQ(code_of(all_of(*open(stored_gzip(first) + "more"), 100)), Errc::corrupt);
  EXPECT_EQ(code_of(all_of(*open(stored_gzip(first) + std::string(3, '\0') + stored_gzip(first)), 100)),
            Errc::corrupt);
  EXPECT_EQ(code_of(all_of(*open(""), 100)), Errc::corrupt);
}

TEST_F(GzipBytes, InAnyOrderAreThoseOfAnIteration) {
  // More than is kept inflated, in three members, some of it incompressible.
  std::mt19937 random(3);
  std::string plain;
  constexpr std::size_t size = std::size_t{150} << 20U;
  plain.reserve(size);
  while (plain.size() < size) {
    plain += "line " + std::to_string(random()) + (random() % 4 == 0 ? std::string(3000, 'x') : "\n");
  }
  std::string coded;
  for (const std::size_t third : {0U, 1U, 2U}) {
    coded += deflated(std::string_view(plain).substr(third * (plain.size() / 3),
                                                     third == 2 ? plain.npos : plain.size() / 3),
                      1);
  }
  const auto bytes = open(coded);
  ASSERT_EQ(all_of(*bytes, 1000000).value(), plain);
  EXPECT_LE(counts_.bytes, coded.size());
  const std::uint64_t coded_before = counts_.bytes;
  constexpr int turns = 200;
  std::string some;
  for (int turn = 0; turn < turns; ++turn) {
    const std::size_t at = random() % plain.size();
    some.assign(std::min<std::size_t>(random() % 300000, plain.size() - at), '\0');
    ASSERT_EQ(bytes->read(at, std::as_writable_bytes(std::span(some))).value(), some.size());
    ASSERT_EQ(some, std::string_view(plain).substr(at, some.size())) << at;
  }
  // From a place that is 1 MiB before, not from the beginning of the file.
  EXPECT_LT((counts_.bytes - coded_before) / turns, coded.size() / 40);
}

TEST_F(GzipBytes, OfVeryLongFilesKeepFewPlaces) {
  // 320 MiB of a member of 1 MiB, each other than the one before: places are thinned out twice.
  constexpr std::size_t members = 320;
  constexpr std::size_t member_bytes = std::size_t{1} << 20U;
  std::vector<std::string> coded;
  for (std::size_t kind = 0; kind < 7; ++kind) {
    std::string plain(member_bytes, static_cast<char>('a' + kind));
    plain[kind] = '!';
    coded.push_back(deflated(plain, 1));
  }
  std::string all;
  for (std::size_t member = 0; member < members; ++member) {
    all += coded[member % 7];
  }
  const auto bytes = open(all);
  std::string some(1, '\0');
  EXPECT_EQ(bytes->read(members * member_bytes, std::as_writable_bytes(std::span(some))).value(), 0U);
  const std::uint64_t coded_before = counts_.bytes;
  std::mt19937 random(5);
  for (int turn = 0; turn < 100; ++turn) {
    const std::size_t member = random() % members;
    some.assign(8, '\0');
    ASSERT_EQ(bytes->read(member * member_bytes, std::as_writable_bytes(std::span(some))).value(), 8U);
    std::string expected(8, static_cast<char>('a' + member % 7));
    expected[member % 7] = '!';
    ASSERT_EQ(some, expected);
  }
  EXPECT_LT((counts_.bytes - coded_before) / 100, all.size() / 8);
}

TEST_F(GzipBytes, ThatAreDamagedAreFound) {
  std::string plain;
  for (int line = 0; line < 40; ++line) {
    plain += "the line " + std::to_string(line * line) + '\n';
  }
  const std::string whole = deflated(plain, 9);
  const auto area = memory_area();
  int same = 0;
  damage(*area, "a.gz", whole, 3000, [&](const std::string& what, std::optional<std::size_t> size) {
    const auto bytes = storage::open_gzip_bytes(area->open("a.gz", {}).value()).value();
    const auto all = all_of(*bytes, 64);
    if (all) {
      EXPECT_FALSE(size) << what;
      EXPECT_EQ(*all, plain) << what;
      ++same;
    } else {
      EXPECT_EQ(all.error().code(), Errc::corrupt) << what << all.error();
      // The same again, not what was inflated before the damage.
      EXPECT_FALSE(all_of(*bytes, 64)) << what;
    }
  });
  EXPECT_GT(same, 0);  // the time in the header, say
}

}  // namespace
}  // namespace locum::tests
