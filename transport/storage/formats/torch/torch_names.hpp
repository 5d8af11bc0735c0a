#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/element_type.hpp"

namespace locum::storage {

/// A function, class or constant that the pickle of a checkpoint may name.
struct TorchName {
  enum class Role : std::uint8_t {
    rebuild_tensor,     ///< arguments: storage, offset, sizes, strides, …
    rebuild_tensor_v3,  ///< the same, and its type of elements
    rebuild_parameter,  ///< a tensor, …
    ordered_dict,
    size,    ///< a tuple
    device,  ///< its type and number
    encode,  ///< a text that stands for bytes, and its encoding
    no_bytes,
    complex,  ///< two reals
    storage,  ///< a class of storages
    dtype     ///< a type of elements
  };

  std::string_view name;
  Role role;
  std::string_view element =
      {};  ///< of storages and dtypes: `f64`, `f16`, `bf16`; empty: bytes without a type
};

/// Returns all of them; no other one is taken from a file.
[[nodiscard]] std::span<const TorchName> torch_names() noexcept;
/// Returns their names, in the same order.
[[nodiscard]] std::span<const std::string_view> torch_known_names() noexcept;

/// A type of elements of torch.
struct TorchElement {
  std::string_view name;         ///< `f64`, `f16`, `bf16`
  std::uint32_t bytes = 1;       ///< of an element in a file
  std::uint32_t part_bytes = 1;  ///< of what has an order of bytes: of a complex number, its halves
  std::string_view shown;        ///< name of the element type: `f32` for those of 16 bits

  [[nodiscard]] bool is_half() const noexcept { return name != shown; }
};

/// Returns an element by its name; a null pointer if torch has none. Bytes without a type are `u8`.
[[nodiscard]] const TorchElement* torch_element_named(std::string_view name) noexcept;
/// Returns the class of storages of an element type, as in "FloatStorage"; empty if torch has none.
[[nodiscard]] std::string_view torch_storage_of(const ElementType& element) noexcept;

}  // namespace locum::storage
