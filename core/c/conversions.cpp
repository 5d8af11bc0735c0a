#include "core/c/conversions.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "core/base/hash.hpp"
#include "core/element_type.hpp"

namespace locum::c {

namespace {

struct NamedType {
  std::string_view name;
  locum_type type;
};

constexpr std::array<NamedType, 15> numbers{{{"f64", LOCUM_F64},
                                             {"f32", LOCUM_F32},
                                             {"i8", LOCUM_I8},
                                             {"i16", LOCUM_I16},
                                             {"i32", LOCUM_I32},
                                             {"i64", LOCUM_I64},
                                             {"u8", LOCUM_U8},
                                             {"u16", LOCUM_U16},
                                             {"u32", LOCUM_U32},
                                             {"u64", LOCUM_U64},
                                             {"c64", LOCUM_C64},
                                             {"c128", LOCUM_C128},
                                             {"bool", LOCUM_BOOL},
                                             {"char", LOCUM_CHAR},
                                             {"byte", LOCUM_BYTE}}};

Error bad_rank(std::int32_t rank) {
  return Error(Errc::invalid_argument, "an array has a rank of 0 to " + std::to_string(LOCUM_MAX_RANK) +
                                           "; this one has " + std::to_string(rank));
}

// The number, and not its dimension, which Fortran counts from the other end.
Error negative(std::string_view what, std::int64_t number) {
  return Error(Errc::invalid_argument,
               std::string(what) + " is negative: " + std::to_string(number) + "; give a number from 0 on");
}

// Whether the strides say nothing.
[[nodiscard]] bool is_packed(const locum_array& array) noexcept {
  return std::all_of(array.strides, array.strides + array.rank,
                     [](std::int64_t stride) { return stride == 0; });
}

Error no_data() {
  return Error(Errc::invalid_argument, "the data of this array is NULL, and its extents are not 0");
}

[[nodiscard]] bool lacks_data(const locum_array& array) noexcept {
  return array.data == nullptr && std::none_of(array.extents, array.extents + array.rank,
                                               [](std::int64_t extent) { return extent == 0; });
}

// Whether the elements are apart because each dimension steps over all that lies within those of smaller
// steps, in whatever order they are given. No language has arrays whose elements are apart in another way.
[[nodiscard]] bool are_apart(const RawArray& memory) noexcept {
  struct Dimension {
    std::uint64_t step = 0;
    std::uint64_t steps = 0;
  };
  std::array<Dimension, LOCUM_MAX_RANK> all{};
  std::size_t count = 0;
  for (std::size_t at = 0; at < memory.extents().size(); ++at) {
    const auto bits = static_cast<std::uint64_t>(memory.stride(at));
    if (memory.extents()[at] < 2) {
      continue;
    }
    const Dimension one{memory.stride(at) < 0 ? 0 - bits : bits, memory.extents()[at] - 1};
    std::size_t place = count++;
    for (; place > 0 && all[place - 1].step > one.step; --place) {
      all[place] = all[place - 1];
    }
    all[place] = one;
  }
  const std::span<const Dimension> dimensions = std::span(all).first(count);
  std::uint64_t taken = memory.element().bytes();
  return std::ranges::all_of(dimensions, [&taken](const Dimension& one) {
    std::uint64_t more = 0;
    return one.step >= taken && !__builtin_mul_overflow(one.step, one.steps, &more) &&
           !__builtin_add_overflow(taken, more, &taken);
  });
}

}  // namespace

std::chrono::milliseconds milliseconds_of(double seconds) noexcept {
  constexpr double most = 1e15;
  if (!(seconds > 0)) {
    return std::chrono::milliseconds(seconds == 0 ? 0 : -1);
  }
  if (std::isinf(seconds)) {
    return for_ever;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(std::min(seconds * 1000, most))));
}

Result<ElementType> element_of(const locum_array& array) {
  if (array.type == LOCUM_CLASS) {
    if (array.type_name.first == nullptr) {
      return Error(Errc::invalid_argument, "an array of LOCUM_CLASS needs a type_name, such as particle{48}");
    }
    return ElementType::named({array.type_name.first, array.type_name.length});
  }
  for (const NamedType& number : numbers) {
    if (number.type == array.type) {
      return ElementType::named(number.name);
    }
  }
  return Error(Errc::invalid_argument,
               std::to_string(array.type) + " is no type of elements; set the array's type");
}

locum_type type_of(std::string_view element) noexcept {
  for (const NamedType& number : numbers) {
    if (number.name == element) {
      return number.type;
    }
  }
  return LOCUM_CLASS;
}

HashedType type_of_hash(std::uint64_t hash) noexcept {
  struct Hashes {
    std::uint64_t element;
    std::uint64_t array;
  };
  static constexpr auto hashes = [] {
    std::array<Hashes, numbers.size()> all{};
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      std::array<char, 8> name{};
      const std::size_t length = numbers[at].name.copy(name.data(), name.size());
      name[length] = '[';
      name[length + 1] = ']';
      all[at] = {text_hash(numbers[at].name), text_hash({name.data(), length + 2})};
    }
    return all;
  }();
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    if (hash == hashes[at].element || hash == hashes[at].array) {
      return {numbers[at].type, hash == hashes[at].array};
    }
  }
  return {};
}

Result<Extents> extents_of(const locum_array& array) {
  if (array.rank < 0 || array.rank > LOCUM_MAX_RANK) {
    return bad_rank(array.rank);
  }
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(array.rank);
  for (std::int32_t at = 0; at < array.rank; ++at) {
    if (array.extents[at] < 0) {
      return negative("an extent", array.extents[at]);
    }
    extents.values[static_cast<std::size_t>(at)] = static_cast<std::uint64_t>(array.extents[at]);
  }
  return extents;
}

