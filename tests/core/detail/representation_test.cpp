#include "core/detail/representation.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <list>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/containers.hpp"

namespace locum {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes encoded(const T& value) {
  Bytes bytes(detail::stored_bytes(value).value());
  detail::store_value(value, bytes).value();
  return bytes;
}

template <class T>
Result<std::shared_ptr<const T>> decoded(std::span<const std::byte> bytes) {
  return detail::load_value<T>(bytes, {});
}

template <class T>
void expect_round_trip(const T& value) {
  const Bytes bytes = encoded(value);
  const auto back = decoded<T>(bytes);
  ASSERT_TRUE(back) << back.error();
  EXPECT_TRUE(**back == value) << TypeName<T>::value;
}

struct Inner {
  static constexpr std::string_view locum_type_name = "tests.inner";

  int number = 0;
  std::string text;
  friend bool operator==(const Inner&, const Inner&) = default;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(number, text);
  }
};

struct Outer {
  static constexpr std::string_view locum_type_name = "tests.outer";

  std::vector<Inner> inner;
  std::array<double, 3> point{};
  int raw[2] = {0, 0};
  std::map<std::string, std::optional<Inner>> by_name;
  friend bool operator==(const Outer&, const Outer&) = default;
  template <class Archive>
  void serialize(Archive& ar) {
    ar& inner& point;
    ar(raw, by_name);
  }
};

struct Free {
  static constexpr std::string_view locum_type_name = "tests.free";

  std::string text;
  friend bool operator==(const Free&, const Free&) = default;
};
template <class Archive>
void serialize(Archive& ar, Free& value) {
  ar(value.text);
}

class Hidden {
 public:
  static constexpr std::string_view locum_type_name = "tests.hidden";

  Hidden() = default;
  explicit Hidden(std::string text) : text_(std::move(text)) {}
  friend bool operator==(const Hidden&, const Hidden&) = default;

 private:
  friend struct locum::Access;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(text_);
  }
  std::string text_;
};

struct Nothing {
  static constexpr std::string_view locum_type_name = "tests.nothing";

  friend bool operator==(const Nothing&, const Nothing&) = default;
  template <class Archive>
  void serialize(Archive&) {}
};

struct Tree {
  static constexpr std::string_view locum_type_name = "tests.tree";

  std::vector<Tree> children;
  friend bool operator==(const Tree&, const Tree&) = default;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(children);
  }
};

}  // namespace

namespace representation_test {
enum class Colour : std::uint8_t { red, green };
}

