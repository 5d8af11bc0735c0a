// Values without a type: what they contain, how they are changed, and compared.
#include "core/record.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;
using KindOfRecord = Record::Kind;

std::string printed(const Record& record) {
  std::ostringstream out;
  out << record;
  return out.str();
}

std::vector<std::string> names_of(const Record& record) {
  std::vector<std::string> names;
  for (const auto& [name, value] : record.members()) {
    names.push_back(name);
  }
  return names;
}

/// The code of the error that a call throws; none if it does not.
template <class Call>
Errc thrown_by(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

TEST(Record, HasTheKindOfWhatItIsMadeOf) {
  const char* const text = "text";
  const std::vector<double> numbers{1, 2};
  EXPECT_EQ(Record().kind(), KindOfRecord::null);
  EXPECT_EQ(Record(nullptr).kind(), KindOfRecord::null);
  EXPECT_EQ(Record(true).kind(), KindOfRecord::boolean);
  EXPECT_EQ(Record(1).kind(), KindOfRecord::integer);
  EXPECT_EQ(Record(std::uint8_t{1}).kind(), KindOfRecord::integer);
  EXPECT_EQ(Record(1.0F).kind(), KindOfRecord::real);
  EXPECT_EQ(Record(std::complex<double>(1, 2)).kind(), KindOfRecord::complex);
  EXPECT_EQ(Record("text").kind(), KindOfRecord::text) << "a pointer is no boolean";
  EXPECT_EQ(Record(text), Record(std::string("text")));
  std::array<char, 5> buffer{'t', 'e', 'x', 't'};
  EXPECT_EQ(Record(buffer.data()), Record(text));
  EXPECT_EQ(Record(std::string_view("text")), Record(text));
  EXPECT_EQ(Record(Record::Bytes(3)).kind(), KindOfRecord::bytes);
  EXPECT_EQ(Record(numbers).kind(), KindOfRecord::array);
  EXPECT_EQ(Record(std::array<int, 3>{}).kind(), KindOfRecord::array);
  EXPECT_EQ(Record(locum::array(numbers.data(), {2, 1})).array().extents(), Extents(2, 1));
  EXPECT_EQ(Record(Array()).kind(), KindOfRecord::null) << "of no array";
  EXPECT_EQ(Record(RawProxy()).kind(), KindOfRecord::stand_in);
  EXPECT_EQ(Record::list({}).kind(), KindOfRecord::list);
  EXPECT_EQ(Record::members({}).kind(), KindOfRecord::members);
  EXPECT_EQ(Record(RecordMembers()).kind(), KindOfRecord::members);
  static_assert(sizeof(Record) <= 24, "lists of millions of values are usual");
  static_assert(std::is_nothrow_move_constructible_v<Record> && std::is_nothrow_move_assignable_v<Record>);
  static_assert(!std::is_constructible_v<Record, long double>, "its digits would be lost");
  static_assert(!std::is_constructible_v<Record, char>, "a letter, or a number?");
  static_assert(!std::is_constructible_v<Record, int*>);
}

TEST(Record, InBracesIsMembersOrAList) {
  const std::vector<double> field{1, 2};
  const Record config = {{"dt", 0.1}, {"grid", {96, 96, 96}}, {"T0", field}, {"of", {{"a", {}}}}};
  EXPECT_EQ(config.kind(), KindOfRecord::members);
  EXPECT_EQ(names_of(config), (std::vector<std::string>{"dt", "grid", "T0", "of"}));
  EXPECT_EQ(config["grid"].kind(), KindOfRecord::list);
  EXPECT_EQ(config["grid"].size(), 3U);
  EXPECT_EQ(config["T0"].array(), Array(field));
  EXPECT_EQ(config["of"].kind(), KindOfRecord::members);
  EXPECT_EQ(config["of"]["a"].kind(), KindOfRecord::null);
  EXPECT_EQ(Record({{"a", "b"}, {"c", "d"}}).kind(), KindOfRecord::members);
  EXPECT_EQ(Record({"a", "b"}).kind(), KindOfRecord::list);
  EXPECT_EQ(Record({{"a", 1}, {"b"}}).kind(), KindOfRecord::list) << "not all are pairs";
  EXPECT_EQ(Record({{"a", 1}, {2, 1}}).kind(), KindOfRecord::list) << "not all have a name";
  const Record empty = {};
  EXPECT_EQ(empty.kind(), KindOfRecord::null);
  const Record one = {1};
  EXPECT_EQ(one, Record::list({1}));
  const Record word = {"a"};
  EXPECT_EQ(word, Record::list({"a"}));
  EXPECT_EQ(Record({"a"}), word);
  const Record nothing = {nullptr};
  EXPECT_EQ(nothing, Record::list({Record()}));
  const Record array = {Array(field)};
  EXPECT_EQ(array, Record::list({field}));
  EXPECT_EQ(Record::list({{"a", 1}, {"b", 2}}).kind(), KindOfRecord::list);
  const Record twice = {{"a", 1}, {"b", 2}, {"a", 3}};
  EXPECT_EQ(names_of(twice), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(twice["a"], Record(3)) << "the last one counts";
  EXPECT_EQ(Record::members({{"a", 1}, {"a", 3}}), Record({{"a", 3}}));
}

TEST(Record, FromAVariableIsNoMember) {
  const Record row = {"alpha", 1};
  EXPECT_EQ(row.kind(), KindOfRecord::list);
  const Record table = {row, row};
  EXPECT_EQ(table.kind(), KindOfRecord::list)
      << "what a variable contains does not depend on how it was made";
  EXPECT_EQ(table[1], row);
  Record list;
  list.append({"beta", 2});
  const Record again = {list[0], list[0]};
  EXPECT_EQ(again.kind(), KindOfRecord::list);
}

TEST(Record, IsCopiedByParenthesesAndAssignment) {
  const Record other = {1, 2};
  const Record copy(other);
  const Record assigned = other;
  EXPECT_EQ(copy, other);
  EXPECT_EQ(assigned, other);
  Record moved = other;
  const Record target(std::move(moved));
  EXPECT_EQ(target, other);
  EXPECT_TRUE(moved.is_null());  // NOLINT: a promise
  Record nested = {{"inner", {{"x", 7}}}};
  nested = nested["inner"];
  EXPECT_EQ(nested, Record({{"x", 7}})) << "the value was part of what it replaced";
}

TEST(Record, ReadsAsWhatItIsOnly) {
  EXPECT_EQ(Record(true).as<bool>().value(), true);
  EXPECT_EQ(code_of(Record(1).as<bool>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(true).as<int>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record("1").as<int>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record().as<int>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(1.0).as<int>()), Errc::type_mismatch) << "never the other way round";
  EXPECT_EQ(Record("a").as<std::string>().value(), "a");
  EXPECT_EQ(code_of(Record(1).as<std::string>()), Errc::type_mismatch);
  const Record::Bytes bytes{std::byte{1}, std::byte{2}};
  const Record raw(bytes);
  EXPECT_EQ(raw.as<Record::Bytes>().value(), bytes);
  EXPECT_EQ(raw.bytes().size(), 2U);
  EXPECT_TRUE(Record(1).as<Record>().value() == Record(1));
  EXPECT_EQ(Record(std::vector<int>{1}).as<Array>().value().size(), 1U);
  EXPECT_EQ(code_of(Record({1}).as<Array>()), Errc::type_mismatch);
  EXPECT_FALSE(Record(RawProxy()).as<RawProxy>().value());
  EXPECT_EQ(code_of(Record(1).as<RawProxy>()), Errc::type_mismatch);
  const Record text("a");
  EXPECT_EQ(text.text(), "a");
  EXPECT_TRUE(raw.text().empty());
  EXPECT_TRUE(text.list().empty() && text.members().empty() && text.bytes().empty() && !text.array());
  EXPECT_EQ(text.size(), 0U);
  EXPECT_TRUE(text["a"].is_null() && text[std::size_t{0}].is_null());
  const std::string what = Record({1}).as<double>().error().what();
  EXPECT_EQ(what, "type_mismatch: the value is a list, not f64; its kind tells what it is");
  EXPECT_NE(Record().as<double>().error().text().find("a member that is not there"), std::string::npos);
}

TEST(Record, IntegersAreChecked) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Record(most).as<std::uint64_t>().value(), most);
  EXPECT_EQ(code_of(Record(most).as<std::int64_t>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(std::uint64_t{1} << 63U).as<std::int64_t>()), Errc::type_mismatch);
  EXPECT_EQ(Record(least).as<std::int64_t>().value(), least);
  EXPECT_EQ(code_of(Record(-1).as<std::uint64_t>()), Errc::type_mismatch);
  EXPECT_EQ(Record(127).as<std::int8_t>().value(), 127);
  EXPECT_EQ(code_of(Record(128).as<std::int8_t>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(-129).as<std::int8_t>()), Errc::type_mismatch);
  EXPECT_EQ(Record(255).as<std::uint8_t>().value(), 255);
  EXPECT_EQ(code_of(Record(256).as<std::uint8_t>()), Errc::type_mismatch);
  EXPECT_EQ(Record(std::uint64_t{5}), Record(5)) << "one kind of integer";
  EXPECT_NE(Record(most), Record(-1));
}

