// Stored values without a type, and bytes that are none.
#include "core/record_archive.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/containers.hpp"
#include "core/detail/representation.hpp"
#include "core/raw_store.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {

namespace tests {
struct NamedOddly {
  double value;
};
}  // namespace tests

template <>
struct TypeName<tests::NamedOddly> {
  static constexpr std::string_view value = "odd";  // without its size
};

namespace {

using tests::code_of;
using tests::SessionFixture;

/// Bytes at an address that is a multiple of 64, as those of an object are; each in memory of its own, so
/// that a sanitizer sees a read behind their end.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size_bytes)
      : size_(size_bytes), memory_(::operator new(size_bytes, alignment), [](void* memory) {
          ::operator delete(memory, alignment);
        }) {}
  explicit AlignedBytes(std::span<const std::byte> bytes) : AlignedBytes(bytes.size()) {
    std::memcpy(memory_.get(), bytes.data(), bytes.size());
  }

  [[nodiscard]] std::span<std::byte> bytes() const { return {static_cast<std::byte*>(memory_.get()), size_}; }
  [[nodiscard]] const std::shared_ptr<void>& owner() const { return memory_; }

 private:
  static constexpr std::align_val_t alignment{64};

  std::size_t size_;
  std::shared_ptr<void> memory_;
};

AlignedBytes encoded(const Record& record) {
  const AlignedBytes bytes(detail::stored_bytes(record).value());
  detail::store_value(record, bytes.bytes()).value();
  return bytes;
}

Result<Record> decoded(std::span<const std::byte> bytes) {
  return decode_record(nullptr, bytes, {});
}

/// A value of each kind.
Record sample() {
  const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  return {{"null", nullptr},
          {"no", false},
          {"yes", true},
          {"least", std::numeric_limits<std::int64_t>::min()},
          {"large", std::uint64_t{1} << 63U},
          {"most", std::numeric_limits<std::uint64_t>::max()},
          {"real", 0.1},
          {"complex", std::complex<double>(1, -2)},
          {"text", std::string("a\0b", 3)},
          {"bytes", Record::Bytes(3, std::byte{7})},
          {"array", locum::array(numbers.data(), {2, 3})},
          {"one", Array::copy_of({numbers.data(), ElementType::of<double>(), {}}).value()},
          {"none", std::vector<std::int16_t>()},
          {"class", Array::copy_of({numbers.data(), ElementType::named("point{24}").value(), {2}}).value()},
          {"list", {1, "two", {3.0}, Record::list({})}},
          {"members", {{"x", {{"y", Record::members({})}}}}},
          {"stand-in", RawProxy()}};
}

TEST(RecordArchive, KeepsEachKind) {
  const Record record = sample();
  const auto bytes = encoded(record);
  const Record again = decoded(bytes.bytes()).value();
  EXPECT_EQ(again, record);
  std::size_t at = 0;
  for (const auto& [name, value] : again.members()) {
    EXPECT_EQ(name, (record.members().begin() + static_cast<std::ptrdiff_t>(at++))->first) << "in order";
  }
  EXPECT_TRUE(std::isnan(decoded(encoded(std::nan("")).bytes()).value().as<double>().value()));
  EXPECT_TRUE(std::ranges::equal(encoded(again).bytes(), bytes.bytes())) << "always the same bytes";
}

