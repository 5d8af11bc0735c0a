#pragma once

#include <cstdint>
#include <span>

#include <locum/format.hpp>

namespace locum::storage {

/// Reads one value of MessagePack. Throws std::bad_alloc.
[[nodiscard]] Result<Record> msgpack_read(std::span<const std::byte> bytes, const MakeArray& make);
/// Writes a value. Throws std::bad_alloc.
[[nodiscard]] Result<void> msgpack_write(const Record& value, FileDraft& file);

/// Returns the type of elements that NumPy's array interface calls so, `<f8`, and that this machine stores in
/// that byte order or, with `is_swapped`, in the other one. `unsupported` for others.
struct MsgpackElement {
  ElementType type;
  bool is_swapped = false;
};
[[nodiscard]] Result<MsgpackElement> msgpack_element(std::string_view numpy_name);
/// Returns NumPy's name of a type of elements; empty if it has none.
[[nodiscard]] std::string msgpack_numpy_name(const ElementType& element);

}  // namespace locum::storage