TEST(Record, RealsAreExactOrRefused) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Record(3).as<double>().value(), 3.0);
  EXPECT_EQ(Record(std::int64_t{1} << 53U).as<double>().value(), 9007199254740992.0);
  EXPECT_EQ(code_of(Record((std::int64_t{1} << 53U) + 1).as<double>()), Errc::type_mismatch);
  EXPECT_EQ(Record(std::numeric_limits<std::int64_t>::min()).as<double>().value(), -0x1p63);
  EXPECT_EQ(Record(std::uint64_t{1} << 63U).as<float>().value(), 0x1p63F);
  EXPECT_EQ(code_of(Record(std::numeric_limits<std::uint64_t>::max()).as<double>()), Errc::type_mismatch);
  EXPECT_EQ(Record(1 << 24).as<float>().value(), 0x1p24F);
  EXPECT_EQ(code_of(Record((1 << 24) + 1).as<float>()), Errc::type_mismatch);
  EXPECT_EQ(Record(0.5).as<float>().value(), 0.5F);
  EXPECT_EQ(code_of(Record(0.1).as<float>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(1e300).as<float>()), Errc::type_mismatch);
  EXPECT_EQ(Record(infinity).as<float>().value(), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(Record(std::nan("")).as<float>().value()));
  EXPECT_EQ(Record(0.1F).as<float>().value(), 0.1F);
  EXPECT_EQ(Record(0).as<double>().value(), 0.0);
  EXPECT_TRUE(std::signbit(Record(-0.0).as<float>().value()));

  using Complex = std::complex<double>;
  EXPECT_EQ(Record(Complex(1, 2)).as<Complex>().value(), Complex(1, 2));
  EXPECT_EQ(Record(2.5).as<Complex>().value(), Complex(2.5, 0));
  EXPECT_EQ(Record(2).as<std::complex<float>>().value(), std::complex<float>(2, 0));
  EXPECT_EQ(code_of(Record(Complex(1, 0.1)).as<std::complex<float>>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record((std::int64_t{1} << 53U) + 1).as<Complex>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record("1").as<Complex>()), Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(Complex(1, 0)).as<double>()), Errc::type_mismatch);
}

