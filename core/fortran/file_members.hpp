#pragma once

#include "core/c/locum.h"
#include "core/fortran/file_options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

namespace locum::fortran {

/// Returns a refusal of this thread, whose text then names the path, as errors of the library do.
locum_status about(const Text& path, locum_status refused) noexcept;

/// Returns the error of a call for an array or a text, of a file that holds a Record.
locum_status no_array(const locum_array& record) noexcept;

/// Counts the members that a view holds, whose names locum_fortran_members_take() then copies. Where there
/// are none, returns LOCUM_TYPE_MISMATCH, and the view holds nothing.
locum_status count_members(View& loaded, std::size_t& count, std::size_t& longest) noexcept;

/// Loads a file, or the member that the options name, and returns `give(view)`, or its refusal, after which
/// the view holds nothing.
template <class Give>
locum_status load_file(locum_files files, const Text& path, const FileOptions& options, View& view,
                       Give give) noexcept {
  locum_status status = path.check("path");
  status = status != LOCUM_OK ? status : options.check();
  if (status != LOCUM_OK) {
    return status;
  }
  status = fill(
      view, [&](locum_view& into) { return locum_files_load(files, path.c_str(), &options.given(), &into); });
  if (status != LOCUM_OK) {
    return status;
  }
  status = give(view);
  return status == LOCUM_OK ? status : about(path, status);
}

}  // namespace locum::fortran
