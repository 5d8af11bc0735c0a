#include "core/fortran/stored_record.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace locum::fortran {

namespace {

static_assert(std::endian::native == std::endian::little, "stored Records are little-endian");

constexpr std::size_t alignment_of_elements = 16;
constexpr std::size_t most_nesting = 256;  // as core/archive.hpp

struct Element {
  const char* name;
  NamedType type;
};

constexpr std::array<Element, 15> elements{{{"i8", {LOCUM_I8, 1}},
                                            {"i16", {LOCUM_I16, 2}},
                                            {"i32", {LOCUM_I32, 4}},
                                            {"i64", {LOCUM_I64, 8}},
                                            {"u8", {LOCUM_U8, 1}},
                                            {"u16", {LOCUM_U16, 2}},
                                            {"u32", {LOCUM_U32, 4}},
                                            {"u64", {LOCUM_U64, 8}},
                                            {"f32", {LOCUM_F32, 4}},
                                            {"f64", {LOCUM_F64, 8}},
                                            {"c64", {LOCUM_C64, 8}},
                                            {"c128", {LOCUM_C128, 16}},
                                            {"bool", {LOCUM_BOOL, 1}},
                                            {"char", {LOCUM_CHAR, 1}},
                                            {"byte", {LOCUM_BYTE, 1}}}};

// The bytes of an element of a class, whose name ends with them: particle{48}. 0: it does not.
std::uint64_t bytes_of_class(const locum_text& name) noexcept {
  const auto* const brace = static_cast<const char*>(std::memchr(name.first, '{', name.length));
  if (brace == nullptr || name.first[name.length - 1] != '}') {
    return 0;
  }
  std::uint64_t bytes = 0;
  for (const char* at = brace + 1; at < name.first + name.length - 1; ++at) {
    if (*at < '0' || *at > '9' || __builtin_mul_overflow(bytes, 10U, &bytes) ||
        __builtin_add_overflow(bytes, static_cast<unsigned>(*at - '0'), &bytes)) {
      return 0;
    }
  }
  return bytes;
}

}  // namespace

NamedType type_named(const locum_text& name) noexcept {
  for (const Element& each : elements) {
    if (text_is(name, each.name)) {
      return each.type;
    }
  }
  return {LOCUM_NO_TYPE, 0};
}

bool text_is(const locum_text& text, const char* expected) noexcept {
  return text.length == std::strlen(expected) && std::memcmp(text.first, expected, text.length) == 0;
}

StoredRecord::StoredRecord(const void* bytes, std::size_t size) noexcept
    : bytes_(static_cast<const unsigned char*>(bytes)), size_(bytes == nullptr ? 0 : size) {
  unsigned char found = 0;
  if (!take_byte(found) || found != version) {
    fail();
  }
}

bool StoredRecord::is(Tag tag) const noexcept {
  return at_ < size_ && bytes_[at_] == tag;
}

bool StoredRecord::is_text() const noexcept {
  return is(text_tag);
}

bool StoredRecord::is_integer() const noexcept {
  return is(integer_tag);
}

bool StoredRecord::is_list() const noexcept {
  return is(list_tag);
}

bool StoredRecord::is_members() const noexcept {
  return is(members_tag);
}

bool StoredRecord::fail() noexcept {
  at_ = size_;
  return false;
}

bool StoredRecord::pass(std::uint64_t bytes) noexcept {
  if (bytes > size_ - at_) {
    return fail();
  }
  at_ += static_cast<std::size_t>(bytes);
  return true;
}

bool StoredRecord::take_byte(unsigned char& byte) noexcept {
  if (at_ == size_) {
    return false;
  }
  byte = bytes_[at_++];
  return true;
}

bool StoredRecord::take_number(std::uint64_t& number) noexcept {
  if (size_ - at_ < sizeof number) {
    return fail();
  }
  std::memcpy(&number, bytes_ + at_, sizeof number);
  at_ += sizeof number;
  return true;
}

bool StoredRecord::take_name(locum_text& name) noexcept {
  std::uint64_t length = 0;
  if (!take_number(length) || length > size_ - at_) {
    return fail();
  }
  name = {reinterpret_cast<const char*>(bytes_ + at_), static_cast<std::size_t>(length)};
  at_ += name.length;
  return true;
}

bool StoredRecord::take_text(locum_text& text) noexcept {
  return pass(1) && take_name(text);
}

bool StoredRecord::take_integer(std::int64_t& integer) noexcept {
  std::uint64_t number = 0;
  if (!pass(1) || !take_number(number)) {
    return false;
  }
  integer = static_cast<std::int64_t>(number);
  return true;
}

bool StoredRecord::begin_list(std::uint64_t& count) noexcept {
  return pass(1) && take_number(count);
}

bool StoredRecord::skip_blob() noexcept {
  locum_text ignored{};
  return take_name(ignored);
}

bool StoredRecord::skip_array() noexcept {
  locum_text name{};
  unsigned char rank = 0;
  if (!take_name(name) || !take_byte(rank) || rank > LOCUM_MAX_RANK || name.length == 0) {
    return fail();
  }
  const NamedType known = type_named(name);
  std::uint64_t bytes = known.type == LOCUM_NO_TYPE ? bytes_of_class(name) : known.bytes;
  if (bytes == 0) {
    return fail();
  }
  bool is_empty = false;
  for (unsigned char at = 0; at < rank; ++at) {
    std::uint64_t extent = 0;
    if (!take_number(extent) || (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes))) {
      return fail();
    }
    is_empty = is_empty || extent == 0;
  }
  return pass((alignment_of_elements - at_ % alignment_of_elements) % alignment_of_elements) &&
         pass(is_empty ? 0 : bytes);
}

// Passes over a value without those that it contains: so many are next.
bool StoredRecord::skip_head(std::uint64_t& values, bool& has_names) noexcept {
  values = 0;
  has_names = false;
  unsigned char tag = 0;
  if (!take_byte(tag)) {
    return false;
  }
  switch (tag) {
    case null_tag:
    case false_tag:
    case true_tag:
      return true;
    case integer_tag:
    case large_integer_tag:
    case real_tag:
      return pass(8);
    case complex_tag:
      return pass(16);
    case text_tag:
    case bytes_tag:
      return skip_blob();
    case array_tag:
      return skip_array();
    case list_tag:
    case members_tag:
      has_names = tag == members_tag;
      return take_number(values);
    case stand_in_tag:
      return pass(sizeof(locum_handle));
    default:
      return fail();
  }
}

bool StoredRecord::skip() noexcept {
  struct Level {
    std::uint64_t left;
    bool has_names;
  };
  std::array<Level, most_nesting> levels;  // not zeroed
  std::size_t depth = 0;
  do {
    if (depth > 0) {
      Level& inner = levels[depth - 1];
      --inner.left;
      if (inner.has_names && !skip_blob()) {
        return false;
      }
    }
    Level next{};
    if (!skip_head(next.left, next.has_names) || (next.left > 0 && depth == levels.size())) {
      return fail();
    }
    if (next.left > 0) {
      levels[depth++] = next;
    }
    while (depth > 0 && levels[depth - 1].left == 0) {
      --depth;
    }
  } while (depth > 0);
  return true;
}

}  // namespace locum::fortran
