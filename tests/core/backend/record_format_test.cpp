#include "core/backend/record_format.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "core/node/publish.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests {
namespace {

struct MadeRecord {
  std::vector<std::byte> bytes;
  std::uint64_t end_bytes = 0;
};

MadeRecord made_record(std::uint64_t payload_bytes, std::string_view name, bool checksum) {
  constexpr std::string_view type = "f64[]";
  ObjectMeta meta{5, 8, 16, text_hash(type), type, name, Layout::array, {}};
  meta.extents.rank = 2;
  meta.extents.values = {payload_bytes / 16, 2};
  meta.checksum = checksum;
  MadeRecord made;
  const ObjectRecord object = record_of(meta, 0, payload_bytes);
  made.end_bytes = record_end_bytes(object);
  made.bytes = pattern(payload_bytes, payload_bytes + made.end_bytes);
  write_tail(made.bytes.data(), object, {meta.element_bytes, meta.extents, meta.type_name, meta.name});
  write_record_words(made.bytes, object, {5, 7, 9}, 77, 1234);
  return made;
}

TEST(RecordFormat, SaysOfAnObjectWhatItWasMadeOf) {
  for (const bool checksum : {false, true}) {
    const MadeRecord made = made_record(160, "a name", checksum);
    EXPECT_EQ(record_end_bytes(made.bytes), made.end_bytes);
    const auto facts = read_record(made.bytes, made.bytes.size());
    ASSERT_TRUE(facts) << facts.error();
    EXPECT_EQ(facts->words.key, (Key{5, 7, 9}));
    EXPECT_EQ(facts->words.generation, 77U);
    EXPECT_EQ(facts->words.expires_ns, 1234U);
    EXPECT_EQ(facts->tail.name, "a name");
    EXPECT_EQ(facts->tail.type_name, "f64[]");
    EXPECT_EQ(facts->tail.extents.values[0], 10U);
    ASSERT_EQ(facts->payload.size(), 160U);
    const auto all = pattern(160, 160 + made.end_bytes);
    EXPECT_TRUE(std::ranges::equal(facts->payload, std::span(all).first(160)));
    EXPECT_TRUE(check_payload(*facts));
    // The end alone says the same, but has no payload.
    const std::span<const std::byte> end = std::span(made.bytes).last(made.end_bytes + 3);
    const auto of_end = read_record(end, made.bytes.size());
    ASSERT_TRUE(of_end) << of_end.error();
    EXPECT_EQ(of_end->tail.name, "a name");
    EXPECT_TRUE(of_end->payload.empty());
  }
}

// Whatever changes, a reader sees an error, or the object as it was.
TEST(RecordFormat, NoticesEveryChangedByteAndEveryCut) {
  const MadeRecord made = made_record(48, "n", true);
  for (std::size_t at = 0; at < made.bytes.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::vector<std::byte> changed = made.bytes;
      changed[at] ^= std::byte{1} << bit;
      EXPECT_NE(record_end_bytes(changed), 0U) << "taken for another program's: " << at << ' ' << bit;
      const auto facts = read_record(changed, changed.size());
      EXPECT_EQ(facts ? code_of(check_payload(*facts)) : facts.error().code(), Errc::corrupt)
          << at << ' ' << bit;
    }
  }
  for (std::size_t size = 0; size < made.bytes.size(); ++size) {
    const std::span<const std::byte> all(made.bytes);
    EXPECT_FALSE(read_record(all.first(size), size)) << size;
    EXPECT_FALSE(read_record(all.last(size), size)) << "a record without its beginning: " << size;
  }
  std::vector<std::byte> longer = made.bytes;
  longer.insert(longer.begin(), std::byte{0});
  EXPECT_EQ(code_of(read_record(longer, longer.size())), Errc::corrupt);
}

TEST(RecordFormat, RefusesWhatALaterVersionWrote) {
  MadeRecord made = made_record(16, "n", false);
  RecordWords words;
  std::byte* const end = made.bytes.data() + made.bytes.size() - sizeof words;
  std::memcpy(&words, end, sizeof words);
  words.version = RecordWords::current_version + 1;
  words.checksum = ~words.checksum;  // that of a later version, whatever it is of
  std::memcpy(end, &words, sizeof words);
  EXPECT_EQ(code_of(read_record(made.bytes, made.bytes.size())), Errc::unsupported);
}

TEST(RecordFormat, TakesNoOtherBytesForARecord) {
  EXPECT_EQ(record_end_bytes(std::span<const std::byte>()), 0U);
  EXPECT_EQ(record_end_bytes(pattern(1, 95)), 0U);
  EXPECT_EQ(record_end_bytes(pattern(1, 4096)), 0U);
}

}  // namespace
}  // namespace locum::tests
