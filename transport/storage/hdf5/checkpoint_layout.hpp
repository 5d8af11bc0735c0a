#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/ports/checkpoint_files.hpp"
#include "core/value/extents.hpp"
#include "transport/storage/hdf5/identifier.hpp"

/// What the files of a checkpoint have in common: docs/checkpoint.md describes them. Numbers are
/// little-endian.
namespace locum::storage {

static_assert(std::endian::native == std::endian::little, "the rows of checkpoints are written as they are");

/// All bytes of a part are in its file.
inline constexpr std::uint32_t whole_format = 1;
/// Some are in files of earlier checkpoints, which a library that knows only the format before must not read.
inline constexpr std::uint32_t incremental_format = 2;
/// Smaller objects have no dataset of their own, unless the program asks for it.
inline constexpr std::uint64_t packed_below = 64 * 1024;

inline constexpr const char* own_group = "/.locum";
inline constexpr const char* table_path = "/.locum/objects";
inline constexpr const char* texts_path = "/.locum/texts";
inline constexpr const char* packed_path = "/.locum/packed";
inline constexpr const char* handles_path = "/.locum/handles";
inline constexpr const char* parts_path = "/.locum/parts";
inline constexpr const char* origins_path = "/.locum/origins";
inline constexpr const char* files_path = "/.locum/files";
/// The attribute of a node's file with the CRC-32C of its table of handles. Not in files of the first
/// version.
inline constexpr const char* handles_checksum = "handles_checksum";

/// A text: its place and length in the dataset of texts.
struct TextPlace {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
};

/// A row of the table of objects of one node.
struct ObjectRow {
  TextPlace name;           ///< empty: unnamed
  TextPlace type;           ///< canonical, with the codec
  TextPlace path;           ///< of its dataset; empty: its bytes are among the packed ones
  std::uint64_t place = 0;  ///< if packed: of its first byte; otherwise 0: its dataset is in the same file,
                            ///< or n: in the n-th of the shared files
  std::uint64_t size_bytes = 0;
  std::array<std::uint64_t, max_rank> extents{};
  std::uint64_t serial = 0;      ///< of its key
  std::uint64_t generation = 0;  ///< of its name, when it was written
  std::uint32_t creator = 0;     ///< of its key
  std::uint32_t element_bytes = 1;
  std::uint32_t layout = 0;        ///< see Layout
  std::uint32_t rank = 0;          ///< number of extents
  std::uint32_t checksum = 0;      ///< CRC-32C of its bytes
  std::uint32_t row_checksum = 0;  ///< CRC-32C of this row, with a 0 here, and of its texts
};
static_assert(std::is_trivially_copyable_v<ObjectRow> && sizeof(ObjectRow) == 168);

/// A shared file: one with objects of an earlier checkpoint that are objects of this one, too. It is in the
/// same folder, under the name that it had there.
struct FileRow {
  std::uint64_t id = 0;  ///< of the checkpoint that wrote it
  std::uint64_t node = 0;
  std::uint64_t file_bytes = 0;
  friend auto operator<=>(const FileRow&, const FileRow&) = default;
};

/// HDF5's type of the rows of a dataset.
[[nodiscard]] Identifier row_type(const ObjectRow* rows);
[[nodiscard]] Identifier row_type(const HandleRow* rows);
[[nodiscard]] Identifier row_type(const PartRow* rows);
[[nodiscard]] Identifier row_type(const OriginRow* rows);
[[nodiscard]] Identifier row_type(const FileRow* rows);
/// Whether elements of that canonical name are numbers in HDF5: `f64`, `i32` …
[[nodiscard]] bool is_number(std::string_view name);
/// HDF5's type of the elements of an array: numbers as they are, complex ones as h5py has them, others as
/// opaque bytes with the type's name as their tag.
[[nodiscard]] Identifier element_type(std::string_view name, std::uint32_t bytes);

/// Adds a number, as an attribute.
void set_attribute(const Identifier& object, const char* name, std::uint64_t value);
/// Adds a text, as an attribute of UTF-8.
void set_attribute(const Identifier& object, const char* name, const std::string& value);
/// Throws Error `corrupt` if there is none, or it is no number.
[[nodiscard]] std::uint64_t attribute(const Identifier& object, const char* name);

/// The same; `otherwise` if there is none.
[[nodiscard]] std::uint64_t attribute_or(const Identifier& object, const char* name, std::uint64_t otherwise);

/// The same for a text of at most 256 KiB; an empty one if there is none.
[[nodiscard]] std::string optional_text(const Identifier& object, const char* name);
/// The name of a file or folder. Throws Error `corrupt` if there is none.
[[nodiscard]] std::string file_name_attribute(const Identifier& object, const char* name);

/// The row's checksum as it should be. `texts`: those of its name, type and path, in this order.
[[nodiscard]] std::uint32_t checksum_of(ObjectRow row, const std::array<std::string_view, 3>& texts) noexcept;

/// The file of a node: in a folder beside the one that the user named.
[[nodiscard]] std::string parts_folder(const std::string& path);
[[nodiscard]] std::string part_file(std::uint64_t id, std::uint64_t node);
[[nodiscard]] inline std::string part_file(const FileRow& file) {
  return part_file(file.id, file.node);
}

}  // namespace locum::storage
