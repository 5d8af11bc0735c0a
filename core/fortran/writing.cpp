// Calls that write.
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/place.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

// A writer as Fortran has it: fortran_writer of calls.f90.
struct Writer : Place {
  locum_writer handle;
};

}  // namespace

extern "C" {

locum_status locum_fortran_put(locum_store store, bool replaces, const char* name, std::size_t length,
                               const CFI_cdesc_t* value, const double* lives, const char* tag,
                               std::size_t tag_length, bool waits_for_room, bool listed,
                               const std::int64_t* generation, const double* within, locum_key* key) {
  const Text name_text(name, length);
  const Text tag_text(tag, tag_length);
  locum_array array;
  locum_status wrong = array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : name_text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : tag_text.check("tag");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_put_options options{
      .deadline_s = deadline(within),
      .lifetime_s = lifetime(lives),
      .waits_for_room = waits_for_room,
      .listed = listed,
      .tag = tag_text.c_str(),
      .expected_generation = generation == nullptr ? 0 : static_cast<std::uint64_t>(*generation),
      .reserved = {}};
  return outcome(replaces ? locum_replace(store, name_text.c_str(), &array, &options, key)
                          : locum_put(store, name_text.c_str(), &array, &options, key));
}

locum_status locum_fortran_create(locum_store store, const char* name, std::size_t length,
                                  CFI_cdesc_t* pointer, const CFI_cdesc_t* shape, const double* lives,
                                  const char* tag, std::size_t tag_length, bool waits_for_room,
                                  const double* within, Writer* writer) {
  nullify(*pointer);
  const Text name_text(name, length);
  const Text tag_text(tag, tag_length);
  locum_array array;
  locum_status wrong = check_free(*writer, "writer", "seal or discard");
  wrong = wrong != LOCUM_OK ? wrong : shape_of(*pointer, *shape, "shape", array);
  wrong = wrong != LOCUM_OK ? wrong : name_text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : tag_text.check("tag");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_put_options options{.deadline_s = deadline(within),
                                  .lifetime_s = lifetime(lives),
                                  .waits_for_room = waits_for_room,
                                  .listed = false,
                                  .tag = tag_text.c_str(),
                                  .expected_generation = 0,
                                  .reserved = {}};
  const locum_status status =
      outcome(locum_create(store, name_text.c_str(), &array, &options, &writer->handle));
  writer->hold(status == LOCUM_OK);
  return status != LOCUM_OK ? status : associate(*pointer, array);
}

locum_status locum_fortran_seal(Writer* writer, const double* within, locum_key* key) {
  if (const auto wrong = check_held(*writer, "writer"); wrong != LOCUM_OK) {
    return wrong;
  }
  writer->hold(false);
  return outcome(locum_writer_seal(&writer->handle, deadline(within), key));
}

locum_status locum_fortran_writer_replace(Writer* writer, const std::int64_t* generation,
                                          const double* within, locum_key* key) {
  if (const auto wrong = check_held(*writer, "writer"); wrong != LOCUM_OK) {
    return wrong;
  }
  writer->hold(false);
  const auto expected = given_or_default<std::uint64_t>(generation);
  return outcome(locum_writer_replace(&writer->handle, expected, deadline(within), key));
}

locum_status locum_fortran_discard(Writer* writer) {
  if (const auto wrong = check_held(*writer, "writer"); wrong != LOCUM_OK) {
    return wrong;
  }
  writer->hold(false);
  return outcome(locum_writer_discard(&writer->handle));
}

bool locum_fortran_writes(const Writer* writer) {
  return writer->is_held();
}

locum_status locum_fortran_fetch_add(locum_store store, const char* name, std::size_t length,
                                     std::int64_t difference, const double* within, std::int64_t* previous) {
  const Text text(name, length);
  const auto wrong = text.check("name");
  return wrong != LOCUM_OK
             ? wrong
             : outcome(locum_fetch_add(store, text.c_str(), difference, deadline(within), previous));
}

}  // extern "C"
