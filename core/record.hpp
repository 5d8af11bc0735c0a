#pragma once

#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <locum/archive.hpp>
#include <locum/array.hpp>
#include <locum/raw_proxy.hpp>
#include <locum/result.hpp>

namespace locum {

class Record;
class RecordMembers;

namespace detail {

template <class T>
inline constexpr bool is_vector = is_instance<T, std::vector>;

/// The numbers that a Record is read as.
template <class T>
concept RecordInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                        sizeof(T) <= sizeof(std::uint64_t);
template <class T>
concept RecordReal = std::same_as<T, float> || std::same_as<T, double>;
template <class T>
concept RecordComplex = std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;

}  // namespace detail

/// A nested value whose type is known only at run time: what a JSON text, a table, or a dictionary of Python
/// is. `Record config = {{"dt", 0.1}, {"grid", {96, 96, 96}}, {"T0", field}};`
///
/// Braces make members if they contain at least one value, and each of these is itself written in braces, has
/// two values, and the first of them is a text; if a name occurs twice, its last value counts. Other braces
/// make a list, except `{}`, which is null. `Record::list({…})` and `Record::members({…})` say which. Copy a
/// value by `Record copy(other)` or `Record copy = other`: compilers disagree whether `Record copy{other}` is
/// a copy, or a list that contains one; and in parentheses, as in `Record({array})`, a single object in
/// braces is taken for this object.
///
/// Members keep their order. Cheap to copy: copies share what they hold, until one of them is changed. One
/// thread at a time may use one value; different threads may use different copies. A value that was moved
/// from is null. Lists and members nest at most `max_nesting` levels deep: what would make them deeper throws
/// Error (`invalid_argument`). All that takes memory may throw std::bad_alloc.
class Record {
 public:
  static constexpr std::string_view locum_type_name = "locum.record";

  enum class Kind : std::uint8_t {
    null,
    boolean,
    integer,  ///< of -2^63 to 2^64 - 1
    real,
    complex,
    text,   ///< UTF-8; not checked
    bytes,  ///< raw ones
    array,
    list,
    members,   ///< values under names
    stand_in,  ///< for an object elsewhere
  };
  using List = std::vector<Record>;
  using Bytes = std::vector<std::byte>;

