// The format .npz: archives that are damaged, or made to do harm.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/npz_sample.hpp"
#include "transport/storage/zip/zip_fields.hpp"

namespace locum::tests::of_npz_damage {
namespace {

/// An archive of two arrays, whose fields can be changed.
class DamagedArchive {
 public:
  explicit DamagedArchive(bool compress = false)
      : bytes(saved_npz({{"a", Array(std::vector<double>(100, 1.5))}, {"b", Array(std::vector<int>(7, 3))}},
                        Record::members({{"compress", compress}}))
                  .value()),
        end(bytes.size() - storage::zip_end_bytes),
        directory(storage::zip_u32(bytes, end + 16)),
        second(directory + storage::zip_entry_bytes + 5) {}

  template <class Number>
  void set(std::size_t at, Number number) {
    std::vector<std::byte> record;
    storage::add_zip_number(record, number);
    std::ranges::copy(record, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  /// Returns the code of the error when it is loaded; of nothing if it can be.
  [[nodiscard]] Errc error() const {
    const auto value = load_npz_bytes(bytes);
    return value ? Errc{} : value.error().code();
  }

  std::vector<std::byte> bytes;
  std::size_t end;        ///< where the end record begins
  std::size_t directory;  ///< where the entry of `a` begins
  std::size_t second;     ///< where that of `b` begins
};

TEST(NpzDamage, RefusesEachPrefixOfAnArchive) {
  for (const bool compress : {false, true}) {
    const DamagedArchive archive(compress);
    ASSERT_EQ(archive.error(), Errc{});
    for (std::size_t size = 0; size < archive.bytes.size(); ++size) {
      EXPECT_EQ(load_npz_bytes(std::span(archive.bytes).first(size)).error().code(), Errc::corrupt) << size;
    }
  }
}

TEST(NpzDamage, SeesEachChangedByteOfAnArray) {
  const DamagedArchive archive;
  const std::size_t begin = storage::zip_local_bytes + 5 + storage::zip_u16(archive.bytes, 28);
  for (std::size_t at = begin; at < begin + 128 + 800; ++at) {
    DamagedArchive damaged;
    damaged.bytes[at] ^= std::byte{0x10};
    EXPECT_NE(damaged.error(), Errc{}) << at;
  }
}

TEST(NpzDamage, BearsAnyByte) {
  for (const bool compress : {false, true}) {
    const DamagedArchive archive(compress);
    std::size_t loaded = 0;
    for (std::size_t at = 0; at < archive.bytes.size(); ++at) {
      for (const unsigned change : {1U, 0x80U, 0xFFU}) {
        std::vector<std::byte> damaged = archive.bytes;
        damaged[at] ^= static_cast<std::byte>(change);
        loaded += load_npz_bytes(damaged, {}, change == 1).has_value() ? 1U : 0U;
      }
    }
    EXPECT_GT(loaded, 0U);  // dates and attributes are not used
  }
}

TEST(NpzDamage, RefusesMembersThatOverlap) {
  DamagedArchive same;
  same.set(same.second + 42, std::uint32_t{0});
  EXPECT_EQ(same.error(), Errc::corrupt);
  DamagedArchive inside;
  inside.set(inside.second + 42, std::uint32_t{200});
  EXPECT_EQ(inside.error(), Errc::corrupt);
  DamagedArchive directory;  // a member that is the directory itself
  directory.set(directory.second + 42, static_cast<std::uint32_t>(directory.directory));
  EXPECT_EQ(directory.error(), Errc::corrupt);
  DamagedArchive far;
  far.set(far.second + 42, std::uint32_t{0xFFFFFFFE});
  EXPECT_EQ(far.error(), Errc::corrupt);
}

TEST(NpzDamage, RefusesDirectoriesThatContradictThemselves) {
  for (const std::uint16_t count :
       {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{3}, std::uint16_t{65535}}) {
    DamagedArchive damaged;
    damaged.set(damaged.end + 8, count);
    damaged.set(damaged.end + 10, count);
    EXPECT_EQ(damaged.error(), Errc::corrupt) << count;
  }
  for (const std::uint32_t wrong : {0U, 1U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    DamagedArchive bytes;
    bytes.set(bytes.end + 12, wrong);
    EXPECT_EQ(bytes.error(), Errc::corrupt) << wrong;
    DamagedArchive at;
    at.set(at.end + 16, wrong);
    EXPECT_EQ(at.error(), Errc::corrupt) << wrong;
  }
  DamagedArchive twice;  // two members of one name
  twice.bytes[twice.second + storage::zip_entry_bytes] = std::byte{'a'};
  EXPECT_EQ(twice.error(), Errc::corrupt);
  DamagedArchive other;  // the local header has another name
  other.bytes[storage::zip_local_bytes] = std::byte{'c'};
  EXPECT_EQ(other.error(), Errc::corrupt);
  DamagedArchive behind;
  behind.bytes.push_back(std::byte{0});
  EXPECT_EQ(behind.error(), Errc::corrupt);
  DamagedArchive before;
  before.bytes.insert(before.bytes.begin(), std::byte{0});
  EXPECT_EQ(before.error(), Errc::corrupt);
}

TEST(NpzDamage, BelievesNoSizeThatDeflateCannotMake) {
  for (const bool compress : {false, true}) {
    for (const std::uint32_t size : {0U, 1U, 927U, 929U, 100000U, 0xFFFFFFFEU, 0xFFFFFFFFU}) {
      DamagedArchive damaged(compress);
      damaged.set(damaged.directory + 24, size);
      damaged.set(22, size);  // in the local header
      EXPECT_EQ(damaged.error(), Errc::corrupt) << size;
    }
  }
}

TEST(NpzDamage, RefusesWhatItCannotReadByName) {
  const auto text_of = [](std::size_t offset, std::uint16_t number) {
    DamagedArchive damaged;
    damaged.set(damaged.directory + offset, number);
    const auto value = load_npz_bytes(damaged.bytes);
    EXPECT_EQ(value.error().code(), Errc::unsupported);
    return value.error().text();
  };
  EXPECT_NE(text_of(8, 1).find("encrypted"), std::string::npos);
  EXPECT_NE(text_of(8, 1U << 6U).find("encrypted"), std::string::npos);
  EXPECT_NE(text_of(8, 1U << 5U).find("patch"), std::string::npos);
  EXPECT_NE(text_of(10, 14).find("method 14"), std::string::npos);
  EXPECT_NE(text_of(34, 1).find("split"), std::string::npos);
  DamagedArchive split;
  split.set(split.end + 4, std::uint16_t{1});
  EXPECT_EQ(split.error(), Errc::unsupported);
}

TEST(NpzDamage, ChecksTheSumOfEachMember) {
  for (const bool compress : {false, true}) {
    DamagedArchive damaged(compress);
    damaged.set(damaged.directory + 16, std::uint32_t{7});
    damaged.set(14, std::uint32_t{7});
    EXPECT_EQ(damaged.error(), Errc::corrupt);
    EXPECT_NE(load_npz_bytes(damaged.bytes).error().text().find("checksum"), std::string::npos);
    EXPECT_TRUE(load_npz_bytes(damaged.bytes, {{"only", "b"}}));
  }
}

TEST(NpzDamage, RefusesMemoryThatIsTooSmallForNothing) {
  // Nothing is made for a size that the packed bytes cannot become.
  DamagedArchive damaged(true);
  damaged.set(damaged.directory + 24, std::uint32_t{0x7FFFFFFF});
  damaged.set(22, std::uint32_t{0x7FFFFFFF});
  MemoryFile file(damaged.bytes);
  const auto value = npz().load(file, {}, [](const ElementType&, const Extents&) -> Result<ArrayDraft> {
    ADD_FAILURE() << "memory was made";
    return Error(Errc::out_of_memory, "none");
  });
  EXPECT_EQ(value.error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace locum::tests::of_npz_damage
