// Updates. Not by locum_update(), whose function would be called while the compiler holds the program's
// pointer in a copy, so that the program would not see its new target. Therefore the program changes the
// value between two calls: the first one takes the object with the generation of its name, and the second one
// replaces it, if that is still the generation.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "core/c/locum.h"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/place.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

constexpr double longest_update_seconds = 30;  // of an update without a deadline, as of other calls

// fortran_update of calls.f90. It is held while the program changes the value.
struct Update : Place {
  void* memory;  // of that value
  std::int64_t generation;
  double ends;  // on the monotonic clock
};

double now() noexcept {
  std::timespec time{};
  static_cast<void>(clock_gettime(CLOCK_MONOTONIC, &time));
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What is left of the time of an update, as a deadline of the C interface.
double left(const Update& update) noexcept {
  const double seconds = update.ends - now();
  return seconds > 0 ? seconds : LOCUM_AT_ONCE;
}

// Returns whether the name was changed between two calls, so that the next attempt may find the new object.
bool was_overtaken(locum_status status) noexcept {
  return status == LOCUM_NOT_FOUND || status == LOCUM_STALE;
}

void release(Update& update) noexcept {
  std::free(update.memory);
  update.memory = nullptr;
  update.hold(false);
}

// Takes the object under a name, together with the generation of that name.
locum_status take(locum_store store, const char* name, Update& update, locum_view& view) noexcept {
  while (true) {
    locum_info info;
    locum_status status = locum_info_get(store, name, left(update), &info);
    if (status != LOCUM_OK) {
      return outcome(status);
    }
    const locum_key key = info.key;
    update.generation = static_cast<std::int64_t>(info.generation);
    static_cast<void>(locum_info_release(&info));
    const locum_get_options options{.deadline_s = left(update)};
    status = locum_get_by_key(store, &key, &options, &view);
    if (!was_overtaken(status) || now() > update.ends) {
      return outcome(status);
    }
  }
}

// Copies an object into memory of the update, and gives it to the program by `give(const locum_array&)`.
template <class Give>
locum_status copy(const locum_view& view, const char* name, Update& update, Give give) noexcept {
  const auto bytes = static_cast<std::size_t>(view.size_bytes);
  update.memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (update.memory == nullptr) {
    return refuse(LOCUM_OUT_OF_MEMORY, "no memory for a copy of '%s', of %zu bytes", name, bytes);
  }
  if (view.array.data != nullptr) {
    std::memcpy(update.memory, view.array.data, bytes);
  }
  locum_array array = view.array;
  array.data = update.memory;
  return give(array);
}

// Takes the object under a name, and gives the program a copy of it, which is to be changed.
template <class Give>
locum_status begin(locum_store store, const char* name, Update& update, Give give) noexcept {
  locum_view view;
  locum_status status = take(store, name, update, view);
  if (status != LOCUM_OK) {
    return status;
  }
  status = copy(view, name, update, give);
  static_cast<void>(locum_view_release(&view));
  if (status == LOCUM_OK) {
    update.hold(true);
  } else {
    release(update);
  }
  return status;
}

// Binds the name to the changed value, which is null if the program wants none. LOCUM_STALE if another
// process was faster.
locum_status end(locum_store store, const char* name, const locum_array* value, const Update& update,
                 locum_key* key) noexcept {
  if (value == nullptr) {
    return refuse(LOCUM_CANCELLED, "the program has nullified the pointer of this update of '%s'", name);
  }
  const locum_put_options options{.deadline_s = left(update),
                                  .lifetime_s = 0,
                                  .waits_for_room = false,
                                  .listed = false,
                                  .tag = nullptr,
                                  .expected_generation = static_cast<std::uint64_t>(update.generation),
                                  .reserved = {}};
  return outcome(locum_replace(store, name, value, &options, key));
}

// Begins an update, or ends it with the value to which the program has changed the copy; begins it again if
// another process was faster. `again`: whether the program is to change a copy.
template <class Give>
locum_status carry_on(locum_store store, const Text& text, const double* within, Update& update,
                      const locum_array* value, Give give, bool& again, locum_key* key) noexcept {
  const char* const name = text.c_str();
  again = false;
  if (update.is_held()) {
    const locum_status status = end(store, name, value, update, key);
    release(update);
    if (status != LOCUM_STALE) {
      return status;
    }
    if (now() > update.ends) {
      return refuse(
          LOCUM_TIMEOUT,
          "other processes have replaced '%s' during each attempt of this update; give it a later deadline",
          name);
    }
  } else {
    const double seconds = within == nullptr ? longest_update_seconds : *within;
    locum_status wrong = check_free(update, "update", "release");
    wrong = wrong != LOCUM_OK ? wrong : text.check("name");
    if (wrong == LOCUM_OK && std::isnan(seconds)) {
      wrong = refuse(LOCUM_INVALID_ARGUMENT, "'deadline' is no number");
    }
    if (wrong != LOCUM_OK) {
      return wrong;
    }
    update.ends = now() + seconds;
  }
  const locum_status status = begin(store, name, update, give);
  again = status == LOCUM_OK;
  return status;
}

}  // namespace

extern "C" {

locum_status locum_fortran_update(locum_store store, const char* name, std::size_t length,
                                  const double* within, CFI_cdesc_t* pointer, Update* update, bool* again,
                                  locum_key* key) {
  locum_array value;
  const bool is_given = update->is_held() && pointer->base_addr != nullptr;
  const locum_status wrong = is_given ? array_of(*pointer, value) : LOCUM_OK;
  nullify(*pointer);
  if (wrong != LOCUM_OK) {
    *again = false;
    release(*update);
    return wrong;
  }
  return carry_on(
      store, Text(name, length), within, *update, is_given ? &value : nullptr,
      [=](const locum_array& array) { return associate(*pointer, array); }, *again, key);
}

locum_status locum_fortran_update_text(locum_store store, const char* name, std::size_t length,
                                       const double* within, const void** first, std::size_t* text_length,
                                       Update* update, bool* again, locum_key* key) {
  const locum_array value{.type = LOCUM_CHAR,
                          .rank = 1,
                          .extents = {static_cast<std::int64_t>(*text_length)},
                          .strides = {},
                          .data = const_cast<void*>(*first),
                          .type_name = {}};
  const bool is_given = *first != nullptr;
  *first = nullptr;
  *text_length = 0;
  return carry_on(
      store, Text(name, length), within, *update, is_given ? &value : nullptr,
      [=](const locum_array& array) { return characters_of(array, *first, *text_length); }, *again, key);
}

bool locum_fortran_updates(const Update* update) {
  return update->is_held();
}

locum_status locum_fortran_update_release(Update* update) {
  const locum_status wrong = check_held(*update, "update");
  if (wrong == LOCUM_OK) {
    release(*update);
  }
  return wrong;
}

}  // extern "C"