  /// Makes null.
  Record() = default;
  Record(const Record& other);
  Record(Record&& other) noexcept : value_(std::exchange(other.value_, Value())) {}
  Record& operator=(const Record& other);
  Record& operator=(Record&& other) noexcept;
  ~Record() = default;
  // Templates deduce nothing of braces: in `Record({"a"})` and `Record({nullptr})`, these are a list.
  template <std::same_as<std::nullptr_t> T>
  Record(T /*null*/) {}
  template <std::same_as<bool> T>
  Record(T value) : value_(value) {}
  template <detail::RecordInteger T>
  Record(T value) {
    if constexpr (std::is_signed_v<T>) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      set_unsigned(value);
    }
  }
  /// A `long double` is refused while compiling: convert it to a double yourself.
  template <detail::RecordReal T>
  Record(T value) : value_(static_cast<double>(value)) {}
  template <detail::RecordComplex T>
  Record(const T& value) : value_(std::complex<double>(value)) {}
  Record(std::string value) : value_(std::make_shared<const std::string>(std::move(value))) {}
  Record(std::string_view value) : Record(std::string(value)) {}
  template <class T>
    requires std::same_as<T, const char*> || std::same_as<T, char*>
  Record(T value) : Record(std::string(value)) {}
  Record(Bytes value) : value_(std::make_shared<const Bytes>(std::move(value))) {}
  /// Makes null of no array.
  Record(Array value);
  /// Copies the elements of a range of numbers, as an array.
  template <detail::FlatRange T>
    requires(!std::same_as<detail::ArrayElementOf<T>, char> &&
             !std::same_as<detail::ArrayElementOf<T>, std::byte>)
  Record(const T& range) : Record(Array(range)) {}
  template <class T>
  Record(const StridedArray<T>& array) : Record(Array(array)) {}
  Record(RawProxy value) : value_(std::move(value)) {}
  Record(RecordMembers members);
  Record(std::initializer_list<Record> values);
  /// Makes a list. An empty one is `Record::list({})`: without an argument, list() returns the values of one.
  [[nodiscard]] static Record list(List values);
  /// Makes members; none are `Record::members({})`. If a name occurs twice, its last value counts.
  [[nodiscard]] static Record members(std::initializer_list<std::pair<std::string, Record>> values);

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }

  /// Returns the value as a `bool`, a number, a `std::string`, `Record::Bytes`, an Array, a RawProxy, a
  /// Record, or a `std::vector` of these: of a list whose values all convert, or of an array of one dimension
  /// that has exactly these elements. `type_mismatch` if it is of another kind, or a number that `T` cannot
  /// hold: an integer becomes a floating-point number where it fits exactly, a real a `float` where it is
  /// one, a NaN or infinite; a real and an integer become complex; a real never becomes an integer.
  template <class T>
  [[nodiscard]] Result<T> as() const;
  /// Returns the text; empty if it is none.
  [[nodiscard]] std::string_view text() const& noexcept;
  [[nodiscard]] std::string_view text() && = delete;
  /// Returns the bytes; empty if it is none.
  [[nodiscard]] std::span<const std::byte> bytes() const& noexcept;
  [[nodiscard]] std::span<const std::byte> bytes() && = delete;
  /// Returns the array; empty if it is none.
  [[nodiscard]] Array array() const;

  /// Returns the values of a list, and those under names; empty if it is something else.
  [[nodiscard]] const List& list() const& noexcept;
  [[nodiscard]] const List& list() && = delete;
  [[nodiscard]] const RecordMembers& members() const& noexcept;
  [[nodiscard]] const RecordMembers& members() && = delete;
  /// Returns the number of values of a list or of members; else 0.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Returns the value under a name; null if there is none.
  [[nodiscard]] const Record& operator[](std::string_view name) const noexcept;
  /// Returns a value of a list; null if there is none.
  [[nodiscard]] const Record& operator[](std::size_t index) const noexcept;
  /// Returns the value under a name, as a `T`. `not_found` names the member that is missing; else the errors
  /// of as().
  template <class T>
  [[nodiscard]] Result<T> get(std::string_view name) const;

  /// Sets a member. Null becomes members first. Throws Error (`type_mismatch`) if it is something else.
  void set(std::string_view name, Record value);
  /// Removes a member. Returns false if there was none.
  bool remove(std::string_view name);
  /// Appends to a list. Null becomes a list first. Throws Error (`type_mismatch`) if it is something else.
  void append(Record value);

  /// Compares kinds and values: 1 and 1.0 differ; the order of members does not count; arrays and stand-ins
  /// are compared as operator== of Array and RawProxy does; a NaN equals no real.
  friend bool operator==(const Record& a, const Record& b) noexcept;
  /// Prints it for people, in the style of JSON; long arrays by type and extents.
  friend std::ostream& operator<<(std::ostream& out, const Record& record);

 private:
  friend class RecordMembers;

  struct Values;  ///< of a list
  using SharedValues = std::shared_ptr<Values>;
  /// A list written in braces: of two values, the first of them a text, it may become a member. A copy is an
  /// ordinary list, so that what a variable contains does not depend on how it was made.
  struct Braced {
    SharedValues values;
  };
  using SharedMembers = std::shared_ptr<RecordMembers>;
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::complex<double>,
                             std::shared_ptr<const std::string>, std::shared_ptr<const Bytes>,
                             std::shared_ptr<const Array>, SharedValues, Braced, SharedMembers, RawProxy>;

  void set_unsigned(std::uint64_t value);
  [[nodiscard]] const SharedValues* values() const noexcept;
  [[nodiscard]] bool is_braced_member() const noexcept;
  [[nodiscard]] std::size_t nesting() const noexcept;
  [[nodiscard]] const Array& shown_array() const noexcept;

  // Conversions; `asked` is the name of the type that the caller asks for.
  [[nodiscard]] Error mismatch(std::string_view asked) const;
  [[nodiscard]] Result<std::int64_t> signed_within(std::int64_t least, std::int64_t most,
                                                   std::string_view asked) const;
  [[nodiscard]] Result<std::uint64_t> unsigned_within(std::uint64_t most, std::string_view asked) const;
  [[nodiscard]] Result<double> real(bool as_float) const;
  [[nodiscard]] Result<std::complex<double>> complex_number(bool as_float) const;
  /// Returns the number of elements of an array of one dimension and this type.
  [[nodiscard]] Result<std::size_t> elements_of(const ElementType& type) const;
  /// Copies them. REQUIRES: elements_of() returned their number.
  void copy_elements(void* into) const noexcept;
  [[nodiscard]] Result<std::vector<bool>> array_of_booleans() const;
  [[nodiscard]] static Error in_list(std::size_t index, const Error& error);
  [[nodiscard]] static Error in_member(std::string_view name, const Error& error);
  [[nodiscard]] Error no_member(std::string_view name) const;
  template <class T>
  [[nodiscard]] Result<std::vector<T>> as_vector() const;

  Value value_;  ///< std::uint64_t only for what std::int64_t cannot hold
};

/// The members of a Record, in the order in which they were set first. Names are unique.
class RecordMembers {
 public:
  using Member = std::pair<std::string, Record>;

  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
  [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return members_.begin(); }
  [[nodiscard]] auto end() const noexcept { return members_.end(); }
  /// Returns the value under a name; null pointer if there is none; valid until the members change. Takes
  /// constant time, on average.
  [[nodiscard]] const Record* find(std::string_view name) const noexcept;
  /// Replaces the value under a name, or appends it. Throws Error (`invalid_argument`) if the value nests
  /// deeper than `max_nesting` - 1 levels.
  void set(std::string_view name, Record value);
  /// Removes the value under a name. Returns false if there was none. Moves the members behind it.
  bool remove(std::string_view name);

