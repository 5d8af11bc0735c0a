// Experiments: runs that can be found again.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/file_members.hpp"
#include "core/fortran/loaded.hpp"
#include "core/fortran/numbers.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/text_lists.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// Opens an experiment in these files.
locum_status open_experiment(locum_files files, const Text& id, const Text& commit, const Text& backend,
                             const std::int64_t* outside_bytes, locum_experiment* experiment) noexcept {
  locum_status wrong = id.check("id");
  wrong = wrong != LOCUM_OK ? wrong : commit.check("commit");
  wrong = wrong != LOCUM_OK ? wrong : backend.check("backend");
  if (wrong == LOCUM_OK && outside_bytes != nullptr && *outside_bytes < 1) {
    wrong = refuse(LOCUM_INVALID_ARGUMENT, "'outside_bytes' is %lld; the least is 1",
                   static_cast<long long>(*outside_bytes));
  }
  locum_experiment_options options{};
  options.commit = commit.c_str();
  options.backend = backend.c_str();
  options.outside_bytes = outside_bytes == nullptr ? 0 : static_cast<std::uint64_t>(*outside_bytes);
  return wrong != LOCUM_OK ? wrong : outcome(locum_experiment_open(files, id.c_str(), &options, experiment));
}

// Gets a value of a field in a view, and returns `give(view)`, or its refusal, after which the view holds
// nothing. The text of an error names the path.
template <class Give>
locum_status get_value(locum_experiment experiment, const Text& path, View& view, Give give) noexcept {
  locum_status status = path.check("path");
  status = status != LOCUM_OK ? status : fill(view, [&](locum_view& into) {
    return locum_experiment_get_member(experiment, path.c_str(), &into);
  });
  if (status != LOCUM_OK) {
    return status;
  }
  status = give(view);
  return status == LOCUM_OK ? status : about(path, status);
}

locum_status no_single_value() noexcept {
  return refuse(LOCUM_TYPE_MISMATCH,
                "this is null, a list, or members under names; experiment%%names lists members, of which one "
                "is read as 'parameters/dt'");
}

}  // namespace

