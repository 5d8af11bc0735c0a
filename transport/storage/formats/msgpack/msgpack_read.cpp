#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <locum/archive.hpp>

#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"
#include "transport/storage/formats/msgpack/msgpack_cursor.hpp"
#include "transport/storage/formats/msgpack/numpy_value.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

std::string_view msgpack_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads one value. A function that returns false has set the error.
class MsgpackReader {
 public:
  MsgpackReader(std::span<const std::byte> bytes, const MakeArray& make) : cursor_(bytes), make_(make) {}

  Result<Record> read() {
    Record value;
    if (read_value(value, 0)) {
      if (cursor_.left() == 0) {
        return value;
      }
      fail(cursor_.at(), "bytes follow the value; a file of several values is not supported",
           Errc::unsupported);
    }
    return *error_;
  }

 private:
  bool fail(std::size_t at, std::string_view reason, Errc code = Errc::corrupt) {
    error_ = Error(code, "at byte " + std::to_string(at) + ": " + std::string(reason));
    return false;
  }
  bool fail_short(std::size_t at) { return fail(at, "the file ends inside of the value that begins here"); }

  bool read_value(Record& value, std::size_t depth);
  bool read_list(Record& value, std::uint64_t size, std::size_t depth);
  bool read_map(Record& value, std::uint64_t size, std::size_t depth);
  bool read_text(std::uint64_t size, std::string_view& text);
  /// Reads a map of msgpack-numpy behind its first key.
  bool read_numpy(Record& value, std::size_t begin, std::uint64_t size, std::string_view first_key,
                  std::size_t depth);

  MsgpackCursor cursor_;
  const MakeArray& make_;
  std::optional<Error> error_;
};

bool MsgpackReader::read_value(Record& value, std::size_t depth) {
  const std::size_t begin = cursor_.at();
  MsgpackHead head;
  std::span<const std::byte> bytes;
  if (!msgpack_read_head(cursor_, head)) {
    return fail_short(begin);
  }
  switch (head.kind) {
    case MsgpackHead::Kind::unknown:
      return fail(begin, "no value of MessagePack begins with the byte 0xC1");
    case MsgpackHead::Kind::nil:
      value = Record();
      return true;
    case MsgpackHead::Kind::boolean:
      value = Record(head.truth);
      return true;
    case MsgpackHead::Kind::with_sign:
      value = Record(head.with_sign);
      return true;
    case MsgpackHead::Kind::without_sign:
      value = Record(head.without_sign);
      return true;
    case MsgpackHead::Kind::real:
      value = Record(head.real);
      return true;
    case MsgpackHead::Kind::text: {
      std::string_view text;
      if (!read_text(head.size, text)) {
        return false;
      }
      value = Record(text);
      return true;
    }
    case MsgpackHead::Kind::bytes:
      if (!cursor_.read(head.size, bytes)) {
        return fail_short(begin);
      }
      value = Record(Record::Bytes(bytes.begin(), bytes.end()));
      return true;
    case MsgpackHead::Kind::extension:
      return fail(begin,
                  head.extension == -1
                      ? "a time (the extension -1) is not supported; store it as a number or a text"
                      : "an extension of the type " + std::to_string(head.extension) + " is not supported",
                  Errc::unsupported);
    case MsgpackHead::Kind::list:
    case MsgpackHead::Kind::map:
      break;
  }
  if (depth == max_nesting) {
    return fail(begin, "the values nest deeper than " + std::to_string(max_nesting) + " levels",
                Errc::unsupported);
  }
  return head.kind == MsgpackHead::Kind::list ? read_list(value, head.size, depth + 1)
                                              : read_map(value, head.size, depth + 1);
}

bool MsgpackReader::read_list(Record& value, std::uint64_t size, std::size_t depth) {
  if (size > cursor_.left()) {  // each value has a byte
    return fail_short(cursor_.at());
  }
  Record::List list;
  for (std::uint64_t at = 0; at < size; ++at) {
    if (!read_value(list.emplace_back(), depth)) {
      return false;
    }
  }
  value = Record::list(std::move(list));
  return true;
}