  /// Compares names and values, in any order.
  friend bool operator==(const RecordMembers& a, const RecordMembers& b) noexcept;

 private:
  friend class Record;

  /// Returns the position of a member; size() if there is none.
  [[nodiscard]] std::size_t position_of(std::string_view name) const noexcept;
  void append(std::string name, Record value);
  void add_to_index(std::size_t position) noexcept;
  void make_index(std::size_t slots);
  void count_nesting(std::size_t levels);
  void forget_nesting(std::size_t levels) noexcept;
  [[nodiscard]] std::size_t nesting() const noexcept { return deeper_.size() + 1; }

  std::vector<Member> members_;
  /// A hash table of positions in `members_`, counted from 1; 0 is a free slot. Empty for a few members.
  std::vector<std::uint32_t> index_;
  /// The number of members that nest 1 level, 2 levels …; the last one is not 0.
  std::vector<std::uint32_t> deeper_;
};

template <class T>
Result<T> Record::as() const {
  if constexpr (std::same_as<T, Record>) {
    return *this;
  } else if constexpr (std::same_as<T, bool>) {
    const bool* const value = std::get_if<bool>(&value_);
    return value == nullptr ? Result<bool>(mismatch("bool")) : Result<bool>(*value);
  } else if constexpr (detail::RecordInteger<T>) {
    using Limits = std::numeric_limits<T>;
    const auto value = [this] {
      if constexpr (std::is_signed_v<T>) {
        return signed_within(Limits::min(), Limits::max(), TypeName<T>::value);
      } else {
        return unsigned_within(Limits::max(), TypeName<T>::value);
      }
    }();
    return value ? Result<T>(static_cast<T>(*value)) : Result<T>(value.error());
  } else if constexpr (detail::RecordReal<T>) {
    const auto value = real(std::same_as<T, float>);
    return value ? Result<T>(static_cast<T>(*value)) : Result<T>(value.error());
  } else if constexpr (detail::RecordComplex<T>) {
    const auto value = complex_number(std::same_as<T, std::complex<float>>);
    return value ? Result<T>(static_cast<T>(*value)) : Result<T>(value.error());
  } else if constexpr (std::same_as<T, std::string>) {
    return kind() == Kind::text ? Result<T>(text()) : Result<T>(mismatch("text"));
  } else if constexpr (std::same_as<T, Bytes>) {
    return kind() == Kind::bytes ? Result<T>(std::in_place, bytes().begin(), bytes().end())
                                 : Result<T>(mismatch("bytes"));
  } else if constexpr (std::same_as<T, Array>) {
    return kind() == Kind::array ? Result<T>(array()) : Result<T>(mismatch("an array"));
  } else if constexpr (std::same_as<T, RawProxy>) {
    const RawProxy* const value = std::get_if<RawProxy>(&value_);
    return value == nullptr ? Result<T>(mismatch("a stand-in")) : Result<T>(*value);
  } else {
    static_assert(detail::is_vector<T>,
                  "locum reads a Record as bool, an integer, float, double, std::complex of these, "
                  "std::string, Record::Bytes, Array, RawProxy, Record, or a std::vector of these");
    return as_vector<typename T::value_type>();
  }
}

template <class T>
Result<std::vector<T>> Record::as_vector() const {
  std::vector<T> made;
  if constexpr (detail::RecordInteger<T> || detail::RecordReal<T> || detail::RecordComplex<T>) {
    if (kind() == Kind::array) {
      const auto count = elements_of(ElementType::of<T>());
      if (!count) {
        return count.error();
      }
      made.resize(*count);
      copy_elements(made.data());
      return made;
    }
  }
  if constexpr (std::same_as<T, bool>) {
    if (kind() == Kind::array) {
      return array_of_booleans();
    }
  }
  if (kind() != Kind::list) {
    return mismatch("a list");
  }
  made.reserve(list().size());
  for (std::size_t at = 0; at < list().size(); ++at) {
    auto value = list()[at].as<T>();
    if (!value) {
      return in_list(at, value.error());
    }
    made.push_back(std::move(*value));
  }
  return made;
}

template <class T>
Result<T> Record::get(std::string_view name) const {
  const Record* const found = members().find(name);
  if (found == nullptr) {
    return no_member(name);
  }
  auto value = found->as<T>();
  return value ? std::move(value) : Result<T>(in_member(name, value.error()));
}

/// Stores a Record as a value of a store, or within one: see record_archive.hpp.
template <>
struct Serializer<Record> {
  static void save(SizeArchive& out, const Record& record);
  static void save(WriteArchive& out, const Record& record);
  static void load(ReadArchive& in, Record& record);
  /// Reads all of these bytes, which `owner` keeps, in place: see decode_record().
  [[nodiscard]] static Result<Record> in_place(const std::shared_ptr<const void>& owner,
                                               std::span<const std::byte> bytes,
                                               const std::weak_ptr<detail::SessionState>& session);
};

}  // namespace locum
