#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include <dlpack/dlpack.h>

#include <locum/array.hpp>
#include <locum/error.hpp>
#include <locum/result.hpp>

/// \file
/// Exchanges arrays with libraries that know DLPack, such as PyTorch's, without a copy where that is safe.
/// This header needs that of DLPack (Debian: libdlpack-dev, 0.6 or later), which no other header needs.
namespace locum {

namespace detail {

constexpr std::uint8_t dlpack_bool = 6;  ///< has no name in headers of before 0.8

/// Returns the name of the element type; empty if an Array has none like it.
[[nodiscard]] inline std::string dlpack_element(const DLDataType& type) {
  const char* letter = "";
  switch (type.code) {
    case kDLInt:
      letter = "i";
      break;
    case kDLUInt:
      letter = "u";
      break;
    case kDLFloat:
      letter = type.bits >= 32 ? "f" : "";
      break;
    case kDLComplex:
      letter = "c";
      break;
    case dlpack_bool:
      return type.lanes == 1 && type.bits == 8 ? "bool" : "";
    default:
      break;
  }
  const auto bits = std::to_string(int{type.bits});
  return *letter != '\0' && type.lanes == 1 ? letter + bits : std::string();
}

[[nodiscard]] inline Result<DLDataType> dlpack_type(const ElementType& element) {
  const std::string& name = element.name();
  const auto bits = static_cast<std::uint8_t>(element.bytes() * 8);
  const bool is_number = !name.empty() && name.substr(1) == std::to_string(int{bits});
  if (name == "bool") {
    return DLDataType{dlpack_bool, 8, 1};
  }
  if (is_number && name[0] == 'i') {
    return DLDataType{kDLInt, bits, 1};
  }
  if (is_number && name[0] == 'u') {
    return DLDataType{kDLUInt, bits, 1};
  }
  if (is_number && name[0] == 'f') {
    return DLDataType{kDLFloat, bits, 1};
  }
  if (is_number && name[0] == 'c') {
    return DLDataType{kDLComplex, bits, 1};
  }
  return Error(Errc::type_mismatch, "DLPack has no elements like " + name + "; give an array of numbers");
}

[[nodiscard]] inline bool is_host_memory(const DLDevice& device) {
  return device.device_type == kDLCPU || device.device_type == kDLCUDAHost ||
         device.device_type == kDLROCMHost;
}

[[nodiscard]] inline bool fits_in_memory(const Extents& extents, std::uint64_t bytes) {
  for (const std::uint64_t extent : extents.span()) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      return std::ranges::count(extents.span(), std::uint64_t{0}) > 0;
    }
  }
  return true;
}

/// Describes a tensor that `owner` keeps.
[[nodiscard]] inline Result<Array> array_of_tensor(std::shared_ptr<const void> owner,
                                                   const DLTensor& tensor) {
  if (!is_host_memory(tensor.device)) {
    return Error(Errc::unsupported, "the tensor is in memory of device " +
                                        std::to_string(tensor.device.device_id) + " of DLPack's type " +
                                        std::to_string(static_cast<int>(tensor.device.device_type)) +
                                        "; copy it to the memory of the host first");
  }
  const auto element = ElementType::named(dlpack_element(tensor.dtype));
  if (!element) {
    return Error(Errc::type_mismatch, "an array has no elements like those of DLPack's type " +
                                          std::to_string(int{tensor.dtype.code}) + " with " +
                                          std::to_string(int{tensor.dtype.bits}) + " bits and " +
                                          std::to_string(tensor.dtype.lanes) + " lanes; convert them first");
  }
  if (tensor.ndim < 0 || static_cast<std::size_t>(tensor.ndim) > max_rank) {
    return Error(Errc::invalid_argument, "the tensor has " + std::to_string(tensor.ndim) +
                                             " dimensions; an array has at most " + std::to_string(max_rank));
  }
  const auto rank = static_cast<std::size_t>(tensor.ndim);
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(rank);
  std::array<std::int64_t, max_rank> strides{};
  auto distance = static_cast<std::int64_t>(element->bytes());
  for (std::size_t at = rank; at-- > 0;) {
    const std::int64_t extent = tensor.shape[at];
    const std::int64_t unit = element->bytes();
    if (extent < 0 ||
        (tensor.strides != nullptr && __builtin_mul_overflow(tensor.strides[at], unit, &strides[at]))) {
      return Error(Errc::invalid_argument, "the tensor has an impossible extent or stride");
    }
    extents.values[at] = static_cast<std::uint64_t>(extent);
    if (tensor.strides == nullptr) {
      strides[at] = distance;
      if (__builtin_mul_overflow(distance, extent, &distance)) {
        return Error(Errc::invalid_argument, "the tensor has more bytes than there are addresses");
      }
    }
  }
  if (!fits_in_memory(extents, element->bytes())) {
    return Error(Errc::invalid_argument, "the tensor has more elements than there are addresses");
  }
  const auto* const first = static_cast<const std::byte*>(tensor.data);
  if (first == nullptr && std::ranges::count(extents.span(), std::uint64_t{0}) == 0) {
    return Error(Errc::invalid_argument, "the tensor has elements, but no memory");
  }
  return Array(std::move(owner), ConstRawArray(first == nullptr ? first : first + tensor.byte_offset,
                                               *element, extents, std::span(strides).first(rank)));
}

