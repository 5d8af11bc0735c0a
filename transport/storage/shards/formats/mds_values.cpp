// The values of the columns of MDS, by their encodings.

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "core/value/extents.hpp"
#include "transport/storage/formats/npy/half_number.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/shards/formats/foreign_file.hpp"
#include "transport/storage/shards/formats/mds_index.hpp"

namespace locum::storage {

static_assert(std::endian::native == std::endian::little, "MDS stores numbers as this machine does");

namespace {

/// A type of numbers: its name, that of its elements here, and its code in front of arrays.
struct MdsType {
  std::string_view name;
  std::string_view element;
  std::uint8_t code;
  std::uint8_t bytes;
};
constexpr std::array<MdsType, 11> mds_types{{{"uint8", "u8", 8, 1},
                                             {"int8", "i8", 9, 1},
                                             {"uint16", "u16", 16, 2},
                                             {"int16", "i16", 17, 2},
                                             {"float16", "f32", 18, 2},
                                             {"uint32", "u32", 32, 4},
                                             {"int32", "i32", 33, 4},
                                             {"float32", "f32", 34, 4},
                                             {"uint64", "u64", 64, 8},
                                             {"int64", "i64", 65, 8},
                                             {"float64", "f64", 66, 8}}};

const MdsType* mds_type(std::string_view name) {
  const auto* const found = std::ranges::find(mds_types, name, &MdsType::name);
  return found == mds_types.end() ? nullptr : found;
}

Error wrong_mds_bytes(std::string_view reason) {
  return Error(Errc::corrupt, std::string(reason));
}

template <class T>
T number_of_bytes(std::span<const std::byte> bytes) {
  T number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

Record mds_number(const MdsType& type, std::span<const std::byte> bytes) {
  switch (type.code) {
    case 8:
      return number_of_bytes<std::uint8_t>(bytes);
    case 9:
      return number_of_bytes<std::int8_t>(bytes);
    case 16:
      return number_of_bytes<std::uint16_t>(bytes);
    case 17:
      return number_of_bytes<std::int16_t>(bytes);
    case 18:
      return std::bit_cast<float>(float_bits_of_half(number_of_bytes<std::uint16_t>(bytes)));
    case 32:
      return number_of_bytes<std::uint32_t>(bytes);
    case 33:
      return number_of_bytes<std::int32_t>(bytes);
    case 34:
      return number_of_bytes<float>(bytes);
    case 64:
      return number_of_bytes<std::uint64_t>(bytes);
    case 65:
      return number_of_bytes<std::int64_t>(bytes);
    default:
      return number_of_bytes<double>(bytes);
  }
}

/// What follows `ndarray` in the name of an encoding: type and extents, where they do not differ.
struct MdsArrayForm {
  const MdsType* type = nullptr;
  std::optional<Extents> extents;
};

std::optional<MdsArrayForm> mds_array_form(std::string_view encoding) {
  MdsArrayForm form;
  if (encoding == "ndarray" || encoding == "ndarray:") {
    return form;
  }
  encoding.remove_prefix(std::string_view("ndarray:").size());
  const std::size_t colon = encoding.find(':');
  form.type = mds_type(encoding.substr(0, colon));
  if (form.type == nullptr || colon == encoding.npos) {
    return form.type == nullptr ? std::nullopt : std::optional(form);
  }
  form.extents.emplace();
  std::string_view rest = encoding.substr(colon + 1);
  for (;;) {
    std::uint64_t extent = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    if (read.ec != std::errc() || extent == 0 || form.extents->size() == max_rank) {
      return std::nullopt;
    }
    form.extents->values[form.extents->rank++] = extent;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    if (rest.empty()) {
      return form;
    }
    if (rest.front() != ',') {
      return std::nullopt;
    }
    rest.remove_prefix(1);
  }
}

/// Reads the extents in front of the elements, and removes them there: a byte with their number and the power
/// of two of their size, then these.
Result<Extents> take_mds_extents(std::span<const std::byte>& bytes) {
  const auto head = bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes.front());
  const std::size_t rank = head >> 2U;
  const std::size_t size = std::size_t{1} << (head & 3U);
  if (bytes.empty() || bytes.size() - 1 < rank * size) {
    return wrong_mds_bytes("it ends within the extents of an array");
  }
  if (rank > max_rank) {
    return Error(Errc::unsupported, "an array has " + std::to_string(rank) + " dimensions; at most " +
                                        std::to_string(max_rank) + " are read");
  }
  Extents extents;
  bytes = bytes.subspan(1);
  for (; extents.rank < rank; bytes = bytes.subspan(size)) {
    std::uint64_t extent = 0;
    std::memcpy(&extent, bytes.data(), size);
    extents.values[extents.rank++] = extent;
  }
  return extents;
}

Result<Record> mds_array(const MdsArrayForm& form, std::span<const std::byte> bytes) {
  const MdsType* type = form.type;
  if (type == nullptr) {
    const auto code = bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes.front());
    const auto* const found = std::ranges::find(mds_types, code, &MdsType::code);
    if (found == mds_types.end()) {
      return wrong_mds_bytes("an array has elements of the type " + std::to_string(code) +
                             ", which the format does not know");
    }
    type = found;
    bytes = bytes.subspan(1);
  }
  const auto extents = form.extents ? Result<Extents>(*form.extents) : take_mds_extents(bytes);
  if (!extents) {
    return extents.error();
  }
  std::uint64_t need = type->bytes;
  bool fits = true;
  for (const std::uint64_t extent : extents->span()) {
    fits = fits && !__builtin_mul_overflow(need, extent, &need);
  }
  if (!fits || need != bytes.size()) {
    return wrong_mds_bytes("the extents of an array do not fit its " + std::to_string(bytes.size()) +
                           " bytes");
  }
  const auto element = ElementType::named(type->element);
  auto draft = element ? make_sample_array(*element, *extents) : element.error();
  if (!draft) {
    return draft.error();
  }
  if (type->name != "float16") {
    std::ranges::copy(bytes, draft->bytes().begin());
    return Record(std::move(*draft).finish());
  }
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    const std::uint32_t bits = float_bits_of_half(number_of_bytes<std::uint16_t>(bytes.subspan(at, 2)));
    std::memcpy(draft->bytes().data() + 2 * at, &bits, sizeof bits);
  }
  return Record(std::move(*draft).finish());
}

