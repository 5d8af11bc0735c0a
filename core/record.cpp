#include "core/record.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "core/record_nesting.hpp"

namespace locum {

// Shared by copies, until one of them is changed. What a list contains never changes in place, so that its
// nesting is known from when it was appended.
struct Record::Values {
  List list;
  std::size_t nesting = 1;  ///< levels, with this one

  void append(Record value) {
    const std::size_t levels = nesting_within(value.nesting());
    list.push_back(std::move(value));
    nesting = std::max(nesting, levels);
  }
};

namespace {

#if defined(__SANITIZE_THREAD__)
#define LOCUM_SEES_NO_FENCES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOCUM_SEES_NO_FENCES 1
#endif
#endif

/// Returns whether no other copy shares what the pointer owns, so that it may be changed.
///
/// use_count() is read without ordering. If it is 1, another thread may just have dropped the last other
/// copy: the fence pairs with the release of that drop, so that all which the other thread read through its
/// copy happens before the change.
template <class T>
bool is_only_owner(const std::shared_ptr<T>& owned) noexcept {
  if (owned.use_count() != 1) {
    return false;
  }
  std::atomic_thread_fence(std::memory_order_acquire);
#ifdef LOCUM_SEES_NO_FENCES
  const std::shared_ptr<T> dropped = owned;  // ThreadSanitizer sees that the drop at the end acquires
#endif
  return true;
}
#undef LOCUM_SEES_NO_FENCES

/// Makes what the pointer owns its own. Returns what was shared before: a name or value that the caller
/// passes may be part of it, and lives until the change is done.
template <class T>
std::shared_ptr<T> unshare(std::shared_ptr<T>& owned) {
  return is_only_owner(owned) ? nullptr : std::exchange(owned, std::make_shared<T>(*owned));
}

/// Returns a value that contains nothing. It is never destroyed: static objects of any source file use it.
template <class T>
const T& empty_value() noexcept {
  union Kept {
    Kept() noexcept : value() {}
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() {}
    T value;
  };
  static const Kept kept;
  return kept.value;
}

}  // namespace

Record::Record(const Record& other) : value_(other.value_) {
  if (const Braced* const braced = std::get_if<Braced>(&value_)) {
    value_ = SharedValues(braced->values);
  }
}

Record& Record::operator=(const Record& other) {
  return *this = Record(other);
}

Record& Record::operator=(Record&& other) noexcept {
  Value moved =
      std::exchange(other.value_, Value());  // the other one may be part of the value that ends here
  value_.swap(moved);
  return *this;
}

Record::Record(Array value) {
  if (value) {
    value_ = std::make_shared<const Array>(std::move(value));
  }
}

Record::Record(RecordMembers members) : value_(std::make_shared<RecordMembers>(std::move(members))) {}

Record::Record(std::initializer_list<Record> values) {
  const auto is_member = [](const Record& value) { return value.is_braced_member(); };
  if (values.size() > 0 && std::ranges::all_of(values, is_member)) {
    auto made = std::make_shared<RecordMembers>();
    for (const Record& member : values) {
      const List& pair = (*member.values())->list;
      made->set(pair[0].text(), pair[1]);
    }
    value_ = std::move(made);
    return;
  }
  auto made = std::make_shared<Values>();
  made->list.reserve(values.size());
  for (const Record& value : values) {
    made->append(value);
  }
  value_ = Braced{std::move(made)};
}

Record Record::list(List values) {
  auto made = std::make_shared<Values>();
  for (const Record& value : values) {
    made->nesting = std::max(made->nesting, nesting_within(value.nesting()));
  }
  made->list = std::move(values);
  Record record;
  record.value_ = std::move(made);
  return record;
}

Record Record::members(std::initializer_list<std::pair<std::string, Record>> values) {
  RecordMembers made;
  for (const auto& [name, value] : values) {
    made.set(name, value);
  }
  return made;
}

void Record::set_unsigned(std::uint64_t value) {
  if (value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = value;
  }
}

Record::Kind Record::kind() const noexcept {
  // In the order of the alternatives of Value.
  constexpr std::array<Kind, std::variant_size_v<Value>> kinds{
      Kind::null,  Kind::boolean, Kind::integer, Kind::integer, Kind::real,    Kind::complex, Kind::text,
      Kind::bytes, Kind::array,   Kind::list,    Kind::list,    Kind::members, Kind::stand_in};
  return kinds[value_.index()];
}

const Record::SharedValues* Record::values() const noexcept {
  if (const auto* const values = std::get_if<SharedValues>(&value_)) {
    return values;
  }
  const auto* const braced = std::get_if<Braced>(&value_);
  return braced == nullptr ? nullptr : &braced->values;
}

bool Record::is_braced_member() const noexcept {
  const auto* const braced = std::get_if<Braced>(&value_);
  return braced != nullptr && braced->values->list.size() == 2 &&
         braced->values->list[0].kind() == Kind::text;
}

std::size_t Record::nesting() const noexcept {
  if (const auto* const list = values()) {
    return (*list)->nesting;
  }
  const auto* const members = std::get_if<SharedMembers>(&value_);
  return members == nullptr ? 0 : (*members)->nesting();
}

std::string_view Record::text() const& noexcept {
  const auto* const text = std::get_if<std::shared_ptr<const std::string>>(&value_);
  return text == nullptr ? std::string_view() : std::string_view(**text);
}

std::span<const std::byte> Record::bytes() const& noexcept {
  const auto* const bytes = std::get_if<std::shared_ptr<const Bytes>>(&value_);
  return bytes == nullptr ? std::span<const std::byte>() : std::span<const std::byte>(**bytes);
}

const Array& Record::shown_array() const noexcept {
  const auto* const array = std::get_if<std::shared_ptr<const Array>>(&value_);
  return array == nullptr ? empty_value<Array>() : **array;
}

Array Record::array() const {
  return shown_array();
}

const Record::List& Record::list() const& noexcept {
  const auto* const list = values();
  return list == nullptr ? empty_value<List>() : (*list)->list;
}

const RecordMembers& Record::members() const& noexcept {
  const auto* const members = std::get_if<SharedMembers>(&value_);
  return members == nullptr ? empty_value<RecordMembers>() : **members;
}

std::size_t Record::size() const noexcept {
  return kind() == Kind::members ? members().size() : list().size();
}

const Record& Record::operator[](std::string_view name) const noexcept {
  const Record* const found = members().find(name);
  return found == nullptr ? empty_value<Record>() : *found;
}

const Record& Record::operator[](std::size_t index) const noexcept {
  const List& all = list();
  return index < all.size() ? all[index] : empty_value<Record>();
}

void Record::set(std::string_view name, Record value) {
  if (is_null()) {
    RecordMembers members;
    members.set(name, std::move(value));
    *this = std::move(members);
    return;
  }
  auto* const members = std::get_if<SharedMembers>(&value_);
  if (members == nullptr) {
    throw mismatch("members; only these, and null, take a member");
  }
  const auto shared = unshare(*members);
  (*members)->set(name, std::move(value));
}

bool Record::remove(std::string_view name) {
  auto* const members = std::get_if<SharedMembers>(&value_);
  if (members == nullptr || (*members)->find(name) == nullptr) {
    return false;
  }
  const auto shared = unshare(*members);
  return (*members)->remove(name);
}

void Record::append(Record value) {
  if (is_null()) {
    auto made = std::make_shared<Values>();
    made->append(std::move(value));
    value_ = std::move(made);
    return;
  }
  auto* const braced = std::get_if<Braced>(&value_);
  auto* const list = braced == nullptr ? std::get_if<SharedValues>(&value_) : &braced->values;
  if (list == nullptr) {
    throw mismatch("a list; only a list, and null, takes one more value");
  }
  const auto shared = unshare(*list);
  (*list)->append(std::move(value));
}

bool operator==(const Record& a, const Record& b) noexcept {
  const auto same = [&]<class T>(std::in_place_type_t<T> /*alternative*/) {
    const T* const value = std::get_if<T>(&a.value_);
    const T* const other = std::get_if<T>(&b.value_);
    return value != nullptr && other != nullptr && *value == *other;
  };
  if (a.kind() != b.kind()) {
    return false;
  }
  switch (a.kind()) {
    case Record::Kind::null:
      return true;
    case Record::Kind::boolean:
      return same(std::in_place_type<bool>);
    case Record::Kind::integer:
      return same(std::in_place_type<std::int64_t>) || same(std::in_place_type<std::uint64_t>);
    case Record::Kind::real:
      return same(std::in_place_type<double>);
    case Record::Kind::complex:
      return same(std::in_place_type<std::complex<double>>);
    case Record::Kind::text:
      return a.text() == b.text();
    case Record::Kind::bytes:
      return std::ranges::equal(a.bytes(), b.bytes());
    case Record::Kind::array:
      return a.shown_array() == b.shown_array();
    case Record::Kind::list:
      return a.list() == b.list();
    case Record::Kind::members:
      return a.members() == b.members();
    case Record::Kind::stand_in:
      return same(std::in_place_type<RawProxy>);
  }
  return false;
}

}  // namespace locum
