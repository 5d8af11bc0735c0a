// Calls for several objects, and the objects of views that one of them has filled.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/c/locum.h"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/memory.hpp"
#include "core/fortran/name_list.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// Returns LOCUM_OK if an array, the argument `name`, is absent or has an element for each name.
locum_status check_count(const CFI_cdesc_t* list, const char* name, std::size_t count) noexcept {
  return list == nullptr || count_of(*list) == count
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT, "'%s' has %zu elements, and 'names' %zu: one for each", name,
                      count_of(*list), count);
}

// Checks that the last dimension of the values, which is the first one in C, counts the names.
locum_status check_values(const CFI_cdesc_t& values, const locum_array& all, std::size_t count) noexcept {
  if (values.rank == 0) {
    return refuse(LOCUM_INVALID_ARGUMENT,
                  "'values' is an array whose last dimension counts the objects; put() stores one object");
  }
  return static_cast<std::size_t>(all.extents[0]) == count
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT,
                      "the last dimension of 'values' counts %lld objects, and 'names' has %zu",
                      static_cast<long long>(all.extents[0]), count);
}

// Describes the object at each place of the last dimension of the values, the first one of `all`.
void split(const CFI_cdesc_t& values, const locum_array& all, const Memory<locum_array>& objects) noexcept {
  locum_array object = all;
  object.rank = all.rank - 1;
  std::copy_n(all.extents + 1, object.rank, object.extents);
  std::copy_n(all.strides + 1, object.rank, object.strides);
  const CFI_index_t step = values.dim[values.rank - 1].sm;
  for (std::int64_t at = 0; at < all.extents[0]; ++at) {
    object.data = all.data == nullptr ? nullptr : static_cast<char*>(all.data) + at * step;
    objects[static_cast<std::size_t>(at)] = object;
  }
}

void give(const Memory<locum_status>& statuses, std::size_t count, const CFI_cdesc_t* stats) noexcept {
  for (std::size_t at = 0; stats != nullptr && at < count; ++at) {
    *element<std::int32_t>(*stats, at) = statuses[at];
  }
}

locum_status no_memory() noexcept {
  return refuse(LOCUM_OUT_OF_MEMORY, "no memory for the descriptions of the objects of a batch");
}

}  // namespace

extern "C" {

locum_status locum_fortran_put_batch(locum_store store, const CFI_cdesc_t* names, const CFI_cdesc_t* values,
                                     const double* lives, const char* tag, std::size_t tag_length,
                                     bool waits_for_room, const double* within, const CFI_cdesc_t* keys,
                                     const CFI_cdesc_t* stats, bool* each_has) {
  *each_has = false;
  const NameList texts(*names);
  const Text tag_text(tag, tag_length);
  const std::size_t count = texts.count();
  locum_array all;
  locum_status wrong = texts.check();
  wrong = wrong != LOCUM_OK ? wrong : array_of(*values, all);
  wrong = wrong != LOCUM_OK ? wrong : check_values(*values, all, count);
  wrong = wrong != LOCUM_OK ? wrong : check_count(keys, "keys", count);
  wrong = wrong != LOCUM_OK ? wrong : check_count(stats, "stats", count);
  wrong = wrong != LOCUM_OK ? wrong : tag_text.check("tag");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const Memory<locum_array> objects(count);
  const Memory<locum_key> made(count);
  const Memory<locum_status> statuses(count);
  if (objects.is_lost() || made.is_lost() || statuses.is_lost()) {
    return no_memory();
  }
  split(*values, all, objects);
  const locum_put_options options{.deadline_s = deadline(within),
                                  .lifetime_s = lifetime(lives),
                                  .waits_for_room = waits_for_room,
                                  .listed = false,
                                  .tag = tag_text.c_str(),
                                  .expected_generation = 0,
                                  .reserved = {}};
  const locum_status status =
      locum_put_batch(store, count, texts.data(), objects.data(), &options, made.data(), statuses.data());
  for (std::size_t at = 0; keys != nullptr && at < count; ++at) {
    *element<locum_key>(*keys, at) = statuses[at] == LOCUM_OK ? made[at] : locum_key{};
  }
  give(statuses, count, stats);
  *each_has = stats != nullptr;
  return outcome(status);
}

locum_status locum_fortran_get_batch(locum_store store, const CFI_cdesc_t* names, const double* within,
                                     const CFI_cdesc_t* views, const CFI_cdesc_t* stats, bool* each_has) {
  *each_has = false;
  const NameList texts(*names);
  const std::size_t count = texts.count();
  locum_status wrong = texts.check();
  wrong = wrong != LOCUM_OK ? wrong : check_count(views, "views", count);
  wrong = wrong != LOCUM_OK ? wrong : check_count(stats, "stats", count);
  for (std::size_t at = 0; at < count && wrong == LOCUM_OK; ++at) {
    wrong = check_free(*element<View>(*views, at), "view", "release");
  }
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const Memory<locum_view> found(count);
  const Memory<locum_status> statuses(count);
  if (found.is_lost() || statuses.is_lost()) {
    return no_memory();
  }
  const locum_get_options options{.deadline_s = deadline(within)};
  const locum_status status =
      locum_get_batch(store, count, texts.data(), &options, found.data(), statuses.data());
  for (std::size_t at = 0; at < count; ++at) {
    View& view = *element<View>(*views, at);
    if (statuses[at] == LOCUM_OK) {
      view.view = found[at];  // moved: nothing releases the other
      view.hold(true);
    }
  }
  give(statuses, count, stats);
  *each_has = stats != nullptr;
  return outcome(status);
}

locum_status locum_fortran_evict_batch(locum_store store, const CFI_cdesc_t* names, const double* within,
                                       const CFI_cdesc_t* existed, const CFI_cdesc_t* stats, bool* each_has) {
  *each_has = false;
  if (existed != nullptr) {
    std::fill_n(element<bool>(*existed, 0), count_of(*existed), false);
  }
  const NameList texts(*names);
  const std::size_t count = texts.count();
  locum_status wrong = texts.check();
  wrong = wrong != LOCUM_OK ? wrong : check_count(existed, "existed", count);
  wrong = wrong != LOCUM_OK ? wrong : check_count(stats, "stats", count);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const Memory<locum_status> statuses(count);
  if (statuses.is_lost()) {
    return no_memory();
  }
  bool* const found = existed == nullptr ? nullptr : element<bool>(*existed, 0);
  const locum_status status =
      locum_evict_batch(store, count, texts.data(), deadline(within), found, statuses.data());
  give(statuses, count, stats);
  *each_has = stats != nullptr;
  return outcome(status);
}

locum_status locum_fortran_view_get(const View* view, CFI_cdesc_t* pointer) {
  nullify(*pointer);
  const locum_status wrong = check_held(*view, "view");
  return wrong != LOCUM_OK ? wrong : associate(*pointer, view->view.array);
}

locum_status locum_fortran_view_text(const View* view, const void** text, std::size_t* text_length) {
  *text = nullptr;
  *text_length = 0;
  const locum_status wrong = check_held(*view, "view");
  return wrong != LOCUM_OK ? wrong : characters_of(view->view.array, *text, *text_length);
}

}  // extern "C"
