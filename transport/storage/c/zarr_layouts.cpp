// What calls of the C interface for arrays and for groups of Zarr have in common.
#include "transport/storage/c/zarr_layouts.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/values.hpp"

namespace locum::c {

namespace {

/// Overload for extents of which all may be 0: then there are none.
Result<Extents> maybe_zarr_extents(std::int32_t rank, const std::int64_t* numbers, const char* about) {
  const bool has_none = rank <= 0 || std::all_of(numbers, numbers + std::min(rank, LOCUM_MAX_RANK),
                                                 [](std::int64_t number) { return number == 0; });
  return has_none ? Result<Extents>(Extents()) : zarr_extents_in(rank, numbers, about);
}

Result<void> set_zarr_type(const locum_zarr_layout& given, ZarrLayout& layout) {
  if (given.type == LOCUM_CLASS || given.type == LOCUM_ENCODED) {
    return Error(Errc::unsupported, "the elements of an array of Zarr are numbers; set the layout's type");
  }
  locum_array described{};
  described.type = given.type;
  auto element = element_of(described);
  if (!element) {
    return element.error();
  }
  layout.type = *std::move(element);
  return {};
}

Result<void> set_zarr_extents(const locum_zarr_layout& given, ZarrLayout& layout) {
  const auto shape = zarr_extents_in(given.rank, given.shape, "the shape");
  const auto chunks = maybe_zarr_extents(given.rank, given.chunks, "the chunks");
  const auto shards = maybe_zarr_extents(given.rank, given.shards, "the shards");
  if (!shape || !chunks || !shards) {
    return !shape ? shape.error() : !chunks ? chunks.error() : shards.error();
  }
  layout.shape = *shape;
  layout.chunks = *chunks;
  layout.shards = *shards;
  return {};
}

}  // namespace

Result<Extents> zarr_extents_in(std::int32_t rank, const std::int64_t* numbers, const char* about) {
  locum_array described{};
  described.rank = rank;
  if (rank >= 0 && rank <= LOCUM_MAX_RANK) {
    std::copy_n(numbers, rank, described.extents);
  }
  const auto extents = extents_of(described);
  return extents ? extents : extents.error().about(about);
}

Result<Record> kept_zarr_attributes(const locum_array& given) {
  if (auto read = stored_record(given); !read) {
    return read;
  }
  const std::span bytes(static_cast<const std::byte*>(given.data),
                        static_cast<std::size_t>(given.extents[0]));
  return decode_record(nullptr, bytes, {});
}

Result<ZarrLayout> zarr_layout(const locum_zarr_layout& given) {
  require_known(&given);
  ZarrLayout layout;
  if (auto set = set_zarr_type(given, layout); !set) {
    return set.error();
  }
  if (auto set = set_zarr_extents(given, layout); !set) {
    return set.error();
  }
  if (given.codecs != nullptr) {
    layout.codecs = given.codecs;
  }
  if (given.version != 0) {
    layout.version = given.version;
  }
  if (given.fill != nullptr) {
    const auto fill = elements_of(*given.fill);
    auto copy = fill ? Array::copy_of(*fill) : Result<Array>(fill.error());
    if (!copy) {
      return copy.error().about("the fill value");
    }
    layout.fill = *std::move(copy);
  }
  if (given.dimensions != nullptr) {
    const std::span names(given.dimensions, layout.shape.size());
    if (std::find(names.begin(), names.end(), nullptr) != names.end()) {
      return null_argument("the name of a dimension");
    }
    layout.dimensions.assign(names.begin(), names.end());
  }
  if (given.attributes != nullptr) {
    auto attributes = kept_zarr_attributes(*given.attributes);
    if (!attributes) {
      return attributes.error().about("the attributes");
    }
    layout.attributes = *std::move(attributes);
  }
  return layout;
}

locum_status give_zarr(Result<ZarrArray>&& opened, locum_zarr* array) {
  if (!opened) {
    return failed(opened.error());
  }
  name_unreleased_at_exit();
  return give(zarr_arrays(), std::make_shared<const ZarrArray>(*std::move(opened)), array);
}

locum_status give_zarr_attributes(const Record& attributes, locum_view& view) {
  auto stored = described_as_record(attributes.is_null() ? Record::members({}) : attributes);
  if (!stored) {
    return failed(stored.error());
  }
  give_memory(std::move(stored->owner), stored->array, stored->size_bytes, view);
  return LOCUM_OK;
}

}  // namespace locum::c
