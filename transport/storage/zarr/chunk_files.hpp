#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/array.hpp"
#include "core/strided_array.hpp"
#include "core/value/deadline.hpp"
#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zarr/box_cuts.hpp"
#include "transport/storage/zarr/chunk_coder.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/shard_indices.hpp"
#include "transport/storage/zarr/zarr.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

/// The files of an array's chunks, or of its shards. Threads may call it concurrently.
class ChunkFiles {
 public:
  /// `metadata` is to outlive this. `place`: of the array.
  ChunkFiles(const ZarrPlace& place, const ZarrMetadata& metadata);

  /// Reads the elements of a cut (by the extents of a file) to `into`, whose extents are those of the cut.
  /// Elements of a chunk that was never written get the fill value.
  /// \param stride of the box, in elements; of rank 0: 1
  [[nodiscard]] Result<void> read(const BoxCut& cut, const Extents& stride, const detail::StridedBytes& into,
                                  const ZarrRead& options) const;
  /// Returns the elements of a cut in place, in the chunk that the ranks of the node share, if they are in
  /// one and the options ask for that; none: read() them.
  [[nodiscard]] std::optional<Array> shown(const BoxCut& cut, const Extents& stride,
                                           const ZarrRead& options) const;
  /// Returns where ranks begin that read all these cuts at the same time: not all at the same one.
  [[nodiscard]] std::size_t first_of(std::size_t cuts, const ZarrRead& options) const noexcept;
  /// Writes the file with these indices: the elements from its start on, as many as `from` has in each
  /// dimension. The others get the fill value.
  [[nodiscard]] Result<void> write(const Extents& chunk, const detail::StridedBytes& from,
                                   ChunkMemory& memory) const;

  /// Writes the elements of a cut, and leaves those beside them in the file as they are, also those that
  /// other threads and processes write by this meanwhile. The errors of FileArea::update().
  [[nodiscard]] Result<void> update(const BoxCut& cut, const detail::StridedBytes& from, ChunkMemory& memory,
                                    Deadline deadline) const;

  /// Returns the path of the file with these indices in the area.
  [[nodiscard]] std::string path_of(const Extents& chunk) const;

 private:
  using Place = ChunkPlace;

  /// \param number of the chunk in its shard
  [[nodiscard]] Result<void> read_chunk(AreaFile& file, const Place& place, std::size_t number,
                                        const BoxCut& cut, const Extents& stride,
                                        const detail::StridedBytes& into, const ZarrRead& options) const;
  /// Returns the elements of a chunk as ChunkCoder has them, in the memory of the node; for whatever error it
  /// is not there, the caller decodes it. REQUIRES: shares().
  [[nodiscard]] Result<Array> shared_chunk(AreaFile& file, const Place& place, std::size_t number) const;
  [[nodiscard]] Result<void> decode(AreaFile& file, const Place& place, std::span<std::byte> plain) const;
  /// Returns whether the ranks of the node share the chunk, once it is decoded.
  [[nodiscard]] bool shares(const Extents& count, const ZarrRead& options) const noexcept;
  [[nodiscard]] Result<void> read_shard(AreaFile& file, const std::vector<Place>& places, const BoxCut& cut,
                                        const Extents& stride, const detail::StridedBytes& into,
                                        const ZarrRead& options) const;
  /// \param path of the file, under which its index is kept
  [[nodiscard]] Result<ShardIndices::Index> known_index_of(const std::string& path, AreaFile& file) const;
  [[nodiscard]] Result<std::vector<Place>> index_of(AreaFile& file) const;
  /// Write a file with other elements in a cut than the one that is there (null: there is none).
  [[nodiscard]] Result<void> write_changed(FileDraft& into, AreaFile* there, const BoxCut& cut,
                                           const detail::StridedBytes& from, ChunkMemory& memory) const;
  [[nodiscard]] Result<void> write_shard(FileDraft& into, AreaFile* there, const BoxCut& cut,
                                         const detail::StridedBytes& from, ChunkMemory& memory) const;
  /// Returns a chunk with other elements in a cut, coded. \param place in the file that is there; null: it
  /// was never written
  [[nodiscard]] Result<std::span<const std::byte>> changed_chunk(AreaFile* there, const Place* place,
                                                                 const BoxCut& cut,
                                                                 const detail::StridedBytes& from,
                                                                 ChunkMemory& memory) const;
  [[nodiscard]] static Result<std::span<const std::byte>> coded_bytes(AreaFile& file, const Place& place,
                                                                      ReusedBytes& memory);
  [[nodiscard]] std::size_t index_bytes() const noexcept;
  [[nodiscard]] std::string key_of(const Extents& chunk) const;
  void fill(const detail::StridedBytes& into) const noexcept;

  const std::shared_ptr<FileArea> area_;
  const std::string path_;
  const std::shared_ptr<SharedParts> parts_;  ///< of the node; null: nothing is shared
  const ZarrMetadata& metadata_;
  const Extents chunk_;                    ///< of a file; `{1}` for an array without dimensions
  const Extents inner_;                    ///< of a chunk in it
  const ChunkCoder coder_;                 ///< of a chunk
  const Extents grid_;                     ///< of the chunks in a shard
  const std::optional<ChunkCoder> index_;  ///< of the index of a shard
  const std::unique_ptr<ShardIndices> known_;
  const std::string coding_;  ///< what else than its file tells what a chunk is when it is decoded
};

}  // namespace locum::storage
