#include "transport/storage/formats/torch/torch_names.hpp"

#include <algorithm>
#include <array>

namespace locum::storage {

namespace {

using Role = TorchName::Role;

constexpr std::array<TorchName, 42> torch_all_names{{
    {"torch._utils._rebuild_tensor_v2", Role::rebuild_tensor},
    {"torch._utils._rebuild_tensor", Role::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v3", Role::rebuild_tensor_v3},
    {"torch._utils._rebuild_parameter", Role::rebuild_parameter},
    {"collections.OrderedDict", Role::ordered_dict},
    {"torch.Size", Role::size},
    {"torch.device", Role::device},
    {"_codecs.encode", Role::encode},
    {"__builtin__.bytes", Role::no_bytes},
    {"builtins.bytes", Role::no_bytes},
    {"__builtin__.complex", Role::complex},
    {"builtins.complex", Role::complex},
    {"torch.FloatStorage", Role::storage, "f32"},
    {"torch.DoubleStorage", Role::storage, "f64"},
    {"torch.HalfStorage", Role::storage, "f16"},
    {"torch.BFloat16Storage", Role::storage, "bf16"},
    {"torch.LongStorage", Role::storage, "i64"},
    {"torch.IntStorage", Role::storage, "i32"},
    {"torch.ShortStorage", Role::storage, "i16"},
    {"torch.CharStorage", Role::storage, "i8"},
    {"torch.ByteStorage", Role::storage, "u8"},
    {"torch.BoolStorage", Role::storage, "bool"},
    {"torch.ComplexFloatStorage", Role::storage, "c64"},
    {"torch.ComplexDoubleStorage", Role::storage, "c128"},
    {"torch.storage.UntypedStorage", Role::storage},
    {"torch.storage._UntypedStorage", Role::storage},
    {"torch.UntypedStorage", Role::storage},
    {"torch.float32", Role::dtype, "f32"},
    {"torch.float64", Role::dtype, "f64"},
    {"torch.float16", Role::dtype, "f16"},
    {"torch.bfloat16", Role::dtype, "bf16"},
    {"torch.int64", Role::dtype, "i64"},
    {"torch.int32", Role::dtype, "i32"},
    {"torch.int16", Role::dtype, "i16"},
    {"torch.int8", Role::dtype, "i8"},
    {"torch.uint8", Role::dtype, "u8"},
    {"torch.uint16", Role::dtype, "u16"},
    {"torch.uint32", Role::dtype, "u32"},
    {"torch.uint64", Role::dtype, "u64"},
    {"torch.bool", Role::dtype, "bool"},
    {"torch.complex64", Role::dtype, "c64"},
    {"torch.complex128", Role::dtype, "c128"},
}};

constexpr auto torch_names_alone = [] {
  std::array<std::string_view, torch_all_names.size()> names;
  std::ranges::transform(torch_all_names, names.begin(), &TorchName::name);
  return names;
}();

constexpr std::array<TorchElement, 15> torch_elements{{{"f32", 4, 4, "f32"},
                                                       {"f64", 8, 8, "f64"},
                                                       {"f16", 2, 2, "f32"},
                                                       {"bf16", 2, 2, "f32"},
                                                       {"i64", 8, 8, "i64"},
                                                       {"i32", 4, 4, "i32"},
                                                       {"i16", 2, 2, "i16"},
                                                       {"i8", 1, 1, "i8"},
                                                       {"u8", 1, 1, "u8"},
                                                       {"u16", 2, 2, "u16"},
                                                       {"u32", 4, 4, "u32"},
                                                       {"u64", 8, 8, "u64"},
                                                       {"bool", 1, 1, "bool"},
                                                       {"c64", 8, 4, "c64"},
                                                       {"c128", 16, 8, "c128"}}};

}  // namespace

std::span<const TorchName> torch_names() noexcept {
  return torch_all_names;
}

std::span<const std::string_view> torch_known_names() noexcept {
  return torch_names_alone;
}

const TorchElement* torch_element_named(std::string_view name) noexcept {
  const auto* const found =
      std::ranges::find(torch_elements, name.empty() ? std::string_view("u8") : name, &TorchElement::name);
  return found == torch_elements.end() ? nullptr : found;
}

std::string_view torch_storage_of(const ElementType& element) noexcept {
  const auto* const found = std::ranges::find_if(torch_all_names, [&element](const TorchName& one) {
    return one.role == Role::storage && one.element == element.name();
  });
  return found == torch_all_names.end() ? std::string_view() : found->name.substr(6);
}

}  // namespace locum::storage
