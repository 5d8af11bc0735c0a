#include "transport/storage/formats/h5/h5_value.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <utility>

#include "transport/storage/formats/npy/half_number.hpp"

namespace locum::storage {

namespace {

/// A text of a list takes more than its characters.
constexpr std::uint64_t h5_bytes_of_text = 64;

template <std::size_t bytes>
void turn_h5_numbers(std::span<std::byte> numbers) {
  for (std::size_t at = 0; at + bytes <= numbers.size(); at += bytes) {
    std::reverse(numbers.data() + at, numbers.data() + at + bytes);
  }
}

template <class T>
bool set_h5_number(const Array& array, Record& number) {
  const auto value =
      array.element().name() == ElementType::of<T>().name() ? array.value<T>() : Result<T>(no_element_type());
  if (value) {
    number = Record(*value);
  }
  return value.has_value();
}

template <class... T>
Record first_h5_number(const Array& array) {
  Record number;
  return (set_h5_number<T>(array, number) || ...) ? number : Record(array);
}

Record h5_texts_from(std::vector<std::string>& texts, std::size_t& next,
                     std::span<const std::uint64_t> extents) {
  if (extents.empty()) {
    return std::move(texts[next++]);
  }
  Record::List list;
  list.reserve(static_cast<std::size_t>(extents[0]));
  for (std::uint64_t at = 0; at < extents[0]; ++at) {
    list.push_back(h5_texts_from(texts, next, extents.subspan(1)));
  }
  return Record::list(std::move(list));
}

}  // namespace

void require_loadable_h5_type(const H5Type& type, const H5Options& options) {
  if (type.kind == H5Type::Kind::half && !options.half_as_f32) {
    throw Error(Errc::unsupported,
                "its elements are floating-point numbers of 16 bits, which arrays do not have; the option "
                "half = \"f32\" loads them as f32, which is exact");
  }
  if (type.kind == H5Type::Kind::other) {
    throw Error(Errc::unsupported, "its elements are " + type.description +
                                       ", which no array has; leave it out by the option skip = true, or "
                                       "load others by dataset = PATH");
  }
  for (const auto& [name, field] : type.fields) {
    require_loadable_h5_type(field, options);
  }
}

void charge_h5_values(const H5Type& type, const std::vector<std::uint64_t>& extents, H5Budget& budget) {
  std::uint64_t count = 1;
  for (const std::uint64_t extent : extents) {
    if (extent == 0) {
      budget.take_memory(count, h5_bytes_of_text);  // empty lists
      count = 0;
      break;
    }
    count *= extent;  // does not overflow: the extents were checked
  }
  switch (type.kind) {
    case H5Type::Kind::half:
      return budget.take_memory(count, sizeof(float));
    case H5Type::Kind::text:
    case H5Type::Kind::fixed_text:
      budget.take_memory(count, h5_bytes_of_text);
      return budget.take_memory(count, type.stored_bytes);
    case H5Type::Kind::bytes:
      if (!extents.empty() && count > 0) {
        throw Error(Errc::unsupported, "its elements are " + type.description +
                                           ", which no array has; leave it out by the option skip = true");
      }
      [[fallthrough]];
    case H5Type::Kind::element:
      return budget.take_memory(count, type.stored_bytes);
    case H5Type::Kind::fields:
      for (const auto& [name, field] : type.fields) {
        charge_h5_values(field, extents, budget);
      }
      return;
    case H5Type::Kind::other:
      return;
  }
}

void finish_h5_elements(const H5Type& type, std::span<std::byte> elements) {
  switch (type.turned_bytes) {
    case 2:
      turn_h5_numbers<2>(elements);
      break;
    case 4:
      turn_h5_numbers<4>(elements);
      break;
    case 8:
      turn_h5_numbers<8>(elements);
      break;
    default:
      break;
  }
  if (type.element.name() == "bool" &&
      std::ranges::any_of(elements, [](std::byte one) { return one > std::byte{1}; })) {
    throw Error(Errc::corrupt, "a truth value is neither FALSE nor TRUE");
  }
}

void widen_h5_halves(const H5Type& type, std::span<const std::byte> halves, std::span<std::byte> into) {
  for (std::size_t at = 0; at < halves.size() / 2; ++at) {
    std::uint16_t half;
    std::memcpy(&half, halves.data() + 2 * at, sizeof half);
    const std::uint32_t bits = float_bits_of_half(type.turned_bytes == 2 ? __builtin_bswap16(half) : half);
    std::memcpy(into.data() + 4 * at, &bits, sizeof bits);
  }
}

Record h5_scalar(const Array& array) {
  return array.extents().size() > 0
             ? Record(array)
             : first_h5_number<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                               std::uint32_t, std::int64_t, std::uint64_t, float, double, std::complex<float>,
                               std::complex<double>>(array);
}

Record h5_nested_texts(std::vector<std::string> texts, const std::vector<std::uint64_t>& extents) {
  std::size_t next = 0;
  return h5_texts_from(texts, next, extents);
}

std::vector<std::string> h5_fixed_texts(const H5Type& type, std::span<const std::byte> bytes) {
  std::vector<std::string> texts;
  const auto size = static_cast<std::size_t>(type.stored_bytes);
  texts.reserve(bytes.size() / size);
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()) + at, size);
    if (type.is_zero_terminated) {
      text = text.substr(0, text.find('\0'));
    } else {
      const std::size_t last = text.find_last_not_of(type.is_space_padded ? ' ' : '\0');
      text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    }
    texts.emplace_back(text);
  }
  return texts;
}

std::vector<std::string> h5_made_texts(std::span<const char* const> made) {
  std::vector<std::string> texts;
  texts.reserve(made.size());
  for (const char* const text : made) {
    texts.emplace_back(text == nullptr ? "" : text);
  }
  return texts;
}

Extents h5_extents(const std::vector<std::uint64_t>& extents) {
  Extents made;
  made.rank = static_cast<std::uint8_t>(extents.size());
  std::ranges::copy(extents, made.values.begin());
  return made;
}

Record h5_description(const H5Type& type, const std::vector<std::uint64_t>& extents) {
  std::vector<std::uint64_t> whole = extents;
  whole.insert(whole.end(), type.inner.begin(), type.inner.end());
  if (type.kind == H5Type::Kind::fields) {
    Record fields = Record::members({});
    for (const auto& [name, field] : type.fields) {
      fields.set(name, h5_description(field, extents));
    }
    return fields;
  }
  Record::List list(whole.begin(), whole.end());
  return Record::members({{"type", type.description}, {"extents", Record::list(std::move(list))}});
}

}  // namespace locum::storage
