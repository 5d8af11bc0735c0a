#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::storage {

/// Reads the file of one node. Nothing in it is trusted. Throws Error: `not_found` if there is no such file,
/// `corrupt` if it is not what a checkpoint consists of, or is damaged, `system`. Used by one thread.
class PartReader {
 public:
  /// Reads the table. `expected`: what the checkpoint's own file says of this one.
  PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected);
  PartReader(const PartReader&) = delete;
  PartReader& operator=(const PartReader&) = delete;
  PartReader(PartReader&& other) noexcept;
  PartReader& operator=(PartReader&&) = delete;
  ~PartReader();

  [[nodiscard]] std::span<const ObjectRow> rows() const noexcept { return rows_; }
  [[nodiscard]] std::span<const HandleRow> handles() const noexcept { return handles_; }
  /// Whether the row and its texts are those that were written: otherwise nothing in it may be used.
  [[nodiscard]] bool is_whole(const ObjectRow& row) const noexcept;
  /// Of a row that is whole.
  [[nodiscard]] std::string_view name(const ObjectRow& row) const noexcept { return text(row.name); }
  [[nodiscard]] std::string_view type(const ObjectRow& row) const noexcept { return text(row.type); }
  [[nodiscard]] std::string_view path(const ObjectRow& row) const noexcept { return text(row.path); }
  /// The bytes of an object, checked. REQUIRES: the row is whole, bytes.size() == row.size_bytes.
  void read(const ObjectRow& row, std::span<std::byte> bytes);

  [[nodiscard]] const std::string& file() const noexcept { return path_; }

 private:
  /// REQUIRES: hdf5_mutex() is held, as for all that follow but text() and read_at().
  void close_hdf5() noexcept;
  [[nodiscard]] std::string_view text(const TextPlace& place) const noexcept;
  template <class Row>
  void read_rows(const char* path, std::vector<Row>& rows) const;
  void read_texts();
  [[nodiscard]] Identifier open_dataset(const std::string& path) const;
  void read_compressed(const Identifier& dataset, const Identifier& type, std::span<std::byte> bytes) const;
  /// Where the bytes of an object are in the file; none: HDF5 has read them, because it had compressed them.
  /// Takes hdf5_mutex() itself.
  [[nodiscard]] std::optional<std::uint64_t> find_or_read(const ObjectRow& row, std::span<std::byte> bytes);
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

  std::string path_;
  std::uint64_t file_bytes_ = 0;
  Identifier hdf5_;
  Identifier packed_;
  std::uint64_t packed_bytes_ = 0;
  int descriptor_ = -1;
  std::vector<ObjectRow> rows_;
  std::vector<HandleRow> handles_;
  std::string texts_;
};

}  // namespace locum::storage
