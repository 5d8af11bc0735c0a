// Values of files, as the C interface describes them.
#include "transport/storage/c/values.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/views.hpp"
#include "core/detail/representation.hpp"
#include "core/ports/backend.hpp"
#include "core/record_archive.hpp"

namespace locum::c {

namespace {

/// Returns the shared owner of memory that the caller keeps for the call.
std::shared_ptr<const void> owner_for_call(const void* memory) {
  return {memory, [](const void*) {}};
}

/// Returns one element as the number that a Record has for it, if the Record holds it with its type.
Record one_value(const Array& one) {
  const auto is = [&]<class T>(std::type_identity<T> /*type*/, Record& into) {
    const auto value = one.value<T>();
    into = value ? Record(*value) : std::move(into);
    return static_cast<bool>(value);
  };
  Record number;
  return is(std::type_identity<double>(), number) || is(std::type_identity<std::int64_t>(), number) ||
                 is(std::type_identity<std::uint64_t>(), number) || is(std::type_identity<bool>(), number) ||
                 is(std::type_identity<std::complex<double>>(), number)
             ? number
             : Record(one);
}

DescribedValue described_bytes(std::shared_ptr<const void> owner, locum_type type, std::string_view type_name,
                               const void* data, std::uint64_t size_bytes) {
  DescribedValue value{std::move(owner), {}, size_bytes};
  value.array.type = type;
  value.array.type_name = text_of(type_name);
  value.array.rank = 1;
  value.array.extents[0] = static_cast<std::int64_t>(size_bytes);
  value.array.strides[0] = 1;
  value.array.data = const_cast<void*>(data);
  return value;
}

template <class T>
DescribedValue described_number(locum_type type, std::string_view type_name, T number) {
  auto kept = std::make_shared<const T>(number);
  DescribedValue value{kept, {}, sizeof number};
  value.array.type = type;
  value.array.type_name = text_of(type_name);
  value.array.data = const_cast<T*>(kept.get());
  return value;
}

// The owner keeps the name of the type as well.
Result<DescribedValue> described_array(Array shown) {
  const locum_type type = type_of(shown.element().name());
  if (type == LOCUM_CLASS && !shown.is_contiguous()) {  // whose strides do not tell the size of an element
    auto packed = shown.packed();
    if (!packed) {
      return packed.error();
    }
    shown = *std::move(packed);
  }
  const auto kept = std::make_shared<const Array>(std::move(shown));
  DescribedValue value{kept, {}, kept->size_bytes()};
  value.array.type = type;
  value.array.rank = static_cast<std::int32_t>(kept->extents().size());
  for (std::size_t at = 0; at < kept->extents().size(); ++at) {
    value.array.extents[at] = static_cast<std::int64_t>(kept->extents()[at]);
    value.array.strides[at] = kept->stride(at);
  }
  value.array.data = const_cast<std::byte*>(kept->data());
  value.array.type_name = text_of(kept->element().name());
  return value;
}

constexpr std::size_t most_names_told = 8;

constexpr std::size_t most_characters_told = 60;

/// `outer`: the path of the Record in the whole value, with a `/` behind it; empty for the whole value.
Error no_member_there(const Record& record, std::string_view outer, std::string_view name) {
  std::string names;
  std::size_t told = 0;
  for (const auto& [other, value] : record.members()) {
    if (told == most_names_told) {
      names += " …";
      break;
    }
    names += told++ == 0 ? "'" : ", '";
    names += std::string(outer) + other.substr(0, most_characters_told) + "'";
  }
  return Error(Errc::not_found, "there is no member '" + std::string(outer) + std::string(name) + "'; " +
                                    (told == 0 ? "there are none" : "there are " + names));
}

}  // namespace

Result<Record> stored_record(const locum_array& array) {
  const auto encoded = encoded_memory_of(array);
  if (!encoded) {
    return encoded.error();
  }
  if (encoded->type != Record::locum_type_name || !encoded->codec.empty()) {
    return Error(
        Errc::invalid_argument,
        "an encoded value of a file is a stored Record, of the type locum.record; give that, or an array");
  }
  if (array.data == nullptr) {
    return null_argument("the data of this array");
  }
  const auto size = static_cast<std::size_t>(encoded->size_bytes);
  return decode_record(owner_for_call(array.data), {static_cast<const std::byte*>(array.data), size}, {});
}

Result<Record> record_in(const locum_array& array) {
  if (array.type == LOCUM_ENCODED) {
    return stored_record(array);
  }
  const auto elements = elements_of(array);
  if (!elements) {
    return elements.error();
  }
  if (!elements->is_valid()) {
    return invalid(*elements);
  }
  const Array shown(owner_for_call(array.data), *elements);
  if (array.rank == 0) {
    return one_value(shown);
  }
  if (array.rank != 1 || (array.type != LOCUM_CHAR && array.type != LOCUM_BYTE)) {
    return Record(shown);
  }
  const auto packed = shown.packed();
  if (!packed) {
    return packed.error();
  }
  const std::span<const std::byte> bytes = packed->bytes();
  return array.type == LOCUM_CHAR
             ? Record(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()))
             : Record(Record::Bytes(bytes.begin(), bytes.end()));
}

