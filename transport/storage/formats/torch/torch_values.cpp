#include "transport/storage/formats/torch/torch_values.hpp"

#include <algorithm>
#include <bit>
#include <complex>
#include <limits>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

using PickleKind = PickleValue::Kind;
using Role = TorchName::Role;

constexpr std::uint32_t torch_most_levels = 256;
// More than the pickle has: values that it shares are counted as often as they are shown.
constexpr std::uint64_t torch_most_shared = std::uint64_t{1} << 24U;

Error torch_wrong_call(const PickleNode& node, std::string_view name) {
  return Error(Errc::corrupt, "at byte " + std::to_string(node.at) + " of data.pkl: " + std::string(name) +
                                  " has other arguments than torch gives it; the file is damaged");
}

Error torch_too_deep(std::uint64_t at) {
  return Error(Errc::unsupported, "at byte " + std::to_string(at) +
                                      " of data.pkl: values are nested more than 256 levels deep, or one "
                                      "contains itself; save plain data");
}

std::uint64_t torch_sum(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

Record torch_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return Record::Bytes(bytes.begin(), bytes.end());
}

const TorchName& torch_function(const PickleNode& call) noexcept {
  return torch_names()[static_cast<std::size_t>(call.items[0].number)];
}

bool makes_tensor(const TorchName& name) noexcept {
  return name.role == Role::rebuild_tensor || name.role == Role::rebuild_tensor_v3;
}

/// Returns `cuda:0` of the arguments of torch.device().
Result<Record> torch_device(const PickleGraph& graph, const PickleNode& node) {
  const auto& arguments = graph.node(node.items[1]).items;
  const bool has_number = arguments.size() == 2 && arguments[1].kind == PickleKind::integer;
  if (arguments.empty() || !arguments[0].is_text() || (arguments.size() > 1 && !has_number)) {
    return torch_wrong_call(node, "torch.device");
  }
  std::string text(graph.text(arguments[0]));
  if (has_number) {
    text.append(":").append(std::to_string(static_cast<std::int64_t>(arguments[1].number)));
  }
  return Record(std::move(text));
}

/// Returns the bytes that a text stands for, as protocol 2 writes bytes.
Result<Record> torch_encoded(const PickleGraph& graph, const PickleNode& node) {
  const auto& arguments = graph.node(node.items[1]).items;
  if (arguments.size() != 2 || !arguments[0].is_text() || !arguments[1].is_text() ||
      (graph.text(arguments[1]) != "latin1" && graph.text(arguments[1]) != "latin-1")) {
    return torch_wrong_call(node, "_codecs.encode");
  }
  const auto bytes = latin1_of_utf8(graph.text(arguments[0]));
  return bytes ? Result<Record>(torch_bytes(*bytes)) : torch_wrong_call(node, "_codecs.encode");
}

Result<Record> torch_complex(const PickleGraph& graph, const PickleNode& node) {
  const auto& arguments = graph.node(node.items[1]).items;
  if (arguments.size() != 2 || arguments[0].kind != PickleKind::real ||
      arguments[1].kind != PickleKind::real) {
    return torch_wrong_call(node, "complex");
  }
  return Record(std::complex<double>(std::bit_cast<double>(arguments[0].number),
                                     std::bit_cast<double>(arguments[1].number)));
}

}  // namespace

Result<void> TorchValues::for_each_tensor(const std::function<void(const TorchTensor&)>& take) const {
  for (const PickleNode& node : graph_.nodes) {
    if (node.items.size() != 2 || node.items[0].kind != PickleKind::global ||
        node.items[1].kind != PickleKind::tuple || !makes_tensor(torch_function(node))) {
      continue;
    }
    const auto tensor = TorchTensor::of(graph_, node, torch_function(node).role);
    if (!tensor) {
      return tensor.error();
    }
    take(*tensor);
  }
  return {};
}

Result<Record> TorchValues::root() {
  Made whole;
  auto record = value(graph_.root, 0, whole);
  std::uint64_t stored = 1;
  for (const PickleNode& node : graph_.nodes) {
    stored += node.items.size();
  }
  if (record && whole.values > stored && whole.values - stored > torch_most_shared) {
    return Error(Errc::unsupported,
                 "data.pkl shares its values so often that they become more than 16 million; the file was "
                 "made to keep its reader busy, or save it without shared lists");
  }
  return record;
}

