#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <locum/detail/base/hash.hpp>
#include <locum/flat.hpp>

namespace locum {

namespace detail {

/// Texts joined at compile time.
template <const std::string_view&... Parts>
struct Joined {
  static constexpr auto characters = [] {
    std::array<char, (Parts.size() + ... + 0)> all{};
    std::size_t at = 0;
    for (const std::string_view part : {Parts...}) {
      for (const char c : part) {
        all[at++] = c;
      }
    }
    return all;
  }();
  static constexpr std::string_view value{characters.data(), characters.size()};
};

/// A number as text, at compile time.
template <std::uint64_t Number>
struct Decimal {
  static constexpr auto characters = [] {
    std::array<char, 21> reversed{};
    std::size_t count = 0;
    for (std::uint64_t left = Number; count == 0 || left != 0; left /= 10) {
      reversed[20 - count++] = static_cast<char>('0' + left % 10);
    }
    return std::pair(reversed, count);
  }();
  static constexpr std::string_view value{characters.first.data() + 21 - characters.second,
                                          characters.second};
};

struct Text {
  static constexpr std::string_view open = "<";
  static constexpr std::string_view close = ">";
  static constexpr std::string_view comma = ",";
  static constexpr std::string_view open_brace = "{";
  static constexpr std::string_view close_brace = "}";
  static constexpr std::string_view open_bracket = "[";
  static constexpr std::string_view close_bracket = "]";
  static constexpr std::string_view array = "[]";
  static constexpr std::string_view none = "";
};

template <class T>
constexpr std::string_view compiler_name() {
  const std::string_view function = __PRETTY_FUNCTION__;
  constexpr std::string_view mark = "T = ";
  const std::size_t begin = function.find(mark) + mark.size();
  const std::string_view rest = function.substr(begin, function.rfind(']') - begin);
  return rest.substr(0, rest.find(';'));
}

/// Returns whether `rest`, which begins with the parenthesis that closes a function's parameters, continues
/// with an entity inside that function.
constexpr bool leads_into_function(std::string_view rest) {
  constexpr std::array<std::string_view, 4> qualifiers{" const", " volatile", " &&", " &"};
  rest.remove_prefix(1);
  for (std::size_t at = 0; at < qualifiers.size(); ++at) {
    if (rest.starts_with(qualifiers[at])) {
      rest.remove_prefix(qualifiers[at].size());
    }
  }
  return rest.starts_with("::") || rest.starts_with(" requires ");
}

/// Returns whether the compiler's name of a type may be that of another type in another source: the type has
/// no name, is a lambda, is in an anonymous namespace or in a function, or is a template over one of these.
/// Clang's names do not show which types are in functions.
constexpr bool is_private_name(std::string_view name) {
  constexpr std::array<std::string_view, 6> marks{"{anonymous}", "<unnamed ", "<lambda",
                                                  "(anonymous ", "(unnamed ", "(lambda "};
  const char* const end = name.data() + name.size();
  for (const char* at = name.data(); at != end; ++at) {
    if (*at != '{' && *at != '<' && *at != '(' && *at != ')') {
      continue;
    }
    const std::string_view rest(at, static_cast<std::size_t>(end - at));
    if (*at == ')' && leads_into_function(rest)) {
      return true;
    }
    for (const std::string_view mark : marks) {
      if (rest.starts_with(mark)) {
        return true;
      }
    }
  }
  return false;
}

template <class T>
concept NamesItself = requires {
  { T::locum_type_name } -> std::convertible_to<std::string_view>;
};

template <class T>
constexpr std::string_view given_name() {
  if constexpr (NamesItself<T>) {
    static_assert(std::string_view(T::locum_type_name).find('@') == std::string_view::npos,
                  "locum keeps '@' for the names of codecs: leave it out of locum_type_name");
    return T::locum_type_name;
  } else {
    static_assert(
        !is_private_name(compiler_name<T>()),
        "locum cannot tell this type from others of the same name: it has no name, or is in an anonymous "
        "namespace or in a function, or is a template over such a type, and another source may have another "
        "one there; move it to a namespace with a name, or give it one that all programs agree on: static "
        "constexpr std::string_view locum_type_name = \"my.particle\";");
    return compiler_name<T>();
  }
}

template <class T>
constexpr std::string_view arithmetic_name() {
  if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, char>) {
    return "char";
  } else if constexpr (std::is_same_v<T, std::byte>) {
    return "byte";
  } else if constexpr (std::is_same_v<T, float>) {
    return "f32";
  } else if constexpr (std::is_same_v<T, double>) {
    return "f64";
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                       !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8) {
    constexpr std::array<std::string_view, 4> with_sign{"i8", "i16", "i32", "i64"};
    constexpr std::array<std::string_view, 4> without_sign{"u8", "u16", "u32", "u64"};
    constexpr std::size_t index = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return std::is_signed_v<T> ? with_sign[index] : without_sign[index];
  } else {
    return {};
  }
}

/// Returns `c64` or `c128` for the compiler's name of a complex number of two floats or doubles, as C++ and C
/// have them; else nothing. By name, because <complex> takes long to compile.
constexpr std::string_view complex_name(std::string_view name) {
  constexpr std::string_view room = "std::";
  const bool is_standard = name.starts_with(room);
  if ((is_standard && name.ends_with("::complex<float>")) || name == "__complex__ float" ||
      name == "_Complex float") {
    return "c64";
  }
  if ((is_standard && name.ends_with("::complex<double>")) || name == "__complex__ double" ||
      name == "_Complex double") {
    return "c128";
  }
  return {};
}

}  // namespace detail

