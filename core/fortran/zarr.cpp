// Arrays of Zarr. Extents, starts and names of dimensions are those of Fortran in the arguments, and in the
// other order in the C interface: T(nx,ny,nz) is an array of Zarr of the shape {nz,ny,nx}.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/json_text.hpp"
#include "core/fortran/loaded.hpp"
#include "core/fortran/name_list.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// fortran_zarr_info of zarr.f90.
struct ZarrInfo {
  std::int64_t shape[LOCUM_MAX_RANK];
  std::int64_t chunks[LOCUM_MAX_RANK];
  std::int64_t files[LOCUM_MAX_RANK];
  std::int32_t type;
  std::int32_t rank;
  std::int32_t version;
};

// What a new array of Zarr is to be, as C takes it. Absent arguments are null.
class ZarrLayout {
 public:
  ZarrLayout(std::int32_t type, const CFI_cdesc_t& shape, const CFI_cdesc_t* chunks,
             const CFI_cdesc_t* shards, const std::int32_t* version) noexcept {
    layout_.type = type;
    layout_.rank = -1;
    layout_.version = version == nullptr ? 0 : *version;
    status_ = extents_of(shape, "shape", 0, layout_.rank, layout_.shape);
    if (status_ == LOCUM_OK && chunks != nullptr) {
      status_ = extents_of(*chunks, "chunks", 1, layout_.rank, layout_.chunks);
    }
    if (status_ == LOCUM_OK && shards != nullptr) {
      status_ = extents_of(*shards, "shards", 1, layout_.rank, layout_.shards);
    }
    if (status_ == LOCUM_OK && (layout_.version < 0 || layout_.version == 1 || layout_.version > 3)) {
      status_ = refuse(LOCUM_INVALID_ARGUMENT, "'version' is 2 or 3, the versions of Zarr");
    }
  }
  // REQUIRES: what is given outlives the layout.
  void set_fill(const CFI_cdesc_t* fill) noexcept {
    if (status_ != LOCUM_OK || fill == nullptr) {
      return;
    }
    status_ = array_of(*fill, fill_);
    if (status_ == LOCUM_OK && (fill->rank != 0 || fill_.type != layout_.type)) {
      status_ = refuse(LOCUM_TYPE_MISMATCH, "'fill' is one element, of the type of the array");
    }
    layout_.fill = &fill_;
  }
  void set_dimensions(const NameList* names) noexcept {
    if (status_ != LOCUM_OK || names == nullptr) {
      return;
    }
    status_ = names->check();
    if (status_ == LOCUM_OK && names->count() != static_cast<std::size_t>(layout_.rank)) {
      status_ = refuse(LOCUM_INVALID_ARGUMENT, "'dimensions' has a name for each dimension: %d, not %zu",
                       layout_.rank, names->count());
    }
    layout_.dimensions = names->data();
  }
  void set_attributes(const JsonText* attributes) noexcept {
    if (status_ == LOCUM_OK && attributes != nullptr) {
      status_ = attributes->check();
      layout_.attributes = &attributes->record();
    }
  }
  void set_codecs(const Text& codecs) noexcept {
    status_ = status_ != LOCUM_OK ? status_ : codecs.check("codecs");
    layout_.codecs = codecs.c_str();
  }
  [[nodiscard]] locum_status check() const noexcept { return status_; }
  [[nodiscard]] const locum_zarr_layout& given() const noexcept { return layout_; }

 private:
  locum_zarr_layout layout_{};
  locum_array fill_{};
  locum_status status_ = LOCUM_OK;
};

void reverse_extents(const std::int64_t* from, std::int32_t rank, std::int64_t* into) noexcept {
  std::reverse_copy(from, from + rank, into);
}