TEST(RecordArchive, IsAsItsDescriptionSays) {
  const auto hex = [](const Record& record) {
    const auto bytes = encoded(record);
    std::string text;
    for (const std::byte byte : bytes.bytes()) {
      constexpr std::string_view digits = "0123456789abcdef";
      text += digits[std::to_integer<unsigned>(byte) >> 4U];
      text += digits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
  };
  EXPECT_EQ(hex({}), "0100");
  EXPECT_EQ(hex(false), "0101");
  EXPECT_EQ(hex(true), "0102");
  EXPECT_EQ(hex(-2), "0103feffffffffffffff");
  EXPECT_EQ(hex(std::uint64_t{1} << 63U), "01040000000000000080");
  EXPECT_EQ(hex(1.0), "0105000000000000f03f");
  EXPECT_EQ(hex(std::complex<double>(0, 1)), "01060000000000000000000000000000f03f");
  EXPECT_EQ(hex("ab"), "010702000000000000006162");
  EXPECT_EQ(hex(Record::Bytes(1)), "0108010000000000000000");
  EXPECT_EQ(hex(std::vector<std::int32_t>{5}),
            "01090300000000000000693332"  // i32
            "010100000000000000"          // 1 extent: 1
            "00000000000000000000"        // up to 32
            "05000000");
  EXPECT_EQ(hex({1, nullptr}),
            "010a0200000000000000"
            "030100000000000000"
            "00");
  EXPECT_EQ(hex({{"a", true}}),
            "010b0100000000000000"
            "010000000000000061"
            "02");
  EXPECT_EQ(hex(RawProxy()), "010c" + std::string(128, '0'));
}

TEST(RecordArchive, ShowsArraysInPlaceWithAnOwner) {
  const std::vector<double> numbers{1, 2, 3};
  const auto bytes = encoded({{"a", numbers}, {"b", "text"}, {"c", {numbers}}});
  const auto is_within = [&](const Array& array) {
    return array.data() >= bytes.bytes().data() && array.data() < bytes.bytes().data() + bytes.bytes().size();
  };
  const auto owners = bytes.owner().use_count();
  {
    const Record shown = decode_record(bytes.owner(), bytes.bytes(), {}).value();
    EXPECT_TRUE(is_within(shown["a"].array()));
    EXPECT_TRUE(is_within(shown["c"][std::size_t{0}].array()));
    EXPECT_EQ(bytes.owner().use_count(), owners + 2);
    const Array array = shown["a"].array();
    EXPECT_EQ(array.as<double>().value()(2), 3) << "aligned";
  }
  EXPECT_EQ(bytes.owner().use_count(), owners);
  EXPECT_FALSE(is_within(decoded(bytes.bytes()).value()["a"].array())) << "copied without an owner";
  const AlignedBytes shifted(bytes.bytes().size() + 8);
  std::memcpy(shifted.bytes().data() + 8, bytes.bytes().data(), bytes.bytes().size());
  const Record copied = decode_record(shifted.owner(), shifted.bytes().subspan(8), {}).value();
  EXPECT_EQ(copied["a"].as<std::vector<double>>().value(), numbers) << "copied where it is not aligned";
}

TEST(RecordArchive, IsAValueOfAStore) {
  const SessionFixture one;
  const Store store = one.store();
  const auto number = store.put_proxy(2.5).value();
  Record record = sample();
  record.set("number", one.session->raw_proxy(number.handle()));
  const std::vector<double> numbers{1, 2, 3, 4};
  record.set("strided", Array(nullptr, ConstRawArray(locum::array(&numbers[3], {2}, {-2}))));
  (void)store.put("config", record).value();
  EXPECT_EQ(store.info("config").value().type, "locum.record");
  const auto view = store.get<Record>("config").value();
  EXPECT_EQ(*view, record);
  EXPECT_EQ(view->get<std::vector<double>>("strided").value(), (std::vector<double>{4, 2}));
  const auto stand_in = view->get<RawProxy>("number").value();
  EXPECT_EQ(Array::of(stand_in.get().value()).value().value<double>().value(), 2.5);
  EXPECT_EQ(code_of(store.get<double>("config")), Errc::type_mismatch);

  const std::map<std::string, std::vector<Record>> within{{"a", {1, sample()}}, {"b", {{{"x", numbers}}}}};
  (void)store.put("within", within).value();
  const auto read = store.get<std::map<std::string, std::vector<Record>>>("within").value();
  EXPECT_EQ(read->at("a")[1], sample()) << "wherever in a value it begins";
  EXPECT_EQ(read->at("b")[0]["x"].array(), Array(numbers));

  const auto raw = store.raw().get("config").value();
  const auto pin = std::make_shared<const RawView>(raw);
  EXPECT_EQ(decode_record(pin, pin->bytes(), {}).value()["array"], record["array"]);
}

TEST(RecordArchive, KeepsTheDeepestValues) {
  Record deepest = 1;
  for (std::size_t level = 0; level < max_nesting; ++level) {
    deepest = level % 2 == 0 ? Record::list({deepest}) : Record::members({{"a", deepest}});
  }
  const SessionFixture one;
  const Store store = one.store();
  (void)store.put("deepest", deepest).value();
  const auto view = store.get<Record>("deepest").value();
  EXPECT_EQ(*view, deepest);

  std::vector<std::byte> deeper{std::byte{1}};
  for (std::size_t level = 0; level < 100'000; ++level) {
    const std::array<std::byte, 9> list{std::byte{10}, std::byte{1}};
    deeper.insert(deeper.end(), list.begin(), list.end());
  }
  deeper.push_back(std::byte{0});
  const auto refused = decoded(deeper);
  EXPECT_EQ(code_of(refused), Errc::corrupt);
  EXPECT_NE(refused.error().text().find("256 levels"), std::string::npos);
}

TEST(RecordArchive, RefusesElementsWhoseNameNobodyKnows) {
  const Record record = std::vector<tests::NamedOddly>(1);
  const auto refused = detail::stored_bytes(record);
  EXPECT_EQ(code_of(refused), Errc::invalid_argument);
  EXPECT_NE(refused.error().text().find("an array of odd "), std::string::npos);
}

TEST(RecordArchive, PrefixesAreCorrupt) {
  const auto whole = encoded(sample());
  const auto bytes = whole.bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const AlignedBytes prefix(bytes.first(size));
    ASSERT_EQ(code_of(decoded(prefix.bytes())), Errc::corrupt) << size;
    ASSERT_EQ(code_of(decode_record(prefix.owner(), prefix.bytes(), {})), Errc::corrupt) << size;
  }
  AlignedBytes longer(bytes.size() + 1);
  std::memcpy(longer.bytes().data(), bytes.data(), bytes.size());
  longer.bytes().back() = std::byte{0};
  EXPECT_EQ(code_of(decoded(longer.bytes())), Errc::corrupt);
}