TEST(Record, ReadsAsVectors) {
  EXPECT_EQ(Record({1, 2.5}).as<std::vector<double>>().value(), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(Record({"a", "b"}).as<std::vector<std::string>>().value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Record({true, false}).as<std::vector<bool>>().value(), (std::vector<bool>{true, false}));
  EXPECT_EQ(Record({{1, 2}, {3}}).as<std::vector<std::vector<int>>>().value(),
            (std::vector<std::vector<int>>{{1, 2}, {3}}));
  const auto wrong = Record({1, 2.5}).as<std::vector<int>>();
  EXPECT_EQ(code_of(wrong), Errc::type_mismatch);
  EXPECT_NE(wrong.error().text().find("value 1 of the list: the value is a real, not i32"),
            std::string::npos);
  const std::vector<int> numbers{1, 2, 3, 4};
  EXPECT_EQ(Record(numbers).as<std::vector<int>>().value(), numbers);
  EXPECT_EQ(Record(locum::array(&numbers[3], {2}, {-2})).as<std::vector<int>>().value(),
            (std::vector<int>{4, 2}));
  EXPECT_EQ(code_of(Record(numbers).as<std::vector<double>>()), Errc::type_mismatch) << "other elements";
  EXPECT_EQ(code_of(Record(locum::array(numbers.data(), {2, 2})).as<std::vector<int>>()),
            Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(numbers).as<std::vector<std::string>>()), Errc::type_mismatch);
  std::array<std::uint8_t, 3> flags{1, 0, 1};
  const Record booleans = Array::copy_of({flags.data(), ElementType::of<bool>(), {3}}).value();
  EXPECT_EQ(booleans.as<std::vector<bool>>().value(), (std::vector<bool>{true, false, true}));
  flags[1] = 2;
  EXPECT_EQ(
      code_of(Record(Array(nullptr, {flags.data(), ElementType::of<bool>(), {3}})).as<std::vector<bool>>()),
      Errc::type_mismatch);
  EXPECT_EQ(code_of(Record(flags).as<std::vector<bool>>()), Errc::type_mismatch);
  EXPECT_TRUE(Record::list({}).as<std::vector<int>>().value().empty());
  EXPECT_EQ(code_of(Record(1).as<std::vector<int>>()), Errc::type_mismatch);
}

