#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/value/error.hpp"
#include "core/value/result.hpp"

namespace locum {

/// A box of a dataset in a file, as one rank has found it: enough for any rank that sees the same files to
/// read it. Stays in the node's memory until then. Or a whole object of a checkpoint: then its checksum shows
/// whether the bytes read are right, even if the file was changed.
struct FilePart {
  std::string path;     ///< of the file, absolute
  std::string dataset;  ///< its path in the file
  std::string type;     ///< canonical, of the object: `f64[]`
  std::uint32_t element_bytes = 1;
  std::uint8_t layout = 2;  ///< of the object: see Layout. All but arrays are read as one extent of elements
  std::vector<std::uint64_t> extents;  ///< of the dataset, as are those of the box that follow
  std::vector<std::uint64_t> start;
  std::vector<std::uint64_t> count;
  std::vector<std::uint64_t> stride;
  std::string bytes_in;  ///< the file with the elements, absolute; another one where the dataset is a link
  std::string name;      ///< that the object is to have; empty: it replaces this record
  std::uint64_t file_bytes = 0;       ///< its size, when the part was found
  std::int64_t changed_ns = 0;        ///< when it had been changed last
  std::uint64_t offset = 0;           ///< if plain: of the first element of the dataset
  std::uint8_t is_plain = 0;          ///< 1: the elements are in the file one after the other
  std::uint8_t other_byte_order = 0;  ///< 1: not this machine's
  std::uint8_t of_checkpoint = 0;     ///< 1: an object of a checkpoint
  std::uint8_t with_checksum = 0;     ///< 1: in memory, too
  std::uint32_t checksum = 0;         ///< of an object of a checkpoint: CRC-32C of its bytes

  template <class Archive>
  void serialize(Archive& archive) {
    archive(path, dataset, type, element_bytes, layout, extents, start, count, stride, bytes_in, name,
            file_bytes, changed_ns, offset, is_plain, other_byte_order, of_checkpoint, with_checksum,
            checksum);
  }
};

/// Reads boxes of datasets of files. Any thread may call.
class FileReader {
 public:
  /// Called between pieces: if it returns an error, the reading ends with that.
  using Stopped = std::function<std::optional<Error>()>;

  virtual ~FileReader() = default;
  /// Fills memory with the elements of the box, packed, row-major. `stale` if the file was changed since it
  /// was found, unless it is of a checkpoint; `corrupt`, `not_found`, `system`, and the error that `stopped`
  /// returns.
  [[nodiscard]] virtual Result<void> read(const FilePart& part, std::span<std::byte> into,
                                          const Stopped& stopped) = 0;
  /// Returns whether a library thread may read that part concurrently with any calls of the program.
  [[nodiscard]] virtual bool may_read_in_background(const FilePart& part) const = 0;
};

}  // namespace locum