// Calls `call(array, start)` with the values of a write, and where it begins.
template <class Call>
locum_status write_values(const CFI_cdesc_t& values, const CFI_cdesc_t* start, Call call) noexcept {
  locum_array array;
  locum_box box{};
  locum_status wrong = array_of(values, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, nullptr, nullptr, values, array, box);
  return wrong != LOCUM_OK ? wrong : outcome(call(array, box.start));
}

// Reads a box of an array of Zarr, of which there is none in memory. Absent arguments: all of it.
locum_status box_ahead(locum_zarr array, const CFI_cdesc_t* start, const CFI_cdesc_t* count,
                       const CFI_cdesc_t* stride, locum_box& box) noexcept {
  locum_zarr_info info{};
  if (const auto status = outcome(locum_zarr_info_get(array, &info)); status != LOCUM_OK) {
    return status;
  }
  if (count == nullptr && (start != nullptr || stride != nullptr)) {
    return refuse(LOCUM_INVALID_ARGUMENT, "give 'count', too: the shape of the array that is to be read");
  }
  locum_array whole{};
  whole.rank = info.rank;
  std::copy_n(info.shape, info.rank, whole.extents);
  return box_of(start, count, stride, info.rank, whole, box);
}

}  // namespace

extern "C" {

locum_status locum_fortran_zarr_open(locum_files files, const char* path, std::size_t length,
                                     const char* backend, std::size_t backend_length, locum_zarr* array) {
  const Text from(path, length);
  const Text where(backend, backend_length);
  locum_status wrong = check_closed(*array, "array of Zarr", "close");
  wrong = wrong != LOCUM_OK ? wrong : from.check("path");
  wrong = wrong != LOCUM_OK ? wrong : where.check("backend");
  const locum_zarr_options options{where.c_str(), {}};
  return wrong != LOCUM_OK ? wrong : outcome(locum_zarr_open(files, from.c_str(), &options, array));
}

locum_status locum_fortran_zarr_create(locum_files files, const char* path, std::size_t length,
                                       std::int32_t type, const CFI_cdesc_t* shape, const CFI_cdesc_t* chunks,
                                       const CFI_cdesc_t* shards, const char* codecs,
                                       std::size_t codecs_length, const CFI_cdesc_t* fill,
                                       const CFI_cdesc_t* dimensions, const char* attributes,
                                       std::size_t attributes_length, const std::int32_t* version,
                                       const char* backend, std::size_t backend_length, locum_zarr* array) {
  const Text at(path, length);
  const Text where(backend, backend_length);
  const Text coded(codecs, codecs_length);
  locum_status wrong = check_closed(*array, "array of Zarr", "close");
  wrong = wrong != LOCUM_OK ? wrong : at.check("path");
  wrong = wrong != LOCUM_OK ? wrong : where.check("backend");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  ZarrLayout layout(type, *shape, chunks, shards, version);
  layout.set_codecs(coded);
  layout.set_fill(fill);
  const auto create = [&](const NameList* names, const JsonText* members) {
    layout.set_dimensions(names);
    layout.set_attributes(members);
    const locum_zarr_options options{where.c_str(), {}};
    return layout.check() != LOCUM_OK
               ? layout.check()
               : outcome(locum_zarr_create(files, at.c_str(), &layout.given(), &options, array));
  };
  const auto create_with = [&](const NameList* names) {
    if (attributes == nullptr) {
      return create(names, nullptr);
    }
    const JsonText members(attributes, attributes_length, "attributes");
    return create(names, &members);
  };
  if (dimensions == nullptr) {
    return create_with(nullptr);
  }
  const NameList names(*dimensions, "dimensions", true);
  return create_with(&names);
}

locum_status locum_fortran_zarr_close(locum_zarr* array) {
  return outcome(locum_zarr_close(array));
}

locum_status locum_fortran_zarr_info(locum_zarr array, ZarrInfo* info) {
  *info = {};
  locum_zarr_info found{};
  const locum_status status = outcome(locum_zarr_info_get(array, &found));
  info->type = found.type;
  info->rank = found.rank;
  info->version = found.version;
  reverse_extents(found.shape, found.rank, info->shape);
  reverse_extents(found.chunks, found.rank, info->chunks);
  reverse_extents(found.files, found.rank, info->files);
  return status;
}

// The list is ended by locum_fortran_names_take(). Its order is that of C.
locum_status locum_fortran_zarr_dimensions(locum_zarr array, locum_names* names, std::size_t* longest) {
  *longest = 0;
  const locum_status status = locum_zarr_dimensions(array, names);
  for (std::size_t at = 0; at < names->count; ++at) {
    *longest = std::max(*longest, names->names[at].length);
  }
  return outcome(status);
}

locum_status locum_fortran_zarr_read(locum_zarr array, const CFI_cdesc_t* into, const CFI_cdesc_t* start,
                                     const CFI_cdesc_t* count, const CFI_cdesc_t* stride, bool strict) {
  locum_array memory;
  locum_zarr_read_options options{};
  options.strict = strict ? 1 : 0;
  locum_status wrong = array_of(*into, memory);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, memory, options.box);
  return wrong != LOCUM_OK ? wrong : outcome(locum_zarr_read(array, &memory, &options));
}

