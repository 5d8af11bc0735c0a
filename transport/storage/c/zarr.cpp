// Arrays of Zarr, for the C interface.
#include "transport/storage/zarr/zarr.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/files/files.hpp"

using namespace locum;
using namespace locum::c;

namespace {

PathOptions zarr_options(const locum_zarr_options* options) {
  require_known(options);
  return {.backend = options == nullptr || options->backend == nullptr ? std::string_view()
                                                                       : std::string_view(options->backend)};
}

/// Returns extents as the C interface gives them; `about` names them in an error: "the shape".
Result<Extents> zarr_extents_in(std::int32_t rank, const std::int64_t* numbers, const char* about) {
  locum_array described{};
  described.rank = rank;
  if (rank >= 0 && rank <= LOCUM_MAX_RANK) {
    std::copy_n(numbers, rank, described.extents);
  }
  const auto extents = extents_of(described);
  return extents ? extents : extents.error().about(about);
}

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

/// Reads a stored Record, whose arrays are copied: an array of Zarr keeps its attributes, and the caller's
/// memory ends.
Result<Record> kept_zarr_attributes(const locum_array& given) {
  if (auto read = stored_record(given); !read) {
    return read;
  }
  const std::span bytes(static_cast<const std::byte*>(given.data),
                        static_cast<std::size_t>(given.extents[0]));
  return decode_record(nullptr, bytes, {});
}

/// The layout refers to the caller's memory.
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

Result<Hyperslab> zarr_box_in(const locum_zarr_read_options* options) {
  require_known(options);
  return options == nullptr || options->box.rank == 0 ? Result<Hyperslab>(Hyperslab())
                                                      : slab_of(options->box);
}

locum_status give_zarr(Result<ZarrArray>&& opened, locum_zarr* array) {
  if (!opened) {
    return failed(opened.error());
  }
  name_unreleased_at_exit();
  return give(zarr_arrays(), std::make_shared<const ZarrArray>(*std::move(opened)), array);
}

/// Calls `call` with the files of a call that gives an array.
template <class Call>
locum_status on_files_of_zarr(locum_files handle, const char* path, locum_zarr* array, Call call) noexcept {
  clear(array);
  return on(files(), handle, "handle of files", [&](const std::shared_ptr<const Files>& open) {
    return path == nullptr || array == nullptr ? is_null(path == nullptr ? "path" : "array") : call(*open);
  });
}

template <class Body>
locum_status on_zarr(locum_zarr array, Body body) noexcept {
  return on(zarr_arrays(), array, "array of Zarr",
            [&](const std::shared_ptr<const ZarrArray>& open) { return body(*open); });
}

void set_zarr_numbers(const Extents& extents, std::int64_t* numbers) noexcept {
  std::transform(extents.span().begin(), extents.span().end(), numbers,
                 [](std::uint64_t extent) { return static_cast<std::int64_t>(extent); });
}

}  // namespace

locum_status locum_zarr_open(locum_files files, const char* path, const locum_zarr_options* options,
                             locum_zarr* array) {
  return on_files_of_zarr(files, path, array, [&](const Files& open) {
    return give_zarr(ZarrArray::open(open, path, zarr_options(options)), array);
  });
}

locum_status locum_zarr_create(locum_files files, const char* path, const locum_zarr_layout* layout,
                               const locum_zarr_options* options, locum_zarr* array) {
  return on_files_of_zarr(files, path, array, [&](const Files& open) {
    if (layout == nullptr) {
      return is_null("layout");
    }
    const auto how = zarr_layout(*layout);
    return how ? give_zarr(ZarrArray::create(open, path, *how, zarr_options(options)), array)
               : failed(how.error().about(path));
  });
}

locum_status locum_zarr_close(locum_zarr* array) {
  return release(zarr_arrays(), array, "array of Zarr");
}

locum_status locum_zarr_info_get(locum_zarr array, locum_zarr_info* info) {
  clear(info);
  return on_zarr(array, [&](const ZarrArray& open) {
    if (info == nullptr) {
      return is_null("info");
    }
    const Extents shape = open.shape();
    info->type = type_of(open.element().name());
    info->rank = static_cast<std::int32_t>(shape.size());
    set_zarr_numbers(shape, info->shape);
    set_zarr_numbers(open.chunks(), info->chunks);
    set_zarr_numbers(open.file_extents(), info->files);
    info->version = open.version();
    return LOCUM_OK;
  });
}

locum_status locum_zarr_dimensions(locum_zarr array, locum_names* names) {
  clear(names);
  return on_zarr(array, [&](const ZarrArray& open) {
    return names == nullptr ? is_null("names") : give_names(open.dimensions(), *names);
  });
}

locum_status locum_zarr_attributes(locum_zarr array, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_zarr(array, [&](const ZarrArray& open) {
    if (view == nullptr) {
      return is_null("view");
    }
    const Record attributes = open.attributes();
    auto stored = described_as_record(attributes.is_null() ? Record::members({}) : attributes);
    if (!stored) {
      return failed(stored.error());
    }
    give_memory(std::move(stored->owner), stored->array, stored->size_bytes, *view);
    return LOCUM_OK;
  });
}

locum_status locum_zarr_set_attributes(locum_zarr array, const locum_array* attributes) {
  return on_zarr(array, [&](const ZarrArray& open) {
    if (attributes == nullptr) {
      return is_null("attributes");
    }
    const auto given = kept_zarr_attributes(*attributes);
    return given ? status_of(open.set_attributes(*given)) : failed(given.error());
  });
}

locum_status locum_zarr_read(locum_zarr array, const locum_array* into,
                             const locum_zarr_read_options* options) {
  return on_zarr(array, [&](const ZarrArray& open) {
    if (into == nullptr) {
      return is_null("into");
    }
    const auto box = zarr_box_in(options);
    const auto memory = memory_of(*into);
    return box && memory ? status_of(open.read_to(*memory, *box))
                         : failed(box ? memory.error() : box.error());
  });
}

locum_status locum_zarr_load(locum_zarr array, const locum_zarr_read_options* options, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_zarr(array, [&](const ZarrArray& open) {
    if (view == nullptr) {
      return is_null("view");
    }
    const auto box = zarr_box_in(options);
    auto read = box ? open.read(*box) : Result<Array>(box.error());
    return read ? give_value(Record(*std::move(read)), *view) : failed(read.error());
  });
}

locum_status locum_zarr_write(locum_zarr array, const locum_array* values,
                              const locum_zarr_write_options* options) {
  return on_zarr(array, [&](const ZarrArray& open) {
    if (values == nullptr) {
      return is_null("values");
    }
    require_known(options);
    const auto memory = elements_of(*values);
    if (!memory) {
      return failed(memory.error());
    }
    const auto start = options == nullptr ? Result<Extents>(Extents())
                                          : zarr_extents_in(values->rank, options->start, "the start");
    return start ? status_of(open.write(*memory, *start)) : failed(start.error());
  });
}

locum_status locum_zarr_resize(locum_zarr array, std::int32_t rank, const std::int64_t* shape) {
  return on_zarr(array, [&](const ZarrArray& open) {
    if (shape == nullptr) {
      return is_null("shape");
    }
    const auto extents = zarr_extents_in(rank, shape, "the shape");
    return extents ? status_of(open.resize(*extents)) : failed(extents.error());
  });
}
