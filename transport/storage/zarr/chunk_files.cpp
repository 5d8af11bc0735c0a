#include "transport/storage/zarr/chunk_files.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/ports/backend.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/zarr/shard_draft.hpp"

namespace locum::storage {

namespace {

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

Extents zeros(std::size_t rank) {
  Extents zeros;
  zeros.rank = static_cast<std::uint8_t>(rank);
  std::fill_n(zeros.values.begin(), rank, 0);
  return zeros;
}

detail::StridedBytes part_of(const detail::StridedBytes& array, const Extents& start, const Extents& count,
                             const Extents& stride) {
  detail::StridedBytes part = array;
  part.extents = count;
  for (std::size_t dimension = 0; dimension < count.size(); ++dimension) {
    part.first += static_cast<std::int64_t>(start[dimension]) * array.strides[dimension];
    part.strides[dimension] *=
        static_cast<std::int64_t>(stride.size() == 0 ? std::uint64_t{1} : stride[dimension]);
  }
  return part;
}

// Of a chunk in a shard, row-major.
std::size_t number_in(const Extents& grid, const Extents& chunk) {
  std::uint64_t number = 0;
  for (std::size_t dimension = 0; dimension < grid.size(); ++dimension) {
    number = number * grid[dimension] + chunk[dimension];
  }
  return static_cast<std::size_t>(number);
}

// Whether these are all elements of a chunk, row-major.
bool has_no_gaps(const detail::StridedBytes& array, const Extents& chunk) {
  std::uint64_t bytes = array.element_bytes;
  for (std::size_t dimension = chunk.size(); dimension-- > 0; bytes *= chunk[dimension]) {
    if (array.extents[dimension] != chunk[dimension] ||
        (chunk[dimension] > 1 && array.strides[dimension] != static_cast<std::int64_t>(bytes))) {
      return false;
    }
  }
  return true;
}

Error damaged(const std::string& what) {
  return Error(Errc::corrupt, what);
}

}  // namespace

ChunkFiles::ChunkFiles(std::shared_ptr<FileArea> area, std::string path, const ZarrMetadata& metadata)
    : area_(std::move(area)),
      path_(std::move(path)),
      metadata_(metadata),
      chunk_(at_least_one(metadata.chunk)),
      inner_(metadata.shards ? metadata.shards->inner : chunk_),
      coder_(metadata.coding, inner_, metadata.element, metadata.is_half),
      grid_(grid_of(chunk_, inner_)),
      index_(metadata.shards
                 ? std::optional<ChunkCoder>(std::in_place, metadata.shards->index, index_extents(grid_),
                                             ElementType::of<std::uint64_t>())
                 : std::nullopt),
      known_(std::make_unique<ShardIndices>(most_bytes_of_indices)) {}

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
                              bool strict) const {
  const std::string path = path_of(cut.chunk);
  auto file = area_->open(path, {.tells_folders = false});
  if (!file && file.error().code() == Errc::not_found && !strict) {
    fill(into);
    return {};
  }
  if (!file) {
    return file.error().about(path);
  }
  if (!index_) {
    auto done = read_chunk(**file, {0, (*file)->size_bytes()}, coder_, cut, stride, into);
    return done ? done : Result<void>(done.error().about(path));
  }
  const auto places = known_index_of(path, **file);
  auto done = places ? read_shard(**file, **places, cut, stride, into, strict) : Result<void>(places.error());
  return done ? done : Result<void>(done.error().about(path));
}

// Nothing of the file is decoded where its elements are all given.
Result<void> ChunkFiles::update(const BoxCut& cut, const detail::StridedBytes& from, ChunkMemory& memory,
                                Deadline deadline) const {
  const UpdatedFile file{.folder = path_, .name = key_of(cut.chunk), .reads = !(cut.count == chunk_)};
  auto done = area_->update(
      file, [&](AreaFile* there, FileDraft& into) { return write_changed(into, there, cut, from, memory); },
      deadline);
  return done ? done : Result<void>(done.error().about(file.path()));
}

