#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/object/current_type_name.hpp"
#include "transport/storage/hdf5/checkpoint_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::storage {

/// Reads the file of one node. Nothing in it is trusted. Throws Error: `not_found` if there is no such file,
/// `corrupt` if it is not what a checkpoint consists of, or is damaged, `system`. Used by one thread.
class PartReader {
 public:
  /// Reads the table. `expected`: what the checkpoint's own file says of this one.
  PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected);
  /// Reads no table: it has the rows of packed(), and the table of files, but no handles. Throws `corrupt`
  /// too if that is malformed.
  PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected,
             std::span<const std::byte> packed);
  [[nodiscard]] std::span<const ObjectRow> rows() const noexcept { return rows_; }
  [[nodiscard]] std::span<const HandleRow> handles() const noexcept { return handles_; }
  /// Throws Error `corrupt` if those are not the ones that were written.
  void require_handles() const;
  /// The files of earlier checkpoints that have objects of this one.
  [[nodiscard]] std::span<const FileRow> files() const noexcept { return files_; }
  /// Whether the row and its texts are those that were written: otherwise nothing in it may be used.
  [[nodiscard]] bool is_whole(const ObjectRow& row) const noexcept;
  /// Of a row that is whole.
  [[nodiscard]] std::string_view name(const ObjectRow& row) const noexcept { return text(row.name); }
  [[nodiscard]] std::string_view type(const ObjectRow& row) const noexcept {
    return current_type_name(text(row.type));
  }
  [[nodiscard]] std::string_view path(const ObjectRow& row) const noexcept { return text(row.path); }
  /// Some rows with their texts, and the table of files: for a reader of the same file on another rank.
  /// REQUIRES: the rows are whole.
  [[nodiscard]] std::vector<std::byte> packed(std::span<const ObjectRow* const> rows) const;
  /// The one of these files with its bytes; null: they are in this file.
  [[nodiscard]] const FileRow* shared_file(const ObjectRow& row) const noexcept;
  /// Throws Error, which also names an object, if a shared file is missing, or has another size.
  void require_shared_files() const;
  /// The bytes of an object, checked. Where its shared file is missing, `not_found`. REQUIRES: the row is
  /// whole, bytes.size() == row.size_bytes.
  void read(const ObjectRow& row, std::span<std::byte> bytes);
  /// The same for who does not need the bytes: a piece at a time, unless they are in chunks. REQUIRES: the
  /// row is whole.
  void verify(const ObjectRow& row);

  /// Of an object's dataset; none if it is packed. REQUIRES: the row is whole.
  [[nodiscard]] Chunking chunking(const ObjectRow& row) const;

  /// Where the bytes of an object are in the file that has them; none: they are in chunks. REQUIRES: the row
  /// is whole.
  [[nodiscard]] std::optional<std::uint64_t> find(const ObjectRow& row) const;

  /// Throws Error if the file with its bytes is missing, or has another size. REQUIRES: the row is whole.
  void require_file_of(const ObjectRow& row) const { require_file(file(row), bytes_of_file(row)); }

  [[nodiscard]] const std::string& file() const noexcept { return file_.path(); }
  /// The file with the bytes of an object. REQUIRES: the row is whole.
  [[nodiscard]] std::string file(const ObjectRow& row) const;

 private:
  [[nodiscard]] std::string_view text(const TextPlace& place) const noexcept;
  // REQUIRES: hdf5_mutex() is held.
  template <class Row>
  void read_rows(const char* path, std::vector<Row>& rows) const;
  void read_texts();
  void unpack(std::span<const std::byte> packed);
  void find_packed();

  /// Opens it if need be.
  [[nodiscard]] const CheckpointFile& file_with(const ObjectRow& row) const;
  /// REQUIRES: its place is one of a file.
  [[nodiscard]] std::uint64_t bytes_of_file(const ObjectRow& row) const noexcept;

  CheckpointFile file_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t packed_at_ = 0;  ///< in the file
  std::uint64_t packed_bytes_ = 0;
  std::vector<ObjectRow> rows_;
  std::vector<HandleRow> handles_;
  bool has_whole_handles_ = true;
  std::string texts_;
  std::vector<FileRow> files_;
  mutable std::vector<std::optional<CheckpointFile>> opened_;  ///< of the shared files, in their order
};

}  // namespace locum::storage