/// A tensor that shows an array. `Managed`: DLManagedTensor, or its later form.
template <class Managed>
struct ShownTensor {
  Managed managed{};
  Array array;
  std::array<std::int64_t, max_rank> extents{};
  std::array<std::int64_t, max_rank> strides{};

  [[nodiscard]] static Result<Managed*> make(Array array) {
    const auto type = dlpack_type(array.element());
    if (!type) {
      return type.error();
    }
    auto shown = std::make_unique<ShownTensor>();
    const std::size_t rank = array.extents().size();
    const std::int64_t unit = array.element().bytes();
    for (std::size_t at = 0; at < rank; ++at) {
      if (array.stride(at) % unit != 0) {
        return Error(
            Errc::invalid_argument,
            "the strides are no multiples of an element, which DLPack counts; give a packed() array");
      }
      shown->extents[at] = static_cast<std::int64_t>(array.extents()[at]);
      shown->strides[at] = array.stride(at) / unit;
    }
    shown->managed.dl_tensor = {.data = const_cast<std::byte*>(array.data()),
                                .device = {kDLCPU, 0},
                                .ndim = static_cast<int>(rank),
                                .dtype = *type,
                                .shape = shown->extents.data(),
                                .strides = shown->strides.data(),
                                .byte_offset = 0};
    shown->array = std::move(array);
    shown->managed.manager_ctx = shown.get();
    shown->managed.deleter = [](Managed* self) { delete static_cast<ShownTensor*>(self->manager_ctx); };
    return &shown.release()->managed;
  }
};

template <class Managed>
[[nodiscard]] Result<Array> take_tensor(Managed* tensor) {
  if (tensor == nullptr) {
    return Error(Errc::invalid_argument, "there is no tensor");
  }
  const auto checked = array_of_tensor(nullptr, tensor->dl_tensor);
  return checked ? array_of_tensor(std::shared_ptr<const void>(tensor,
                                                               [tensor](const void*) {
                                                                 if (tensor->deleter != nullptr) {
                                                                   tensor->deleter(tensor);
                                                                 }
                                                               }),
                                   tensor->dl_tensor)
                 : checked.error();
}

}  // namespace detail

/// Takes a tensor over: the array shows its memory in place, and the tensor's deleter is called when the last
/// copy of the array is gone. Nobody may write to its elements meanwhile. If this fails, the tensor stays the
/// caller's. `unsupported` if it is not in memory of the host; `type_mismatch` for elements that an Array
/// does not have (16 bits of floating point, vectors); `invalid_argument`. Throws std::bad_alloc.
[[nodiscard]] inline Result<Array> array_of_dlpack(DLManagedTensor* tensor) {
  return detail::take_tensor(tensor);
}

/// Returns a copy of an array as a tensor, which its receiver may write to, and ends by the tensor's deleter.
/// `type_mismatch` for elements that DLPack does not have; `out_of_memory`. Throws std::bad_alloc.
[[nodiscard]] inline Result<DLManagedTensor*> dlpack_of(const Array& array) {
  auto copy = Array::copy_of(array.raw());
  return copy ? detail::ShownTensor<DLManagedTensor>::make(std::move(*copy)) : copy.error();
}

/// Returns a tensor that shows the elements of an array in place, and keeps them until its deleter is called.
/// REQUIRES: nobody writes to it; a DLManagedTensor cannot say that, and the elements of an object are those
/// of all ranks of its node. `type_mismatch` as above; `invalid_argument` for strides that are no multiples
/// of an element. Throws std::bad_alloc.
[[nodiscard]] inline Result<DLManagedTensor*> dlpack_in_place(const Array& array) {
  return detail::ShownTensor<DLManagedTensor>::make(array);
}

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1
/// Overload for the form of DLPack 1, whose receivers learn that they must not write.
[[nodiscard]] inline Result<Array> array_of_dlpack(DLManagedTensorVersioned* tensor) {
  if (tensor != nullptr && tensor->version.major != DLPACK_MAJOR_VERSION) {
    return Error(Errc::unsupported, "the tensor is of version " + std::to_string(tensor->version.major) +
                                        " of DLPack, which this program does not know");
  }
  return detail::take_tensor(tensor);
}
/// Returns a tensor of DLPack 1 that shows the elements of an array in place, and is marked read-only. The
/// errors of dlpack_in_place().
[[nodiscard]] inline Result<DLManagedTensorVersioned*> dlpack_read_only(const Array& array) {
  auto made = detail::ShownTensor<DLManagedTensorVersioned>::make(array);
  if (made) {
    (*made)->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
    (*made)->flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  }
  return made;
}
#endif

}  // namespace locum