Result<Record> mds_real(std::span<const std::byte> bytes) {
  const std::string_view text = text_of_bytes(bytes);
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size()
             ? Result<Record>(Record(number))
             : wrong_mds_bytes("it is no real number in decimal digits");
}

}  // namespace

Result<void> check_mds_column(const MdsColumn& column) {
  constexpr std::array<std::string_view, 10> others{"bytes", "str",         "int", "str_int", "str_float",
                                                    "json",  "str_decimal", "pil", "jpeg",    "png"};
  const std::string_view encoding = column.encoding;
  const bool is_array = encoding == "ndarray" || encoding.starts_with("ndarray:");
  const bool is_known = is_array ? mds_array_form(encoding).has_value()
                                 : mds_type(encoding) != nullptr || encoding.starts_with("jpeg:") ||
                                       std::ranges::find(others, encoding) != others.end();
  if (is_known) {
    return {};
  }
  const std::string which =
      "column " + quoted_name(column.name) + " has the encoding " + quoted_name(encoding);
  return Error(
      Errc::unsupported,
      encoding == "pkl"
          ? which +
                ": to read what Python has pickled runs code that is in the file; write the "
                "column with another encoding"
          : which + ", which is not read; write the column as bytes, str, json, ndarray, or numbers");
}

Result<Record> mds_value(const MdsColumn& column, std::span<const std::byte> bytes) {
  const std::string_view encoding = column.encoding;
  const MdsType* const type = mds_type(encoding == "int" ? "int64" : encoding);
  if (type != nullptr) {
    return bytes.size() == type->bytes ? Result<Record>(mds_number(*type, bytes))
                                       : wrong_mds_bytes("a number has " + std::to_string(bytes.size()) +
                                                         " bytes in place of " + std::to_string(type->bytes));
  }
  if (encoding == "str" || encoding == "str_decimal") {
    return record_of_text(bytes);
  }
  if (encoding == "json") {
    return record_of_json(bytes);
  }
  if (encoding == "str_int") {
    return record_of_digits(bytes);
  }
  if (encoding == "str_float") {
    return mds_real(bytes);
  }
  if (encoding.starts_with("ndarray")) {
    const auto form = mds_array_form(encoding);
    return form ? mds_array(*form, bytes) : Result<Record>(check_mds_column(column).error());
  }
  return record_of_bytes(bytes);
}

}  // namespace locum::storage