locum_status locum_fortran_zarr_prefetch(locum_zarr array, const CFI_cdesc_t* start, const CFI_cdesc_t* count,
                                         const CFI_cdesc_t* stride, bool strict) {
  locum_zarr_read_options options{};
  options.strict = strict ? 1 : 0;
  const locum_status wrong = box_ahead(array, start, count, stride, options.box);
  return wrong != LOCUM_OK ? wrong : outcome(locum_zarr_prefetch(array, &options));
}

locum_status locum_fortran_zarr_write(locum_zarr array, const CFI_cdesc_t* values, const CFI_cdesc_t* start,
                                      bool partial, const double* within) {
  return write_values(*values, start, [=](const locum_array& given, const std::int64_t* first) {
    locum_zarr_write_options options{};
    std::copy_n(first, LOCUM_MAX_RANK, options.start);
    options.partial = partial ? 1 : 0;
    options.deadline_s = deadline(within);
    return locum_zarr_write(array, &given, &options);
  });
}

locum_status locum_fortran_zarr_append(locum_zarr array, const CFI_cdesc_t* values, const double* within) {
  return write_values(*values, nullptr, [=](const locum_array& given, const std::int64_t*) {
    return locum_zarr_append(array, &given, deadline(within));
  });
}

locum_status locum_fortran_zarr_resize(locum_zarr array, const CFI_cdesc_t* shape) {
  std::int64_t extents[LOCUM_MAX_RANK] = {};
  std::int32_t rank = -1;
  const locum_status wrong = extents_of(*shape, "shape", 0, rank, extents);
  return wrong != LOCUM_OK ? wrong : outcome(locum_zarr_resize(array, rank, extents));
}

locum_status locum_fortran_zarr_attribute(locum_zarr array, const char* name, std::size_t length,
                                          const CFI_cdesc_t* into) {
  const Text text(name, length);
  locum_array memory;
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : array_of(*into, memory);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  locum_view all{};
  locum_view one{};
  locum_status status = outcome(locum_zarr_attributes(array, &all));
  if (status != LOCUM_OK) {
    return status;
  }
  status = outcome(locum_record_member(&all.array, text.c_str(), &one));
  if (status == LOCUM_OK) {
    status = copy_loaded(one.array, locum_box{}, *into, memory, true);
    static_cast<void>(locum_view_release(&one));
  }
  static_cast<void>(locum_view_release(&all));
  return status;
}

locum_status locum_fortran_zarr_set_attributes(locum_zarr array, const char* json, std::size_t length) {
  const JsonText members(json, length, "attributes");
  return members.check() != LOCUM_OK ? members.check()
                                     : outcome(locum_zarr_set_attributes(array, &members.record()));
}

}  // extern "C"
