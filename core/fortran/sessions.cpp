// Sessions, and stores as handles.
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

locum_session_options session_options(const double* timeout, const std::int32_t* threads) noexcept {
  return {.timeout_s = seconds(timeout),
          .most_threads = threads == nullptr ? 0 : static_cast<std::uint32_t>(*threads),
          .reserved = {}};
}

locum_status check_threads(const std::int32_t* threads) noexcept {
  return threads == nullptr || *threads > 0
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT, "'threads' is %d; the least is 1", *threads);
}

}  // namespace

extern "C" {

locum_status locum_fortran_session_open(const char* url, std::size_t length, const double* timeout,
                                        const std::int32_t* threads, locum_session* session) {
  const Text text(url, length);
  locum_status wrong = check_closed(*session, "session", "close");
  wrong = wrong != LOCUM_OK ? wrong : check_threads(threads);
  wrong = wrong != LOCUM_OK ? wrong : text.check("url");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const auto options = session_options(timeout, threads);
  return outcome(locum_session_open(text.c_str(), &options, session));
}

locum_status locum_fortran_session_store(locum_session session, const char* name, std::size_t length,
                                         locum_store* store) {
  const Text text(name, length);
  locum_status wrong = check_closed(*store, "store", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  return wrong != LOCUM_OK ? wrong : outcome(locum_session_store(session, text.c_str(), store));
}

locum_status locum_fortran_session_close(locum_session* session) {
  return outcome(locum_session_close(session));
}

locum_status locum_fortran_open(const char* url, std::size_t length, const double* timeout,
                                const std::int32_t* threads, locum_store* store) {
  const Text text(url, length);
  locum_status wrong = check_closed(*store, "store", "close");
  wrong = wrong != LOCUM_OK ? wrong : check_threads(threads);
  wrong = wrong != LOCUM_OK ? wrong : text.check("url");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const auto options = session_options(timeout, threads);
  return outcome(locum_open(text.c_str(), &options, store));
}

locum_status locum_fortran_collection(locum_store store, const char* name, std::size_t length,
                                      locum_store* collection) {
  const Text text(name, length);
  locum_status wrong = check_closed(*collection, "store", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  return wrong != LOCUM_OK ? wrong : outcome(locum_store_collection(store, text.c_str(), collection));
}

locum_status locum_fortran_close(locum_store* store) {
  return outcome(locum_store_release(store));
}

}  // extern "C"
