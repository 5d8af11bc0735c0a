// Arrays of Zarr, for the C interface.
#include "transport/storage/zarr/zarr.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/c/zarr_layouts.hpp"
#include "transport/storage/files/files.hpp"

using namespace locum;
using namespace locum::c;

namespace {

PathOptions zarr_options(const locum_zarr_options* options) {
  require_known(options);
  return {.backend = options == nullptr || options->backend == nullptr ? std::string_view()
                                                                       : std::string_view(options->backend)};
}

Result<Hyperslab> zarr_box_in(const locum_zarr_read_options* options) {
  require_known(options);
  if (options != nullptr && options->shared > LOCUM_ZARR_SHARED_ALL) {
    return Error(Errc::invalid_argument,
                 "`shared` is a locum_zarr_shared: 0 for parts, 1 for none, 2 for all");
  }
  return options == nullptr || options->box.rank == 0 ? Result<Hyperslab>(Hyperslab())
                                                      : slab_of(options->box);
}

ZarrRead zarr_reading(const locum_zarr_read_options* options) noexcept {
  constexpr std::array<SharedChunks, 3> shared{SharedChunks::parts, SharedChunks::none, SharedChunks::all};
  return options == nullptr ? ZarrRead()
                            : ZarrRead{.strict = options->strict != 0,
                                       .shared = shared.at(static_cast<std::size_t>(options->shared))};
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
    return give_zarr_attributes(open.attributes(), *view);
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
    return box && memory ? status_of(open.read_to(*memory, *box, zarr_reading(options)))
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
    auto read = box ? open.read(*box, zarr_reading(options)) : Result<Array>(box.error());
    return read ? give_value(Record(*std::move(read)), *view) : failed(read.error());
  });
}

locum_status locum_zarr_prefetch(locum_zarr array, const locum_zarr_read_options* options) {
  return on_zarr(array, [&](const ZarrArray& open) {
    const auto box = zarr_box_in(options);
    return box ? status_of(open.prefetch(*box, zarr_reading(options))) : failed(box.error());
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
    if (!start) {
      return failed(start.error());
    }
    ZarrWrite how;
    if (options != nullptr) {
      how.partial = options->partial != 0 ? PartialFiles::read_modify_write : PartialFiles::refuse;
      how.deadline = limit_of(options->deadline_s);
    }
    return status_of(open.write(*memory, *start, how));
  });
}

locum_status locum_zarr_append(locum_zarr array, const locum_array* values, double deadline_s) {
  return on_zarr(array, [&](const ZarrArray& open) {
    if (values == nullptr) {
      return is_null("values");
    }
    const auto memory = elements_of(*values);
    return memory ? status_of(open.append(*memory, {.deadline = limit_of(deadline_s)}))
                  : failed(memory.error());
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