/// The canonical name of a type, recorded in its objects and the same on all ranks. Numbers are `f64`, `i32`,
/// `u8` …, `bool`, `char`, `byte`; complex numbers `c64` and `c128`, with their bits; arrays of flat elements
/// are `f64[]`, whatever C++ type holds them; arrays of arrays have that name too, with more extents;
/// containers and similar templates are composed: `map<char[],f64[]>`. A class may name itself by a member
/// `static constexpr std::string_view locum_type_name`, so that separately built programs agree; other
/// classes get the compiler's name, and are rejected at compile time where it is ambiguous (anonymous
/// namespaces, lambdas). Flat classes include their size, `particle{48}`, so that programs that disagree on
/// it do not read each other's bytes. A user's class template may specialise TypeName. An `@`, as in
/// `f64[]@f32`, precedes the codec that wrote an object (see Codec); no type's own name contains one.
template <class T>
struct TypeName {
 private:
  static constexpr std::string_view given = detail::given_name<T>();
  static constexpr std::string_view arithmetic = detail::arithmetic_name<T>();

 public:
  static constexpr std::string_view value = [] {
    if constexpr (!arithmetic.empty()) {
      return arithmetic;
    } else if constexpr (!detail::NamesItself<T> && !detail::complex_name(given).empty()) {
      return detail::complex_name(given);
    } else if constexpr (Flat<T>) {
      detail::check_flat<T>();
      return detail::Joined<given, detail::Text::open_brace, detail::Decimal<sizeof(T)>::value,
                            detail::Text::close_brace>::value;
    } else {
      return given;
    }
  }();
};

template <class T>
struct TypeName<const T> : TypeName<T> {};

template <Flat E>
struct TypeName<E[]> {
  static constexpr std::string_view value = detail::Joined<TypeName<E>::value, detail::Text::array>::value;
};

namespace detail {

/// `name<A,B,C>`
template <const std::string_view& Name, class First, class... Rest>
struct ComposedName {
 private:
  template <class T>
  struct After {
    static constexpr std::string_view value = Joined<Text::comma, TypeName<T>::value>::value;
  };

 public:
  static constexpr std::string_view value =
      Joined<Name, Text::open, TypeName<First>::value, After<Rest>::value..., Text::close>::value;
};

struct StandardName {
  static constexpr std::string_view vector = "vector";
  static constexpr std::string_view optional = "optional";
  static constexpr std::string_view variant = "variant";
  static constexpr std::string_view tuple = "tuple";
  static constexpr std::string_view pair = "pair";
  static constexpr std::string_view monostate = "monostate";
};

}  // namespace detail

/// `f64[3]` as a member; a whole object is `f64[]` with the extent 3, and a vector of these `f64[]` with the
/// extents n and 3.
template <class T, std::size_t N>
struct TypeName<std::array<T, N>> {
  static constexpr std::string_view value =
      detail::Joined<TypeName<T>::value, detail::Text::open_bracket, detail::Decimal<N>::value,
                     detail::Text::close_bracket>::value;
};
template <class T, std::size_t N>
struct TypeName<T[N]> : TypeName<std::array<T, N>> {};

template <class T, class Allocator>
struct TypeName<std::vector<T, Allocator>> : detail::ComposedName<detail::StandardName::vector, T> {};
template <Flat T, class Allocator>
  requires(!std::is_same_v<T, bool>)
struct TypeName<std::vector<T, Allocator>> : TypeName<T[]> {};
template <class C, class Traits, class Allocator>
struct TypeName<std::basic_string<C, Traits, Allocator>> : TypeName<C[]> {};
template <class T>
struct TypeName<std::optional<T>> : detail::ComposedName<detail::StandardName::optional, T> {};
template <class... T>
struct TypeName<std::variant<T...>> : detail::ComposedName<detail::StandardName::variant, T...> {};
template <class First, class... Rest>
struct TypeName<std::tuple<First, Rest...>>
    : detail::ComposedName<detail::StandardName::tuple, First, Rest...> {};
template <class First, class Second>
struct TypeName<std::pair<First, Second>> : detail::ComposedName<detail::StandardName::pair, First, Second> {
};
template <>
struct TypeName<std::monostate> {
  static constexpr std::string_view value = detail::StandardName::monostate;
};

/// Name and hash of a type, known at compile time.
struct TypeIdentity {
  std::string_view name;
  std::uint64_t hash = 0;
  bool or_bytes = false;  ///< objects of raw bytes, `byte[]`, are read as this type, too
};

template <class T>
inline constexpr TypeIdentity type_identity{TypeName<T>::value, text_hash(TypeName<T>::value)};

}  // namespace locum
