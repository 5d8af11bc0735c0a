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
  /// The same for who does not need the bytes: a piece at a time, unless they are compressed. REQUIRES: the
  /// row is whole.
  void verify(const ObjectRow& row);

  /// Where the bytes of an object are in the file; none: they are compressed. REQUIRES: the row is whole.
  [[nodiscard]] std::optional<std::uint64_t> find(const ObjectRow& row) const;

  [[nodiscard]] const std::string& file() const noexcept { return path_; }

 private:
  [[nodiscard]] std::string_view text(const TextPlace& place) const noexcept;
  // REQUIRES: hdf5_mutex() is held.
  template <class Row>
  void read_rows(const char* path, std::vector<Row>& rows) const;
  void read_texts();
  void find_packed();
  [[nodiscard]] Identifier open_dataset(const std::string& path) const;

  /// Takes hdf5_mutex() itself.
  void read_compressed(const ObjectRow& row, std::span<std::byte> bytes) const;
  void require_checksum(const ObjectRow& row, std::uint32_t found) const;
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;

  std::string path_;
  Identifier hdf5_;
  std::uint64_t packed_at_ = 0;  ///< in the file
  std::uint64_t packed_bytes_ = 0;
  int descriptor_ = -1;
  std::vector<ObjectRow> rows_;
  std::vector<HandleRow> handles_;
  std::string texts_;
};

}  // namespace locum::storage
