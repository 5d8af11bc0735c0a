#include "core/value/flat.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace locum::detail::pointer_members_test {
namespace {

// Found.
struct Plain {
  int* pointer;
};
struct BehindALargeArray {
  double values[1000];
  int number;
  const char* text;
};
struct InAMember {
  double number;
  BehindALargeArray inner;
};
struct InAnArrayOfStructures {
  int number;
  BehindALargeArray inner[3][2];
};
struct ArrayOfPointers {
  int number;
  int* pointers[2];
};
struct StandardArrayOfPointers {
  std::array<int*, 2> pointers;
};
struct OfSpans {
  std::array<int, 2> numbers;
  std::span<double> span;
};
struct OfViews {
  std::string_view text;
};
struct OfReferences {
  int& number;
};
struct ReferenceAtTheEnd {
  int number;
  double values[3];
  const int& reference;
};
struct ReferenceToAStructure {
  const Plain& plain;
};
struct OptionalPointer {
  std::optional<int*> pointer;
};
struct VariantOfPointers {
  std::variant<int, char*> either;
};
struct PairOfPointers {
  int number;
  std::pair<int, int*> pair;
};
struct TupleOfPointers {
  std::pair<int, int> pair;
  std::tuple<int*, int> tuple;
};
struct Base {
  int* pointer;
};
struct Derived : Base {
  int number;
};
struct Tag {};
struct FunctionPointer : Tag {
  int number;
  void (*function)();
};
struct MemberPointer {
  int Derived::*member;
};
union FirstOfAUnion {
  int* pointer;
  double number;
};
struct BehindBits {
  int three : 3;
  int five : 5;
  void* pointer;
};
struct BehindAUnion {
  union {
    int whole;
    float real;
  };
  int* pointer;
};
struct Node {
  Node* next;
  int value;
};
struct OfWrapper {
  std::reference_wrapper<int> reference;
};
struct WithDefaults {
  int number = 3;
  double real{1};
  int* pointer = nullptr;
};
struct Sixteenth {
  int n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14;
  int* pointer;
};
struct ConstantPointer {
  const int* const pointer;
};
struct NullPointer {
  std::nullptr_t null;
};
template <class T>
struct Three {
  T x, y, z;
};
struct BehindAnyConversion {
  struct FromAnything {
    FromAnything() = default;
    template <class T>
    FromAnything(T);
    double value;
  } any;
  int* pointer;
};

// Not there, or not to be seen.
struct Empty {};
struct Text {
  char text[64];
  double number;
};
struct Constants {
  const int number;
  const double numbers[3];
};
struct FromAnything {
  struct {
    int number;
  } inner;
  BehindAnyConversion::FromAnything any;
};
struct WithoutDefault {
  explicit WithoutDefault(int);
  const int value;
};
struct OfWithoutDefault {
  WithoutDefault value;
  int number;
};
struct FromText {
  FromText() = default;
  FromText(const char*);
  char text[8];
};
struct Standard {
  FromText text;
  std::bitset<8> bits;
  std::complex<double> number;
  std::chrono::nanoseconds time;
  std::chrono::system_clock::time_point moment;
  std::optional<int> optional;
  std::variant<int, double> either;
};
union Numbers {
  double real;
  int whole;
};
struct alignas(64) Padded {
  long number;
  char padding[56];
};
struct Many {
  int n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12, n13, n14, n15, n16;
};
struct OnPurpose {
  static constexpr bool locum_is_flat = true;
  int* pointer;
};

template <class... T>
constexpr bool all = (is_of_this_process<T> && ...);
template <class... T>
constexpr bool none = (!is_of_this_process<T> && ...);

TEST(PointerMembers, AreFoundWhereverTheyAre) {
  static_assert(all<int*, int* [3], std::span<int>, std::string_view, std::array<char*, 2>>);
  static_assert(all<Plain, BehindALargeArray, InAMember, InAnArrayOfStructures, ArrayOfPointers,
                    StandardArrayOfPointers, OfSpans, OfViews>);
  static_assert(all<OfReferences, ReferenceAtTheEnd, ReferenceToAStructure, OfWrapper>);
  static_assert(all<OptionalPointer, VariantOfPointers, PairOfPointers, TupleOfPointers>);
  static_assert(all<Derived, FunctionPointer, MemberPointer, FirstOfAUnion, BehindBits, BehindAUnion, Node>);
  static_assert(all<WithDefaults, Sixteenth, ConstantPointer, NullPointer, Three<float*>, Three<Three<Node>>,
                    BehindAnyConversion>);
}

TEST(PointerMembers, AreNotTakenForSomethingElse) {
  static_assert(none<double, int[3], std::complex<float>, std::byte, Empty, Text, Constants>);
  static_assert(none<FromAnything, OfWithoutDefault, Standard, Numbers, Padded, Many, Three<Three<double>>>);
}

TEST(PointerMembers, MayBeThereOnPurpose) {
  static_assert(none<OnPurpose, OnPurpose[3], std::array<OnPurpose, 2>>);
}

}  // namespace
}  // namespace locum::detail::pointer_members_test
