// Values of files, as the C interface describes them.
#include "transport/storage/c/values.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
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

DescribedValue described_bytes(std::shared_ptr<const void> owner, locum_type type, const void* data,
                               std::uint64_t size_bytes) {
  DescribedValue value{std::move(owner), {}, size_bytes};
  value.array.type = type;
  value.array.rank = 1;
  value.array.extents[0] = static_cast<std::int64_t>(size_bytes);
  value.array.strides[0] = 1;
  value.array.data = const_cast<void*>(data);
  return value;
}

template <class T>
DescribedValue described_number(locum_type type, T number) {
  auto kept = std::make_shared<const T>(number);
  DescribedValue value{kept, {}, sizeof number};
  value.array.type = type;
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
      return described_number(LOCUM_BOOL, value.as<bool>().value());
    case Record::Kind::integer: {
      const auto number = value.as<std::int64_t>();
      return number ? described_number(LOCUM_I64, *number)
                    : described_number(LOCUM_U64, value.as<std::uint64_t>().value());
    }
    case Record::Kind::real:
      return described_number(LOCUM_F64, value.as<double>().value());
    case Record::Kind::complex:
      return described_number(LOCUM_C128, value.as<std::complex<double>>().value());
    case Record::Kind::text: {
      const auto kept = std::make_shared<const Record>(value);
      return described_bytes(kept, LOCUM_CHAR, kept->text().data(), kept->text().size());
    }
    case Record::Kind::bytes: {
      const auto kept = std::make_shared<const Record>(value);
      return described_bytes(kept, LOCUM_BYTE, kept->bytes().data(), kept->bytes().size());
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
  DescribedValue described = described_bytes(std::move(memory), LOCUM_ENCODED, data, *size);
  described.array.type_name = text_of(Record::locum_type_name);
  return described;
}

}  // namespace locum::c
