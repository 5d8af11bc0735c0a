#include <bit>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <locum/archive.hpp>

#include "transport/storage/formats/msgpack/msgpack_bytes.hpp"
#include "transport/storage/formats/text/draft_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

/// Writes a value. Keeps its place in the whole one for errors: `/limits/2`.
class MsgpackWriter {
 public:
  explicit MsgpackWriter(FileDraft& file) : draft_(file), file_(file) {}

  Result<void> write(const Record& value) {
    auto written = append(value, 0);
    return written ? draft_.flush() : written;
  }

 private:
  [[nodiscard]] Error unwritable(const std::string& reason) const {
    return Error(Errc::type_mismatch, "the value " + (place_.empty() ? "" : "at " + place_ + " ") + reason);
  }
  void append_byte(std::uint64_t byte) { draft_.text += static_cast<char>(static_cast<unsigned char>(byte)); }
  /// Appends an integer, the most significant byte first.
  void append_number(std::uint64_t number, std::size_t size) {
    for (std::size_t byte = size; byte-- > 0;) {
      append_byte(number >> 8 * byte & 0xFFU);
    }
  }
  void append_integer(const Record& value);
  /// Appends the head of a text, of bytes, a list or a map. \param first the heads with lengths of 8, of 16
  /// and of 32 bits; 0 for none
  Result<void> append_head(std::uint64_t size, std::uint64_t short_head, std::uint64_t most_short,
                           std::uint64_t head_8, std::uint64_t head_16);
  Result<void> append_text(std::string_view text);
  Result<void> append_bytes(std::span<const std::byte> bytes);
  void append_key(std::string_view key);
  Result<void> append_complex(std::complex<double> number);
  Result<void> append_array(const Array& array);
  Result<void> append(const Record& value, std::size_t depth);

  DraftText draft_;
  FileDraft& file_;
  std::string place_;
};

void MsgpackWriter::append_integer(const Record& value) {
  const auto number = value.as<std::int64_t>();
  if (number && *number < 0) {
    const auto bits = static_cast<std::uint64_t>(*number);
    if (*number >= -32) {
      append_byte(bits & 0xFFU);
      return;
    }
    const std::size_t power = *number >= std::numeric_limits<std::int8_t>::min()    ? 0
                              : *number >= std::numeric_limits<std::int16_t>::min() ? 1
                              : *number >= std::numeric_limits<std::int32_t>::min() ? 2
                                                                                    : 3;
    append_byte(0xD0 + power);
    return append_number(bits, std::size_t{1} << power);
  }
  const std::uint64_t magnitude = number ? static_cast<std::uint64_t>(*number) : *value.as<std::uint64_t>();
  if (magnitude < 0x80) {
    return append_byte(magnitude);
  }
  const std::size_t power = magnitude <= 0xFF ? 0 : magnitude <= 0xFFFF ? 1 : magnitude <= 0xFFFFFFFF ? 2 : 3;
  append_byte(0xCC + power);
  append_number(magnitude, std::size_t{1} << power);
}

Result<void> MsgpackWriter::append_head(std::uint64_t size, std::uint64_t short_head,
                                        std::uint64_t most_short, std::uint64_t head_8,
                                        std::uint64_t head_16) {
  if (short_head != 0 && size <= most_short) {
    append_byte(short_head | size);
  } else if (head_8 != 0 && size <= 0xFF) {
    append_byte(head_8);
    append_number(size, 1);
  } else if (size <= 0xFFFF) {
    append_byte(head_16);
    append_number(size, 2);
  } else if (size <= 0xFFFFFFFF) {
    append_byte(head_16 + 1);
    append_number(size, 4);
  } else {
    return unwritable(
        "is too large for MessagePack, which holds texts, bytes, arrays and lists of less than 4 "
        "GiB; save it in parts, or in a format of arrays");
  }
  return {};
}

Result<void> MsgpackWriter::append_text(std::string_view text) {
  if (!is_utf8(text)) {
    return unwritable("has a text that is no UTF-8, as those of MessagePack are; save it as bytes");
  }
  if (auto head = append_head(text.size(), 0xA0, 31, 0xD9, 0xDA); !head) {
    return head;
  }
  draft_.text += text;
  return draft_.flush_if_long();
}