bool MsgpackReader::read_text(std::uint64_t size, std::string_view& text) {
  const std::size_t begin = cursor_.at();
  std::span<const std::byte> bytes;
  if (!cursor_.read(size, bytes)) {
    return fail_short(begin);
  }
  text = msgpack_text(bytes);
  const std::size_t valid = valid_utf8_bytes(text);
  return valid == text.size() || fail(begin + valid, "a text is no UTF-8; store it as bytes");
}

bool MsgpackReader::read_map(Record& value, std::uint64_t size, std::size_t depth) {
  const std::size_t begin = cursor_.at();
  if (size > cursor_.left() / 2) {
    return fail_short(begin);
  }
  RecordMembers members;
  for (std::uint64_t at = 0; at < size; ++at) {
    const std::size_t key_begin = cursor_.at();
    MsgpackHead head;
    std::span<const std::byte> bytes;
    std::string_view name;
    if (!msgpack_read_head(cursor_, head)) {
      return fail_short(key_begin);
    }
    if (head.kind == MsgpackHead::Kind::bytes && at == 0) {
      return cursor_.read(head.size, bytes) ? read_numpy(value, begin, size, msgpack_text(bytes), depth)
                                            : fail_short(key_begin);
    }
    if (head.kind != MsgpackHead::Kind::text) {
      return fail(key_begin, "the key of a map is no text; members have texts as names", Errc::unsupported);
    }
    if (!read_text(head.size, name)) {
      return false;
    }
    if (members.find(name) != nullptr) {
      return fail(key_begin, "the name '" +
                                 std::string(name.substr(0, valid_utf8_bytes(name.substr(0, 128)))) +
                                 "' occurs twice in this map");
    }
    Record member;
    if (!read_value(member, depth)) {
      return false;
    }
    members.set(name, std::move(member));
  }
  value = Record(std::move(members));
  return true;
}

bool MsgpackReader::read_numpy(Record& value, std::size_t begin, std::uint64_t size,
                               std::string_view first_key, std::size_t depth) {
  NumpyValue found;
  std::string_view key = first_key;
  bool has_data = false;
  for (std::uint64_t at = 0;; ++at) {
    const std::size_t value_begin = cursor_.at();
    // The elements are read in place; all else is small.
    if (key == "data" && !std::exchange(has_data, true)) {
      MsgpackHead head;
      if (!msgpack_read_head(cursor_, head)) {
        return fail_short(value_begin);
      }
      const bool is_data = head.kind == MsgpackHead::Kind::bytes || head.kind == MsgpackHead::Kind::text;
      if (!is_data || !cursor_.read(head.size, found.data)) {
        return is_data ? fail_short(value_begin) : fail(value_begin, "the elements of an array are no bytes");
      }
    } else {
      Record part;
      if (!read_value(part, depth)) {
        return false;
      }
      if (!found.take(key, std::move(part))) {
        return fail(begin,
                    "the keys of a map are bytes, and it is none that msgpack-numpy writes; members have "
                    "texts as names",
                    Errc::unsupported);
      }
    }
    if (at + 1 == size) {
      break;
    }
    const std::size_t key_begin = cursor_.at();
    MsgpackHead head;
    std::span<const std::byte> bytes;
    if (!msgpack_read_head(cursor_, head)) {
      return fail_short(key_begin);
    }
    if (head.kind != MsgpackHead::Kind::bytes) {
      return fail(key_begin, "the keys of a map are of several types; members have texts as names",
                  Errc::unsupported);
    }
    if (!cursor_.read(head.size, bytes)) {
      return fail_short(key_begin);
    }
    key = msgpack_text(bytes);
  }
  auto made = found.value(make_);
  if (!made) {
    const Error& error = made.error();
    error_ =
        error.code() == Errc::out_of_memory
            ? error
            : Error(error.code(), "at byte " + std::to_string(begin) + ": " + error.text(), error.detail());
    return false;
  }
  value = std::move(*made);
  return true;
}

}  // namespace

Result<Record> msgpack_read(std::span<const std::byte> bytes, const MakeArray& make) {
  return MsgpackReader(bytes, make).read();
}

}  // namespace locum::storage
