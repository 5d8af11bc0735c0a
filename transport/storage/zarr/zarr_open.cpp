#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "core/value/errors.hpp"
#include "core/value/extents_text.hpp"
#include "transport/storage/zarr/leftover_chunks.hpp"
#include "transport/storage/zarr/zarr.hpp"
#include "transport/storage/zarr/zarr_place.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum {

namespace storage {

Extents usual_zarr_chunks(const Extents& shape, std::uint64_t element_bytes) {
  constexpr std::uint64_t usual_chunk_bytes = std::uint64_t{1} << 20U;
  Extents chunks = shape;
  std::uint64_t bytes = element_bytes;
  for (std::size_t at = shape.size(); at-- > 0;) {
    const std::uint64_t most = std::max<std::uint64_t>(usual_chunk_bytes / bytes, 1);
    chunks.values[at] = std::clamp<std::uint64_t>(shape[at], 1, most);
    bytes *= chunks[at];
  }
  return chunks;
}

}  // namespace storage

namespace {

Error wrong_layout(const std::string& what) {
  return Error(Errc::invalid_argument, what);
}

Result<std::vector<std::shared_ptr<const storage::BytesCodec>>> zarr_codecs(std::string_view texts,
                                                                            std::size_t element_bytes,
                                                                            int version) {
  std::vector<std::shared_ptr<const storage::BytesCodec>> codecs;
  std::size_t depth = 0;
  std::string one;
  const auto add = [&]() -> Result<void> {
    const auto first = one.find_first_not_of(' ');
    if (first == one.npos) {
      return texts.find_first_not_of(' ') == texts.npos
                 ? Result<void>()
                 : wrong_layout("a codec is missing between two commas; write `zstd(3), crc32c`");
    }
    auto made = storage::bytes_codec_of_text(
        std::string_view(one).substr(first, one.find_last_not_of(' ') + 1 - first), element_bytes, version);
    if (!made) {
      return made.error();
    }
    codecs.emplace_back(std::move(*made));
    one.clear();
    return {};
  };
  for (const char sign : texts) {
    depth += sign == '(' ? 1 : 0;
    depth -= sign == ')' && depth > 0 ? 1 : 0;
    if (sign != ',' || depth > 0) {
      one += sign;
    } else if (auto added = add(); !added) {
      return added.error();
    }
  }
  auto added = add();
  return added ? Result<std::vector<std::shared_ptr<const storage::BytesCodec>>>(std::move(codecs))
               : added.error();
}

Result<storage::ZarrMetadata> zarr_metadata(const ZarrLayout& layout) {
  const std::size_t rank = layout.shape.size();
  if (!layout.type) {
    return wrong_layout("the layout has no type of elements; give one, as of double");
  }
  if (layout.version != 2 && layout.version != 3) {
    return wrong_layout("there are versions 2 and 3 of Zarr, not " + std::to_string(layout.version));
  }
  storage::ZarrMetadata made;
  made.version = layout.version;
  made.element = layout.type;
  made.shape = layout.shape;
  made.chunk = layout.chunks.size() == 0 ? storage::usual_zarr_chunks(layout.shape, layout.type.bytes())
                                         : layout.chunks;
  made.has_prefix = layout.version == 3;
  made.separator = layout.version == 3 ? '/' : '.';
  made.attributes = layout.attributes;
  if (made.chunk.size() != rank || (layout.shards.size() != 0 && layout.shards.size() != rank)) {
    return wrong_layout("shape, chunks and shards have the same number of dimensions");
  }
  for (std::size_t at = 0; at < rank; ++at) {
    if (made.chunk[at] == 0) {
      return wrong_layout("a chunk has at least one element in each dimension");
    }
    if (layout.shards.size() != 0 && (layout.shards[at] == 0 || layout.shards[at] % made.chunk[at] != 0)) {
      return wrong_layout("the extents of a shard, " + extents_text(layout.shards) +
                          ", are not multiples of those of a chunk, " + extents_text(made.chunk));
    }
  }
  auto codecs = zarr_codecs(layout.codecs, layout.type.bytes(), layout.version);
  if (!codecs) {
    return codecs.error();
  }
  made.coding.codecs = std::move(*codecs);
  if (layout.shards.size() != 0) {
    if (layout.version == 2) {
      return wrong_layout("version 2 of Zarr has no shards; leave out `.shards`, or use version 3");
    }
    auto sum = storage::bytes_codec_of_text("crc32c", sizeof(std::uint64_t));
    if (!sum) {
      return sum.error();
    }
    made.shards = storage::ShardCoding{.inner = made.chunk, .index = {}, .ends = true};
    made.shards->index.codecs.emplace_back(std::move(*sum));
    made.chunk = layout.shards;
  }
  made.fill.assign(layout.type.bytes(), std::byte{0});
  if (layout.fill) {
    if (!(layout.fill.element() == layout.type) || layout.fill.size() != 1) {
      return wrong_layout("the fill value is one element of the type of the array");
    }
    std::copy_n(layout.fill.data(), made.fill.size(), made.fill.begin());
  }
  if (!layout.dimensions.empty()) {
    if (layout.dimensions.size() != rank || layout.version == 2) {
      return wrong_layout(layout.version == 2 ? "version 2 of Zarr has no names of dimensions"
                                              : "give a name for each dimension, or none");
    }
    made.dimension_names.assign(layout.dimensions.begin(), layout.dimensions.end());
  }
  return made;
}

}  // namespace

