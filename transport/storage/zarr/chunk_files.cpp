#include "transport/storage/zarr/chunk_files.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/hash.hpp"
#include "core/ports/backend.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/zarr/chunk_elements.hpp"

namespace locum::storage {

namespace {

Error never_written() {
  return Error(Errc::not_found,
               "elements of the box were never written, and the option strict asks for that to be an error; "
               "without it they have the fill value");
}

/// What each codec of an index adds to it: crc32c is the only one.
constexpr std::uint64_t index_checksum_bytes = 4;
/// Of the indices that an array keeps: those of two million chunks.
constexpr std::size_t most_bytes_of_indices = std::size_t{32} << 20U;

Extents at_least_one(const Extents& extents) {
  return extents.size() == 0 ? Extents(1) : extents;
}

Extents grid_of(const Extents& whole, const Extents& part) {
  Extents grid = whole;
  for (std::size_t dimension = 0; dimension < whole.size(); ++dimension) {
    grid.values[dimension] = whole[dimension] / part[dimension];
  }
  return grid;
}

// Of the index of a shard: offset and size of each chunk. Its dimensions but the last are one here, which
// makes no difference to its bytes.
Extents index_extents(const Extents& grid) {
  std::uint64_t chunks = 1;
  for (const std::uint64_t extent : grid.span()) {
    chunks *= extent;
  }
  return {chunks, std::uint64_t{2}};
}

// Programs may make arrays of several kinds of one file, by links or by other metadata.
std::string coding_text(const ZarrMetadata& metadata) {
  ZarrMetadata coding = metadata;
  coding.attributes = Record::members({});
  coding.dimension_names.clear();
  coding.shape = coding.chunk;
  const auto files = write_zarr(coding);
  return files ? std::to_string(hash64(files->back().text)) : std::string();
}

}  // namespace

ChunkFiles::ChunkFiles(const ZarrPlace& place, const ZarrMetadata& metadata)
    : area_(place.area),
      path_(place.path),
      parts_(place.parts),
      metadata_(metadata),
      chunk_(at_least_one(metadata.chunk)),
      inner_(metadata.shards ? metadata.shards->inner : chunk_),
      coder_(metadata.coding, inner_, metadata.element, metadata.is_half),
      grid_(grid_of(chunk_, inner_)),
      index_(metadata.shards
                 ? std::optional<ChunkCoder>(std::in_place, metadata.shards->index, index_extents(grid_),
                                             ElementType::of<std::uint64_t>())
                 : std::nullopt),
      known_(std::make_unique<ShardIndices>(most_bytes_of_indices)),
      coding_(parts_ ? coding_text(metadata) : std::string()) {}

std::string ChunkFiles::key_of(const Extents& chunk) const {
  return metadata_.key_of(metadata_.shape.size() == 0 ? Extents() : chunk);
}

std::string ChunkFiles::path_of(const Extents& chunk) const {
  const std::string key = key_of(chunk);
  return path_.empty() ? key : path_ + '/' + key;
}

void ChunkFiles::fill(const detail::StridedBytes& into) const noexcept {
  detail::StridedBytes one = into;
  one.first = metadata_.fill.data();
  one.strides.fill(0);
  detail::copy_strided(one, into);
}

Result<void> ChunkFiles::read(const BoxCut& cut, const Extents& stride, const detail::StridedBytes& into,
                              const ZarrRead& options) const {
  const std::string path = path_of(cut.chunk);
  auto file = area_->open(path, {.tells_folders = false});
  if (!file && file.error().code() == Errc::not_found && !options.strict) {
    fill(into);
    return {};
  }
  if (!file && file.error().code() == Errc::not_found) {
    return never_written().about(path);
  }
  if (!file) {
    return file.error().about(path);
  }
  if (!index_) {
    auto done = read_chunk(**file, {0, (*file)->size_bytes()}, 0, cut, stride, into, options);
    return done ? done : Result<void>(done.error().about(path));
  }
  const auto places = known_index_of(path, **file);
  auto done =
      places ? read_shard(**file, **places, cut, stride, into, options) : Result<void>(places.error());
  return done ? done : Result<void>(done.error().about(path));
}

// Where the node does not share it, for whatever reason, it is decoded here: errors are those of the file.
Result<void> ChunkFiles::read_chunk(AreaFile& file, const Place& place, std::size_t number, const BoxCut& cut,
                                    const Extents& stride, const detail::StridedBytes& into,
                                    const ZarrRead& options) const {
  const auto copy_from = [&](const std::byte* plain) {
    detail::copy_strided(strided_part(coder_.elements_in(plain), cut.start, cut.count, stride), into);
  };
  if (shares(cut.count, options)) {
    if (const auto shared = shared_chunk(file, place, number)) {
      copy_from(shared->data());
      return {};
    }
  }
  if (coder_.encodes_as_it_is() && cut.count == inner_ && is_whole_chunk(into, inner_)) {
    return decode(file, place, {const_cast<std::byte*>(into.first), coder_.plain_bytes()});
  }
  const auto plain = record_memory(coder_.plain_bytes());
  if (!plain) {
    return no_memory_left();
  }
  auto decoded = decode(file, place, {plain.get(), coder_.plain_bytes()});
  if (decoded) {
    copy_from(plain.get());
  }
  return decoded;
}

Result<Array> ChunkFiles::shared_chunk(AreaFile& file, const Place& place, std::size_t number) const {
  const std::string& identity = file.facts().identity;
  if (identity.empty()) {
    return Error(Errc::unsupported, "nothing tells the contents of this file apart");
  }
  const std::string content = area_->name() + '/' + identity + '/' + coding_ + '/' + std::to_string(number);
  return parts_->get(content, coder_.plain_bytes(), [&](std::span<std::byte> plain) -> Result<void> {
    auto decoded = decode(file, place, plain);
    return !decoded || file.is_unchanged() ? decoded
                                           : Error(Errc::stale, "the file was changed while it was decoded");
  });
}

std::optional<Array> ChunkFiles::shown(const BoxCut& cut, const Extents& stride,
                                       const ZarrRead& options) const {
  if (options.shared != SharedChunks::all || !shares(inner_, options)) {
    return std::nullopt;
  }
  const std::string path = path_of(cut.chunk);
  const auto file = area_->open(path, {.tells_folders = false});
  if (!file) {
    return std::nullopt;
  }
  Place place{0, (*file)->size_bytes()};
  BoxCut inner = cut;
  std::size_t number = 0;
  if (index_) {
    const auto places = known_index_of(path, **file);
    const BoxCuts cuts({.start = cut.start, .count = cut.count, .stride = stride}, inner_);
    if (!places || cuts.size() != 1) {
      return std::nullopt;
    }
    inner = cuts[0];
    number = number_of_chunk(grid_, inner.chunk);
    place = (**places)[number];
  }
  if (!is_in(place, **file)) {
    return std::nullopt;
  }
  const auto shared = shared_chunk(**file, place, number);
  if (!shared) {
    return std::nullopt;
  }
  const auto part = strided_part(coder_.elements_in(shared->data()), inner.start, inner.count, stride);
  const std::span<const std::int64_t> strides(part.strides.data(), part.extents.size());
  return Array(std::make_shared<Array>(*shared),
               ConstRawArray(part.first, metadata_.element, part.extents, strides));
}

Result<void> ChunkFiles::decode(AreaFile& file, const Place& place, std::span<std::byte> plain) const {
  const auto coded = record_memory(place.bytes);
  if (!coded) {
    return no_memory_left();
  }
  const std::span<std::byte> bytes(coded.get(), static_cast<std::size_t>(place.bytes));
  auto read = file.read(place.offset, bytes);
  return read ? coder_.decode(bytes, plain) : read;
}

bool ChunkFiles::shares(const Extents& count, const ZarrRead& options) const noexcept {
  // Without a codec there is nothing to decode, and no time to save.
  const bool is_part = !(count == inner_) && !metadata_.coding.codecs.empty();
  const bool wanted =
      options.shared == SharedChunks::all || (options.shared == SharedChunks::parts && is_part);
  return wanted && parts_ && !coding_.empty() && parts_->shares(coder_.plain_bytes());
}

std::size_t ChunkFiles::first_of(std::size_t cuts, const ZarrRead& options) const noexcept {
  return shares(inner_, options) ? parts_->first_of(cuts) : 0;
}

Result<void> ChunkFiles::read_shard(AreaFile& file, const std::vector<Place>& places, const BoxCut& cut,
                                    const Extents& stride, const detail::StridedBytes& into,
                                    const ZarrRead& options) const {
  const BoxCuts cuts({.start = cut.start, .count = cut.count, .stride = stride}, inner_);
  const std::size_t first = first_of(cuts.size(), options);
  for (std::size_t at = 0; at < cuts.size(); ++at) {
    const BoxCut inner = cuts[(at + first) % cuts.size()];
    const auto target = strided_part(into, inner.target, inner.count, {});
    const std::size_t number = number_of_chunk(grid_, inner.chunk);
    const Place& place = places[number];
    if (place.is_none() && options.strict) {
      return never_written();
    } else if (place.is_none()) {
      fill(target);
    } else if (!is_in(place, file)) {
      return chunk_behind_end(place);
    } else if (auto done = read_chunk(file, place, number, inner, stride, target, options); !done) {
      return done;
    }
  }
  return {};
}

// The bytes that are read are those of the file that is open: its metadata are of when it was opened.
Result<ShardIndices::Index> ChunkFiles::known_index_of(const std::string& path, AreaFile& file) const {
  const std::string& identity = file.facts().identity;
  if (auto known = known_->find(path, identity)) {
    return known;
  }
  auto read = index_of(file);
  if (!read) {
    return read.error();
  }
  auto index = std::make_shared<const std::vector<Place>>(std::move(*read));
  if (file.is_unchanged()) {
    known_->keep(path, identity, index);
  }
  return ShardIndices::Index(std::move(index));
}

Result<std::vector<ChunkFiles::Place>> ChunkFiles::index_of(AreaFile& file) const {
  // Before memory is taken: the metadata may claim shards of any number of chunks.
  const std::uint64_t size = index_bytes();
  if (file.size_bytes() < size) {
    return Error(Errc::corrupt,
                 "the file is shorter than the index of its shard, " + std::to_string(size) + " bytes");
  }
  std::vector<std::byte> plain(index_->plain_bytes());
  std::vector<std::byte> coded(static_cast<std::size_t>(size));
  const std::uint64_t at = metadata_.shards->ends ? file.size_bytes() - coded.size() : 0;
  if (auto read = file.read(at, coded); !read) {
    return read.error();
  }
  if (auto decoded = index_->decode(coded, plain); !decoded) {
    return decoded.error();
  }
  std::vector<Place> places(plain.size() / sizeof(Place));
  std::memcpy(places.data(), plain.data(), plain.size());
  return places;
}

std::size_t ChunkFiles::index_bytes() const noexcept {
  return index_->plain_bytes() + index_checksum_bytes * metadata_.shards->index.codecs.size();
}

}  // namespace locum::storage