TEST(Record, GetsMembersByName) {
  const Record config = {{"dt", 0.5}, {"steps", 10}, {"names", {"a", 1}}};
  EXPECT_EQ(config.get<double>("dt").value(), 0.5);
  const auto none = config.get<double>("dx");
  EXPECT_EQ(code_of(none), Errc::not_found);
  EXPECT_EQ(none.error().text(), "there is no member 'dx'; there are dt, steps, names");
  const auto wrong = config.get<int>("dt");
  EXPECT_EQ(code_of(wrong), Errc::type_mismatch);
  EXPECT_NE(wrong.error().text().find("the member 'dt': the value is a real, not i32"), std::string::npos);
  EXPECT_NE(config.get<std::vector<std::string>>("names").error().text().find(
                "the member 'names': value 1 of the list: the value is an integer, not text"),
            std::string::npos);
  EXPECT_EQ(code_of(Record().get<int>("a")), Errc::not_found);
  EXPECT_EQ(code_of(Record({1}).get<int>("a")), Errc::type_mismatch) << "a list has no names";
}

TEST(Record, SetsRemovesAndAppends) {
  Record config;
  config.set("a", 1);
  config.set("b", {1, 2});
  config.set("a", "new");
  EXPECT_EQ(names_of(config), (std::vector<std::string>{"a", "b"})) << "in the order of first setting";
  EXPECT_EQ(config["a"].text(), "new");
  EXPECT_TRUE(config.remove("a"));
  EXPECT_FALSE(config.remove("a"));
  EXPECT_FALSE(Record(1).remove("a"));
  config.set("a", 3);
  EXPECT_EQ(names_of(config), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(thrown_by([&] { config.append(1); }), Errc::type_mismatch);

  Record list;
  list.append(1);
  list.append({"x", 2});
  EXPECT_EQ(list.size(), 2U);
  EXPECT_EQ(list[1], Record({"x", 2}));
  EXPECT_TRUE(list[2].is_null());
  EXPECT_EQ(thrown_by([&] { list.set("a", 1); }), Errc::type_mismatch);
  EXPECT_EQ(thrown_by([] { Record(1).append(1); }), Errc::type_mismatch);
  Record braced = {1, 2};
  braced.append(3);
  EXPECT_EQ(braced, Record({1, 2, 3}));
}

TEST(Record, ChangesItsOwnCopyOnly) {
  Record first = {{"list", {1, 2}}, {"n", 1}};
  Record second = first;
  EXPECT_EQ(&first.members(), &second.members()) << "shared";
  second.set("n", 2);
  EXPECT_EQ(first["n"], Record(1));
  EXPECT_EQ(second["n"], Record(2));
  EXPECT_EQ(&first["list"].list(), &second["list"].list()) << "still shared";
  const auto* const members = &first.members();
  first.set("n", 3);
  EXPECT_EQ(&first.members(), members) << "the only owner changes it in place";
  Record list = first["list"];
  list.append(3);
  EXPECT_EQ(first["list"].size(), 2U);
  EXPECT_EQ(list.size(), 3U);
  Record third = second;
  EXPECT_TRUE(third.remove("n"));
  EXPECT_EQ(second.size(), 2U);

  second.set("itself", second);
  EXPECT_EQ(second["itself"].size(), 2U) << "a copy from before";
  list.append(list);
  EXPECT_EQ(list[3].size(), 3U);
  Record named = {{"key", "key"}};
  named.set(named["key"].text(), 1);
  EXPECT_EQ(named["key"], Record(1));
  const Record keeps = {{"key", "key"}};
  Record changed = keeps;
  changed.set(changed["key"].text(), 1);
  EXPECT_EQ(changed["key"], Record(1));
}

TEST(Record, CopiesAreUsedByManyThreads) {
  for (int turn = 0; turn < 20; ++turn) {
    Record shared = {{"list", {1, 2}}, {"n", 1}};
    std::atomic<bool> is_dropped{false};
    std::jthread reader([&is_dropped, copy = shared]() mutable {
      EXPECT_EQ(copy["list"].size(), 2U);
      copy.set("n", copy["n"].as<int>().value() + 1);
      EXPECT_EQ(copy["n"], Record(2));
      copy = nullptr;
      is_dropped.store(true, std::memory_order_relaxed);  // orders nothing: the count of owners does
    });
    if (turn % 2 == 0) {
      while (!is_dropped.load(std::memory_order_relaxed)) {
        std::this_thread::yield();
      }
    }
    shared.set("n", 5);
    shared.set("m", 6);
    EXPECT_EQ(shared["n"], Record(5));
  }
}

TEST(Record, ComparesKindsAndValues) {
  EXPECT_NE(Record(1), Record(1.0));
  EXPECT_NE(Record(1), Record(true));
  EXPECT_NE(Record(), Record(false));
  EXPECT_NE(Record("a"), Record({"a"}));
  EXPECT_EQ(Record({1, {2, "x"}}), Record::list({1, Record::list({2, "x"})}));
  EXPECT_NE(Record({1, 2}), Record({2, 1}));
  EXPECT_EQ(Record({{"a", 1}, {"b", 2}}), Record({{"b", 2}, {"a", 1}})) << "the order of members";
  EXPECT_NE(Record({{"a", 1}, {"b", 2}}), Record({{"a", 1}, {"c", 2}}));
  EXPECT_NE(Record({{"a", 1}}), Record({{"a", 1}, {"b", 2}}));
  EXPECT_NE(Record(std::nan("")), Record(std::nan("")));
  EXPECT_EQ(Record(std::vector{std::nan("")}), Record(std::vector{std::nan("")})) << "arrays: by bytes";
  EXPECT_EQ(Record(0.0), Record(-0.0));
  EXPECT_EQ(Record(Record::Bytes(2)), Record(Record::Bytes(2)));
  EXPECT_NE(Record(Record::Bytes(2)), Record(Record::Bytes(3)));
  const SessionFixture one;
  const Store store = one.store();
  const auto proxy = [&](double value) {
    return Record(one.session->raw_proxy(store.put_proxy(value).value().handle()));
  };
  const Record stand_in = proxy(1);
  EXPECT_EQ(stand_in, Record(stand_in));
  EXPECT_NE(stand_in, proxy(1)) << "another object";
}

TEST(Record, IsPrintedForPeople) {
  const Record all = {{"a", {1, 2.0, -0.5, true, nullptr}}, {"say \"hi\"\n", "tab\t\\\x01"}, {"e", {}}};
  EXPECT_EQ(printed(all), R"({"a": [1, 2.0, -0.5, true, null], "say \"hi\"\n": "tab\t\\\u0001", "e": null})");
  EXPECT_EQ(printed(Record::list({})), "[]");
  EXPECT_EQ(printed(Record::members({})), "{}");
  EXPECT_EQ(printed(std::nan("")), "nan");
  EXPECT_EQ(printed(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(printed(1e300), "1e+300");
  EXPECT_EQ(printed(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(printed(std::complex<double>(1, -2.5)), "complex(1.0, -2.5)");
  EXPECT_EQ(printed(Record::Bytes(12)), "bytes(12)");
  const std::vector<double> three{1, 2, 3};
  EXPECT_EQ(printed(three), "f64[3] [1, 2, 3]");
  EXPECT_EQ(printed(std::vector<double>{}), "f64[0] []");
  EXPECT_EQ(printed(locum::array(&three[2], {2}, {-2})), "f64[2] [3, 1]");
  EXPECT_EQ(printed(std::vector<std::int8_t>{-1, 65}), "i8[2] [-1, 65]");
  EXPECT_EQ(printed(std::vector<std::complex<float>>{{1, 2}}), "c64[1] [complex(1.0, 2.0)]");
  EXPECT_EQ(printed(Array::copy_of({three.data(), ElementType::of<double>(), {}}).value()), "f64[] 1");
  EXPECT_EQ(printed(std::vector<float>(9)), "f32[9]");
  EXPECT_EQ(printed(locum::array(three.data(), {1, 3})), "f64[1x3]");
  EXPECT_EQ(printed(Array::copy_of({three.data(), ElementType::named("point{8}").value(), {3}}).value()),
            "point{8}[3]");
  EXPECT_EQ(printed(RawProxy()).substr(0, 9), "stand_in(");
}

}  // namespace
}  // namespace locum