Result<DescribedValue> described(const Record& value) {
  switch (value.kind()) {
    case Record::Kind::array:
      return described_array(value.array());
    case Record::Kind::boolean:
      return described_number(LOCUM_BOOL, "bool", value.as<bool>().value());
    case Record::Kind::integer: {
      const auto number = value.as<std::int64_t>();
      return number ? described_number(LOCUM_I64, "i64", *number)
                    : described_number(LOCUM_U64, "u64", value.as<std::uint64_t>().value());
    }
    case Record::Kind::real:
      return described_number(LOCUM_F64, "f64", value.as<double>().value());
    case Record::Kind::complex:
      return described_number(LOCUM_C128, "c128", value.as<std::complex<double>>().value());
    case Record::Kind::text: {
      const auto kept = std::make_shared<const Record>(value);
      return described_bytes(kept, LOCUM_CHAR, "char", kept->text().data(), kept->text().size());
    }
    case Record::Kind::bytes: {
      const auto kept = std::make_shared<const Record>(value);
      return described_bytes(kept, LOCUM_BYTE, "byte", kept->bytes().data(), kept->bytes().size());
    }
    default:
      return described_as_record(value);
  }
}

Result<DescribedValue> described_as_record(const Record& value) {
  const auto size = detail::stored_bytes(value);
  if (!size) {
    return size.error();
  }
  auto memory = record_memory(*size);
  if (!memory) {
    return no_memory_left();
  }
  const auto written = detail::store_value(value, {memory.get(), static_cast<std::size_t>(*size)});
  if (!written) {
    return written.error();
  }
  const void* const data = memory.get();
  DescribedValue described =
      described_bytes(std::move(memory), LOCUM_ENCODED, Record::locum_type_name, data, *size);
  return described;
}

locum_status give_value(const Result<Record>& value, locum_view& view) {
  auto shown = value ? described(*value) : Result<DescribedValue>(value.error());
  if (!shown) {
    return failed(shown.error());
  }
  give_memory(std::move(shown->owner), shown->array, shown->size_bytes, view);
  return LOCUM_OK;
}

Result<Record> member_at(const Record& value, std::string_view path) {
  const Record* at = &value;
  std::string_view rest = path;
  for (;;) {
    const std::string_view so_far = path.substr(0, path.size() - rest.size());
    if (at->kind() != Record::Kind::members && !at->is_null()) {
      return Error(Errc::type_mismatch,
                   so_far.empty() ? "this Record has no members; read it as what it is"
                                  : "'" + std::string(so_far.substr(0, so_far.size() - 1)) +
                                        "' has no members; name it without what follows, and read it as what "
                                        "it is");
    }
    if (const Record* const whole = at->members().find(rest)) {
      return *whole;
    }
    const std::size_t slash = rest.find('/');
    const Record* const outer =
        slash == std::string_view::npos ? nullptr : at->members().find(rest.substr(0, slash));
    if (outer == nullptr) {
      return no_member_there(*at, so_far, rest.substr(0, slash));
    }
    at = outer;
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace locum::c