extern "C" {

locum_status locum_fortran_experiment_open(const char* id, std::size_t length, const char* url,
                                           std::size_t url_length, const char* commit,
                                           std::size_t commit_length, const std::int64_t* outside_bytes,
                                           locum_experiment* experiment) {
  const Text where(url, url_length);
  locum_status status = check_closed(*experiment, "experiment", "close");
  status = status != LOCUM_OK ? status : where.check("url");
  if (status != LOCUM_OK) {
    return status;
  }
  locum_files files = nullptr;
  status = outcome(locum_files_of_experiments(nullptr, where.c_str(), &files));
  if (status == LOCUM_OK) {
    status = open_experiment(files, Text(id, length), Text(commit, commit_length), Text(nullptr, 0),
                             outside_bytes, experiment);
    static_cast<void>(locum_files_close(&files));  // the experiment keeps them
  }
  return status;
}

locum_status locum_fortran_experiment_open_in(locum_files files, const char* id, std::size_t length,
                                              const char* backend, std::size_t backend_length,
                                              const char* commit, std::size_t commit_length,
                                              const std::int64_t* outside_bytes,
                                              locum_experiment* experiment) {
  const locum_status wrong = check_closed(*experiment, "experiment", "close");
  return wrong != LOCUM_OK ? wrong
                           : open_experiment(files, Text(id, length), Text(commit, commit_length),
                                             Text(backend, backend_length), outside_bytes, experiment);
}

locum_status locum_fortran_experiment_close(locum_experiment* experiment) {
  return outcome(locum_experiment_close(experiment));
}

locum_status locum_fortran_experiment_set(locum_experiment experiment, const char* path, std::size_t length,
                                          const CFI_cdesc_t* value) {
  const Text text(path, length);
  locum_array array;
  locum_status wrong = array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : text.check("path");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  if (!is_array_of_texts(*value)) {
    NumberMemory memory;
    const locum_array given = as_record_number(array, memory);
    return outcome(locum_experiment_set_member(experiment, text.c_str(), &given));
  }
  const TextList texts(*value);
  wrong = texts.check();
  return wrong != LOCUM_OK ? wrong
                           : outcome(locum_experiment_set_member(experiment, text.c_str(), &texts.record()));
}

locum_status locum_fortran_experiment_get(locum_experiment experiment, const char* path, std::size_t length,
                                          CFI_cdesc_t* pointer, View* view) {
  nullify(*pointer);
  return get_value(experiment, Text(path, length), *view, [=](View& found) {
    return found.view.array.type == LOCUM_ENCODED ? drop(found, no_single_value())
                                                  : associate(*pointer, found);
  });
}

locum_status locum_fortran_experiment_get_text(locum_experiment experiment, const char* path,
                                               std::size_t length, const void** text,
                                               std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  return get_value(experiment, Text(path, length), *view, [=](View& found) {
    return found.view.array.type == LOCUM_ENCODED ? drop(found, no_single_value())
                                                  : text_of(found, *text, *text_length);
  });
}

locum_status locum_fortran_experiment_read(locum_experiment experiment, const char* path, std::size_t length,
                                           const CFI_cdesc_t* into, const CFI_cdesc_t* start,
                                           const CFI_cdesc_t* count, const CFI_cdesc_t* stride) {
  locum_array array;
  locum_box box;
  locum_status wrong = array_of(*into, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, array, box);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  View view{};
  return get_value(experiment, Text(path, length), view, [&](View& found) {
    const bool is_single = found.view.array.type != LOCUM_ENCODED || is_array_of_texts(*into);
    return drop(found,
                is_single ? copy_loaded(found.view.array, box, *into, array, true) : no_single_value());
  });
}

locum_status locum_fortran_experiment_erase(locum_experiment experiment, const char* field,
                                            std::size_t length, bool* existed) {
  *existed = false;
  const Text name(field, length);
  const locum_status wrong = name.check("field");
  return wrong != LOCUM_OK ? wrong : outcome(locum_experiment_erase(experiment, name.c_str(), existed));
}

// The list is ended by locum_fortran_names_take().
locum_status locum_fortran_experiment_fields(locum_experiment experiment, locum_names* names,
                                             std::size_t* longest) {
  *longest = 0;
  const locum_status status = locum_experiment_fields(experiment, names);
  for (std::size_t at = 0; at < names->count; ++at) {
    *longest = std::max(*longest, names->names[at].length);
  }
  return outcome(status);
}

// The view holds the members until locum_fortran_members_take() has copied their names.
locum_status locum_fortran_experiment_members(locum_experiment experiment, const char* path,
                                              std::size_t length, View* view, std::size_t* count,
                                              std::size_t* longest) {
  *count = 0;
  *longest = 0;
  return get_value(experiment, Text(path, length), *view,
                   [=](View& found) { return count_members(found, *count, *longest); });
}

locum_status locum_fortran_experiment_set_status(locum_experiment experiment, const char* status,
                                                 std::size_t length, const char* reason,
                                                 std::size_t reason_length) {
  const Text name(status, length);
  const Text why(reason, reason_length);
  locum_status wrong = name.check("status");
  wrong = wrong != LOCUM_OK ? wrong : why.check("reason");
  return wrong != LOCUM_OK ? wrong
                           : outcome(locum_experiment_set_status(experiment, name.c_str(), why.c_str()));
}

locum_status locum_fortran_experiment_persist(locum_experiment experiment) {
  return outcome(locum_experiment_persist(experiment));
}

locum_status locum_fortran_experiment_reload(locum_experiment experiment) {
  return outcome(locum_experiment_reload(experiment));
}

locum_status locum_fortran_experiment_copy(locum_experiment experiment, const char* id, std::size_t length,
                                           locum_experiment* copy) {
  const Text name(id, length);
  locum_status wrong = check_closed(*copy, "experiment", "close");
  wrong = wrong != LOCUM_OK ? wrong : name.check("id");
  return wrong != LOCUM_OK ? wrong : outcome(locum_experiment_copy(experiment, name.c_str(), copy));
}

locum_status locum_fortran_experiment_remove(locum_experiment experiment, bool* existed) {
  *existed = false;
  return outcome(locum_experiment_remove(experiment, existed));
}

}  // extern "C"