Result<void> MsgpackWriter::append_bytes(std::span<const std::byte> bytes) {
  if (auto head = append_head(bytes.size(), 0, 0, 0xC4, 0xC5); !head) {
    return head;
  }
  constexpr std::size_t few_bytes = 4096;
  if (bytes.size() <= few_bytes) {
    draft_.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return draft_.flush_if_long();
  }
  auto flushed = draft_.flush();
  return flushed ? file_.write(bytes) : flushed;
}

void MsgpackWriter::append_key(std::string_view key) {
  append_byte(0xC4);
  append_number(key.size(), 1);
  draft_.text += key;
}

// A scalar of NumPy, whose bits Python gets as they are; its own form is a text.
Result<void> MsgpackWriter::append_complex(std::complex<double> number) {
  append_byte(0x83);
  append_key("nd");
  append_byte(0xC2);
  append_key("type");
  if (auto type = append_text(msgpack_numpy_name(ElementType::of<std::complex<double>>())); !type) {
    return type;
  }
  append_key("data");
  return append_bytes(std::as_bytes(std::span(&number, 1)));
}

Result<void> MsgpackWriter::append_array(const Array& array) {
  const std::string type = msgpack_numpy_name(array.element());
  if (type.empty()) {
    return unwritable("is an array of " + array.element().name() +
                      ", for which NumPy has no type; save it as one of u8, or in another format");
  }
  append_byte(0x85);
  append_key("nd");
  append_byte(0xC3);
  append_key("type");
  if (auto written = append_text(type); !written) {
    return written;
  }
  append_key("kind");
  append_byte(0xC4);
  append_byte(0);
  append_key("shape");
  append_byte(0x90 | array.extents().size());
  for (const std::uint64_t extent : array.extents().span()) {
    append_integer(Record(extent));
  }
  append_key("data");
  const auto packed = array.packed();
  return packed ? append_bytes(packed->bytes()) : packed.error();
}

Result<void> MsgpackWriter::append(const Record& value, std::size_t depth) {
  const bool nests = value.kind() == Record::Kind::list || value.kind() == Record::Kind::members;
  if (nests && depth == max_nesting) {
    return unwritable("nests deeper than " + std::to_string(max_nesting) + " levels; store it flatter");
  }
  const std::size_t length = place_.size();
  switch (value.kind()) {
    case Record::Kind::null:
      append_byte(0xC0);
      break;
    case Record::Kind::boolean:
      append_byte(*value.as<bool>() ? 0xC3 : 0xC2);
      break;
    case Record::Kind::integer:
      append_integer(value);
      break;
    case Record::Kind::real:
      append_byte(0xCB);
      append_number(std::bit_cast<std::uint64_t>(*value.as<double>()), 8);
      break;
    case Record::Kind::complex:
      return append_complex(*value.as<std::complex<double>>());
    case Record::Kind::text:
      return append_text(value.text());
    case Record::Kind::bytes:
      return append_bytes(value.bytes());
    case Record::Kind::array:
      return append_array(value.array());
    case Record::Kind::stand_in:
      return unwritable("stands for an object elsewhere; save the object itself");
    case Record::Kind::list:
      if (auto head = append_head(value.size(), 0x90, 15, 0, 0xDC); !head) {
        return head;
      }
      for (std::size_t at = 0; at < value.size(); ++at) {
        place_.append("/").append(std::to_string(at));
        if (auto written = append(value.list()[at], depth + 1); !written) {
          return written;
        }
        place_.resize(length);
      }
      break;
    case Record::Kind::members:
      if (auto head = append_head(value.size(), 0x80, 15, 0, 0xDE); !head) {
        return head;
      }
      for (const auto& [name, member] : value.members()) {
        place_.append("/").append(name, 0, 64);
        if (auto written = append_text(name); !written) {
          return written;
        }
        if (auto written = append(member, depth + 1); !written) {
          return written;
        }
        place_.resize(length);
      }
      break;
  }
  return draft_.flush_if_long();
}

}  // namespace

Result<void> msgpack_write(const Record& value, FileDraft& file) {
  return MsgpackWriter(file).write(value);
}

}  // namespace locum::storage
