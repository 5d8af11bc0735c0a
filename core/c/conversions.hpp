#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "core/c/locum.h"
#include "core/call_options.hpp"
#include "core/object/object.hpp"
#include "core/raw_array.hpp"
#include "core/raw_store.hpp"
#include "core/raw_value.hpp"

namespace locum::c {

/// Returns the time limit of that many seconds: of 0 the default; of a negative number, and NaN, a limit that
/// has passed.
[[nodiscard]] inline TimeLimit limit_of(double seconds) noexcept {
  if (seconds == 0) {
    return {};
  }
  return seconds > 0 ? TimeLimit(std::chrono::duration<double>(seconds)) : TimeLimit(std::chrono::seconds(0));
}
/// Returns the duration in whole milliseconds: at least one for a positive number, for_ever for infinity, -1
/// for a negative number and NaN, which calls refuse.
[[nodiscard]] std::chrono::milliseconds milliseconds_of(double seconds) noexcept;

[[nodiscard]] inline locum_text text_of(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
[[nodiscard]] inline locum_key key_of(const Key& key) noexcept {
  return {key.store, key.creator, key.serial};
}
[[nodiscard]] inline Key key_of(const locum_key& key) noexcept {
  return {key.store, key.creator, key.serial};
}

/// Returns the type of these elements. `invalid_argument` if it is none.
[[nodiscard]] Result<ElementType> element_of(const locum_array& array);
/// Returns the number of the type of elements with this canonical name; LOCUM_CLASS if it is no number's.
[[nodiscard]] locum_type type_of(std::string_view element) noexcept;
/// A type that is known by its hash.
struct HashedType {
  locum_type type = LOCUM_NO_TYPE;
  bool is_array = false;
};
/// Returns the type whose canonical name has this hash, that of an element or of an array of them;
/// LOCUM_NO_TYPE if it is no number's.
[[nodiscard]] HashedType type_of_hash(std::uint64_t hash) noexcept;
/// Returns the extents. `invalid_argument` for a rank or an extent that no array has.
[[nodiscard]] Result<Extents> extents_of(const locum_array& array);
/// Returns the value to be stored, which refers to the caller's memory.
[[nodiscard]] Result<RawValue> value_of(const locum_array& array);
/// Returns the memory that a value of LOCUM_ENCODED takes; refers to the caller's texts.
[[nodiscard]] Result<EncodedMemory> encoded_memory_of(const locum_array& array);
/// Returns the memory of elements that are to be stored, some of which may be one and the same.
[[nodiscard]] Result<RawArray> elements_of(const locum_array& array);
/// Returns the memory to be written, in which each element has a place of its own.
[[nodiscard]] Result<RawArray> memory_of(const locum_array& array);
/// Sets the strides of a row-major array without gaps. REQUIRES: valid extents.
void set_strides(locum_array& array, std::uint64_t element_bytes) noexcept;
/// Describes an object that is pinned: its elements, or its bytes.
[[nodiscard]] locum_array array_of(const ObjectView& object, const ObjectFacts& facts) noexcept;
/// Returns the hyperslab; `invalid_argument` for negative numbers and too many dimensions.
[[nodiscard]] Result<Hyperslab> slab_of(const locum_box& box);

}  // namespace locum::c
