#pragma once

#include <cstdint>
#include <vector>

#include "core/checkpoint_options.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// How HDF5 stores the datasets of a part in chunks, each of which goes through a filter.
struct Chunking {
  H5Z_filter_t filter = H5Z_FILTER_NONE;  ///< after the bytes were shuffled
  std::vector<unsigned> values;           ///< its parameters
  std::uint64_t chunk_bytes = 0;          ///< at most; 0: there are no chunks

  [[nodiscard]] bool any() const noexcept { return chunk_bytes != 0; }
  /// Makes these the properties of a dataset of these extents and elements. REQUIRES: any(), hdf5_mutex() is
  /// held.
  void set(const Identifier& creation, const std::vector<hsize_t>& extents, const Identifier& type) const;
};

/// What these options ask for. Throws Error `invalid_argument` if there is no such level or size,
/// `unsupported` if HDF5 has no such filter here. Takes hdf5_mutex().
[[nodiscard]] Chunking chunking_of(const CheckpointOptions& options);
/// Of a dataset that was written so. REQUIRES: hdf5_mutex() is held.
[[nodiscard]] Chunking chunking_of(const Identifier& dataset);
/// Throws Error `unsupported` if HDF5 lacks the filter here with which a dataset was written. REQUIRES:
/// hdf5_mutex() is held.
void require_filter_of(const Identifier& dataset);

}  // namespace locum::storage
