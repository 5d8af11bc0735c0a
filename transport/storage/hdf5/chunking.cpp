#include "transport/storage/hdf5/chunking.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t usual_chunk_bytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t least_chunk_bytes = 4096;
constexpr std::uint64_t most_chunk_bytes = std::uint64_t{16} << 20U;
constexpr std::uint32_t last_filter = 65535;
constexpr std::size_t most_values = 32;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Errc::invalid_argument, why);
}

void require_values(const CheckpointOptions& options) {
  if (options.compress < 0 || options.compress > 9) {
    refuse("compress is " + std::to_string(options.compress) +
           "; it takes 0 for none, or a level from 1 to 9");
  }
  if (options.compress > 0 && options.filter != 0) {
    refuse("compress asks for deflate, and filter for another one: give one of them");
  }
  if (options.filter > last_filter || options.filter == H5Z_FILTER_SCALEOFFSET ||
      options.filter == H5Z_FILTER_NBIT) {
    refuse("filter is " + std::to_string(options.filter) +
           "; it takes the number of a filter of HDF5 that gives the same bytes back, at most 65535");
  }
  if (options.filter_values.size() > (options.filter == 0 ? 0 : most_values)) {
    refuse("there are " + std::to_string(options.filter_values.size()) +
           " filter_values; a filter has at most 32, and no filter has none");
  }
  if (options.filter == H5Z_FILTER_SZIP && options.filter_values.size() != 2) {
    refuse("szip takes two filter_values, its mask of options and the elements of a block (4 and 32, say)");
  }
  if (options.chunk_bytes != 0 &&
      (options.chunk_bytes < least_chunk_bytes || options.chunk_bytes > most_chunk_bytes)) {
    refuse("chunk_bytes is " + std::to_string(options.chunk_bytes) +
           "; it takes 4096 to 16777216 bytes, or 0 for the default");
  }
}

bool can_encode(H5Z_filter_t filter) {
  unsigned abilities = 0;
  return H5Zfilter_avail(filter) > 0 && H5Zget_filter_info(filter, &abilities) >= 0 &&
         (abilities & H5Z_FILTER_CONFIG_ENCODE_ENABLED) != 0;
}

}  // namespace

// As many rows, or parts of rows, as fit, in chunks of about the same size: the last one is stored whole.
// What a filter cannot make smaller stays as it is, and so does what is of no numbers with szip, which would
// fail.
void Chunking::set(const Identifier& creation, const std::vector<hsize_t>& extents,
                   const Identifier& type) const {
  const std::string what = "making a dataset in chunks";
  const std::size_t element_bytes = H5Tget_size(type.get());
  std::vector<hsize_t> chunk = extents;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    const auto others = std::accumulate(chunk.begin() + static_cast<std::ptrdiff_t>(axis) + 1, chunk.end(),
                                        static_cast<hsize_t>(element_bytes), std::multiplies<>());
    const hsize_t most = std::clamp<hsize_t>(chunk_bytes / others, 1, chunk[axis]);
    const hsize_t chunks = (chunk[axis] + most - 1) / most;
    chunk[axis] = (chunk[axis] + chunks - 1) / chunks;
  }
  check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), what);
  const bool fits = filter != H5Z_FILTER_SZIP ||
                    (H5Tget_class(type.get()) == H5T_INTEGER || H5Tget_class(type.get()) == H5T_FLOAT);
  if (filter != H5Z_FILTER_NONE && fits) {
    check(H5Pset_shuffle(creation.get()), what);
    check(H5Pset_filter(creation.get(), filter, H5Z_FLAG_OPTIONAL, values.size(), values.data()), what);
  }
}

Chunking chunking_of(const CheckpointOptions& options) {
  require_values(options);
  Chunking chunking{.filter = static_cast<H5Z_filter_t>(options.filter),
                    .values = {options.filter_values.begin(), options.filter_values.end()},
                    .chunk_bytes = options.chunk_bytes};
  if (options.compress > 0) {
    chunking.filter = H5Z_FILTER_DEFLATE;
    chunking.values = {static_cast<unsigned>(options.compress)};
  }
  if (chunking.filter == H5Z_FILTER_NONE) {
    return chunking;
  }
  if (!chunking.any()) {
    chunking.chunk_bytes = usual_chunk_bytes;
  }
  const Hdf5Turn turn;
  if (!can_encode(chunking.filter)) {
    throw Error(Errc::unsupported,
                "HDF5 has no filter " + std::to_string(chunking.filter) +
                    " here that compresses (1 is deflate): write checkpoints without it, or name the folder "
                    "with its plugin in HDF5_PLUGIN_PATH");
  }
  return chunking;
}

Chunking chunking_of(const Identifier& dataset) {
  const std::string what = "reading how a dataset is stored";
  const Identifier creation(H5Dget_create_plist(dataset.get()), H5Pclose, what);
  Chunking found;
  if (H5Pget_layout(creation.get()) != H5D_CHUNKED) {
    return found;
  }
  const Identifier type(H5Dget_type(dataset.get()), H5Tclose, what);
  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  const int rank = H5Pget_chunk(creation.get(), H5S_MAX_RANK, chunk.data());
  check(rank, what);
  found.chunk_bytes =
      std::clamp(std::accumulate(chunk.begin(), chunk.begin() + rank,
                                 static_cast<std::uint64_t>(H5Tget_size(type.get())), std::multiplies<>()),
                 least_chunk_bytes, most_chunk_bytes);
  for (int at = 0; at < H5Pget_nfilters(creation.get()); ++at) {
    std::array<unsigned, most_values> values{};
    std::size_t count = values.size();
    unsigned flags = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation.get(), static_cast<unsigned>(at), &flags, &count,
                                               values.data(), 0, nullptr, nullptr);
    check(filter, what);
    if (filter != H5Z_FILTER_SHUFFLE) {
      found.filter = filter;
      found.values.assign(values.begin(),
                          values.begin() + static_cast<std::ptrdiff_t>(std::min(count, most_values)));
    }
  }
  return found;
}

void require_filter_of(const Identifier& dataset) {
  const H5Z_filter_t filter = chunking_of(dataset).filter;
  if (filter != H5Z_FILTER_NONE && H5Zfilter_avail(filter) <= 0) {
    throw Error(Errc::unsupported,
                "this object was written with HDF5's filter " + std::to_string(filter) +
                    ", which is not installed; install its plugin, and name its folder in HDF5_PLUGIN_PATH");
  }
}

}  // namespace locum::storage