Result<Record> TorchValues::value(const PickleValue& value, std::uint32_t depth, Made& parent) {
  parent.values = torch_sum(parent.values, 1);
  switch (value.kind) {
    case PickleKind::none:
      return Record();
    case PickleKind::boolean:
      return Record(value.number != 0);
    case PickleKind::integer:
      return Record(static_cast<std::int64_t>(value.number));
    case PickleKind::natural:
      return Record(value.number);
    case PickleKind::real:
      return Record(std::bit_cast<double>(value.number));
    case PickleKind::text:
      return Record(graph_.text(value));
    case PickleKind::bytes:
      return torch_bytes(graph_.text(value));
    case PickleKind::global: {
      const TorchName& name = torch_names()[static_cast<std::size_t>(value.number)];
      if (name.role == Role::dtype) {
        return Record(name.name);
      }
      return Error(Errc::unsupported, "data.pkl holds the function or class " + std::string(name.name) +
                                          " as a value; only tensors and plain values are read: save those");
    }
    case PickleKind::list:
    case PickleKind::tuple:
    case PickleKind::dict:
    case PickleKind::call:
    case PickleKind::storage:
      break;
  }
  Made& made = made_[static_cast<std::size_t>(value.number)];
  if (made.state == Made::State::begun || depth + made.height >= torch_most_levels) {
    return torch_too_deep(graph_.node(value).at);
  }
  if (made.state == Made::State::no) {
    made.state = Made::State::begun;
    auto record = node_value(value, depth, made);
    if (!record) {
      return record;
    }
    made.record = std::move(*record);
    made.state = Made::State::yes;
  }
  parent.height = std::max(parent.height, made.height + 1);
  parent.values = torch_sum(parent.values, made.values);
  return made.record;
}

Result<Record> TorchValues::node_value(const PickleValue& value, std::uint32_t depth, Made& made) {
  const PickleNode& node = graph_.node(value);
  switch (value.kind) {
    case PickleKind::dict:
      return dict(node, depth, made);
    case PickleKind::call:
      return call(node, depth, made);
    case PickleKind::storage: {
      const auto storage = TorchStorage::of(graph_, node);
      return storage ? make_(TorchTensor::whole(*storage)) : storage.error();
    }
    default:
      return list(node, depth, made);
  }
}

Result<Record> TorchValues::list(const PickleNode& node, std::uint32_t depth, Made& made) {
  Record::List items;
  items.reserve(node.items.size());
  for (const PickleValue& item : node.items) {
    auto record = value(item, depth + 1, made);
    if (!record) {
      return record;
    }
    items.push_back(std::move(*record));
  }
  return Record::list(std::move(items));
}

Result<std::string> TorchValues::key(const PickleValue& value, std::uint64_t at) const {
  if (value.is_text()) {
    return std::string(graph_.text(value));
  }
  const bool is_integer = value.kind == PickleKind::integer || value.kind == PickleKind::natural;
  if (is_integer && keys_as_text_) {
    return value.kind == PickleKind::natural ? std::to_string(value.number)
                                             : std::to_string(static_cast<std::int64_t>(value.number));
  }
  return Error(Errc::unsupported,
               "at byte " + std::to_string(at) + " of data.pkl: a dict has a key that is no text" +
                   (is_integer ? ", but an integer, as the state of an optimizer has; the option keys = "
                                 "\"text\" loads it as a text"
                               : "; save it with texts as keys"));
}

Result<Record> TorchValues::dict(const PickleNode& node, std::uint32_t depth, Made& made) {
  RecordMembers members;
  for (std::size_t at = 0; at + 1 < node.items.size(); at += 2) {
    const auto name = key(node.items[at], node.at);
    if (!name) {
      return name.error();
    }
    if (members.find(*name) != nullptr) {
      return Error(Errc::corrupt, "at byte " + std::to_string(node.at) + " of data.pkl: a dict has the key " +
                                      quoted_name(*name) + " twice");
    }
    auto record = value(node.items[at + 1], depth + 1, made);
    if (!record) {
      return record;
    }
    members.set(*name, std::move(*record));
  }
  return Record(std::move(members));
}

Result<Record> TorchValues::call(const PickleNode& node, std::uint32_t depth, Made& made) {
  const TorchName& function = torch_function(node);
  const auto& arguments = graph_.node(node.items[1]).items;
  switch (function.role) {
    case Role::rebuild_tensor:
    case Role::rebuild_tensor_v3: {
      const auto tensor = TorchTensor::of(graph_, node, function.role);
      return tensor ? make_(*tensor) : tensor.error();
    }
    case Role::rebuild_parameter:
      // Whether its gradient is wanted, and functions that are called with it, do not belong to its values.
      if (arguments.empty() || arguments[0].kind != PickleKind::call ||
          !makes_tensor(torch_function(graph_.node(arguments[0])))) {
        return torch_wrong_call(node, function.name);
      }
      return value(arguments[0], depth + 1, made);
    case Role::size:
      if (arguments.size() != 1 ||
          (arguments[0].kind != PickleKind::tuple && arguments[0].kind != PickleKind::list)) {
        return torch_wrong_call(node, function.name);
      }
      return value(arguments[0], depth + 1, made);
    case Role::device:
      return torch_device(graph_, node);
    case Role::encode:
      return torch_encoded(graph_, node);
    case Role::no_bytes:
      return arguments.empty() ? Result<Record>(Record(Record::Bytes()))
                               : torch_wrong_call(node, function.name);
    case Role::complex:
      return torch_complex(graph_, node);
    case Role::ordered_dict:
    case Role::storage:
    case Role::dtype:
      break;
  }
  return torch_wrong_call(node, function.name);
}

}  // namespace locum::storage
