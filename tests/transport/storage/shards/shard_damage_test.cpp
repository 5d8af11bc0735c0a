#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/shards.hpp>

#include "core/base/checksum.hpp"
#include "core/url.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "transport/storage/shards/shard_file.hpp"
#include "transport/storage/shards/shard_folder.hpp"

namespace locum::tests {
namespace shard_damage {

#ifdef LOCUM_TESTS_HAVE_ZSTD
constexpr const char* damaged_codec = "zstd(3)";
#else
constexpr const char* damaged_codec = "crc32c";
#endif

std::vector<std::string> texts() {
  std::vector<std::string> samples;
  for (std::size_t number = 0; number < 30; ++number) {
    samples.push_back("sample " + std::to_string(number) + std::string(number * 3, 'x'));
  }
  return samples;
}

/// A shard in a folder, whose bytes are changed.
class ChangedShard {
 public:
  explicit ChangedShard(const char* codec) : store_(Files(url()), {}, {.codec = codec, .block_bytes = 1024}) {
    EXPECT_TRUE(store_.set(samples_, {.key = "k"}));
    std::ifstream in(path(), std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }

  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  void replace(const std::string& bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }
  /// Reads the shard as it is now. Returns how many samples are right; others are errors, unless `lies`.
  [[nodiscard]] std::size_t read(const std::string& what, bool lies = false) const {
    const auto shard = store_.get("k");
    if (!shard) {
      EXPECT_TRUE(is_of_damage(shard.error().code())) << what << ": " << shard.error();
      return 0;
    }
    std::size_t read = 0;
    for (std::uint64_t number = 0; number < std::min<std::uint64_t>(shard->count(), 100); ++number) {
      const auto sample = shard->get(number);
      if (sample) {
        const bool is_right = number < samples_.size() && *sample == samples_[number];
        EXPECT_TRUE(is_right || lies) << what << ": sample " << number;
        read += is_right ? 1U : 0U;
      } else {
        EXPECT_TRUE(is_of_damage(sample.error().code())) << what << ": " << sample.error();
        EXPECT_EQ(sample.error().key(), "k");
      }
    }
    return read;
  }

 private:
  [[nodiscard]] static bool is_of_damage(Errc code) {
    return code == Errc::corrupt || code == Errc::unsupported || code == Errc::type_mismatch;
  }
  [[nodiscard]] std::string url() const { return "file://" + folder_.path() + "?sync=0"; }
  [[nodiscard]] std::string path() const { return folder_.path() + "/k.shard"; }

  const TemporaryFolder folder_;
  const std::vector<std::string> samples_ = texts();
  const ShardStore<std::string> store_;
  std::string bytes_;
};

void put_number(std::string& bytes, std::size_t at, std::uint64_t number, std::size_t size) {
  for (std::size_t byte = 0; byte < size; ++byte) {
    bytes[at + byte] = static_cast<char>(number >> (8 * byte));
  }
}

/// Makes the checksums of index and trailer right again.
void seal(std::string& bytes, std::size_t index) {
  const auto all = std::as_bytes(std::span(bytes.data(), bytes.size()));
  const std::size_t trailer = bytes.size() - storage::shard_trailer_bytes;
  put_number(bytes, trailer + 32, checksum(all.subspan(index, trailer - index)), 4);
  put_number(bytes, trailer + 52, checksum(all.subspan(trailer, 52)), 4);
}

}  // namespace shard_damage

using namespace shard_damage;

TEST(ShardDamage, OfAnyByteGivesNoWrongSample) {
  for (const char* const codec : {"", damaged_codec}) {
    const ChangedShard shard(codec);
    ASSERT_EQ(shard.read("as it was"), texts().size());
    for (std::size_t at = 0; at < shard.bytes().size(); ++at) {
      std::string bytes = shard.bytes();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      shard.replace(bytes);
      const std::size_t read = shard.read("byte " + std::to_string(at));
      // What is wrong in one block leaves the others; the header alone is not read.
      EXPECT_TRUE(at < storage::shard_header_bytes ? read == texts().size() : read < texts().size()) << at;
    }
  }
}

TEST(ShardDamage, OfAnyLengthIsNoticed) {
  const ChangedShard shard("");
  for (std::size_t size = 0; size < shard.bytes().size(); ++size) {
    shard.replace(shard.bytes().substr(0, size));
    EXPECT_EQ(shard.read(std::to_string(size) + " bytes"), 0U);
  }
  shard.replace(shard.bytes() + '\0');
  EXPECT_EQ(shard.read("one byte more"), 0U);
}

// Numbers that lie, with right checksums: as a program would write them that means harm.
TEST(ShardDamage, OfNumbersThatLieCostsNothing) {
  std::mt19937_64 random(3);
  const ChangedShard shard(damaged_codec);
  const std::string& right = shard.bytes();
  const std::size_t trailer = right.size() - storage::shard_trailer_bytes;
  std::uint64_t index = 0;
  for (std::size_t byte = 0; byte < 8; ++byte) {
    index |= static_cast<std::uint64_t>(static_cast<unsigned char>(right[trailer + byte])) << (8 * byte);
  }
  constexpr std::uint64_t large[] = {0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1ULL << 40U, ~0ULL >> 1U, ~0ULL};
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = right;
    const std::size_t size = random() % 2 == 0 ? 8 : 4;
    const std::size_t at = index + random() % (trailer + 32 - index - size);
    put_number(bytes, at, random() % 3 == 0 ? random() : large[random() % std::size(large)], size);
    seal(bytes, index);
    shard.replace(bytes);
    const std::size_t read = shard.read("round " + std::to_string(round) + " at " + std::to_string(at), true);
    EXPECT_LE(read, texts().size());
  }
}

TEST(ShardDamage, OfRandomBytesIsAnError) {
  std::mt19937 random(5);
  const ChangedShard shard("");
  for (int round = 0; round < 300; ++round) {
    std::string bytes(random() % 500, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    shard.replace(bytes);
    EXPECT_EQ(shard.read("random"), 0U);
  }
}

TEST(ShardDamage, WhileItIsReadIsToldApart) {
  const TemporaryFolder folder;
  const ShardStore<std::string> store(Files("file://" + folder.path() + "?sync=0"), {},
                                      {.codec = "", .block_bytes = 1024});
  ASSERT_TRUE(store.set(texts(), {.key = "k"}));
  const auto shard = store.get("k").value();
  EXPECT_TRUE(shard.get(0));
  std::fstream file(folder.path() + "/k.shard", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(1500);
  file << "changed in place";
  file.close();
  bool is_stale = false;
  for (std::uint64_t number = 0; number < shard.count(); ++number) {
    is_stale = is_stale || code_of(shard.get(number)) == Errc::stale;
  }
  EXPECT_TRUE(is_stale);
}

// One read opens a shard, and one gives a sample.
TEST(ShardReads, AreOneToOpenAndOneForASample) {
  const TemporaryFolder folder;
  AreaCounts counts;
  const auto area = std::make_shared<CountingArea>(
      storage::open_folder_area(parse_url("file://" + folder.path() + "?sync=0").value()).value(), counts);
  const auto layout = detail::SampleCoder<std::string>::layout();
  const ShardStore<std::string> store(
      std::make_shared<storage::ShardFolder>(area, "",
                                             storage::ShardForm{.type = std::string(layout.type),
                                                                .alignment = layout.alignment,
                                                                .sample_bytes = 0,
                                                                .codec_text = {},
                                                                .codec = {},
                                                                .block_bytes = 16 << 10},
                                             nullptr));
  ASSERT_TRUE(store.set(std::vector<std::string>(30'000, std::string(1000, 'a')), {.key = "k"}));
  const auto shard = store.get("k").value();
  EXPECT_EQ(counts.reads, 1);
  EXPECT_LE(counts.bytes, 65'536U);
  counts.bytes = 0;
  (void)shard[12'345];
  EXPECT_EQ(counts.reads, 2);
  EXPECT_LE(counts.bytes, 16'384U);
  (void)shard[12'346];  // of the same block
  EXPECT_EQ(counts.reads, 2);
  // All of it is read in pieces of some MiB.
  ASSERT_TRUE(shard.keep());
  const int after = counts.reads;
  EXPECT_LE(after - 2, 9);
  for (const std::string& sample : shard) {
    ASSERT_EQ(sample.size(), 1000U);
  }
  EXPECT_EQ(counts.reads, after);
  // The index tells samples without opening: it has the facts of what this wrote.
  EXPECT_EQ(store.samples().value(), 30'000U);
  EXPECT_EQ(counts.reads, after);
}

}  // namespace locum::tests
