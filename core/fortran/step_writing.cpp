// Streams of steps, and the steps that are written.
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

// The extents of this rank's array: those of the global one, where there is no other list.
locum_status local_shape_of(const CFI_cdesc_t& pointer, const CFI_cdesc_t* shape, const CFI_cdesc_t* count,
                            locum_array& array) noexcept {
  if (count != nullptr) {
    return shape_of(pointer, *count, "count", array);
  }
  if (shape != nullptr) {
    return shape_of(pointer, *shape, "shape", array);
  }
  return refuse(LOCUM_INVALID_ARGUMENT,
                "neither 'shape' nor 'count' is given; a scalar has the count [integer ::]");
}

// Returns the status of a call that refuses what the program wanted to write, without which the step must not
// be published.
locum_status refused(locum_output_step step, const Text& name, locum_status status) noexcept {
  [[maybe_unused]] const locum_status failed =
      locum_step_fail(step, name.c_str() == nullptr ? "" : name.c_str(), status, refusal());
  return status;
}

}  // namespace

extern "C" {

// After a refusal of the module itself.
locum_status locum_fortran_step_refused(locum_output_step step, const char* name, std::size_t length,
                                        locum_status status) {
  return refused(step, Text(name, length), status);
}

locum_status locum_fortran_ranks_release(locum_ranks* ranks) {
  return outcome(locum_ranks_release(ranks));
}

locum_status locum_fortran_step_writer_open(locum_ranks ranks, const char* stream, std::size_t length,
                                            const std::int32_t* queue_steps, const std::int64_t* queue_bytes,
                                            const std::int32_t* when_full, const std::int32_t* readers,
                                            const char* file, std::size_t file_length,
                                            locum_step_writer* writer) {
  const Text stream_text(stream, length);
  const Text file_text(file, file_length);
  locum_status wrong = check_closed(*writer, "step writer", "close");
  wrong = wrong != LOCUM_OK ? wrong : stream_text.check("stream");
  wrong = wrong != LOCUM_OK ? wrong : file_text.check("file");
  wrong = wrong != LOCUM_OK ? wrong : check_least(queue_steps, "queue_steps", 1);
  wrong = wrong != LOCUM_OK ? wrong : check_least(queue_bytes, "queue_bytes", 1);
  wrong = wrong != LOCUM_OK ? wrong : check_least(readers, "readers", 0);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_step_writer_options options{.queue_steps = given_or_default<std::uint32_t>(queue_steps),
                                          .queue_bytes = given_or_default<std::uint64_t>(queue_bytes),
                                          .when_full = given_or_default<std::int32_t>(when_full),
                                          .rendezvous_readers = given_or_default<std::uint32_t>(readers),
                                          .file = file_text.c_str(),
                                          .reserved = {}};
  return outcome(locum_step_writer_open(ranks, stream_text.c_str(), &options, writer));
}

locum_status locum_fortran_step_begin(locum_step_writer writer, const double* within,
                                      locum_output_step* step) {
  const locum_status wrong = check_closed(*step, "step", "end or discard");
  return wrong != LOCUM_OK ? wrong : outcome(locum_step_begin(writer, deadline(within), step));
}

locum_status locum_fortran_step_writer_close(locum_step_writer* writer, const double* within) {
  return outcome(locum_step_writer_close(writer, deadline(within)));
}

locum_status locum_fortran_step_writer_abandon(locum_step_writer* writer) {
  return outcome(locum_step_writer_abandon(writer));
}

locum_status locum_fortran_step_put(locum_output_step step, const char* name, std::size_t length,
                                    const CFI_cdesc_t* value, const CFI_cdesc_t* shape,
                                    const CFI_cdesc_t* start, const double* within) {
  const Text text(name, length);
  locum_array array;
  locum_block block;
  locum_status wrong = array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : block_of(shape, start, *value, array, block);
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  return wrong != LOCUM_OK ? refused(step, text, wrong)
                           : outcome(locum_step_put(step, text.c_str(), &array, &block, deadline(within)));
}

locum_status locum_fortran_step_create(locum_output_step step, const char* name, std::size_t length,
                                       CFI_cdesc_t* pointer, const CFI_cdesc_t* shape,
                                       const CFI_cdesc_t* start, const CFI_cdesc_t* count,
                                       const double* within) {
  nullify(*pointer);
  const Text text(name, length);
  locum_array array;
  locum_block block;
  locum_status wrong = local_shape_of(*pointer, shape, count, array);
  wrong = wrong != LOCUM_OK ? wrong : block_of(shape, start, *pointer, array, block);
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  if (wrong != LOCUM_OK) {
    return refused(step, text, wrong);
  }
  const locum_status status =
      outcome(locum_step_create(step, text.c_str(), &array, &block, deadline(within)));
  if (status != LOCUM_OK) {
    return status;
  }
  wrong = associate(*pointer, array);
  return wrong != LOCUM_OK ? refused(step, text, wrong) : LOCUM_OK;
}

locum_status locum_fortran_step_end(locum_output_step* step, const double* within) {
  return outcome(locum_step_end(step, deadline(within)));
}

locum_status locum_fortran_step_discard(locum_output_step* step) {
  return outcome(locum_step_discard(step));
}

}  // extern "C"
