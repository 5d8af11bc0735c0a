#include "transport/storage/formats/torch/torch_storages.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "transport/storage/formats/npy/half_number.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t torch_piece_bytes = std::size_t{1} << 16U;

ElementType torch_shown(const TorchElement& element) {
  return ElementType::named(element.shown).value_or(ElementType());
}

void swap_torch_parts(std::span<std::byte> elements, std::size_t part_bytes) noexcept {
  for (std::size_t at = 0; at + part_bytes <= elements.size(); at += part_bytes) {
    std::ranges::reverse(elements.subspan(at, part_bytes));
  }
}

/// Widens numbers of 16 bits. Exact.
void widen_torch_halves(std::span<const std::byte> halves, std::byte* into, bool is_bfloat) noexcept {
  for (std::size_t at = 0; at + 2 <= halves.size(); at += 2) {
    std::uint16_t half;
    std::memcpy(&half, halves.data() + at, sizeof half);
    const std::uint32_t bits = is_bfloat ? std::uint32_t{half} << 16U : float_bits_of_half(half);
    std::memcpy(into + 2 * at, &bits, sizeof bits);
  }
}

Result<void> check_torch_bools(std::span<const std::byte> elements, std::string_view key) {
  const auto wrong = std::ranges::find_if(elements, [](std::byte one) { return one > std::byte{1}; });
  if (wrong != elements.end()) {
    return Error(Errc::corrupt, "element " + std::to_string(wrong - elements.begin()) + " of the storage " +
                                    quoted_name(key) + " of bool is neither 0 nor 1; the file is damaged");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ZipMember>> TorchStorages::open(const TorchStorage& storage) const {
  if (storage.element->is_half() && !half_as_f32_) {
    return Error(Errc::unsupported,
                 "a tensor holds floating-point numbers of 16 bits (" + std::string(storage.element->name) +
                     "), which no type of elements is; the option half = \"f32\" loads them as f32, which is "
                     "exact");
  }
  auto member = archive_.storage(storage.key);
  if (!member) {
    return member;
  }
  if ((*member)->size_bytes() / storage.element->bytes < storage.elements) {
    return Error(Errc::corrupt, "the storage " + quoted_name(storage.key) + " has " +
                                    std::to_string((*member)->size_bytes()) + " bytes, too few for " +
                                    std::to_string(storage.elements) + " elements of " +
                                    std::string(storage.element->name) + "; the file is damaged");
  }
  return member;
}

Result<void> TorchStorages::fill(ZipMember& member, const TorchStorage& storage,
                                 std::span<std::byte> into) const {
  const TorchElement& element = *storage.element;
  const bool is_swapped = archive_.is_big_endian() != (std::endian::native == std::endian::big);
  if (!element.is_half()) {
    if (auto read = member.read(0, into); !read) {
      return read;
    }
    if (is_swapped && element.part_bytes > 1) {
      swap_torch_parts(into, element.part_bytes);
    }
    if (element.name == "bool") {
      if (auto checked = check_torch_bools(into, storage.key); !checked) {
        return checked;
      }
    }
    return member.check();
  }
  std::vector<std::byte> piece(std::min<std::size_t>(torch_piece_bytes, into.size() / 2));
  for (std::size_t done = 0; done < into.size() / 2; done += piece.size()) {
    const std::span<std::byte> halves =
        std::span(piece).first(std::min(piece.size(), into.size() / 2 - done));
    if (auto read = member.read(done, halves); !read) {
      return read;
    }
    if (is_swapped) {
      swap_torch_parts(halves, 2);
    }
    widen_torch_halves(halves, into.data() + 2 * done, element.name == "bf16");
  }
  return member.check();
}

Result<TorchStorages::Loaded> TorchStorages::in_place(ZipMember& member, const TorchStorage& storage) const {
  const TorchElement& element = *storage.element;
  const bool is_swapped = archive_.is_big_endian() != (std::endian::native == std::endian::big);
  if (!member.is_mapped() || element.is_half() || (is_swapped && element.part_bytes > 1) ||
      storage.elements == 0) {
    return Loaded{};
  }
  auto mapped = member.in_place();
  if (!mapped) {
    return mapped.error();
  }
  const std::byte* const first = mapped->bytes.data();
  if (reinterpret_cast<std::uintptr_t>(first) % element.part_bytes != 0) {
    return Loaded{};
  }
  const auto bytes = static_cast<std::size_t>(storage.elements * element.bytes);
  if (element.name == "bool") {
    if (auto checked = check_torch_bools(mapped->bytes.first(bytes), storage.key); !checked) {
      return checked.error();
    }
  }
  return Loaded{std::move(mapped->owner), first, storage.elements};
}

Result<TorchStorages::Loaded> TorchStorages::load(const TorchStorage& storage) {
  const auto known = loaded_.find({storage.key, storage.element->name});
  if (known != loaded_.end() && known->second.elements >= storage.elements) {
    return known->second;
  }
  auto member = open(storage);
  if (!member) {
    return member.error();
  }
  auto shown = in_place(**member, storage);
  if (!shown) {
    return shown.error();
  }
  if (shown->first == nullptr) {
    const ElementType element = torch_shown(*storage.element);
    auto draft = ArrayDraft::make(element, Extents(storage.elements));
    if (!draft) {
      return draft.error();
    }
    if (auto filled = fill(**member, storage, draft->bytes()); !filled) {
      return filled.error();
    }
    const Array array = std::move(*draft).finish();
    *shown = {array.owner(), array.data(), storage.elements};
  }
  loaded_.insert_or_assign({storage.key, storage.element->name}, *shown);
  return shown;
}

Result<Array> TorchStorages::alone(const TorchTensor& tensor, const ElementType& element) {
  auto member = open(tensor.storage);
  if (!member) {
    return member.error();
  }
  auto shown = in_place(**member, tensor.storage);
  if (!shown) {
    return shown.error();
  }
  if (shown->first != nullptr) {
    return Array(std::move(shown->owner), ConstRawArray(shown->first, element, tensor.extents));
  }
  auto draft = make_(element, tensor.extents);
  if (!draft) {
    return draft.error();
  }
  if (auto filled = fill(**member, tensor.storage, draft->bytes()); !filled) {
    return filled.error();
  }
  return std::move(*draft).finish();
}

Result<Array> TorchStorages::tensor(const TorchTensor& tensor) {
  const ElementType element = torch_shown(*tensor.storage.element);
  const auto sharing = tensors_.find(tensor.storage.key);
  const bool is_alone = sharing == tensors_.end() || sharing->second <= 1;
  if (tensor.offset == 0 && tensor.elements == tensor.storage.elements && tensor.is_contiguous() &&
      is_alone) {
    return alone(tensor, element);
  }
  const auto loaded = load(tensor.storage);
  if (!loaded) {
    return loaded.error();
  }
  std::array<std::int64_t, max_rank> strides{};
  for (std::size_t at = 0; at < tensor.extents.size(); ++at) {
    // That of a dimension of one element says nothing, and may be any number.
    const std::uint64_t stride = tensor.extents[at] > 1 && tensor.elements > 0 ? tensor.strides[at] : 1;
    strides[at] = static_cast<std::int64_t>(stride * element.bytes());
  }
  const std::byte* const first =
      tensor.elements == 0 ? loaded->first : loaded->first + tensor.offset * element.bytes();
  return Array(loaded->owner, ConstRawArray(first, element, tensor.extents,
                                            std::span(strides).first(tensor.extents.size())));
}

}  // namespace locum::storage
