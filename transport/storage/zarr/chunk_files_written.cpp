// Writing files of chunks, and changing them.

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/zarr/chunk_elements.hpp"
#include "transport/storage/zarr/chunk_files.hpp"
#include "transport/storage/zarr/shard_draft.hpp"

namespace locum::storage {

namespace {

Extents zeros(std::size_t rank) {
  Extents zeros;
  zeros.rank = static_cast<std::uint8_t>(rank);
  std::fill_n(zeros.values.begin(), rank, 0);
  return zeros;
}

}  // namespace

// Nothing of the file is decoded where its elements are all given.
Result<void> ChunkFiles::update(const BoxCut& cut, const detail::StridedBytes& from, ChunkMemory& memory,
                                Deadline deadline) const {
  const UpdatedFile file{.folder = path_, .name = key_of(cut.chunk), .reads = !(cut.count == chunk_)};
  auto done = area_->update(
      file, [&](AreaFile* there, FileDraft& into) { return write_changed(into, there, cut, from, memory); },
      deadline);
  return done ? done : Result<void>(done.error().about(file.path()));
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
  if (coder_.encodes_as_it_is() && is_whole_chunk(from, inner_)) {
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
  detail::copy_strided(from, strided_part(elements, cut.start, cut.count, {}));
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
    const std::size_t number = number_of_chunk(grid_, inner.chunk);
    const Place& place = (*old)[number];
    const auto chunk = changed_chunk(there, place.is_none() ? nullptr : &place, inner,
                                     strided_part(from, inner.target, inner.count, {}), memory);
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
      return Error(Errc::corrupt, "the index of the shard has chunks that overlap");
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
  if (!is_in(place, file)) {
    return chunk_behind_end(place);
  }
  const auto coded = memory.of_size(static_cast<std::size_t>(place.bytes));
  if (!coded) {
    return coded.error();
  }
  const auto read = file.read(place.offset, *coded);
  return read ? Result<std::span<const std::byte>>(*coded) : read.error();
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
