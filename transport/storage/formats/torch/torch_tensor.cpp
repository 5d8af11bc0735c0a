#include "transport/storage/formats/torch/torch_tensor.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>

namespace locum::storage {

namespace {

using PickleKind = PickleValue::Kind;

// Elements that are shown several times, by strides of 0: so many bytes of them, and so many times those of
// the storage.
constexpr std::uint64_t torch_repeated_bytes = std::uint64_t{16} << 20U;
constexpr std::uint64_t torch_repeated_times = 1024;

Error torch_damaged(std::uint64_t at, const std::string& reason) {
  return Error(Errc::corrupt,
               "at byte " + std::to_string(at) + " of data.pkl: " + reason + "; the file is damaged");
}

/// Returns an integer that is not negative.
Result<std::uint64_t> torch_count(const PickleValue& value, std::uint64_t at) {
  if (value.kind != PickleKind::integer || value.number >> 63U != 0) {
    return torch_damaged(at, "a size, stride or offset of a tensor is no integer, or negative");
  }
  return value.number;
}

const TorchName* torch_global(const PickleValue& value) noexcept {
  return value.kind == PickleKind::global ? &torch_names()[static_cast<std::size_t>(value.number)] : nullptr;
}

/// Reads a tuple of integers; torch.Size is one, too.
Result<Extents> torch_counts(const PickleGraph& graph, const PickleValue& value, std::uint64_t at) {
  const PickleValue* tuple = &value;
  if (value.kind == PickleKind::call) {
    const auto& items = graph.node(value).items;
    const TorchName* const function = torch_global(items[0]);
    const auto& arguments = graph.node(items[1]).items;
    if (function != nullptr && function->role == TorchName::Role::size && arguments.size() == 1) {
      tuple = &arguments[0];
    }
  }
  if (tuple->kind != PickleKind::tuple && tuple->kind != PickleKind::list) {
    return torch_damaged(at, "the sizes or strides of a tensor are no tuple");
  }
  const auto& items = graph.node(*tuple).items;
  if (items.size() > max_rank) {
    return Error(Errc::unsupported, "at byte " + std::to_string(at) + " of data.pkl: a tensor has " +
                                        std::to_string(items.size()) +
                                        " dimensions; an array has at most 8: save it with fewer");
  }
  Extents counts;
  for (const PickleValue& item : items) {
    const auto count = torch_count(item, at);
    if (!count) {
      return count.error();
    }
    counts.values[counts.rank++] = *count;
  }
  return counts;
}

/// Returns whether a dict of a tensor says that its elements are changed when they are read.
bool is_torch_changed(const PickleGraph& graph, const PickleValue& value) {
  if (value.kind != PickleKind::dict) {
    return false;
  }
  const auto& items = graph.node(value).items;
  for (std::size_t at = 0; at + 1 < items.size(); at += 2) {
    const bool is_change =
        items[at].is_text() && (graph.text(items[at]) == "conj" || graph.text(items[at]) == "neg");
    if (is_change && (items[at + 1].kind != PickleKind::boolean || items[at + 1].number != 0)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<TorchStorage> TorchStorage::of(const PickleGraph& graph, const PickleNode& node) {
  const PickleValue& identifier = node.items[0];
  if (identifier.kind != PickleKind::tuple) {
    return torch_damaged(node.at, "the identifier of a storage is no tuple");
  }
  const auto& items = graph.node(identifier).items;
  if (items.size() != 5 || !items[0].is_text() || graph.text(items[0]) != "storage" || !items[2].is_text()) {
    return torch_damaged(node.at, "the identifier of a storage is not (\"storage\", type, key, place, size)");
  }
  const TorchName* const type = torch_global(items[1]);
  if (type == nullptr || type->role != TorchName::Role::storage) {
    return torch_damaged(node.at, "the type of a storage is none of those that torch has");
  }
  const auto elements = torch_count(items[4], node.at);
  if (!elements) {
    return elements.error();
  }
  return TorchStorage{.key = graph.text(items[2]),
                      .element = torch_element_named(type->element),
                      .has_type = !type->element.empty(),
                      .elements = *elements};
}

TorchTensor TorchTensor::whole(const TorchStorage& storage) {
  TorchTensor tensor;
  tensor.storage = storage;
  tensor.extents = Extents(storage.elements);
  tensor.strides[0] = 1;
  tensor.elements = storage.elements;
  return tensor;
}

Result<TorchTensor> TorchTensor::of(const PickleGraph& graph, const PickleNode& call,
                                    TorchName::Role function) {
  const bool has_own_type = function == TorchName::Role::rebuild_tensor_v3;
  const auto& arguments = graph.node(call.items[1]).items;
  if (arguments.size() < (has_own_type ? 7U : 4U) || arguments.size() > (has_own_type ? 8U : 7U) ||
      arguments[0].kind != PickleKind::storage) {
    return torch_damaged(call.at, "a tensor is not made of a storage, an offset, sizes and strides");
  }
  auto storage = TorchStorage::of(graph, graph.node(arguments[0]));
  if (!storage) {
    return storage.error();
  }
  TorchTensor tensor;
  tensor.storage = *storage;
  const auto offset = torch_count(arguments[1], call.at);
  const auto extents = torch_counts(graph, arguments[2], call.at);
  const auto strides = torch_counts(graph, arguments[3], call.at);
  if (!offset || !extents || !strides) {
    return !offset ? offset.error() : !extents ? extents.error() : strides.error();
  }
  if (extents->size() != strides->size()) {
    return torch_damaged(call.at, "a tensor has another number of strides than of sizes");
  }
  tensor.offset = *offset;
  tensor.extents = *extents;
  for (std::size_t at = 0; at < strides->size(); ++at) {
    tensor.strides[at] = (*strides)[at];
  }
  if (has_own_type) {
    const TorchName* const type = torch_global(arguments[6]);
    if (type == nullptr || type->role != TorchName::Role::dtype || storage->has_type) {
      return torch_damaged(call.at, "a tensor has no type of elements, or two");
    }
    tensor.storage.element = torch_element_named(type->element);
    tensor.storage.elements /= tensor.storage.element->bytes;
  } else if (!storage->has_type) {
    return torch_damaged(call.at, "a tensor has no type of elements");
  }
  const std::size_t facts = has_own_type ? 7 : 6;
  if (arguments.size() > facts && is_torch_changed(graph, arguments[facts])) {
    return Error(Errc::unsupported,
                 "at byte " + std::to_string(call.at) +
                     " of data.pkl: a tensor is conjugated or negated when it is read; save "
                     "tensor.resolve_conj and resolve_neg");
  }
  auto checked = tensor.check(call.at);
  return checked ? Result<TorchTensor>(std::move(tensor)) : checked.error();
}

Result<void> TorchTensor::check(std::uint64_t at) {
  std::uint64_t last = offset;
  std::uint64_t bytes = storage.element->bytes * 2U;  // those of 16 bits become 32
  bool is_empty = false;
  bool is_too_large = false;
  for (std::size_t one = 0; one < extents.size(); ++one) {
    const std::uint64_t extent = extents[one];
    is_empty = is_empty || extent == 0;
    if (extent > 0) {
      std::uint64_t reach = 0;
      is_too_large = is_too_large || __builtin_mul_overflow(bytes, extent, &bytes) ||
                     __builtin_mul_overflow(extent - 1, strides[one], &reach) ||
                     __builtin_add_overflow(last, reach, &last);
    }
    elements = is_empty ? 0 : elements * extent;
  }
  if (is_too_large || bytes > std::numeric_limits<std::uint64_t>::max() / 4) {
    return torch_damaged(at, "the sizes and strides of a tensor are too large for any memory");
  }
  if (!is_empty && last >= storage.elements) {
    return torch_damaged(at, "a tensor needs element " + std::to_string(last) + " of a storage of " +
                                 std::to_string(storage.elements));
  }
  const std::uint64_t shown = elements * storage.element->bytes;
  const std::uint64_t stored = storage.elements * storage.element->bytes;
  if (elements > storage.elements && shown > torch_repeated_bytes && shown / torch_repeated_times > stored) {
    return Error(Errc::unsupported, "at byte " + std::to_string(at) + " of data.pkl: a tensor shows " +
                                        std::to_string(storage.elements) + " stored elements as " +
                                        std::to_string(elements) + "; save it without expand");
  }
  return {};
}

bool TorchTensor::is_contiguous() const noexcept {
  std::uint64_t stride = 1;
  for (std::size_t at = extents.size(); at-- > 0;) {
    if (extents[at] != 1 && strides[at] != stride) {
      return false;
    }
    stride *= extents[at];
  }
  return true;
}

Record describe_torch(const TorchTensor& tensor) {
  Record::List extents;
  for (const std::uint64_t extent : tensor.extents.span()) {
    extents.emplace_back(extent);
  }
  return Record::members(
      {{"type", tensor.storage.element->name}, {"extents", Record::list(std::move(extents))}});
}

}  // namespace locum::storage
