// Readers of streams of steps, and the steps that they give.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/place.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// `writer` absent: there is only one. Its number is that of MPI, from 0.
locum_status find(locum_input_step step, const Text& name, const std::int32_t* writer, const double* within,
                  View& view) noexcept {
  locum_status wrong = name.check("name");
  if (wrong == LOCUM_OK && writer != nullptr && *writer < 0) {
    wrong = refuse(LOCUM_INVALID_ARGUMENT, "'writer' is %d; ranks count from 0", *writer);
  }
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  return fill(view, [&](locum_view& into) {
    return locum_step_get(step, name.c_str(), writer == nullptr ? -1 : *writer, deadline(within), &into);
  });
}

}  // namespace

extern "C" {

locum_status locum_fortran_step_reader_open(locum_ranks ranks, const char* stream, std::size_t length,
                                            const std::int32_t* start_at, const std::int32_t* ahead,
                                            const char* group, std::size_t group_length, const char* file,
                                            std::size_t file_length, const std::int64_t* first_step,
                                            const std::int64_t* every, locum_step_reader* reader) {
  const Text stream_text(stream, length);
  const Text group_text(group, group_length);
  const Text file_text(file, file_length);
  locum_status wrong = check_closed(*reader, "step reader", "close");
  wrong = wrong != LOCUM_OK ? wrong : stream_text.check("stream");
  wrong = wrong != LOCUM_OK ? wrong : group_text.check("group");
  wrong = wrong != LOCUM_OK ? wrong : file_text.check("file");
  wrong = wrong != LOCUM_OK ? wrong : check_least(first_step, "first_step", 0);
  wrong = wrong != LOCUM_OK ? wrong : check_least(every, "every", 1);
  wrong = wrong != LOCUM_OK ? wrong : check_least(ahead, "ahead", 0);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const bool none_ahead = ahead != nullptr && *ahead == 0;  // for which C has a negative number
  const locum_step_reader_options options{.start_at = given_or_default<std::int32_t>(start_at),
                                          .ahead = none_ahead ? -1 : given_or_default<std::int32_t>(ahead),
                                          .group = group_text.c_str(),
                                          .file = file_text.c_str(),
                                          .first_step = given_or_default<std::uint64_t>(first_step),
                                          .every = given_or_default<std::uint64_t>(every),
                                          .reserved = {}};
  return outcome(locum_step_reader_open(ranks, stream_text.c_str(), &options, reader));
}

locum_status locum_fortran_step_next(locum_step_reader reader, bool newest, const double* within,
                                     locum_input_step* step) {
  const locum_status wrong = check_closed(*step, "step", "release");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  return outcome(newest ? locum_step_latest(reader, deadline(within), step)
                        : locum_step_next(reader, deadline(within), step));
}

locum_status locum_fortran_step_reader_close(locum_step_reader* reader) {
  return outcome(locum_step_reader_close(reader));
}

locum_status locum_fortran_step_number(locum_input_step step, std::int64_t* number) {
  std::uint64_t found = 0;
  const locum_status status = outcome(locum_step_number(step, &found));
  *number = static_cast<std::int64_t>(found);
  return status;
}

// Counts the variables, and finds the longest name; copies the names to `into`, each filled with blanks to
// that length, if it is not null.
locum_status locum_fortran_step_variables(locum_input_step step, std::int64_t* count, std::size_t* longest,
                                          char* into) {
  *count = 0;
  *longest = 0;
  locum_variables list;
  const locum_status status = outcome(locum_step_variables(step, &list));
  if (status != LOCUM_OK) {
    return status;
  }
  *count = static_cast<std::int64_t>(list.count);
  const auto* end = list.variables + list.count;
  for (const auto* each = list.variables; each != end; ++each) {
    *longest = std::max(*longest, each->name.length);
  }
  for (const auto* each = list.variables; into != nullptr && each != end; ++each) {
    char* blanks = std::copy_n(each->name.first, each->name.length, into);
    into += *longest;
    std::fill(blanks, into, ' ');
  }
  static_cast<void>(locum_variables_release(&list));
  return LOCUM_OK;
}

// `rank` and `extents` of the global array, in the order of Fortran.
locum_status locum_fortran_step_shape(locum_input_step step, const char* name, std::size_t length,
                                      std::int32_t* rank, std::int64_t* extents) {
  *rank = 0;
  locum_variables list;
  locum_status status = outcome(locum_step_variables(step, &list));
  if (status != LOCUM_OK) {
    return status;
  }
  const std::string_view wanted(name, length);
  const auto* end = list.variables + list.count;
  const auto* found = std::find_if(list.variables, end, [=](const locum_variable& each) {
    return std::string_view(each.name.first, each.name.length) == wanted;
  });
  if (found == end) {
    status = refuse(LOCUM_NOT_FOUND, "the step has no variable '%.*s'", static_cast<int>(length), name);
  } else {
    *rank = found->rank;
    std::reverse_copy(found->shape, found->shape + found->rank, extents);
  }
  static_cast<void>(locum_variables_release(&list));
  return status;
}

locum_status locum_fortran_step_get(locum_input_step step, const char* name, std::size_t length,
                                    const std::int32_t* writer, const double* within, CFI_cdesc_t* pointer,
                                    View* view) {
  nullify(*pointer);
  const locum_status status = find(step, Text(name, length), writer, within, *view);
  return status != LOCUM_OK ? status : associate(*pointer, *view);
}

locum_status locum_fortran_step_get_text(locum_input_step step, const char* name, std::size_t length,
                                         const std::int32_t* writer, const double* within, const void** text,
                                         std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  const locum_status status = find(step, Text(name, length), writer, within, *view);
  return status != LOCUM_OK ? status : text_of(*view, *text, *text_length);
}

locum_status locum_fortran_step_read(locum_input_step step, const char* name, std::size_t length,
                                     const CFI_cdesc_t* into, const CFI_cdesc_t* start,
                                     const CFI_cdesc_t* count, const CFI_cdesc_t* stride,
                                     const double* within) {
  const Text text(name, length);
  locum_array array;
  locum_read_options options{};
  options.deadline_s = deadline(within);
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : array_of(*into, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, array, options.box);
  return wrong != LOCUM_OK ? wrong : outcome(locum_step_read(step, text.c_str(), &array, &options));
}

locum_status locum_fortran_step_release(locum_input_step* step) {
  return outcome(locum_step_release(step));
}

}  // extern "C"