namespace {

using representation_test::Colour;

TEST(Representation, RoundTripsTheCommonTypes) {
  expect_round_trip(std::vector<std::string>{"", "a", std::string(1000, 'x')});
  expect_round_trip(std::vector<std::vector<int>>{{}, {1}, {1, 2, 3}});
  expect_round_trip(std::vector<bool>{true, false, true});
  expect_round_trip(std::optional<std::string>{"x"});
  expect_round_trip(std::optional<std::string>{});
  expect_round_trip(std::pair<int, std::string>{1, "one"});
  expect_round_trip(std::tuple<int, bool, std::vector<Colour>>{7, true, {Colour::green}});
  expect_round_trip(std::variant<std::monostate, int, std::string>{"text"});
  expect_round_trip(std::variant<std::monostate, int, std::string>{});
  expect_round_trip(std::array<std::string, 2>{"a", "b"});
  expect_round_trip(std::u32string(U"\U0001F600"));
  expect_round_trip(std::pair<bool, std::array<bool, 3>>{true, {true, false, true}});
  expect_round_trip(std::tuple<>{});
}

TEST(Representation, RoundTripsTheOtherContainers) {
  expect_round_trip(std::deque<int>{1, 2, 3});
  expect_round_trip(std::list<std::string>{"a", "b"});
  expect_round_trip(std::set<int>{3, 1, 2});
  expect_round_trip(std::multiset<int>{1, 1, 2});
  expect_round_trip(std::map<int, std::string>{{1, "a"}, {2, "b"}});
  expect_round_trip(std::multimap<int, std::string>{{1, "a"}, {1, "b"}});
  expect_round_trip(std::unordered_set<std::string>{"a", "b"});
  expect_round_trip(std::unordered_map<std::string, std::vector<double>>{{"x", {1, 2}}, {"y", {}}});
}

TEST(Representation, RoundTripsUserTypes) {
  expect_round_trip(
      Outer{{{1, "a"}, {2, "b"}}, {1, 2, 3}, {4, 5}, {{"none", std::nullopt}, {"one", Inner{1, "x"}}}});
  expect_round_trip(std::vector<Free>{{"x"}, {"y"}});
  expect_round_trip(Hidden("secret"));
  const Outer constant{};
  expect_round_trip(constant);
}

TEST(Representation, RoundTripsElementsThatTakeNoBytes) {
  expect_round_trip(std::vector<Nothing>(1000));
  expect_round_trip(std::vector<std::tuple<>>(3));
  expect_round_trip(std::list<Nothing>(5));
  expect_round_trip(Nothing{});
  EXPECT_EQ(encoded(Nothing{}).size(), 0U);
}

TEST(Representation, StoresFlatRangesInOnePieceWithoutALength) {
  EXPECT_EQ(encoded(std::vector<double>{1, 2, 3}).size(), 24U);
  EXPECT_EQ(encoded(std::string("abc")).size(), 3U);
  EXPECT_EQ(encoded("abc").size(), 3U);
  EXPECT_EQ(encoded(std::string_view("abc")).size(), 3U);
  EXPECT_EQ(encoded(std::array<int, 0>{}).size(), 0U);
  EXPECT_EQ(encoded(7).size(), 4U);
  const double raw[2] = {1, 2};
  EXPECT_EQ(encoded(raw).size(), 16U);
}

TEST(Representation, DescribesValues) {
  const ObjectMeta array = detail::meta_of(3, "n", std::vector<float>(5));
  EXPECT_EQ(array.layout, Layout::array);
  EXPECT_EQ(array.element_bytes, 4U);
  EXPECT_EQ(array.extents.rank, 1);
  EXPECT_EQ(array.extents.values[0], 5U);
  EXPECT_EQ(array.type_name, "f32[]");
  EXPECT_EQ(array.store, 3U);
  EXPECT_EQ(detail::meta_of(1, {}, 1.5).layout, Layout::flat);
  EXPECT_EQ(detail::meta_of(1, {}, Inner{}).layout, Layout::encoded);
}

TEST(Representation, FindsEveryTruncation) {
  const Bytes bytes = encoded(Outer{{{1, "abc"}}, {1, 2, 3}, {4, 5}, {{"key", Inner{1, "x"}}}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto back = decoded<Outer>(std::span(bytes).first(size));
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code(), Errc::corrupt) << back.error();
  }
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_EQ(decoded<Outer>(longer).error().code(), Errc::corrupt);
}

TEST(Representation, NeverTakesMemoryForALengthThatIsNotThere) {
  for (const std::uint64_t length :
       {std::uint64_t{9}, std::uint64_t{1} << 32U, std::uint64_t{1} << 61U, ~std::uint64_t{0}}) {
    Bytes bytes(16);
    std::memcpy(bytes.data(), &length, sizeof length);
    EXPECT_EQ((decoded<std::pair<std::string, int>>(bytes).error().code()), Errc::corrupt) << length;
    EXPECT_EQ((decoded<std::pair<std::vector<double>, int>>(bytes).error().code()), Errc::corrupt) << length;
    EXPECT_EQ(decoded<std::vector<std::string>>(bytes).error().code(), Errc::corrupt) << length;
    EXPECT_EQ(decoded<std::vector<Nothing>>(bytes).error().code(), Errc::corrupt) << length;
    EXPECT_EQ((decoded<std::map<int, int>>(bytes).error().code()), Errc::corrupt) << length;
  }
}

TEST(Representation, RefusesValuesThatATypeDoesNotHave) {
  using Variant = std::variant<int, std::string>;
  Bytes variant = encoded(Variant{1});
  variant[0] = std::byte{2};
  EXPECT_EQ(decoded<Variant>(variant).error().code(), Errc::corrupt);
  Bytes flags = encoded(std::vector<bool>{true});
  flags.back() = std::byte{2};
  EXPECT_EQ(decoded<std::vector<bool>>(flags).error().code(), Errc::corrupt);
  Bytes optional = encoded(std::optional<int>{1});
  optional[0] = std::byte{255};
  EXPECT_EQ(decoded<std::optional<int>>(optional).error().code(), Errc::corrupt);
}

TEST(Representation, BoundsHowDeeplyValuesNest) {
  Tree shallow;
  for (std::size_t depth = 0; depth < 100; ++depth) {
    Tree above;
    above.children.push_back(std::move(shallow));
    shallow = std::move(above);
  }
  expect_round_trip(shallow);  // two levels each: the tree and its vector
  Tree deep = shallow;
  for (std::size_t depth = 0; depth < 100; ++depth) {
    Tree above;
    above.children.push_back(std::move(deep));
    deep = std::move(above);
  }
  EXPECT_EQ(detail::stored_bytes(deep).error().code(), Errc::invalid_argument);
  const std::uint64_t one = 1;
  Bytes endless(9 * 1000);
  for (std::size_t at = 0; at + sizeof one <= endless.size(); at += sizeof one) {
    std::memcpy(endless.data() + at, &one, sizeof one);
  }
  EXPECT_EQ(decoded<Tree>(endless).error().code(), Errc::corrupt);
}

// Random damage: the result must be a value or `corrupt`; sanitizers check the rest.
TEST(Representation, SurvivesRandomDamage) {
  using Everything =
      std::tuple<std::vector<std::string>, std::map<std::string, std::variant<int, std::vector<bool>>>,
                 std::optional<Outer>, std::list<std::deque<int>>, std::unordered_map<int, Hidden>>;
  const Everything value{{"a", "bb", ""},
                         {{"k", 1}, {"l", std::vector<bool>{true, false}}},
                         Outer{{{1, "abc"}}, {1, 2, 3}, {4, 5}, {{"key", Inner{1, "x"}}}},
                         {{1, 2}, {}},
                         {{1, Hidden("h")}}};
  const Bytes bytes = encoded(value);
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t end) { return random() % end; };
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = bytes;
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      switch (below(4)) {
        case 0:
          damaged[below(damaged.size())] = static_cast<std::byte>(random());
          break;
        case 1:
          damaged[below(damaged.size())] ^= std::byte{1} << below(8);
          break;
        case 2:
          damaged.resize(1 + below(damaged.size()));
          break;
        default:
          damaged.insert(damaged.begin() + static_cast<std::ptrdiff_t>(below(damaged.size())),
                         static_cast<std::byte>(random()));
      }
    }
    const auto back = decoded<Everything>(damaged);
    if (!back) {
      ASSERT_EQ(back.error().code(), Errc::corrupt) << back.error();
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
}

