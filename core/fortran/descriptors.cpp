#include "core/fortran/descriptors.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/fortran/outcome.hpp"

#ifndef _Bool       // CFI_type_Bool is of its size, a word of C alone
#define _Bool bool  // NOLINT(bugprone-reserved-identifier,cppcoreguidelines-macro-usage)
#endif

namespace locum::fortran {

namespace {

struct Type {
  CFI_type_t fortran;
  locum_type c;
  const char* name;  ///< as in a Fortran program
};

// Standard names only. Several may be one number; the first counts.
constexpr std::array<Type, 10> types{{{CFI_type_double, LOCUM_F64, "real(real64)"},
                                      {CFI_type_float, LOCUM_F32, "real(real32)"},
                                      {CFI_type_int32_t, LOCUM_I32, "integer(int32)"},
                                      {CFI_type_int64_t, LOCUM_I64, "integer(int64)"},
                                      {CFI_type_int8_t, LOCUM_I8, "integer(int8)"},
                                      {CFI_type_int16_t, LOCUM_I16, "integer(int16)"},
                                      {CFI_type_float_Complex, LOCUM_C64, "complex(real32)"},
                                      {CFI_type_double_Complex, LOCUM_C128, "complex(real64)"},
                                      {CFI_type_Bool, LOCUM_BOOL, "logical(c_bool)"},
                                      {CFI_type_char, LOCUM_CHAR, "character"}}};

const Type* find_type(CFI_type_t type) noexcept {
  const auto* found =
      std::find_if(types.begin(), types.end(), [=](const Type& each) { return each.fortran == type; });
  return found == types.end() ? nullptr : found;
}

const char* name_of(locum_type type) noexcept {
  const auto* found =
      std::find_if(types.begin(), types.end(), [=](const Type& each) { return each.c == type; });
  return found == types.end() ? "no type of Fortran" : found->name;
}

locum_status no_such_type() noexcept {
  return refuse(LOCUM_UNSUPPORTED,
                "there are no objects of this type of Fortran, only of integers of 1 to 8 bytes, real and "
                "complex of single and double precision, logical(c_bool) and character");
}

int rank_of(const CFI_cdesc_t& descriptor) noexcept {
  return descriptor.rank;
}

// The dimension of C that is dimension `at` of Fortran.
std::size_t reversed(int at, int rank) noexcept {
  return static_cast<std::size_t>(rank - 1 - at);
}

bool is_empty(const CFI_cdesc_t& descriptor) noexcept {
  const auto* const end = descriptor.dim + descriptor.rank;
  return std::any_of(descriptor.dim, end, [](const CFI_dim_t& each) { return each.extent == 0; });
}

// Whether the elements follow each other in memory.
bool is_packed(const CFI_cdesc_t& descriptor) noexcept {
  auto step = static_cast<CFI_index_t>(descriptor.elem_len);
  for (int at = 0; at < descriptor.rank; ++at) {
    if (descriptor.dim[at].sm != step) {
      return false;
    }
    step *= descriptor.dim[at].extent;
  }
  return true;
}

// Reads one integer for each dimension into `into`, in the order of C. `name` is that of the argument.
locum_status read_list(const CFI_cdesc_t& list, const char* name, int rank, std::int64_t* into) noexcept {
  const bool is_short = list.type == CFI_type_int32_t;
  if (list.rank != 1 || !(is_short || list.type == CFI_type_int64_t)) {
    return refuse(LOCUM_INVALID_ARGUMENT, "'%s' is an array of rank 1, of integers of 4 or 8 bytes", name);
  }
  if (list.dim[0].extent != rank) {
    return refuse(LOCUM_INVALID_ARGUMENT, "'%s' has one integer for each dimension: %d, not %lld", name, rank,
                  static_cast<long long>(list.dim[0].extent));
  }
  for (int at = 0; at < rank; ++at) {
    const char* place = static_cast<const char*>(list.base_addr) + at * list.dim[0].sm;
    std::int64_t number = 0;
    if (is_short) {
      std::int32_t read = 0;
      std::memcpy(&read, place, sizeof read);
      number = read;
    } else {
      std::memcpy(&number, place, sizeof number);
    }
    into[reversed(at, rank)] = number;
  }
  return LOCUM_OK;
}

locum_status refuse_below(const char* name, int at, std::int64_t number, int least) noexcept {
  return refuse(LOCUM_INVALID_ARGUMENT, "%s(%d) is %lld; the least is %d", name, at + 1,
                static_cast<long long>(number), least);
}

}  // namespace

locum_status array_of(const CFI_cdesc_t& descriptor, locum_array& array) noexcept {
  const Type* type = find_type(descriptor.type);
  if (type == nullptr) {
    return no_such_type();
  }
  const int rank = rank_of(descriptor);
  const bool is_text = type->c == LOCUM_CHAR;
  array.type = type->c;
  array.rank = rank + (is_text ? 1 : 0);
  if (array.rank > LOCUM_MAX_RANK) {
    return refuse(LOCUM_INVALID_ARGUMENT,
                  "an array has a rank of at most %d, one of text of %d; this one has %d", LOCUM_MAX_RANK,
                  LOCUM_MAX_RANK - 1, rank);
  }
  // gfortran gives some empty arrays no address, such as [real ::]. The extents of one that is not allocated
  // may be any; those of a program that never allocated it are 1.
  if (descriptor.base_addr == nullptr && !is_empty(descriptor)) {
    return refuse(LOCUM_INVALID_ARGUMENT, "this array is not allocated, or this pointer is not associated");
  }
  const bool packed = is_packed(descriptor);
  for (int at = 0; at < rank; ++at) {
    const CFI_index_t extent = descriptor.dim[at].extent;
    if (extent < 0) {
      return refuse(LOCUM_INVALID_ARGUMENT, "this array is of assumed size; pass a section with both bounds");
    }
    array.extents[reversed(at, rank)] = extent;
    array.strides[reversed(at, rank)] = packed ? 0 : descriptor.dim[at].sm;
  }
  if (is_text) {
    array.extents[rank] = static_cast<std::int64_t>(descriptor.elem_len);
    array.strides[rank] = packed ? 0 : 1;
  }
  static char no_elements[16];
  array.data = descriptor.base_addr == nullptr ? no_elements : descriptor.base_addr;
  array.type_name = {nullptr, 0};
  return LOCUM_OK;
}

locum_status shape_of(const CFI_cdesc_t& pointer, const CFI_cdesc_t& shape, const char* name,
                      locum_array& array) noexcept {
  const Type* type = find_type(pointer.type);
  if (type == nullptr) {
    return no_such_type();
  }
  if (pointer.rank > LOCUM_MAX_RANK) {
    return refuse(LOCUM_INVALID_ARGUMENT, "an array has a rank of at most %d; this one has %d",
                  LOCUM_MAX_RANK, pointer.rank);
  }
  array.type = type->c;
  array.rank = rank_of(pointer);
  array.type_name = {nullptr, 0};
  array.data = nullptr;
  return read_list(shape, name, array.rank, array.extents);
}

locum_status box_of(const CFI_cdesc_t* start, const CFI_cdesc_t* count, const CFI_cdesc_t* stride,
                    const CFI_cdesc_t& descriptor, const locum_array& array, locum_box& box) noexcept {
  return box_of(start, count, stride, rank_of(descriptor), array, box);
}

locum_status box_of(const CFI_cdesc_t* start, const CFI_cdesc_t* count, const CFI_cdesc_t* stride, int rank,
                    const locum_array& array, locum_box& box) noexcept {
  box.rank = 0;
  if (start == nullptr && count == nullptr && stride == nullptr) {
    return LOCUM_OK;
  }
  for (int at = 0; at < array.rank; ++at) {
    box.start[at] = at < rank ? 1 : 0;
    box.count[at] = array.extents[at];
    box.stride[at] = 1;
  }
  locum_status status = LOCUM_OK;
  if (start != nullptr && status == LOCUM_OK) {
    status = read_list(*start, "start", rank, box.start);
  }
  if (count != nullptr && status == LOCUM_OK) {
    status = read_list(*count, "count", rank, box.count);
  }
  if (stride != nullptr && status == LOCUM_OK) {
    status = read_list(*stride, "stride", rank, box.stride);
  }
  if (status != LOCUM_OK) {
    return status;
  }
  for (int at = 0; at < rank; ++at) {
    const std::size_t place = reversed(at, rank);
    if (box.start[place] < 1) {
      return refuse_below("start", at, box.start[place], 1);
    }
    if (box.count[place] < 0) {
      return refuse_below("count", at, box.count[place], 0);
    }
    if (box.stride[place] < 1) {
      return refuse_below("stride", at, box.stride[place], 1);
    }
    box.start[place] -= 1;
  }
  box.rank = array.rank;
  return LOCUM_OK;
}

locum_status extents_of(const CFI_cdesc_t& list, const char* name, int least, std::int32_t& rank,
                        std::int64_t* into) noexcept {
  if (rank < 0 && list.rank == 1) {
    if (list.dim[0].extent > LOCUM_MAX_RANK) {
      return refuse(LOCUM_INVALID_ARGUMENT, "'%s' has %lld integers; an array has %d dimensions at most",
                    name, static_cast<long long>(list.dim[0].extent), LOCUM_MAX_RANK);
    }
    rank = static_cast<std::int32_t>(list.dim[0].extent);
  }
  if (const auto wrong = read_list(list, name, rank, into); wrong != LOCUM_OK) {
    return wrong;
  }
  for (int at = 0; at < rank; ++at) {
    if (const std::int64_t number = into[reversed(at, rank)]; number < least) {
      return refuse_below(name, at, number, least);
    }
  }
  return LOCUM_OK;
}

locum_status block_of(const CFI_cdesc_t* shape, const CFI_cdesc_t* start, const CFI_cdesc_t& descriptor,
                      const locum_array& array, locum_block& block) noexcept {
  const int rank = rank_of(descriptor);
  block.rank = 0;
  if (shape == nullptr) {
    return start == nullptr
               ? LOCUM_OK
               : refuse(LOCUM_INVALID_ARGUMENT, "'start' without 'shape': start of what global array?");
  }
  for (int at = 0; at < array.rank; ++at) {
    block.shape[at] = array.extents[at];  // characters: of those that are not listed
    block.start[at] = at < rank ? 1 : 0;
  }
  locum_status status = read_list(*shape, "shape", rank, block.shape);
  if (start != nullptr && status == LOCUM_OK) {
    status = read_list(*start, "start", rank, block.start);
  }
  if (status != LOCUM_OK) {
    return status;
  }
  for (int at = 0; at < rank; ++at) {
    const std::size_t place = reversed(at, rank);
    if (block.start[place] < 1) {
      return refuse_below("start", at, block.start[place], 1);
    }
    block.start[place] -= 1;
  }
  block.rank = array.rank;
  return LOCUM_OK;
}

locum_status check_type(const CFI_cdesc_t& descriptor, const locum_array& into,
                        const locum_array& from) noexcept {
  if (into.type == from.type && into.rank == from.rank) {
    return LOCUM_OK;
  }
  const bool is_text = into.type == LOCUM_CHAR;
  return refuse(LOCUM_TYPE_MISMATCH, "the object is %.*s (%s) of rank %d, and the array is %s of rank %d%s",
                static_cast<int>(from.type_name.length), from.type_name.first,
                name_of(static_cast<locum_type>(from.type)), from.rank,
                name_of(static_cast<locum_type>(into.type)), descriptor.rank,
                is_text ? ", whose length is one more" : "");
}

locum_status check_gaps(const locum_array& array, std::size_t element_bytes) noexcept {
  const auto is_zero = [](std::int64_t each) { return each == 0; };
  if (std::all_of(array.strides, array.strides + array.rank, is_zero) ||
      std::any_of(array.extents, array.extents + array.rank, is_zero)) {
    return LOCUM_OK;
  }
  auto step = static_cast<std::int64_t>(element_bytes);
  for (int at = array.rank; at-- > 0; step *= array.extents[at]) {
    if (array.extents[at] != 1 && array.strides[at] != step) {
      return refuse(LOCUM_OUT_OF_MEMORY,
                    "the memory of the node has no room for this array, and in the file its elements do not "
                    "follow each other as in an array of Fortran; give the node more memory");
    }
  }
  return LOCUM_OK;
}

void nullify(CFI_cdesc_t& pointer) noexcept {
  CFI_setpointer(&pointer, nullptr, nullptr);
}

locum_status associate(CFI_cdesc_t& pointer, const locum_array& array) noexcept {
  const Type* type = find_type(pointer.type);
  if (type == nullptr) {
    return no_such_type();
  }
  if (type->c != array.type || pointer.rank != array.rank) {
    return refuse(LOCUM_TYPE_MISMATCH, "the object is %.*s (%s) of rank %d, and the pointer is %s of rank %d",
                  static_cast<int>(array.type_name.length), array.type_name.first,
                  name_of(static_cast<locum_type>(array.type)), array.rank, type->name, pointer.rank);
  }
  if (const auto wrong = check_gaps(array, pointer.elem_len); wrong != LOCUM_OK) {
    return wrong;
  }
  static char nothing[16];  // an empty array has an address: its pointer is associated
  std::array<CFI_index_t, LOCUM_MAX_RANK> extents{};
  std::array<CFI_index_t, LOCUM_MAX_RANK> lower{};
  for (int at = 0; at < array.rank; ++at) {
    extents[static_cast<std::size_t>(at)] = array.extents[reversed(at, array.rank)];
    lower[static_cast<std::size_t>(at)] = 1;
  }
  CFI_CDESC_T(LOCUM_MAX_RANK) source;
  auto* described = reinterpret_cast<CFI_cdesc_t*>(&source);
  void* data = array.data == nullptr ? nothing : array.data;
  int failed = CFI_establish(described, data, CFI_attribute_pointer, pointer.type, pointer.elem_len,
                             pointer.rank, extents.data());
  if (failed == CFI_SUCCESS) {
    failed = CFI_setpointer(&pointer, described, lower.data());
  }
  return failed == CFI_SUCCESS
             ? LOCUM_OK
             : refuse(LOCUM_SYSTEM, "the Fortran library cannot describe this array (CFI error %d)", failed);
}

}  // namespace locum::fortran

// gfortran 12 sets the rank of a pointer where it is declared, but not of a component without an initialiser.
extern "C" locum_status locum_fortran_check_rank(int rank) {
  return rank >= 0 && rank <= CFI_MAX_RANK
             ? LOCUM_OK
             : locum::fortran::refuse(LOCUM_INVALID_ARGUMENT,
                                      "this pointer was never initialised: declare it with '=> null()'");
}
