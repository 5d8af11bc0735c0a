#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/format.hpp"
#include "transport/storage/formats/torch/torch_archive.hpp"
#include "transport/storage/formats/torch/torch_tensor.hpp"

namespace locum::storage {

/// Reads the elements of tensors. A storage that several tensors share is read once, and their arrays share
/// it.
class TorchStorages {
 public:
  /// \param archive,make live longer \param half_as_f32 the option `half = "f32"`
  TorchStorages(const TorchArchive& archive, const MakeArray& make, bool half_as_f32)
      : archive_(archive), make_(make), half_as_f32_(half_as_f32) {}

  /// Counts the tensors of a storage. Call it for all of them before tensor().
  void count(std::string_view key) { ++tensors_[key]; }
  /// Returns the elements of a tensor. `corrupt` if the storage is missing or too small; `unsupported` for
  /// elements of 16 bits without the option.
  [[nodiscard]] Result<Array> tensor(const TorchTensor& tensor);

 private:
  /// Elements of a storage in memory, as they are shown.
  struct Loaded {
    std::shared_ptr<const void> owner;
    const std::byte* first = nullptr;
    std::uint64_t elements = 0;
  };

  [[nodiscard]] Result<Loaded> load(const TorchStorage& storage);
  [[nodiscard]] Result<Array> alone(const TorchTensor& tensor, const ElementType& element);
  /// Returns the elements of a mapped file where they are; nothing if they have to be converted or moved.
  [[nodiscard]] Result<Loaded> in_place(ZipMember& member, const TorchStorage& storage) const;
  /// Reads and converts elements. \param into has the bytes of all elements, as they are shown
  [[nodiscard]] Result<void> fill(ZipMember& member, const TorchStorage& storage,
                                  std::span<std::byte> into) const;
  [[nodiscard]] Result<std::unique_ptr<ZipMember>> open(const TorchStorage& storage) const;

  const TorchArchive& archive_;
  const MakeArray& make_;
  bool half_as_f32_;
  std::unordered_map<std::string_view, std::uint64_t> tensors_;
  std::map<std::pair<std::string_view, std::string_view>, Loaded> loaded_;  ///< by key and type of elements
};

}  // namespace locum::storage