struct Growing {
  static constexpr std::string_view locum_type_name = "tests.growing";

  mutable int calls = 0;
  template <class Archive>
  void serialize(Archive& ar) {
    std::string text(static_cast<std::size_t>(calls), 'x');
    ++calls;
    ar(text);
  }
};
struct Shrinking {
  static constexpr std::string_view locum_type_name = "tests.shrinking";

  mutable int calls = 5;
  template <class Archive>
  void serialize(Archive& ar) {
    std::string text(static_cast<std::size_t>(calls), 'x');
    --calls;
    ar(text);
  }
};
struct Throwing {
  static constexpr std::string_view locum_type_name = "tests.throwing";

  template <class Archive>
  void serialize(Archive& ar) {
    ar(*this->text());
    throw std::length_error("of the user's own");
  }
  static const int* text() {
    static const int number = 0;
    return &number;
  }
};

TEST(Representation, FindsPassesThatDisagree) {
  Growing growing;
  Bytes bytes(detail::stored_bytes(growing).value());
  EXPECT_EQ(detail::store_value(growing, bytes).error().code(), Errc::invalid_argument);
  Shrinking shrinking;
  bytes.resize(detail::stored_bytes(shrinking).value());
  EXPECT_EQ(detail::store_value(shrinking, bytes).error().code(), Errc::invalid_argument);
}

TEST(Representation, TurnsExceptionsOfSerializeIntoErrors) {
  const auto failed = detail::stored_bytes(Throwing{});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::invalid_argument);
  EXPECT_NE(std::string(failed.error().what()).find("of the user's own"), std::string::npos);
}

}  // namespace
}  // namespace locum
