#pragma once

#include <ISO_Fortran_binding.h>

#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"

namespace locum::fortran {

/// Describes the memory of an array of Fortran for the C interface: the same elements, their dimensions in
/// the other order. Characters are one dimension more, the fastest. Returns an error for types that have no
/// counterpart, and for arrays without memory.
locum_status array_of(const CFI_cdesc_t& descriptor, locum_array& array) noexcept;

/// Reads the type and rank of a pointer of Fortran, and its extents from an array of integers, the argument
/// `name`.
locum_status shape_of(const CFI_cdesc_t& pointer, const CFI_cdesc_t& shape, const char* name,
                      locum_array& array) noexcept;

/// Reads a box, for an array of Fortran that is `array` in the C interface; arguments that are absent are
/// null. Without any it is the whole array.
locum_status box_of(const CFI_cdesc_t* start, const CFI_cdesc_t* count, const CFI_cdesc_t* stride,
                    const CFI_cdesc_t& descriptor, const locum_array& array, locum_box& box) noexcept;

/// The same of an array of the C interface alone, whose rank is that of the lists.
locum_status box_of(const CFI_cdesc_t* start, const CFI_cdesc_t* count, const CFI_cdesc_t* stride, int rank,
                    const locum_array& array, locum_box& box) noexcept;

/// Reads extents, each at least `least`, from an array of integers, the argument `name`, into the order of C.
/// `rank`: how many there are to be; below 0: any number that an array may have, which it is set to.
locum_status extents_of(const CFI_cdesc_t& list, const char* name, int least, std::int32_t& rank,
                        std::int64_t* into) noexcept;

/// Reads where an array of Fortran, which is `array` in the C interface, is within a global one. Absent
/// arguments are null: without `shape` the array is local, without `start` it begins where the global one
/// does.
locum_status block_of(const CFI_cdesc_t* shape, const CFI_cdesc_t* start, const CFI_cdesc_t& descriptor,
                      const locum_array& array, locum_block& block) noexcept;

/// Returns LOCUM_TYPE_MISMATCH unless an array of Fortran, which is `into` in the C interface, has the type
/// and rank of another array of the C interface.
locum_status check_type(const CFI_cdesc_t& descriptor, const locum_array& into,
                        const locum_array& from) noexcept;

/// Returns LOCUM_OUT_OF_MEMORY if the elements of a loaded array do not follow each other in memory: then it
/// is shown in its file, for want of memory of the node.
locum_status check_gaps(const locum_array& array, std::size_t element_bytes) noexcept;

/// Associates a pointer with nothing.
void nullify(CFI_cdesc_t& pointer) noexcept;

/// Associates a pointer with an array of the C interface, lower bounds 1. LOCUM_TYPE_MISMATCH if its type or
/// rank is another one; the error of check_gaps().
locum_status associate(CFI_cdesc_t& pointer, const locum_array& array) noexcept;

}  // namespace locum::fortran