Result<RawArray> elements_of(const locum_array& array) {
  const auto extents = extents_of(array);
  if (!extents) {
    return extents.error();
  }
  auto element = element_of(array);
  if (!element) {
    return element.error();
  }
  if (lacks_data(array)) {
    return no_data();
  }
  if (is_packed(array)) {
    return RawArray(array.data, *std::move(element), *extents);
  }
  std::array<std::int64_t, LOCUM_MAX_RANK> strides{};
  std::copy_n(array.strides, array.rank, strides.begin());
  std::replace(strides.begin(), strides.end(), LOCUM_REPEAT, std::int64_t{0});
  return RawArray(array.data, *std::move(element), *extents,
                  std::span<const std::int64_t>(strides.data(), static_cast<std::size_t>(array.rank)));
}

Result<RawArray> memory_of(const locum_array& array) {
  auto memory = elements_of(array);
  const auto* const end = array.extents + (memory ? array.rank : 0);
  if (std::find(array.extents, end, 0) != end) {  // an empty array has no elements, and any strides
    return memory;
  }
  for (std::int32_t at = 0; memory && at < array.rank; ++at) {
    if (memory->stride(static_cast<std::size_t>(at)) == 0 && array.extents[at] > 1) {
      return Error(Errc::invalid_argument,
                   "the elements of dimension " + std::to_string(at) +
                       " of the array to be read into are one and the same in memory (its stride is 0); give "
                       "each a place of its own");
    }
  }
  if (memory && memory->is_valid() && !are_apart(*memory)) {
    return Error(
        Errc::invalid_argument,
        "elements of the array to be read into overlap in memory: a stride is smaller than what it steps "
        "over; give each element a place of its own, as in an array without gaps");
  }
  return memory;
}

Result<RawValue> value_of(const locum_array& array) {
  if (array.type != LOCUM_ENCODED) {
    const auto memory = elements_of(array);
    return memory ? Result<RawValue>(RawValue(*memory)) : memory.error();
  }
  const auto memory = encoded_memory_of(array);
  if (!memory) {
    return memory.error();
  }
  if (lacks_data(array)) {
    return no_data();
  }
  return RawValue(EncodedValue{
      .type = memory->type,
      .codec = memory->codec,
      .bytes = {static_cast<const std::byte*>(array.data), static_cast<std::size_t>(memory->size_bytes)}});
}

Result<EncodedMemory> encoded_memory_of(const locum_array& array) {
  if (array.rank != 1 || array.extents[0] < 0 || array.type_name.first == nullptr) {
    return Error(Errc::invalid_argument,
                 "an encoded value has rank 1, its bytes as the extent, and a type_name");
  }
  const auto [type, codec] = detail::type_and_codec({array.type_name.first, array.type_name.length});
  return EncodedMemory{
      .type = type, .codec = codec, .size_bytes = static_cast<std::uint64_t>(array.extents[0])};
}

void set_strides(locum_array& array, std::uint64_t element_bytes) noexcept {
  auto stride = static_cast<std::int64_t>(element_bytes);
  for (std::int32_t at = array.rank; at-- > 0;) {
    array.strides[at] = stride;
    stride *= array.extents[at];
  }
}

locum_array array_of(const ObjectView& object, const ObjectFacts& facts) noexcept {
  locum_array array;  // not zeroed: unused dimensions are 120 bytes
  array.data = const_cast<std::byte*>(object.bytes().data());
  array.type_name = text_of(facts.type_name);
  std::string_view element = facts.type_name;
  const bool is_array = facts.layout == Layout::array && element.ends_with("[]");
  if (is_array) {
    element.remove_suffix(2);
  }
  if (!is_array && facts.layout != Layout::flat) {
    array.type = facts.layout == Layout::bytes ? LOCUM_BYTE : LOCUM_ENCODED;
    array.rank = 1;
    array.extents[0] = static_cast<std::int64_t>(object.bytes().size());
    array.strides[0] = 1;
    return array;
  }
  array.type = type_of(element);
  array.type_name = text_of(element);
  array.rank = is_array ? static_cast<std::int32_t>(facts.extents.size()) : 0;
  for (std::int32_t at = 0; at < array.rank; ++at) {
    array.extents[at] = static_cast<std::int64_t>(facts.extents[static_cast<std::size_t>(at)]);
  }
  set_strides(array, facts.element_bytes);
  return array;
}

Result<Hyperslab> slab_of(const locum_box& box) {
  if (box.rank < 0 || box.rank > LOCUM_MAX_RANK) {
    return bad_rank(box.rank);
  }
  Hyperslab slab;
  Extents start;
  start.rank = slab.count.rank = slab.stride.rank = static_cast<std::uint8_t>(box.rank);
  for (std::int32_t at = 0; at < box.rank; ++at) {
    if (box.start[at] < 0) {
      return negative("a start of this box", box.start[at]);
    }
    if (box.count[at] < 0) {
      return negative("a count of this box", box.count[at]);
    }
    if (box.stride[at] < 0) {
      return negative("a stride of this box", box.stride[at]);
    }
    const auto index = static_cast<std::size_t>(at);
    start.values[index] = static_cast<std::uint64_t>(box.start[at]);
    slab.count.values[index] = static_cast<std::uint64_t>(box.count[at]);
    slab.stride.values[index] = box.stride[at] == 0 ? 1 : static_cast<std::uint64_t>(box.stride[at]);
  }
  slab.start = start;
  return slab;
}

}  // namespace locum::c