namespace detail {

Result<storage::ZarrMetadata> zarr_metadata_in(const storage::ZarrPlace& place, std::string_view path) {
  const auto texts = storage::zarr_texts(place);
  if (!texts) {
    return texts.error().about(path);
  }
  if (!texts->are_there()) {
    return Error(Errc::not_found,
                 "there is no array of Zarr (neither zarr.json nor .zarray); look at the folder of the "
                 "files for the right path, or create the array")
        .about(path);
  }
  if (texts->is_group()) {
    return Error(Errc::invalid_argument, "this is a group of Zarr; open an array in it").about(path);
  }
  auto attributes = texts->array ? place.text(".zattrs") : Result<std::optional<std::string>>(std::nullopt);
  if (!attributes) {
    return attributes.error();
  }
  if (*attributes && (*attributes)->empty()) {
    return Error(Errc::corrupt, "the file .zattrs is empty, and has no JSON").about(path);
  }
  auto metadata = texts->v3 ? storage::read_zarr_v3(*texts->v3)
                            : storage::read_zarr_v2(*texts->array, attributes->value_or(std::string()));
  return metadata ? std::move(metadata) : Result<storage::ZarrMetadata>(metadata.error().about(path));
}

Result<ZarrArray> open_zarr(const storage::ZarrPlace& place, std::string_view path) {
  auto metadata = zarr_metadata_in(place, path);
  return metadata ? Result<ZarrArray>(ZarrArray(std::make_shared<ZarrState>(place, std::move(*metadata))))
                  : metadata.error();
}

Result<ZarrArray> begin_zarr(const storage::ZarrPlace& place, std::string_view path,
                             const ZarrLayout& layout) {
  const auto texts = storage::zarr_texts(place);
  if (!texts) {
    return texts.error().about(path);
  }
  if (texts->are_there()) {
    return Error(Errc::key_exists,
                 "there is an array or a group of Zarr already; open it, or remove its folder")
        .about(path);
  }
  auto metadata = zarr_metadata(layout);
  if (!metadata) {
    return metadata.error().about(path);
  }
  if (const auto described = storage::write_zarr(*metadata); !described) {
    return described.error().about(path);
  }
  return ZarrArray(std::make_shared<ZarrState>(place, std::move(*metadata)));
}

Result<ZarrArray> create_zarr(const storage::ZarrPlace& place, std::string_view path,
                              const ZarrLayout& layout) {
  auto array = begin_zarr(place, path, layout);
  const auto leftover = array ? storage::has_chunks(place) : Result<bool>(array.error());
  if (leftover && *leftover) {
    return Error(Errc::key_exists,
                 "the folder has chunks of an array that is not there, or that somebody is saving: remove "
                 "it, or "
                 "choose another one; they would be elements of this array")
        .about(path);
  }
  array = leftover ? std::move(array) : leftover.error();
  auto made = array ? finish_zarr(*array) : Result<void>(array.error());
  return made ? std::move(array) : made.error();
}

Result<void> finish_zarr(const ZarrArray& array) {
  const auto& state = array.state();
  return state->replace(state->now()->metadata);
}

}  // namespace detail

Result<ZarrArray> ZarrArray::open(const Files& files, std::string_view path, const PathOptions& options) {
  const auto place = storage::zarr_place(files, path, options);
  return place ? detail::open_zarr(*place, path) : place.error().about(path);
}

Result<ZarrArray> ZarrArray::create(const Files& files, std::string_view path, const ZarrLayout& layout,
                                    const PathOptions& options) {
  const auto place = storage::zarr_place(files, path, options);
  const auto free = place ? storage::check_above_zarr(*place, path) : Result<void>(place.error().about(path));
  return free ? detail::create_zarr(*place, path, layout) : free.error();
}

}  // namespace locum
