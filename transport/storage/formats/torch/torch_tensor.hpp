#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/torch/pickle_graph.hpp"
#include "transport/storage/formats/torch/torch_names.hpp"

namespace locum::storage {

/// The elements of one or several tensors, in a member of the archive.
struct TorchStorage {
  std::string_view key;  ///< of the member
  const TorchElement* element = nullptr;
  bool has_type = false;  ///< whether its class tells the type of the elements
  std::uint64_t elements = 0;

  /// Reads the identifier of a storage. `corrupt` if it is none.
  [[nodiscard]] static Result<TorchStorage> of(const PickleGraph& graph, const PickleNode& node);
};

/// A tensor: a view of a storage. Strides and offset count elements.
struct TorchTensor {
  TorchStorage storage;
  std::uint64_t offset = 0;
  Extents extents;
  std::array<std::uint64_t, max_rank> strides{};
  std::uint64_t elements = 1;

  /// Reads the arguments of a function that makes a tensor, and checks that all its elements are in the
  /// storage. `corrupt` if they are not; `unsupported` for more than `max_rank` dimensions, for those that
  /// are conjugated or negated when they are read, and for few elements that are shown as very many.
  [[nodiscard]] static Result<TorchTensor> of(const PickleGraph& graph, const PickleNode& call,
                                              TorchName::Role function);
  /// Makes a tensor of all elements of a storage.
  [[nodiscard]] static TorchTensor whole(const TorchStorage& storage);

  /// Returns whether the elements are row-major without gaps.
  [[nodiscard]] bool is_contiguous() const noexcept;

 private:
  Result<void> check(std::uint64_t at);
};

/// Describes a tensor: the members `type` and `extents`.
[[nodiscard]] Record describe_torch(const TorchTensor& tensor);

}  // namespace locum::storage