TEST(RecordArchive, ChangedBytesAreCorruptOrAnotherValue) {
  const Record record = sample();
  const auto whole = encoded(record);
  const auto bytes = whole.bytes();
  std::size_t values = 0;
  const auto check = [&] {
    const auto read = decode_record(whole.owner(), bytes, {});
    if (read) {
      ++values;
      const auto again = encoded(*read);
      ASSERT_TRUE(std::ranges::equal(again.bytes(), bytes)) << "each value has one encoding";
    } else {
      ASSERT_EQ(code_of(read), Errc::corrupt);
    }
  };
  for (std::byte& byte : bytes) {
    const std::byte before = byte;
    for (const unsigned change : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 255U}) {
      byte = before ^ std::byte(change);
      check();
    }
    byte = before;
  }
  EXPECT_GT(values, 100U);
  EXPECT_EQ(decoded(bytes).value(), record);
}

/// Bytes of a record, as the test wants them.
class Forged {
 public:
  Forged() { put<std::uint8_t>(1); }
  template <class T>
  Forged& put(T number) {
    const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(number);
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    return *this;
  }
  Forged& tag(int tag) { return put(static_cast<std::uint8_t>(tag)); }
  Forged& size(std::uint64_t size) { return put(size); }
  Forged& text(std::string_view text) {
    size(text.size());
    const auto raw = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    return *this;
  }
  Forged& pad() {
    bytes_.resize((bytes_.size() + 15) / 16 * 16);
    return *this;
  }
  [[nodiscard]] std::string refused() const {
    const auto read = decoded(bytes_);
    EXPECT_EQ(code_of(read), Errc::corrupt);
    return read.error().text();
  }

 private:
  std::vector<std::byte> bytes_;
};

TEST(RecordArchive, NamesTheDamage) {
  constexpr std::uint64_t huge = std::uint64_t{1} << 62U;
  const auto array = [](std::string_view type) { return Forged().tag(9).text(type); };
  EXPECT_NE(Forged().tag(13).refused().find("at byte 2 of a stored Record, there is an unknown tag"),
            std::string::npos);
  EXPECT_NE(Forged().tag(4).size(5).refused().find("a large integer is small"), std::string::npos);
  (void)Forged().tag(7).size(huge).refused();
  (void)Forged().tag(8).size(~std::uint64_t{0}).refused();
  (void)Forged().tag(10).size(huge).refused();
  (void)Forged().tag(11).size(huge).refused();
  EXPECT_NE(Forged().tag(11).size(2).text("a").tag(0).text("a").tag(0).refused().find("the same name"),
            std::string::npos);
  EXPECT_NE(array("f65").refused().find("elements of no type"), std::string::npos);
  EXPECT_NE(array("").refused().find("elements of no type"), std::string::npos);
  EXPECT_NE(array("f64").tag(9).refused().find("more than 8 extents"), std::string::npos);
  EXPECT_NE(array("f64").tag(2).size(huge).size(huge).pad().refused().find("larger extents"),
            std::string::npos);
  EXPECT_NE(array("f64").tag(1).size(huge / 8).pad().put(1.0).refused().find("larger extents"),
            std::string::npos);
  EXPECT_NE(array("f64").tag(1).size(2).pad().put(1.0).refused().find("larger extents"), std::string::npos);
  EXPECT_NE(array("f64").tag(1).size(1).pad().put(1.0).put(1.0).refused().find("more bytes follow"),
            std::string::npos);
  EXPECT_NE(array("f64").tag(1).size(1).put(-1.0).pad().put(1.0).refused().find("in front of the elements"),
            std::string::npos);
  std::vector<std::byte> version{std::byte{2}, std::byte{0}};
  EXPECT_NE(decoded(version).error().text().find("version"), std::string::npos);
}

TEST(RecordArchive, ManyMembersTakeLittleTime) {
  Record record;
  for (int at = 0; at < 20'000; ++at) {
    record.set("member " + std::to_string(at), at);
  }
  EXPECT_TRUE(decoded(encoded(record).bytes()).value() == record);
}

}  // namespace
}  // namespace locum
