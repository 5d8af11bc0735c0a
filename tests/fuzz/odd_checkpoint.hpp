#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/scratch_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"

namespace locum::tests {

/// A piece of a file.
struct Piece {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;  ///< 0: it is not in the file as it is
};

/// A file of a checkpoint, right but for one thing.
struct OddCheckpoint {
  std::vector<std::byte> bytes;
  Piece rows;     ///< of the part: its table; of the named file: of origins
  Piece handles;  ///< the same: of parts
  Piece texts;
  Piece packed;
};

inline constexpr std::uint64_t checkpoint_id = 42;

/// The first is right; each other one of `odd_parts()` is odd in another way.
[[nodiscard]] const OddCheckpoint& odd_part(std::size_t number);
[[nodiscard]] std::size_t odd_parts();
/// The same of named files.
[[nodiscard]] const OddCheckpoint& odd_master(std::size_t number);
[[nodiscard]] std::size_t odd_masters();

/// The table of the part that is right: a row for each of its datasets that the library could have written,
/// and packed ones. The checksums are those of rows and bytes.
[[nodiscard]] const std::vector<storage::ObjectRow>& honest_rows();
/// What all parts have in the dataset of texts.
[[nodiscard]] const std::string& all_texts();
/// Where in that the paths of all datasets are; also of those that lead nowhere, or are of strange types.
[[nodiscard]] const std::vector<storage::TextPlace>& all_paths();

}  // namespace locum::tests
