// Checkpoints.
#include <cstddef>
#include <cstdint>

#include "core/fortran/closed.hpp"
#include "core/fortran/options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "mpi/c/locum_mpi.h"

using namespace locum::fortran;

extern "C" {

// `future`: of a checkpoint that is written in the background; else null.
locum_status locum_fortran_checkpoint(locum_runtime runtime, const char* store, std::size_t length,
                                      const char* path, std::size_t path_length, const char* prefix,
                                      std::size_t prefix_length, const std::int32_t* keep,
                                      const std::int32_t* compress, bool incremental, bool xdmf,
                                      const double* within, locum_checkpoint_report* report,
                                      locum_future* future) {
  const Text text(store, length);
  const Text path_text(path, path_length);
  const Text prefix_text(prefix, prefix_length);
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : path_text.check("path");
  wrong = wrong != LOCUM_OK ? wrong : prefix_text.check("prefix");
  wrong = wrong != LOCUM_OK ? wrong : check_least(keep, "keep", 0);
  if (wrong == LOCUM_OK && future != nullptr) {
    wrong = check_closed(*future, "future", "release");
  }
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_checkpoint_options options{.deadline_s = deadline(within),
                                         .prefix = prefix_text.c_str(),
                                         .keep = given_or_default<std::uint32_t>(keep),
                                         .compress = given_or_default<std::int32_t>(compress),
                                         .incremental = incremental,
                                         .xdmf = xdmf,
                                         .reserved = {}};
  return outcome(future == nullptr
                     ? locum_checkpoint(runtime, text.c_str(), path_text.c_str(), &options, report)
                     : locum_checkpoint_async(runtime, text.c_str(), path_text.c_str(), &options, future));
}

locum_status locum_fortran_future_checkpoint(locum_future future, const double* within,
                                             locum_checkpoint_report* report) {
  return outcome(locum_future_checkpoint(future, deadline(within), report));
}

locum_status locum_fortran_restore(locum_runtime runtime, bool latest, const char* store, std::size_t length,
                                   const char* path, std::size_t path_length, const char* prefix,
                                   std::size_t prefix_length, bool forget_handles, bool skip_damaged,
                                   bool lazy, const double* within, locum_checkpoint_report* report) {
  const Text text(store, length);
  const Text path_text(path, path_length);
  const Text prefix_text(prefix, prefix_length);
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : path_text.check(latest ? "pattern" : "path");
  wrong = wrong != LOCUM_OK ? wrong : prefix_text.check("prefix");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_restore_options options{.deadline_s = deadline(within),
                                      .prefix = prefix_text.c_str(),
                                      .forget_handles = forget_handles,
                                      .skip_damaged = skip_damaged,
                                      .lazy = lazy,
                                      .reserved = {}};
  return outcome((latest ? locum_restore_latest : locum_restore)(runtime, text.c_str(), path_text.c_str(),
                                                                 &options, report));
}

locum_status locum_fortran_checkpoint_requested(locum_runtime runtime, const double* within,
                                                bool* requested) {
  *requested = false;
  return outcome(locum_checkpoint_requested(runtime, deadline(within), requested));
}

}  // extern "C"
