#include "core/value/type_name.hpp"

#include <gtest/gtest.h>

#include <complex>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <variant>

#include "core/containers.hpp"
#include "core/proxy.hpp"

namespace app {

struct Particle {
  double x, y, z;
};
struct Named {
  static constexpr std::string_view locum_type_name = "sim.named";
  int value;
};
struct NamedAndSerialized {
  static constexpr std::string_view locum_type_name = "sim.mesh";
  std::string text;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(text);
  }
};
struct FlatButSerialized {
  int value;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(value);
  }
};
struct FreelySerialized {
  int value;
};
template <class Archive>
void serialize(Archive& ar, FreelySerialized& value) {
  ar(value.value);
}
class Private {
  friend struct locum::Access;
  template <class Archive>
  void serialize(Archive& ar) {
    ar(value_);
  }
  int value_ = 0;
};
struct alignas(32) Vector4 {
  double lanes[4];
};
struct alignas(64) Line {
  char bytes[64];
};
struct alignas(8192) Book {
  char bytes[8192];
};
enum class Colour : std::uint8_t { red };

}  // namespace app

template <>
struct locum::TypeName<app::Vector4> {
  static constexpr std::string_view value = "vector4";
};

namespace locum {
namespace {

template <class T>
constexpr std::string_view name = TypeName<T>::value;

TEST(TypeIdentity, NamesNumbersBySizeAndSign) {
  EXPECT_EQ(name<float>, "f32");
  EXPECT_EQ(name<double>, "f64");
  EXPECT_EQ(name<signed char>, "i8");
  EXPECT_EQ(name<std::int16_t>, "i16");
  EXPECT_EQ(name<int>, "i32");
  EXPECT_EQ(name<long>, "i64");
  EXPECT_EQ(name<long long>, "i64");
  EXPECT_EQ(name<unsigned char>, "u8");
  EXPECT_EQ(name<std::uint16_t>, "u16");
  EXPECT_EQ(name<unsigned>, "u32");
  EXPECT_EQ(name<unsigned long long>, "u64");
  EXPECT_EQ(name<bool>, "bool");
  EXPECT_EQ(name<char>, "char");
  EXPECT_EQ(name<std::byte>, "byte");
  EXPECT_EQ(name<const double>, "f64");
}

TEST(TypeIdentity, NamesArraysAlikeWhateverHoldsThem) {
  EXPECT_EQ(name<double[]>, "f64[]");
  EXPECT_EQ(name<std::vector<double>>, "f64[]");
  EXPECT_EQ(name<std::string>, "char[]");
  EXPECT_NE(type_identity<double>.hash, type_identity<double[]>.hash);
  EXPECT_EQ((name<std::array<double, 3>>), "f64[3]");
  EXPECT_EQ((name<std::vector<std::array<double, 3>>>), "f64[3][]");
  EXPECT_EQ(name<int[12]>, "i32[12]");
}

TEST(TypeIdentity, ComposesTheNamesOfTemplates) {
  EXPECT_EQ(name<std::vector<std::string>>, "vector<char[]>");
  EXPECT_EQ(name<std::vector<bool>>, "vector<bool>");
  EXPECT_EQ((name<std::map<std::string, std::vector<double>>>), "map<char[],f64[]>");
  EXPECT_EQ((name<std::optional<int>>), "optional<i32>");
  EXPECT_EQ((name<std::variant<std::monostate, int, std::string>>), "variant<monostate,i32,char[]>");
  EXPECT_EQ((name<std::tuple<int, std::pair<float, bool>>>), "tuple<i32,pair<f32,bool>>");
  EXPECT_EQ((name<std::unordered_map<int, std::set<std::deque<int>>>>), "unordered_map<i32,set<deque<i32>>>");
  EXPECT_EQ(name<Proxy<double[]>>, "proxy<f64[]>");
}

TEST(TypeIdentity, GivesFlatClassesTheirSize) {
  EXPECT_EQ(name<app::Particle>, "app::Particle{24}");
  EXPECT_EQ(name<app::Particle[]>, "app::Particle{24}[]");
  EXPECT_EQ(name<app::Named>, "sim.named{4}");
  EXPECT_EQ(name<app::NamedAndSerialized>, "sim.mesh");
  EXPECT_EQ(name<app::Colour>, "app::Colour{1}");
  EXPECT_EQ(name<app::Vector4>, "vector4");
}

TEST(TypeName, IsRefusedWhereAnotherSourceMayHaveIt) {
  using detail::is_private_name;
  static_assert(is_private_name("{anonymous}::P") && is_private_name("Box<(anonymous namespace)::P>"));
  static_assert(is_private_name("main()::L") && is_private_name("A::f() const::L"));
  static_assert(is_private_name("<lambda()>") && is_private_name("(lambda at main.cpp:1:2)"));
  static_assert(is_private_name("Box<<unnamed struct> >") &&
                is_private_name("(unnamed struct at main.cpp:1:2)"));
  static_assert(is_private_name("F::operator()<int>(int) const &::L"));
  static_assert(is_private_name("S::a() &&::L") && is_private_name("S::b() const volatile &::L"));
  static_assert(is_private_name("S::c() volatile::L") &&
                is_private_name("k<int>() requires  sizeof (T) > 1::L"));
  static_assert(!is_private_name("Box<void(int)>") && !is_private_name("Box<int (A::*)() const>"));
  static_assert(!is_private_name("Value<(Colour)5>::Inner") && !is_private_name("std::function<void (int)>"));
}

// As C has them; GCC and clang have them in C++, too.
__extension__ typedef _Complex double CDouble;  // NOLINT(modernize-use-using)
__extension__ typedef _Complex float CFloat;    // NOLINT(modernize-use-using)

TEST(TypeName, OfComplexNumbersHasTheirBits) {
  static_assert(TypeName<std::complex<double>>::value == "c128" &&
                TypeName<std::complex<float>>::value == "c64");
  static_assert(TypeName<std::complex<float>[]>::value == "c64[]");
  static_assert(TypeName<std::map<int, std::complex<double>>>::value == "map<i32,c128>");
  static_assert(TypeName<CDouble>::value == "c128" && TypeName<CFloat>::value == "c64");
  static_assert(TypeName<std::complex<long double>>::value == "std::complex<long double>{32}");
  static_assert(detail::complex_name("app::complex<double>").empty() &&
                detail::complex_name("std::complex<int>").empty());
}

TEST(TypeIdentity, IsKnownWhileCompiling) {
  static_assert(type_identity<std::vector<double>>.hash == text_hash("f64[]"));
  static_assert(type_identity<std::map<int, int>>.name == "map<i32,i32>");
}

TEST(Flat, TakesWhatItsBytesDescribe) {
  static_assert(Flat<double> && Flat<bool> && Flat<std::byte> && Flat<app::Particle> && Flat<app::Colour>);
  static_assert(Flat<std::array<double, 3>> && Flat<double[4]> && Flat<std::complex<float>>);
  static_assert(Flat<app::Line> && Flat<app::Vector4> && Flat<Handle> && Flat<Key>);
}

TEST(Flat, RefusesPointersViewsAndWhatHasASerialize) {
  static_assert(!Flat<int*> && !Flat<int app::Particle::*> && !Flat<void (*)()> && !Flat<std::nullptr_t>);
  static_assert(!Flat<std::unique_ptr<int>> && !Flat<std::shared_ptr<int>>);
  static_assert(!Flat<std::reference_wrapper<int>> && !Flat<std::span<int>> && !Flat<std::string_view>);
  static_assert(!Flat<std::array<int*, 2>> && !Flat<int* [2]>);
  static_assert(!Flat<std::optional<int>> && !Flat<std::variant<int>> && !Flat<std::pair<int, int>>);
  static_assert(!Flat<std::tuple<int>> && !Flat<std::string> && !Flat<std::vector<int>>);
  static_assert(!Flat<app::FlatButSerialized> && !Flat<app::FreelySerialized> && !Flat<app::Private>);
  static_assert(!Flat<app::Book>);  // its alignment is larger than any connector's
  static_assert(!Flat<Proxy<int>> && !Flat<const int> && !Flat<int&> && !Flat<void> && !Flat<int[]>);
}

}  // namespace
}  // namespace locum