Result<void> ChunkFiles::read_chunk(AreaFile& file, const Place& place, const ChunkCoder& coder,
                                    const BoxCut& cut, const Extents& stride,
                                    const detail::StridedBytes& into) const {
  const auto coded = record_memory(place.bytes);
  if (!coded) {
    return no_memory_left();
  }
  const std::span<std::byte> bytes(coded.get(), static_cast<std::size_t>(place.bytes));
  if (auto read = file.read(place.offset, bytes); !read) {
    return read;
  }
  if (coder.encodes_as_it_is() && cut.count == inner_ && has_no_gaps(into, inner_)) {
    return coder.decode(bytes, {const_cast<std::byte*>(into.first), coder.plain_bytes()});
  }
  const auto plain = record_memory(coder.plain_bytes());
  if (!plain) {
    return no_memory_left();
  }
  if (auto decoded = coder.decode(bytes, {plain.get(), coder.plain_bytes()}); !decoded) {
    return decoded;
  }
  detail::copy_strided(part_of(coder.elements_in(plain.get()), cut.start, cut.count, stride), into);
  return {};
}

Result<void> ChunkFiles::read_shard(AreaFile& file, const std::vector<Place>& places, const BoxCut& cut,
                                    const Extents& stride, const detail::StridedBytes& into,
                                    bool strict) const {
  const BoxCuts cuts({.start = cut.start, .count = cut.count, .stride = stride}, inner_);
  for (std::size_t at = 0; at < cuts.size(); ++at) {
    const BoxCut inner = cuts[at];
    const auto target = part_of(into, inner.target, inner.count, {});
    const Place& place = places[number_in(grid_, inner.chunk)];
    if (place.is_none() && strict) {
      return Error(Errc::not_found, "a chunk of this shard was never written");
    } else if (place.is_none()) {
      fill(target);
    } else if (place.offset > file.size_bytes() || place.bytes > file.size_bytes() - place.offset) {
      return damaged("the index of the shard puts a chunk at byte " + std::to_string(place.offset) +
                     ", behind the end of the file");
    } else if (auto done = read_chunk(file, place, coder_, inner, stride, target); !done) {
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
    return damaged("the file is shorter than the index of its shard, " + std::to_string(size) + " bytes");
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

Result<void> ChunkFiles::write_changed(FileDraft& into, AreaFile* there, const BoxCut& cut,
                                       const detail::StridedBytes& from, ChunkMemory& memory) const {
  if (index_) {
    return write_shard(into, there, cut, from, memory);
  }
  const Place whole{0, there == nullptr ? 0 : there->size_bytes()};
  const auto coded = changed_chunk(there, there == nullptr ? nullptr : &whole, cut, from, memory);
  return coded ? into.write(*coded) : coded.error();
}

Result<std::span<const std::byte>> ChunkFiles::changed_chunk(AreaFile* there, const Place* place,
                                                             const BoxCut& cut,
                                                             const detail::StridedBytes& from,
                                                             ChunkMemory& memory) const {
  if (coder_.encodes_as_it_is() && has_no_gaps(from, inner_)) {
    return coder_.encode_unchanged({from.first, coder_.plain_bytes()}, memory);
  }
  const auto plain = memory.plain.of_size(coder_.plain_bytes());
  if (!plain) {
    return plain.error();
  }
  const auto elements = coder_.elements_in(plain->data());
  if (place != nullptr && !(from.extents == inner_)) {
    const auto coded = coded_bytes(*there, *place, memory.coded.front());
    const auto decoded = coded ? coder_.decode(*coded, *plain) : Result<void>(coded.error());
    if (!decoded) {
      return decoded.error();
    }
  } else if (!(from.extents == inner_)) {
    fill(elements);
  }
  detail::copy_strided(from, part_of(elements, cut.start, cut.count, {}));
  return coder_.encode(*plain, memory);
}

// Chunks without new elements are copied as they are coded.
Result<void> ChunkFiles::write_shard(FileDraft& into, AreaFile* there, const BoxCut& cut,
                                     const detail::StridedBytes& from, ChunkMemory& memory) const {
  auto old = there == nullptr ? Result<std::vector<Place>>(std::vector<Place>()) : index_of(*there);
  if (!old) {
    return old.error();
  }
  old->resize(index_->plain_bytes() / sizeof(Place), Place{});
  std::vector<Place> places = *old;
  ShardDraft shard(into);
  if (!metadata_.shards->ends) {
    if (auto left_free = shard.append(std::vector<std::byte>(index_bytes())); !left_free) {
      return left_free;
    }
  }
  const BoxCuts cuts({.start = cut.start, .count = cut.count}, inner_);
  for (std::size_t at = 0; at < cuts.size(); ++at) {
    const BoxCut inner = cuts[at];
    const std::size_t number = number_in(grid_, inner.chunk);
    const Place& place = (*old)[number];
    const auto chunk = changed_chunk(there, place.is_none() ? nullptr : &place, inner,
                                     part_of(from, inner.target, inner.count, {}), memory);
    if (!chunk) {
      return chunk.error();
    }
    (*old)[number] = Place{};  // not to be copied
    places[number] = {shard.size_bytes(), chunk->size()};
    if (auto done = shard.append(*chunk); !done) {
      return done;
    }
  }
  std::uint64_t copied = 0;
  for (std::size_t number = 0; number < old->size(); ++number) {
    const Place& place = (*old)[number];
    if (place.is_none()) {
      continue;
    }
    const auto chunk = coded_bytes(*there, place, memory.coded.front());
    if (!chunk) {
      return chunk.error();
    }
    copied += chunk->size();
    if (copied > there->size_bytes()) {  // an index with one place for many chunks makes a file of any size
      return damaged("the index of the shard has chunks that overlap");
    }
    places[number] = {shard.size_bytes(), chunk->size()};
    if (auto done = shard.append(*chunk); !done) {
      return done;
    }
  }
  std::vector<std::byte> plain(index_->plain_bytes());
  std::memcpy(plain.data(), places.data(), plain.size());
  const auto index = index_->encode(plain, memory);
  auto done = !index                   ? Result<void>(index.error())
              : metadata_.shards->ends ? shard.append(*index)
                                       : Result<void>();
  done = done ? shard.flush() : done;
  return done && !metadata_.shards->ends ? into.write_at(0, *index) : done;
}

Result<std::span<const std::byte>> ChunkFiles::coded_bytes(AreaFile& file, const Place& place,
                                                           ReusedBytes& memory) {
  if (place.offset > file.size_bytes() || place.bytes > file.size_bytes() - place.offset) {
    return damaged("the index of the shard puts a chunk at byte " + std::to_string(place.offset) +
                   ", behind the end of the file");
  }
  const auto coded = memory.of_size(static_cast<std::size_t>(place.bytes));
  if (!coded) {
    return coded.error();
  }
  const auto read = file.read(place.offset, *coded);
  return read ? Result<std::span<const std::byte>>(*coded) : read.error();
}

std::size_t ChunkFiles::index_bytes() const noexcept {
  return index_->plain_bytes() + index_checksum_bytes * metadata_.shards->index.codecs.size();
}

Result<void> ChunkFiles::write(const Extents& chunk, const detail::StridedBytes& from,
                               ChunkMemory& memory) const {
  const std::string path = path_of(chunk);
  BoxCut cut;
  cut.chunk = chunk;
  cut.start = zeros(from.extents.size());
  cut.count = from.extents;
  const auto draft = area_->create(path);
  auto done = draft ? write_changed(**draft, nullptr, cut, from, memory) : Result<void>(draft.error());
  done = done ? (*draft)->publish() : std::move(done);
  return done ? done : Result<void>(done.error().about(path));
}

}  // namespace locum::storage
