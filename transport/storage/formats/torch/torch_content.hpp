#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/torch/pickle_writer.hpp"

namespace locum::storage {

/// A value as a checkpoint holds it: a pickle, and the elements of its arrays.
class TorchContent {
 public:
  /// Describes a value. `type_mismatch` names what a checkpoint does not hold.
  [[nodiscard]] static Result<TorchContent> of(const Record& value);
  /// Writes the archive.
  [[nodiscard]] Result<void> write(FileDraft& file) const;

 private:
  Result<void> add(const Record& value, std::uint32_t depth);
  Result<void> add_list(const Record& list, std::uint32_t depth);
  Result<void> add_members(const Record& members, std::uint32_t depth);
  Result<void> add_bytes(const Record::Bytes& bytes);
  Result<void> add_array(const Array& array);
  /// Returns the number of the storage of an array: that of an equal one that was added.
  std::size_t storage_of(const Array& array);

  PickleWriter writer_;
  std::string pickle_;
  std::vector<Array> storages_;
  /// Storages by address, size and type: arrays that share their elements share them in the file.
  std::map<std::tuple<const std::byte*, std::uint64_t, std::string>, std::size_t> known_;
};

}  // namespace locum::storage
